"""Ways to write events to Parquet: with physlite, and as a script with uproot and Awkward Array does it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import awkward as ak
import pyarrow.parquet
import uproot

from physlite.interop import convert
from work import Work

__all__ = ["with_physlite", "with_script"]


def _work(write: Any) -> Work:
    """What writes a file into a folder, a new one each time."""

    def run(folder: tempfile.TemporaryDirectory[str]) -> int:
        with folder:
            out = Path(folder.name) / "out.parquet"
            write(out)
            return int(pyarrow.parquet.read_metadata(out).num_rows)

    return Work(run, tempfile.TemporaryDirectory, compared=lambda rows: {"rows": ak.Array([rows])})


def with_physlite(path: str, names: list[str]) -> Work:
    """Columns, and what they need to be opened again."""
    return _work(lambda out: convert(path, out, columns=names))


def with_script(path: str, name: str, names: list[str]) -> Work:
    """The same columns at once, as they are."""

    def write(out: Path) -> None:
        with uproot.open(path) as file:
            ak.to_parquet(file[name].arrays(names), out)

    return _work(write)
