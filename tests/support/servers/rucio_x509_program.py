"""A Rucio server that takes grid proxies: `python rucio_x509_program.py FOLDER PORT IDENTITY`, with Rucio's Python.

FOLDER has server.pem (certificate and key) and ca.pem, and gets configuration and database (SQLite). The account `jdoe`
is that of IDENTITY, a name as /DC=org/CN=somebody.
"""

import os
import ssl
import sys
from pathlib import Path

_CONFIG = """
[common]
logdir = {folder}
[database]
default = sqlite:///{folder}/rucio.db
[policy]
permission = generic
schema = generic
[alembic]
cfg = {folder}/alembic.ini
"""
_ALEMBIC = """
[alembic]
script_location = {scripts}
sqlalchemy.url = sqlite:///{folder}/rucio.db
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
handlers =
"""


def main(folder, port, identity):
    import rucio

    scripts = Path(rucio.__file__).parent / "db" / "sqla" / "migrate_repo"
    (folder / "rucio.cfg").write_text(_CONFIG.format(folder=folder))
    (folder / "alembic.ini").write_text(_ALEMBIC.format(folder=folder, scripts=scripts))
    os.environ["RUCIO_CONFIG"] = str(folder / "rucio.cfg")

    from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

    build_database()
    create_base_vo()
    create_root_account()
    _add_account("jdoe", identity)
    _add_account("other", "/CN=somebody else")

    from rucio.web.rest.flaskapi.v1.main import application
    from werkzeug.serving import run_simple

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags.VERIFY_ALLOW_PROXY_CERTS
    run_simple("127.0.0.1", port, _named(application), threaded=True, ssl_context=context)


def _add_account(name, identity):
    from rucio.common.types import InternalAccount
    from rucio.core.account import add_account
    from rucio.core.identity import add_account_identity
    from rucio.db.sqla.constants import AccountType, DatabaseOperationType, IdentityType
    from rucio.db.sqla.session import db_session

    account = InternalAccount(name)
    with db_session(DatabaseOperationType.WRITE) as session:
        add_account(account, AccountType.USER, f"{name}@example.org", session=session)
        add_account_identity(identity, IdentityType.X509, account, f"{name}@example.org", session=session)


def _named(application):
    """Tells the application the name in the client's certificate, as Apache's mod_ssl does."""
    from cryptography import x509

    def with_name(environ, start_response):
        if certificate := environ.get("SSL_CLIENT_CERT"):
            subject = x509.load_pem_x509_certificate(certificate.encode()).subject
            environ["SSL_CLIENT_S_DN"] = "".join(f"/{a.rfc4514_attribute_name}={a.value}" for a in subject)
        return application(environ, start_response)

    return with_name


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
