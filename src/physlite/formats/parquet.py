"""Parquet files that physlite has written: their manifest, what else is in their footer, and what reads their columns.

A column of the events is a column of the Parquet file, named as `parquet_name` says, of the type that
`arrowcolumns.arrow_field` gives it, and nowhere missing. What Parquet does not know of the events stands in the footer,
among its texts by key:

- `physlite`: JSON, all of `Notes`: what an event manifest knows of columns, and the table of containers;
- `physlite.metadata`: the MetaData tree of the file that was converted, its manifest with all of its pages;
- `physlite.facts`: JSON for others, what is most wanted of it; not read here.

All of the file is under the seal of `parquetseal`: nothing is given to pyarrow that is not as it was written.
"""

from __future__ import annotations

import bisect
import functools
import io
import json
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, StaleManifestError, UnsupportedFormatError
from physlite.formats.arrowcolumns import LinkNames, arrow_field, from_arrow, member_from_arrow, member_path
from physlite.formats.manifest import PARQUET, Manifest, ManifestColumn
from physlite.formats.notes import FACTS, METADATA, NOTES, read_json, unpack_manifest
from physlite.formats.parquetseal import SealedFooter, pyarrow_parquet, read_sealed_footer
from physlite.storage import ByteSource, Range

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData, ParquetFile

__all__ = [
    "Notes",
    "ParquetReader",
    "column_paths",
    "parquet_name",
    "read_facts_text",
    "read_manifest",
    "read_metadata_tree",
    "read_notes",
]

_VERSION = 1

# Columns that are decoded together: as many as keep all cores busy, since all of their row groups are in memory then.
_AT_ONCE = 64


@dataclass(frozen=True)
class Notes:
    """What the footer says of events beyond what Parquet has.

    Attributes:
        uuid: the file's own identifier.
        tree: as the events were called in the file that was converted.
        num_entries: number of events.
        compression: as ROOT numbers algorithms and levels.
        columns: rows of a ManifestColumn without what is of pages: name, path, title, C++ type, encoding, problem,
            members.
        names: of each column its name in the Parquet file; empty for those without values, and for members.
        items: of each column the number of items in its outermost lists; -1 where it has none.
        resolved: whether links are written with the names of their containers.
        containers: name, class and key of the containers that links lead to.
    """

    uuid: str
    tree: str
    num_entries: int
    compression: int
    columns: list[list[Any]]
    names: list[str]
    items: list[int]
    resolved: bool
    containers: list[list[Any]]

    def text(self) -> str:
        """As it stands in the footer."""
        return json.dumps({"version": _VERSION, **asdict(self)}, separators=(",", ":"))

    @property
    def link_names(self) -> LinkNames | None:
        """The names of containers in links, where links have them."""
        return LinkNames({key: name for name, _, key in self.containers}) if self.resolved else None


def parquet_name(name: str) -> str:
    """What a column is called in the Parquet file: `AnalysisElectronsAuxDyn:pt`, whichever format it comes from.

    As in RNTuples, where names cannot have dots either: Awkward Array takes these for steps into records.
    """
    return name.replace(":.", ":").replace(".", ":")


# ------------------------------------------------------------------------------------------------------------- footer


@contextmanager
def _damaged(name: str, what: str) -> Iterator[None]:
    """Turns what pyarrow, json and others say of damaged bytes into errors that name the file and a part of it."""
    try:
        yield
    except (CorruptDataError, StaleManifestError) as error:
        msg = f"{name}: {what}: {error}; the file is damaged, copy it again"
        raise CorruptDataError(msg) from None
    except UnsupportedFormatError:
        raise
    except Exception as error:  # pyarrow's are of half a dozen kinds, and so are those of damaged JSON
        first_line = str(error).strip().partition("\n")[0][:200]
        msg = f"{name}: {what}: {type(error).__name__}: {first_line}; the file is damaged, copy it again"
        raise CorruptDataError(msg) from error


