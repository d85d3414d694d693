"""Where proxies are found, and where other programs look for them."""

from __future__ import annotations

import os
from pathlib import Path

from physlite.exceptions import CredentialError
from physlite.storage.privatefiles import read_small, require_private
from physlite.storage.proxies.pem import MAX_PEM, SecretPem
from physlite.storage.proxies.proxy import REMEDY, Proxy, parse_proxy

__all__ = ["PROXY_VARIABLES", "adopt_proxy", "load_proxy", "name_proxy", "use_proxy"]

# XRootD, gfal2, Globus and VOMS read the first; Rucio's client prefers the second, and its configuration to the first.
PROXY_VARIABLES = ("X509_USER_PROXY", "RUCIO_CLIENT_PROXY")


def load_proxy(where: str | os.PathLike[str] | bytes | None = None) -> Proxy:
    """Loads a grid proxy and checks it.

    Args:
        where: the path of its file, or the content as bytes; by default the path in $X509_USER_PROXY or, where that is
            not set, `/tmp/x509up_u$UID`, as for all grid tools.

    Raises:
        CredentialError: there is none; it has expired or is not valid yet; it is damaged, not a proxy, or without its
            key; or others than you can read the file.
        OSError: the file cannot be read.
    """
    if isinstance(where, bytes):
        pem = SecretPem(where)
        del where  # a traceback can show variables
        return parse_proxy(pem, "<bytes>")
    if isinstance(where, str) and "-----BEGIN" in where:
        del where
        msg = "this is the content of a proxy, where its path belongs: give it as bytes"
        raise TypeError(msg)
    named = os.environ.get("X509_USER_PROXY")
    path = Path(where or named or f"/tmp/x509up_u{os.geteuid()}").expanduser()  # noqa: S108  # as all grid tools
    try:
        pem, status = _read(path)
        proxy = parse_proxy(pem, str(path))
        require_private(path, status)
    except FileNotFoundError:
        why = "" if where else ", though $X509_USER_PROXY names it" if named else ", and $X509_USER_PROXY is not set"
        msg = f"{path}: no such file{why}; {REMEDY}"
        raise CredentialError(msg) from None
    return proxy


def adopt_proxy(path: Path) -> Proxy:
    """Loads a proxy that is to be written elsewhere: it may have come by a way that leaves it open to others.

    Raises:
        CredentialError, OSError: as `load_proxy`, but for who may read it.
    """
    return parse_proxy(_read(path)[0], str(path))


def _read(path: Path) -> tuple[SecretPem, os.stat_result]:
    content, status = read_small(path, MAX_PEM)
    return SecretPem(content), status


def use_proxy(proxy: Proxy) -> Path:
    """Writes a proxy (see `Proxy.write`) and names its file in the environment of this process and of what it starts.

    Sets $X509_USER_PROXY, which grid tools read (XRootD unless $XrdSecGSIUSERPROXY is set), and $RUCIO_CLIENT_PROXY,
    which Rucio's client prefers. A renewed proxy has the same path, since XRootD reads the variable once in a process.
    Where certificates of authorities are ($X509_CERT_DIR) stays as it is.

    Returns:
        The path of the file.

    Raises:
        CredentialError: the proxy has expired since it was loaded, or there is no private folder for it.
        OSError: it cannot be written.
    """
    proxy.check_time()
    return name_proxy(proxy.write())


def name_proxy(path: Path) -> Path:
    """Names a proxy's file in the environment."""
    os.environ.update(dict.fromkeys(PROXY_VARIABLES, str(path)))
    return path
