"""ROOT files with the trees and histograms of Athena's tools."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from physlite.exceptions import CorruptDataError, PhysliteError

__all__ = ["is_root_file", "is_tree", "open_root"]

_MAGIC = b"root"
_SHOWN = 200  # characters of what uproot says


def is_root_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as ROOT files do.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def is_tree(found: Any) -> bool:
    """Whether what uproot found in a file is a `TTree`."""
    import uproot

    return isinstance(found, uproot.TTree)


@contextmanager
def open_root(path: str | os.PathLike[str], expected: str) -> Iterator[Any]:
    """The file as uproot has it, while it is read.

    Args:
        path: of the file.
        expected: what it should have, for messages.

    Raises:
        OSError: the file cannot be read.
        CorruptDataError: it is no ROOT file, or what is read of it is damaged or cut.
    """
    import uproot

    if not is_root_file(path):
        msg = f"{os.fsdecode(path)}: no ROOT file, where {expected} is expected: see whether the path is right"
        raise CorruptDataError(msg)
    try:
        with uproot.open(path) as file:
            yield file
    except PhysliteError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the system, where those of uproot have none
            raise
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        msg = f"{os.fsdecode(path)}: it cannot be read ({problem[:_SHOWN]}): the file is damaged or cut, copy it again"
        raise CorruptDataError(msg) from None