def _texts(source: ByteSource, footer: FileMetaData) -> Mapping[bytes, bytes]:
    with _damaged(source.name, "footer"):
        found = footer.metadata or {}
    if NOTES.encode() not in found:
        msg = f"{source.name}: its footer has no notes of physlite; convert the file again"
        raise CorruptDataError(msg)
    return found


def _notes(source: ByteSource, footer: FileMetaData) -> Notes:
    text = _texts(source, footer)[NOTES.encode()]
    with _damaged(source.name, "footer"):
        content = read_json(text, "notes")
        version = content.pop("version")
        if version != _VERSION:
            msg = (
                f"{source.name}: written by another version of physlite (its notes are of version {version}, this one "
                f"reads {_VERSION}): convert the file again"
            )
            raise UnsupportedFormatError(msg)
        notes = Notes(**content)
        _check(notes)
        return notes


def _check(notes: Notes) -> None:
    """Raises CorruptDataError for what no manifest could be made of; the manifest checks its columns itself."""
    lists = (notes.columns, notes.names, notes.items)
    sound = (
        all(type(each) is list and len(each) == len(notes.columns) for each in lists)
        and all(type(name) is str for name in notes.names)
        and all(type(number) is int and -1 <= number < 1 << 62 for number in notes.items)
        and type(notes.num_entries) is int
        and type(notes.resolved) is bool
        and all([type(part) for part in row] == [str, str, int] and 0 <= row[2] < 1 << 32 for row in notes.containers)
    )
    if not sound:
        msg = "notes of the wrong type"
        raise CorruptDataError(msg)


def read_notes(source: ByteSource) -> Notes:
    """What the footer says of events beyond what Parquet has.

    Raises:
        NotAnEventFileError: it is not a file that physlite has written.
        CorruptDataError, UnsupportedFormatError, ImportError: as `read_manifest`.
    """
    return _notes(source, read_sealed_footer(source).footer)


def read_facts_text(source: ByteSource) -> str:
    """What was known of the events when the file was written, as JSON.

    Raises:
        CorruptDataError, NotAnEventFileError, ImportError: as `read_manifest`.
    """
    return _texts(source, read_sealed_footer(source).footer).get(FACTS.encode(), b"{}").decode("utf-8", "replace")


def read_metadata_tree(source: ByteSource) -> Manifest | None:
    """The manifest of the MetaData tree, with all of its pages; None where the file has none.

    Raises:
        CorruptDataError, NotAnEventFileError, ImportError: as `read_manifest`.
    """
    packed = _texts(source, read_sealed_footer(source).footer).get(METADATA.encode())
    if packed is None:
        return None
    with _damaged(source.name, "MetaData"):
        return unpack_manifest(packed)


# ------------------------------------------------------------------------------------------------------------ manifest


def column_paths(notes: Notes) -> list[str]:
    """Of each column the beginning of the paths in Parquet by which its values are found; empty where it has none.

    What a member has is in the column of its group.
    """
    paths = list(notes.names)
    for name, row in zip(notes.names, notes.columns, strict=True):
        for member in row[6] if name else ():
            its = str(notes.columns[member][0]).removeprefix(f"{row[0]}.")
            paths[member] = name + member_path(its, resolved=notes.resolved)
    return paths


def read_manifest(source: ByteSource) -> Manifest:
    """The manifest of the events in a Parquet file: a page is what a row group has of a column.

    Raises:
        NotAnEventFileError: it is not a file that physlite has written.
        UnsupportedFormatError: another version of physlite has written it.
        CorruptDataError: it is damaged, or cut short.
        ImportError: pyarrow is not installed.
    """
    sealed = read_sealed_footer(source)
    notes = _notes(source, sealed.footer)
    with _damaged(source.name, "footer"):
        return _manifest(source, sealed, notes)


