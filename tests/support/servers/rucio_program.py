"""A Rucio server on SQLite: `python rucio_program.py FOLDER PORT`, with the Python of Rucio's environment.

FOLDER gets its configuration and its database. RSEs, accounts and data come later, through its REST interface.
"""

import os
import sys
from pathlib import Path

_CONFIG = """
[common]
logdir = {folder}
loglevel = WARNING
[database]
default = sqlite:///{folder}/rucio.db
[bootstrap]
userpass_identity = admin
userpass_pwd = {password}
[policy]
permission = generic
schema = generic
lfn2pfn_algorithm_default = hash
[alembic]
cfg = {folder}/alembic.ini
[credentials]
gcs = {folder}/gcs.json
"""

# Rucio's template has an option twice, and its logging is not for a program of its own.
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
level = WARN
handlers =
"""


def main(folder, port):
    import rucio

    scripts = Path(rucio.__file__).parent / "db" / "sqla" / "migrate_repo"
    password = os.environ["RUCIO_ADMIN_PASSWORD"]
    (folder / "rucio.cfg").write_text(_CONFIG.format(folder=folder, password=password))
    (folder / "alembic.ini").write_text(_ALEMBIC.format(folder=folder, scripts=scripts))
    os.environ["RUCIO_CONFIG"] = str(folder / "rucio.cfg")
    os.environ["RUCIO_HOME"] = str(folder)  # credentials of RSEs are in etc/ there

    from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

    build_database()
    create_base_vo()
    create_root_account()

    from rucio.web.rest.flaskapi.v1.main import application
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
