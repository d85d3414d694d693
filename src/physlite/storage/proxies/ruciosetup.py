"""Makes Rucio's client work with a grid proxy, without a configuration file of the user's."""

from __future__ import annotations

import logging
import os
from configparser import RawConfigParser
from io import StringIO
from pathlib import Path
from typing import Any

from physlite.exceptions import ConfigurationError, CredentialError, PhysliteError, TransferError
from physlite.storage.privatefiles import private_folder, write_private
from physlite.storage.proxies.proxy import REMEDY, Proxy
from physlite.storage.proxies.proxyfiles import name_proxy
from physlite.storage.redaction import redacted

try:
    from requests.exceptions import RequestException
    from rucio.client import Client
    from rucio.common.config import clean_cached_config
    from rucio.common.exception import (
        AccessDenied,
        AccountNotFound,
        CannotAuthenticate,
        ConfigNotFound,
        IdentityError,
        MissingClientParameter,
        RucioException,
    )
except ImportError as error:
    msg = "setup_rucio needs rucio-clients: pip install 'physlite[grid]'"
    raise ImportError(msg) from error

__all__ = ["setup_rucio"]

_AUTHORITIES = Path("/etc/grid-security/certificates")  # where grid software has them when $X509_CERT_DIR does not say
_TIMEOUT = 60  # seconds


def setup_rucio(
    proxy: Proxy, account: str, *, host: str | None = None, auth_host: str | None = None, vo: str | None = None
) -> dict[str, Any]:
    """Connects to Rucio with a grid proxy, and makes `rucio.client.Client()` do so in this process and its children.

    When the connection fails the environment stays as it was. Tokens of an earlier login of the account on this machine
    are dropped, so that it is this proxy that counts.

    Args:
        proxy: as `load_proxy` gives it. It is put to use, see `use_proxy`.
        account: name of the account.
        host: URL of the server, `https://rucio.example.org:443`; by default what `rucio.cfg` says. With it none is
            needed, or used: one is written to the folder where the proxy is, and named in $RUCIO_CONFIG.
        auth_host: URL of the server that takes the proxy, by default `host`.
        vo: virtual organisation, for servers of several.

    Returns:
        What the server knows of the account, as `Client().whoami()`.

    Raises:
        CredentialError: the server does not accept the proxy for this account.
        TransferError: the server cannot be reached or does not answer as Rucio does.
        ConfigurationError: there is neither a `rucio.cfg` nor `host`.
        ImportError: rucio-clients is missing.
    """
    proxy.check_time()
    path = proxy.write()
    authorities = None if host is None else _authorities()  # rucio.cfg may name them
    who = _who_am_i(
        rucio_host=host,
        auth_host=auth_host or host,
        account=account,
        auth_type="x509_proxy",
        creds={"client_proxy": str(path)},
        ca_cert=authorities,
        vo=vo,
        timeout=_TIMEOUT,
    )
    settings = {"RUCIO_ACCOUNT": account, "RUCIO_AUTH_TYPE": "x509_proxy"}
    if vo is not None:
        settings["RUCIO_VO"] = vo
    if host is not None:
        settings["RUCIO_CONFIG"] = str(_write_configuration(host, auth_host or host, authorities))
    name_proxy(path)
    os.environ.update(settings)
    clean_cached_config()
    return who


def _authorities() -> str | None:
    """Where certificates of authorities are, for a client that was not told."""
    return os.environ.get("X509_CERT_DIR") or (str(_AUTHORITIES) if _AUTHORITIES.is_dir() else None)


def _who_am_i(**settings: Any) -> dict[str, Any]:
    """What the server says of the account of a client with these settings."""
    where = f"{redacted(settings['rucio_host'] or 'the server in rucio.cfg')}, account {settings['account']}"
    log, heard = logging.Logger("rucio", logging.ERROR), _Heard()  # noqa: LOG001  # of this connection alone
    log.addHandler(heard)
    settings["logger"] = log
    try:
        # A token of another login would do, and hide that the proxy does not.
        Path(Client(**settings).token_file).unlink(missing_ok=True)
        who: dict[str, Any] = Client(**settings).whoami()
    except (AccessDenied, AccountNotFound, CannotAuthenticate, IdentityError) as error:
        msg = f"{where}: the proxy is not accepted ({_line(error)}): is it of a user of this account?"
        raise CredentialError(msg) from None
    except (ConfigNotFound, MissingClientParameter):
        msg = f"{where}: there is no rucio.cfg that names a server: give host='https://…' and auth_host='https://…'"
        raise ConfigurationError(msg) from None
    except (RequestException, RucioException, KeyError, OSError) as error:
        raise _connection_error(where, heard.reason or _line(error)) from None
    return who


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _connection_error(where: str, reason: str) -> PhysliteError:
    reason = redacted(reason)
    # A server says what it thinks of a certificate in an alert (RFC 8446, 6.2), which not all of them wait to be read.
    if "ALERT" in reason or "EOF occurred" in reason:
        why = "as servers do that do not trust a proxy"
        return CredentialError(f"{where}: the server ended the connection, {why} ({reason}); {REMEDY}")
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        remedy = "name the folder with certificates of authorities in $X509_CERT_DIR"
        return TransferError(f"{where}: the server's own certificate is not trusted ({reason}): {remedy}")
    return TransferError(f"{where}: the server cannot be reached, or does not answer as Rucio does ({reason})")


class _Heard(logging.Handler):
    """The reason that Rucio's client gives to its log alone when it cannot connect."""

    reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.reason = record.getMessage().rpartition("Caused by ")[2]


def _write_configuration(host: str, auth_host: str, authorities: str | None) -> Path:
    """A `rucio.cfg` with what the environment cannot tell Rucio's client."""
    settings = {"rucio_host": host, "auth_host": auth_host} | ({"ca_cert": authorities} if authorities else {})
    parser = RawConfigParser()
    # Rucio reads it with interpolation.
    parser["client"] = {name: value.replace("%", "%%") for name, value in settings.items()}
    text = StringIO()
    parser.write(text)
    return write_private(private_folder() / "rucio.cfg", text.getvalue().encode())
