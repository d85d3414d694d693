"""Where bytes come from: local files, memory, file objects, servers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from physlite.storage._source import ByteSource, Range, SourceStats
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
    from physlite.storage.signing import SignedUrl, Signer
    from physlite.storage.uprootsource import UprootSource
    from physlite.storage.xrootd import XrootdSource

__all__ = [
    "BlockCache",
    "ByteSource",
    "Cache",
    "FileObjectSource",
    "FsspecSource",
    "HttpSettings",
    "HttpSource",
    "LocalSource",
    "MemorySource",
    "Mode",
    "Openable",
    "Range",
    "SignedUrl",
    "Signer",
    "SourceStats",
    "TransferSettings",
    "UprootSource",
    "XrootdSource",
    "open_source",
]

# Looked up on first use: local files need none of what these bring along.
_HOME = {
    "BlockCache": "physlite.storage.blockcache",
    "FsspecSource": "physlite.storage.filesystem",
    "HttpSettings": "physlite.storage.http.settings",
    "HttpSource": "physlite.storage.http.source",
    "SignedUrl": "physlite.storage.signing",
    "Signer": "physlite.storage.signing",
    "TransferSettings": "physlite.storage.settings",
    "UprootSource": "physlite.storage.uprootsource",
    "XrootdSource": "physlite.storage.xrootd",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    msg = f"module 'physlite.storage' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
