"""From a replica to its bytes."""

from __future__ import annotations

from dataclasses import replace

from physlite.storage._source import ByteSource
from physlite.storage.rucio.catalogue import Rucio
from physlite.storage.rucio.replicas import Replica
from physlite.storage.transports import open_url

__all__ = ["open_replica"]

_WEB = frozenset({"http", "https"})
_XROOTD = frozenset({"root"})

# How a server is asked when there are other replicas: these are worth more than patience.
_ATTEMPTS = 3
_CONNECT = 5.0  # seconds
_STALL = 20.0


def open_replica(replica: Replica, rucio: Rucio, *, has_others: bool) -> ByteSource:
    """Opens a replica, by the scheme of its URL.

    Args:
        replica: which one.
        rucio: asked for signed URLs, where they are needed.
        has_others: whether to give up sooner than usual.

    Raises:
        UnsupportedFormatError: a scheme that is not known here.
        ImportError: a scheme that needs a package which is not installed.
        OSError: it cannot be opened.
    """
    if replica.scheme in _XROOTD and has_others:
        from physlite.storage.settings import TransferSettings
        from physlite.storage.xrootd import XrootdSource

        return XrootdSource(replica.url, settings=TransferSettings(attempts=_ATTEMPTS))
    if replica.scheme not in _WEB:
        return open_url(replica.url)

    from physlite.storage.http.environment import default_settings
    from physlite.storage.http.source import HttpSource
    from physlite.storage.signers import RucioSigner

    settings = default_settings()
    if has_others:
        settings = replace(settings, attempts=_ATTEMPTS, connect=_CONNECT, stall=_STALL)
    signer = RucioSigner(rucio, replica.rse, replica.service) if replica.service else None
    return HttpSource(replica.url, signer=signer, settings=settings)
