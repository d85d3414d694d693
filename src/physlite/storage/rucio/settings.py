"""Which Rucio server to ask, and as whom: from arguments, the environment and rucio.cfg."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physlite.exceptions import ConfigurationError, CredentialError

__all__ = ["Settings", "configured", "credentials"]

_AUTHORITIES = "/etc/grid-security/certificates"


@dataclass(frozen=True)
class Settings:
    """What a connection needs to know; nothing of it is a secret. `Rucio` says what each is."""

    host: str
    auth_host: str
    account: str | None
    auth_type: str
    username: str | None
    ca_cert: str | None
    vo: str | None
    timeout: float

    @classmethod
    def found(
        cls,
        *,
        host: str | None,
        auth_host: str | None,
        account: str | None,
        auth_type: str | None,
        username: str | None,
        ca_cert: str | None,
        vo: str | None,
        timeout: float,
    ) -> Settings:
        """Completes what was given, on the machine that asks.

        Raises:
            ConfigurationError: no server is named.
        """
        server = host or configured("rucio_host")
        if not server:
            msg = (
                "no Rucio server is named: give host=, or point RUCIO_CONFIG at a rucio.cfg (it is also looked for in "
                "etc/ under RUCIO_HOME, VIRTUAL_ENV and CONDA_PREFIX, and in /opt/rucio/etc)"
            )
            raise ConfigurationError(msg)
        return cls(
            host=server,
            # A server that was given has nothing to do with the one of rucio.cfg.
            auth_host=auth_host or (host or configured("auth_host") or server),
            account=account or os.environ.get("RUCIO_ACCOUNT") or configured("account"),
            auth_type=auth_type or os.environ.get("RUCIO_AUTH_TYPE") or configured("auth_type") or "x509_proxy",
            username=username or os.environ.get("RUCIO_CFG_CLIENT_USERNAME") or configured("username"),
            ca_cert=ca_cert or os.environ.get("X509_CERT_DIR") or configured("ca_cert") or _authorities(),
            vo=vo,
            timeout=timeout,
        )


def _authorities() -> str | None:
    """Where grid software has certificates of authorities; None where there is none: those that Python trusts."""
    return _AUTHORITIES if Path(_AUTHORITIES).is_dir() else None


def configured(option: str) -> str | None:
    """An option of section `client` in rucio.cfg; None where it has none, or where there is no rucio.cfg."""
    from rucio.common.config import config_get

    value = config_get("client", option, raise_exception=False, default=None)
    return str(value) if value else None


def credentials(settings: Settings) -> dict[str, Any]:
    """What the client needs to authenticate, where it would not find it without rucio.cfg.

    Raises:
        CredentialError: no user, no password or no proxy; the message says where they were looked for.
    """
    if settings.auth_type == "userpass":
        password = os.environ.get("RUCIO_CFG_CLIENT_PASSWORD") or configured("password")
        if not settings.username or not password:
            missing = "password" if settings.username else "user"
            msg = (
                f"{settings.host}: no {missing} for userpass: set RUCIO_CFG_CLIENT_USERNAME and "
                "RUCIO_CFG_CLIENT_PASSWORD, or username and password in rucio.cfg"
            )
            raise CredentialError(msg)
        return {"username": settings.username, "password": password}
    if settings.auth_type == "x509_proxy":
        return {"client_proxy": str(_proxy(settings.host))}
    return {}


def _proxy(host: str) -> Path:
    """The grid proxy, looked for as Rucio's client does (BaseClient._get_creds of rucio-clients 41)."""
    places = (
        os.environ.get("RUCIO_CLIENT_PROXY"),
        configured("client_x509_proxy"),
        os.environ.get("X509_USER_PROXY"),
        f"/tmp/x509up_u{os.geteuid()}",  # noqa: S108  # where voms-proxy-init puts it
    )
    path = Path(os.path.expandvars(next(place for place in places if place))).expanduser()
    if not path.is_file():
        msg = f"{host}: no grid proxy in {path}: run voms-proxy-init, or set X509_USER_PROXY to where the proxy is"
        raise CredentialError(msg)
    return path
