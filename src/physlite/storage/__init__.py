"""Where bytes come from: local files, memory, file objects."""

from __future__ import annotations

from physlite.storage._source import ByteSource, Range, SourceStats
from physlite.storage.fileobject import FileObjectSource
from physlite.storage.local import LocalSource
from physlite.storage.memory import MemorySource
from physlite.storage.opening import Openable, open_source

__all__ = [
    "ByteSource",
    "FileObjectSource",
    "LocalSource",
    "MemorySource",
    "Openable",
    "Range",
    "SourceStats",
    "open_source",
]


def __dir__() -> list[str]:
    return __all__