def _manifest(source: ByteSource, sealed: SealedFooter, notes: Notes) -> Manifest:
    footer, chunks = sealed.footer, sealed.chunks
    rows = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    if footer.num_rows != notes.num_entries or sum(rows) != notes.num_entries or min(rows, default=1) < 1:
        msg = f"{footer.num_rows} rows, in row groups {sum(rows)}, of {notes.num_entries} events"
        raise CorruptDataError(msg)
    starts = np.cumsum([0, *rows], dtype=np.int64)
    chunk_ends = chunks.offset + chunks.size
    columns = []
    page_offset: list[NDArray[np.int64]] = []
    page_size: list[NDArray[np.int64]] = []
    for row, path in zip(notes.columns, column_paths(notes), strict=True):
        its = sealed.leaves[path] if path and not row[6] else []  # a group has what its members have
        begin, end = chunks.offset[:, its].min(axis=1, initial=1 << 62), chunk_ends[:, its].max(axis=1, initial=0)
        pages = len(rows) if its else 0
        columns.append(
            ManifestColumn._make(
                [
                    *row[:6],
                    tuple(row[6]),
                    notes.compression,
                    int(chunks.unpacked[:, its].sum()),
                    int(chunks.size[:, its].sum()),
                    len(page_offset) * len(rows),
                    pages,
                ]
            )
        )
        if its:
            page_offset.append(begin)
            page_size.append(end - begin)
    nothing = np.zeros(0, dtype=np.int64)
    manifest = Manifest(
        format=PARQUET,
        tree=notes.tree,
        uuid=UUID(notes.uuid),
        file_bytes=source.size(),
        compression=notes.compression,
        num_entries=notes.num_entries,
        clusters=starts,
        columns=tuple(columns),
        page_first_entry=np.tile(starts[:-1], len(page_offset)),
        page_offset=np.concatenate([nothing, *page_offset]),
        page_size=np.concatenate([nothing, *page_size]),
        items=np.array(notes.items, dtype=np.int64),
    )
    manifest.check()
    return manifest


# -------------------------------------------------------------------------------------------------------------- reader


