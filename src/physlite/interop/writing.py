"""What is between the conversion of files and the formats that they are converted to.

`convert` (in `physlite.interop.converting`) reads the input in chunks, and knows nothing of formats. A format is a
class that is called with an `Output`, which says what is to be written where, and that then is a `Writer`:

    writer = ParquetWriter(output)  # opens `output.path`, a temporary name beside the final one
    try:
        writer.write(chunk)  # any number of times, in the order of events; a chunk may have no entries
        writer.close()       # completes the file; only then it gets its name
    except BaseException:
        writer.abort()       # closes what is open, however far it is; the file is removed afterwards
        raise

What a format cannot hold is known before: `ParquetWriter.problem_of(column)` says why, or is empty. Such columns are
left out, and so are those that physlite does not decode.

`write` and `close` are called by one thread at a time, but not always by the same; `abort` is called by the thread of
`convert`, when no other call is running any more. A writer is not asked to be quick in small chunks: chunks have about
`output.chunk_bytes` in memory, less after a strict selection. It may keep some of them back (`output.memory` says how
much room there is for everything), as for row groups of a sensible size.

`WRITERS` lists the formats; a new one needs no more than its line there.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from awkward.contents import Content

from physlite.exceptions import UnsupportedFormatError
from physlite.formats.encoding import Encoding
from physlite.formats.manifest import ManifestColumn
from physlite.interop.survey import Survey

__all__ = [
    "WRITERS",
    "Chunk",
    "LinkStyle",
    "Output",
    "OutputColumn",
    "Writer",
    "WriterClass",
    "WriterFormat",
    "writer_format",
]

LinkStyle = Literal["keys", "resolved"]


class OutputColumn(NamedTuple):
    """A column to write.

    Attributes:
        row: its place in `Output.rows`.
        info: its name, path, title and C++ type, as the manifest of the first input has them.
        encoding: tells its Awkward form, `encoding.form()`, and with `encoding.node` what it is made of; of links
            `is_link(info.encoding)` of `physlite.model.naming` is true.
        collection: the collection of the events that it is of, as `Electrons`; empty where it is of none, as the
            interface object `AnalysisElectrons`, whose values are the numbers of objects, and what is put together
            from other columns for `File.arrays` alone.
        field: its field there, as `pt`; empty where it is of none.
    """

    row: int
    info: ManifestColumn
    encoding: Encoding
    collection: str
    field: str

    @property
    def name(self) -> str:
        """As in the input, for example `AnalysisElectronsAuxDyn.pt`."""
        return self.info.name


class Chunk(NamedTuple):
    """Values of some events.

    Attributes:
        num_entries: how many events.
        layouts: of each column of the output, in this order, an Awkward layout with one item an event. They are packed:
            lists begin with item 0 and have no gaps, and numbers are contiguous.
    """

    num_entries: int
    layouts: tuple[Content, ...]


@dataclass(frozen=True)
class Output:
    """What is to be written.

    Attributes:
        path: where: a temporary name.
        columns: the columns with values.
        rows: all columns that a file can tell of, in the order of the input, with `members` as places in this list:
            those above; the members of groups that are put together, whose values the group has; and those without
            values, such as interface objects, which say of what class others are. Their `problem` says what is not
            there.
        inputs: what is known of the files that are converted; they agree in all columns.
        links: how to write links: as `m_persKey` and `m_persIndex`, or as the name of the container and the index.
        compression: the name of an algorithm, with a level after a hyphen or without, as `zstd` or `zstd-5`.
        group_entries: entries that are to be stored together (row groups, clusters), where the user says so.
        chunk_bytes: what a chunk has in memory.
        memory: what the whole conversion may take.
    """

    path: Path
    columns: tuple[OutputColumn, ...]
    rows: tuple[ManifestColumn, ...]
    inputs: Survey
    links: LinkStyle
    compression: str
    group_entries: int | None
    chunk_bytes: int
    memory: int

    @property
    def containers(self) -> list[tuple[str, str, int]]:
        """Name, class and key of the containers that links lead to."""
        return [(name, class_name, key) for key, (name, class_name) in self.inputs.containers.items()]


class Writer(Protocol):
    """A file that is being written."""

    @staticmethod
    def problem_of(column: OutputColumn) -> str:
        """Why a column cannot be written, in some words; empty when it can. Called before there is a writer."""

    def write(self, chunk: Chunk) -> None:
        """Adds events behind those that are there."""

    def close(self) -> None:
        """Completes the file."""

    def abort(self) -> None:
        """Gives up the file, whatever state it is in; it need not be readable."""


class WriterClass(Protocol):
    """The class of a format.

    Attributes:
        keeps_metadata_tree: whether files of the format take the MetaData tree along.
    """

    keeps_metadata_tree: bool

    def __call__(self, output: Output) -> Writer:
        """Opens a file."""

    def problem_of(self, column: OutputColumn) -> str:
        """As `Writer.problem_of`."""


class WriterFormat(NamedTuple):
    """Where a format is written: module and name of the class, and the suffixes of its files."""

    module: str
    name: str
    suffixes: tuple[str, ...]

    def load(self) -> WriterClass:
        """The class; its module, which brings the libraries of the format along, is imported now."""
        writer: WriterClass = getattr(importlib.import_module(self.module), self.name)
        return writer


WRITERS: Mapping[str, WriterFormat] = {
    "parquet": WriterFormat("physlite.interop.parquet", "ParquetWriter", (".parquet", ".pq")),
    "rntuple": WriterFormat("physlite.interop.rntuple", "RNTupleWriter", (".root",)),
    "flat": WriterFormat("physlite.interop.flatroot", "FlatRootWriter", (".root",)),  # it has to be named
}


def writer_format(path: Path, name: str | None) -> WriterFormat:
    """The format of this name, or that of a file's suffix: the first that has it.

    Other suffixes than those of formats may go with any.

    Raises:
        UnsupportedFormatError: there is no such format, or the suffix is that of another one.
    """
    suffixes = dict.fromkeys(suffix for found in WRITERS.values() for suffix in found.suffixes)
    if name is not None and name in WRITERS:
        wanted = WRITERS[name]
        if path.suffix in suffixes and path.suffix not in wanted.suffixes:
            msg = f"{path}: format {name!r} is in files {' or '.join(wanted.suffixes)}, not {path.suffix}: change one"
            raise UnsupportedFormatError(msg)
        return wanted
    if name is None:
        for found in WRITERS.values():
            if path.suffix in found.suffixes:
                return found
        msg = f"{path}: the suffix says which format to write, {', '.join(suffixes)}: choose one, or name the format"
    else:
        msg = f"{path}: no format {name!r} to write: there are {', '.join(WRITERS)}"
    raise UnsupportedFormatError(msg)
