"""Where bytes come from: local files, memory, file objects, servers, Rucio; and who signs URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up
from physlite.storage._source import ByteSource, Range, SourceStats
from physlite.storage.checksum import verify_adler32
from physlite.storage.fileobject import FileObjectSource
from physlite.storage.local import LocalSource
from physlite.storage.memory import MemorySource
from physlite.storage.opening import Cache, Mode, Openable, open_source

if TYPE_CHECKING:
    from physlite.storage.blockcache import BlockCache
    from physlite.storage.filesystem import FsspecSource
    from physlite.storage.http.settings import HttpSettings
    from physlite.storage.http.source import HttpSource
    from physlite.storage.settings import TransferSettings
    from physlite.storage.signers import GcsSigner, RucioSigner, S3Signer
    from physlite.storage.signing import SignedUrl, Signer, expiry_of
    from physlite.storage.uprootsource import UprootSource
    from physlite.storage.xrootd import XrootdSource

__all__ = [
    "BlockCache",
    "ByteSource",
    "Cache",
    "FileObjectSource",
    "FsspecSource",
    "GcsSigner",
    "HttpSettings",
    "HttpSource",
    "LocalSource",
    "MemorySource",
    "Mode",
    "Openable",
    "Range",
    "RucioSigner",
    "S3Signer",
    "SignedUrl",
    "Signer",
    "SourceStats",
    "TransferSettings",
    "UprootSource",
    "XrootdSource",
    "expiry_of",
    "open_source",
    "verify_adler32",
]

# Looked up on first use: local files need none of what these bring along.
_HOME = {
    "BlockCache": "physlite.storage.blockcache",
    "FsspecSource": "physlite.storage.filesystem",
    "GcsSigner": "physlite.storage.signers",
    "HttpSettings": "physlite.storage.http.settings",
    "HttpSource": "physlite.storage.http.source",
    "RucioSigner": "physlite.storage.signers",
    "S3Signer": "physlite.storage.signers",
    "SignedUrl": "physlite.storage.signing",
    "Signer": "physlite.storage.signing",
    "TransferSettings": "physlite.storage.settings",
    "UprootSource": "physlite.storage.uprootsource",
    "XrootdSource": "physlite.storage.xrootd",
    "expiry_of": "physlite.storage.signing",
}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
