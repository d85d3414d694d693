"""Data of ATLAS by the names that Rucio gives them. Needs `pip install 'physlite[grid]'`."""

from __future__ import annotations

from physlite.storage.rucio.catalogue import Rucio, files
from physlite.storage.rucio.did import Did, parse_did
from physlite.storage.rucio.listing import RucioFile, RucioFiles
from physlite.storage.rucio.replicas import Replica
from physlite.storage.rucio.source import RucioSource

__all__ = [
    "Did",
    "Replica",
    "Rucio",
    "RucioFile",
    "RucioFiles",
    "RucioSource",
    "files",
    "parse_did",
]


def __dir__() -> list[str]:
    return __all__