class _Window(io.RawIOBase):
    """Those bytes of a file that were fetched, as the file object that pyarrow reads from."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._at = 0
        self._begins: list[int] = []
        self._parts: list[memoryview] = []

    def show(self, parts: Mapping[int, memoryview]) -> None:
        """What can be read from now on, by where it begins."""
        self._begins = sorted(parts)
        self._parts = [parts[begin] for begin in self._begins]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> Any:
        """The next bytes, without a copy."""
        found = self.view(self._at, size)
        self._at += size
        return found

    def view(self, offset: int, size: int) -> memoryview:
        """Some bytes; raises CorruptDataError where they are not shown."""
        place = bisect.bisect_right(self._begins, offset) - 1
        if place >= 0:
            part, skipped = self._parts[place], offset - self._begins[place]
            if 0 <= size <= len(part) - skipped:
                return part[skipped : skipped + size]
        msg = f"{size} bytes at {offset}, which are of no column that is read"
        raise CorruptDataError(msg)


class ParquetReader:
    """Reads columns of a Parquet file. The footer is read with the first of them.

    Args:
        manifest: of the file, made by `read_manifest`.
        source: its bytes.
        threads: with more than one, pyarrow decodes on those that it has.
    """

    def __init__(self, manifest: Manifest, source: ByteSource, threads: int) -> None:
        self._manifest = manifest
        self._source = source
        self._threads = threads
        self._lock = threading.Lock()

    def buffers(self, columns: Sequence[int], start: int, stop: int) -> list[list[NDArray[Any]]]:
        """The buffers of columns that have pages, for entries `start` ≤ i < `stop`.

        Raises:
            CorruptDataError: a page is damaged; the message names file and column.
            OSError: the bytes cannot be had.
        """
        clusters = self._manifest.clusters
        first, last = 0, 0
        if stop > start:
            first = int(np.searchsorted(clusters, start, side="right")) - 1
            last = int(np.searchsorted(clusters, stop, side="left"))
        ranges = []
        for column in columns:
            pages = self._manifest.pages(column)
            ranges += list(map(Range, pages.offset[first:last].tolist(), pages.size[first:last].tolist()))
        ranges = list(dict.fromkeys(ranges))
        # First of all, so that it is known before anything is read what will be.
        views = self._source.fetch(ranges) if ranges else []
        with self._lock:
            shown = {r.offset: view for r, view in zip(ranges, views, strict=True)}
            self._window.show(shown)
            try:
                for column in columns:
                    self._verify(column, first, last)
                with _damaged(self._source.name, self._called(columns)):
                    return self._read(columns, first, last, start, stop)
            finally:
                self._window.show({})

    def _verify(self, column: int, first: int, last: int) -> None:
        """Raises CorruptDataError unless what row groups have of a column is as it was written."""
        chunks = self._sealed.chunks
        for group in range(first, last):
            for leaf in self._sealed.leaves[self._paths[column]]:
                offset, size = (int(numbers[group, leaf]) for numbers in (chunks.offset, chunks.size))
                if zlib.crc32(self._window.view(offset, size)) != self._sealed.checksums[group, leaf]:
                    entries = f"entries {self._manifest.clusters[group]} to {self._manifest.clusters[group + 1]}"
                    name = self._manifest.columns[column].name
                    msg = (
                        f"{self._source.name}: column {name} ({entries}) is not as it was written; the file is "
                        "damaged, copy it again, or leave out these entries"
                    )
                    raise CorruptDataError(msg)

    def _called(self, columns: Sequence[int]) -> str:
        """Columns as errors name them."""
        name = self._manifest.columns[columns[0]].name if columns else ""
        return f"column {name}" + (f" or one of {len(columns) - 1} others" if len(columns) > 1 else "")

    def _read(self, columns: Sequence[int], first: int, last: int, start: int, stop: int) -> list[list[NDArray[Any]]]:
        """The columns of row groups, of which all are of these entries but at both ends."""
        nodes = {column: self._manifest.require_encoding(column).node for column in columns}
        if stop <= start:
            return [from_arrow([], nodes[column], self._names) for column in columns]
        base = int(self._manifest.clusters[first])
        is_part = (start, stop) != (base, int(self._manifest.clusters[last]))
        # Members of one group are parts of one column of Parquet, and read one by one.
        whole = [column for column in columns if self._notes.names[column]]
        batches = [whole[i : i + _AT_ONCE] for i in range(0, len(whole), _AT_ONCE)]
        found: dict[int, list[NDArray[Any]]] = {}
        for together in [*batches, *([column] for column in columns if not self._notes.names[column])]:
            paths = [self._paths[column] for column in together]
            table = self._file.read_row_groups(range(first, last), columns=paths, use_threads=self._threads > 1)
            if table.num_rows < stop - base:
                msg = f"{table.num_rows} entries of {stop - base}"
                raise CorruptDataError(msg)
            table = table.slice(start - base, stop - start)
            for column in together:
                name = self._notes.names[column]
                values = table.column(name) if name else table.column(0)
                if name and not table.schema.field(name).equals(self._field(column)):
                    msg = f"it is {table.schema.field(name)}, not {self._field(column)}"
                    raise CorruptDataError(msg)
                read = from_arrow if name else member_from_arrow
                buffers = read(values.chunks, nodes[column], self._names)
                found[column] = [buffer.copy() for buffer in buffers] if is_part else buffers  # no view of all the rest
        return [found[column] for column in columns]

    def _field(self, column: int) -> pa.Field:
        """What a column has to be."""
        node = self._manifest.require_encoding(column).node
        return arrow_field(self._notes.names[column], node, resolved=self._notes.resolved)

    @property
    def _sealed(self) -> SealedFooter:
        return read_sealed_footer(self._source)

    @functools.cached_property
    def _notes(self) -> Notes:
        return _notes(self._source, self._sealed.footer)

    @functools.cached_property
    def _paths(self) -> list[str]:
        return column_paths(self._notes)

    @functools.cached_property
    def _names(self) -> LinkNames | None:
        return self._notes.link_names

    @functools.cached_property
    def _window(self) -> _Window:
        return _Window(self._source.size())

    @functools.cached_property
    def _file(self) -> ParquetFile:
        found: ParquetFile = pyarrow_parquet().ParquetFile(self._window, metadata=self._sealed.footer, pre_buffer=False)
        return found
