"""The sample that is part of the package: a toy simulation, the same events as a tree and as an RNTuple."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Literal

__all__ = ["Sample", "sample"]


class Sample(StrEnum):
    """Its formats."""

    TREE = "tree"
    RNTUPLE = "rntuple"


_FILES = {Sample.TREE: "sample.root", Sample.RNTUPLE: "sample_rntuple.root"}
_unpacked = ExitStack()  # of a package in an archive
atexit.register(_unpacked.close)


def sample(format: Literal["tree", "rntuple"] = "tree") -> Path:  # noqa: A002  # what File.format is called
    """The path of the sample: 2000 simulated Z → ee, Z → μμ and tt̄ events, to try things with.

    It has the structure of a real file and the physics of a toy.

    Args:
        format: of its events.

    Raises:
        ValueError: there is no sample of this format.
    """
    inside = resources.files("physlite") / "data" / _FILES[Sample(format)]
    return inside if isinstance(inside, Path) else _unpacked.enter_context(resources.as_file(inside))
