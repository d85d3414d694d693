"""ROOT files with the trees and histograms of Athena's tools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from physlite.exceptions import CorruptDataError

__all__ = ["is_root_file", "open_root"]

_MAGIC = b"root"


def is_root_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as ROOT files do.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def open_root(path: str | os.PathLike[str], expected: str) -> Any:
    """The file as uproot has it.

    Args:
        path: of the file.
        expected: what it should have, for messages.

    Raises:
        OSError: the file cannot be read.
        CorruptDataError: it is no ROOT file.
    """
    import uproot

    if not is_root_file(path):
        msg = f"{os.fsdecode(path)}: no ROOT file, where {expected} is expected: see whether the path is right"
        raise CorruptDataError(msg)
    return uproot.open(path)
