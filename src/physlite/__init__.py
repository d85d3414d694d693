"""Columnar analysis of ATLAS DAOD_PHYSLITE files, without ROOT and without Athena.

`physlite.open(path)` gives a `File`: its columns, their types, raw arrays. `physlite.events(path)` gives the events, an
Awkward Array of collections (`events.Electrons.pt`) that reads what is used when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite import analysis, auth, coffea, exceptions, interop, storage, units, widgets
    from physlite.formats.manifest import Manifest
    from physlite.model.behaviors import register_awkward
    from physlite.model.file import File, events, open  # noqa: A004  # the name users expect, as in uproot.open
    from physlite.running.datasetlists import datasets_from
    from physlite.running.datasets import Dataset
    from physlite.running.driving import run
    from physlite.running.result import Result
    from physlite.samples import sample

__all__ = [
    "Dataset",
    "File",
    "Manifest",
    "Result",
    "__version__",
    "analysis",
    "auth",
    "coffea",
    "datasets_from",
    "events",
    "exceptions",
    "interop",
    "open",
    "register_awkward",
    "run",
    "sample",
    "storage",
    "units",
    "widgets",
]

__version__ = "0.1.0"

# Looked up on first use, so that importing the package costs next to nothing.
_HOME = {
    "Dataset": "physlite.running.datasets",
    "File": "physlite.model.file",
    "Manifest": "physlite.formats.manifest",
    "Result": "physlite.running.result",
    "datasets_from": "physlite.running.datasetlists",
    "events": "physlite.model.file",
    "open": "physlite.model.file",
    "register_awkward": "physlite.model.behaviors",
    "run": "physlite.running.driving",
    "sample": "physlite.samples",
}
_MODULES = frozenset({"analysis", "auth", "coffea", "exceptions", "interop", "storage", "units", "widgets"})


_look_up = looked_up(__name__, _HOME)


def __getattr__(name: str) -> Any:
    return importlib.import_module(f"physlite.{name}") if name in _MODULES else _look_up(name)


def __dir__() -> list[str]:
    return sorted(__all__)
