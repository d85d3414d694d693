"""Ways to write events to Parquet: with physlite, and as a script with uproot and Awkward Array does it."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import awkward as ak
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import uproot

from physlite.interop import convert
from work import Work

__all__ = ["with_physlite", "with_script"]

Folder = tempfile.TemporaryDirectory[str]


def _work(names: list[str], write: Callable[[Path], object]) -> Work:
    """What writes a file with these columns into a folder, a new one each time; what is in the file is compared."""

    def run(folder: Folder) -> Folder:
        write(_file(folder))
        return folder  # with which the file goes away

    return Work(run, tempfile.TemporaryDirectory, compared=lambda folder: _content(folder, names))


def _file(folder: Folder) -> Path:
    return Path(folder.name) / "out.parquet"


def _content(folder: Folder, names: list[str]) -> dict[str, ak.Array]:
    """Of each column the checksums of the lengths of its lists and of its numbers, whatever its name has for a dot."""
    table = pyarrow.parquet.read_table(_file(folder))
    found = {name.replace(":", "."): table[name].combine_chunks() for name in table.column_names}
    return {name: ak.Array([_checksum(part) for part in _parts(found[name.replace(":", ".")])]) for name in names}


def _parts(values: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield pyarrow.compute.list_value_length(values).cast(pa.int64())
        yield from _parts(values.flatten())
    elif pa.types.is_struct(values.type):
        for part in values.flatten():
            yield from _parts(part)
    else:
        yield values


def _checksum(numbers: pa.Array) -> int:
    return zlib.crc32(numbers.to_numpy(zero_copy_only=False).tobytes())


def with_physlite(path: str, names: list[str]) -> Work:
    """Columns, and what they need to be opened again."""
    return _work(names, lambda out: convert(path, out, columns=names))


def with_script(path: str, name: str, names: list[str]) -> Work:
    """The same columns at once, as they are."""

    def write(out: Path) -> None:
        with uproot.open(path) as file:
            ak.to_parquet(file[name].arrays(names), out)

    return _work(names, write)
