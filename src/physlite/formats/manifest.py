"""What an event tree holds and where its bytes lie: the common ground of all file formats."""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import CorruptDataError, StaleManifestError
from physlite.formats.encoding import Encoding, compiled, fixed_items, group_encoding, number_of_streams, parse_encoding

__all__ = [
    "EVENT_NTUPLE",
    "EVENT_TREE",
    "EVENT_TREES",
    "HOLDS_NOTHING",
    "IN_ITS_MEMBERS",
    "PARQUET",
    "PLACES",
    "Manifest",
    "ManifestColumn",
    "PageKind",
    "Pages",
    "StreamPages",
]

# How the problems of columns begin that have no values of their own, so that nothing is lost with them.
HOLDS_NOTHING = _core.HOLDS_NOTHING
IN_ITS_MEMBERS = _core.IN_ITS_MEMBERS

# What ATLAS calls the events (APR::DEFAULT_CONTAINER_NAME and DEFAULT_RNTUPLE_NAME in Athena's RootStorageSvc).
EVENT_TREE = "CollectionTree"
EVENT_NTUPLE = "EventData"
EVENT_TREES = (EVENT_TREE, EVENT_NTUPLE)

# The format of events that were converted; others are named as ROOT names their classes.
PARQUET = "Parquet"

_VERSION = 2
_MAGIC = "physlite manifest"
_MOST = 2**63 - 1  # of what the tables of pages can hold
_MOST_ELEMENTS = 2**31 - 1  # of a page that is stored; the format has 31 bits for their number

# In an RNTuple, the stream of where the items of alternatives lie: its pages are those of the stream of which they are.
PLACES = _core.PLACES

# Of StreamPages.
_STREAM_ARRAYS = ("kind", "elements", "checksum", "base", "starts")

# Of the fields of a ManifestColumn.
_COLUMN_TYPES = (str, str, str, str, str, str, tuple, int, int, int, int, int)


class ManifestColumn(NamedTuple):
    """One column.

    A column with an `encoding` and no `members` is decoded from its own pages; with `members` it is put together from
    those columns; without an encoding it is read through uproot. A `problem` says why nothing can read it.
    """

    name: str
    path: str
    title: str
    type_name: str
    encoding: str
    problem: str
    members: tuple[int, ...]
    compression: int
    uncompressed_bytes: int
    compressed_bytes: int
    first_page: int
    pages: int


@dataclass(frozen=True)
class Pages:
    """Pages (baskets) of one column, in order: `first_entry` has one number more than the others, the end."""

    first_entry: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]


class PageKind(NamedTuple):
    """How the elements of an RNTuple's page are stored: type and bits of its column, and the range that it has."""

    type: int
    bits: int
    low: float
    high: float


@dataclass(frozen=True)
class StreamPages:
    """What there is to know of the pages of an RNTuple beside where they lie.

    Attributes:
        kinds: how pages of the ntuple are stored, of those without a stream too.
        kind: for each page which of them; -1 for elements that are not stored and are zeros.
        elements: for each page how many it has.
        checksum: for each page whether 8 bytes of checksum follow, which count to its size.
        base: for each page of offsets what they count from, since they begin anew in each cluster.
        starts: for each stream with which element each cluster begins, and behind the last.
    """

    kinds: tuple[PageKind, ...]
    kind: NDArray[np.int32]
    elements: NDArray[np.int64]
    checksum: NDArray[np.bool_]
    base: NDArray[np.int64]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Manifest:
    """The columns of one event tree, and their pages.

    `page_offset` below zero, -1 - p, means the bytes at p of `inline`: pages that the file keeps in its metadata.

    In an RNTuple a column is put together from streams, which are columns without a name behind all others; their pages
    count elements in place of entries, and `streams` has what is to be known of them.

    `items` has the number of items in the outermost lists of each column, -1 for columns that are no lists, where the
    file says them.
    """

    format: str
    tree: str
    uuid: UUID
    file_bytes: int
    compression: int
    num_entries: int
    clusters: NDArray[np.int64]
    columns: tuple[ManifestColumn, ...]
    page_first_entry: NDArray[np.int64]
    page_offset: NDArray[np.int64]
    page_size: NDArray[np.int64]
    inline: bytes = b""
    streams: StreamPages | None = None
    items: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        return f"<Manifest of {self.uuid}: {self.num_entries} events, {len(self.named)} columns, {self.format}>"

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """Name, and full path where that differs, to position in `columns`."""
        by_path = {column.path: i for i, column in enumerate(self.named)}
        return by_path | {column.name: i for i, column in enumerate(self.named)}

    @functools.cached_property
    def named(self) -> tuple[ManifestColumn, ...]:
        """The columns that are not streams of others; their positions are those in `columns`."""
        return self.columns if self.streams is None else self.columns[: len(self.columns) - len(self.streams.starts)]

    def encoding(self, column: int) -> Encoding | None:
        """The encoding of a column, or None when it is not decoded here."""
        text = self.columns[column].encoding
        return parse_encoding(text) if text else None

    def require_encoding(self, column: int) -> Encoding:
        """The encoding of a column that is known to have one."""
        return parse_encoding(self.columns[column].encoding)

    def unreadable_part(self, column: int) -> ManifestColumn | None:
        """The column, or the member of it, that nothing can read, or None; its `problem` says why."""
        row = self.columns[column]
        if row.problem:
            return row
        for member in row.members:
            if self.columns[member].problem:
                return self.columns[member]
        return None

    def pages(self, column: int) -> Pages:
        """All pages of a column."""
        c = self.columns[column]
        span = slice(c.first_page, c.first_page + c.pages)
        first = np.append(self.page_first_entry[span], self.num_entries if c.pages else 0)
        return Pages(first, self.page_offset[span], self.page_size[span])

    def with_members(self, column: int) -> tuple[int, ...]:
        """The columns whose pages hold this one: its members, or itself."""
        return self.columns[column].members or (column,)

    # -------------------------------------------------------------------------------------------------- on disk

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the manifest, a compressed NumPy archive. It holds no event data and no secrets."""
        header = {
            "magic": _MAGIC,
            "version": _VERSION,
            "format": self.format,
            "tree": self.tree,
            "uuid": str(self.uuid),
            "file_bytes": self.file_bytes,
            "compression": self.compression,
            "num_entries": self.num_entries,
            "columns": self.columns,
            "kinds": self.streams.kinds if self.streams else None,
        }
        # All of numbers, so that nothing is pickled.
        arrays: dict[str, Any] = {
            "header": np.frombuffer(json.dumps(header, separators=(",", ":")).encode("utf-8"), dtype=np.uint8),
            "clusters": self.clusters,
            "page_first_entry": self.page_first_entry,
            "page_offset": self.page_offset,
            "page_size": self.page_size,
            "inline": np.frombuffer(self.inline, dtype=np.uint8),
        }
        if self.streams is not None:
            arrays |= {f"stream_{name}": getattr(self.streams, name) for name in _STREAM_ARRAYS}
        if self.items is not None:
            arrays["items"] = self.items
        # Written beside and renamed, so that a reader never sees half of it.
        target = Path(path)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        try:
            partial.write_bytes(buffer.getvalue())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a saved manifest.

        Raises:
            FileNotFoundError: no such file.
            StaleManifestError: it is not a manifest, or one of another version of physlite.
        """
        try:
            # Opened here, since NumPy leaves the file open when it is no archive.
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            header = json.loads(arrays.pop("header").tobytes())
            magic, version = header.pop("magic"), header.pop("version")
        except OSError as error:
            if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
                raise
            msg = f"{os.fspath(path)}: not a manifest of physlite ({error})"
            raise StaleManifestError(msg) from error
        except Exception as error:  # zipfile, NumPy and json raise a dozen kinds for damaged files
            why = "" if "pickle" in str(error) else f" ({error})"  # NumPy's idea of any other file
            msg = f"{os.fspath(path)}: not a manifest of physlite{why}"
            raise StaleManifestError(msg) from error
        if magic != _MAGIC or version != _VERSION:
            msg = f"{os.fspath(path)}: a manifest of version {version}, this physlite reads {_VERSION}: make it anew"
            raise StaleManifestError(msg)
        try:
            columns = tuple(ManifestColumn._make([*c[:6], tuple(c[6]), *c[7:]]) for c in header.pop("columns"))
            kinds = header.pop("kinds")
            streams = None
            if kinds is not None:
                tables = {name: arrays.pop(f"stream_{name}") for name in _STREAM_ARRAYS}
                streams = StreamPages(tuple(PageKind(*kind) for kind in kinds), **tables)
            manifest = cls(
                columns=columns,
                inline=arrays.pop("inline").tobytes(),
                streams=streams,
                uuid=UUID(str(header.pop("uuid"))),
                **header,
                **arrays,
            )
            manifest.check()
        except (TypeError, ValueError, KeyError, IndexError, OverflowError, CorruptDataError) as error:
            msg = f"{os.fspath(path)}: a damaged manifest ({error})"
            raise StaleManifestError(msg) from error
        return manifest

    def check(self) -> None:
        """Raises ValueError unless the parts agree with each other."""
        for contradiction in self._contradictions():
            raise ValueError(contradiction)

    def _contradictions(self) -> Iterator[str]:
        """What is wrong; each of the checks relies on those before it."""
        total = len(self.page_offset)
        arrays = (self.clusters, self.page_first_entry, self.page_offset, self.page_size)
        if any(a.dtype != np.int64 or a.ndim != 1 for a in arrays):
            yield "tables of the wrong type"
        if len(self.page_first_entry) != total or len(self.page_size) != total:
            yield "page tables of different lengths"
        numbers = (self.num_entries, self.file_bytes, self.compression)
        texts = (self.format, self.tree)
        if any(type(n) is not int or not 0 <= n <= _MOST for n in numbers) or any(type(t) is not str for t in texts):
            yield "a header of the wrong type"
        for column in self.columns:
            if any(type(x) is not kind for x, kind in zip(column, _COLUMN_TYPES, strict=True)):
                yield f"column {column.name!r} is of the wrong type"
            if not 0 <= column.first_page <= column.first_page + column.pages <= total:
                yield f"column {column.name!r} has pages that are not there"
            if any(type(m) is not int or not 0 <= m < len(self.columns) for m in column.members):
                yield f"column {column.name!r} has members that are not there"
            empty = not (column.pages or column.members or column.problem or not column.encoding)
            if empty and self.num_entries and self.streams is None:
                yield f"column {column.name!r} has no pages"
        yield from self._pages_elsewhere()
        if self.items is not None and (self.items.dtype != np.int64 or self.items.shape != (len(self.columns),)):
            yield "numbers of items of the wrong type"
        if self.streams is None:
            yield from self._misplaced_pages()
            if self.format != PARQUET:
                yield from self._unknown_encodings()
            yield from self._contradicting_groups()
        else:
            yield from self._contradicting_streams(self.streams)

    def _pages_elsewhere(self) -> Iterator[str]:
        """Pages lie in the file."""
        offset, size = self.page_offset, self.page_size
        inline = offset < 0
        room = np.where(inline, len(self.inline), self.file_bytes)
        begin = np.where(inline, -1 - offset, offset)
        if (size < 0).any() or (begin > room).any() or (size > room - begin).any():
            yield "pages outside of the file"

    def _misplaced_pages(self) -> Iterator[str]:
        """The pages of a column hold its entries in order."""
        first = self.page_first_entry
        steps_back = np.concatenate(([0], np.cumsum(first[1:] <= first[:-1])))
        for column in self.columns:
            if column.pages == 0:
                continue
            begin_page, last_page = column.first_page, column.first_page + column.pages - 1
            ordered = steps_back[last_page] == steps_back[begin_page]
            if not ordered or first[begin_page] != 0 or first[last_page] >= self.num_entries:
                yield f"the pages of column {column.name!r} are not in order"

    def _unknown_encodings(self) -> Iterator[str]:
        """The core takes all encodings."""
        for text in {column.encoding for column in self.columns} - {""}:
            try:
                compiled(text)
            except _core.CorruptData as error:
                yield f"an encoding that cannot be decoded, {text[:80]!r}: {error}"

    def _contradicting_streams(self, streams: StreamPages) -> Iterator[str]:
        """Streams have pages one after the other, and columns those streams that their encodings take."""
        total, clusters = len(self.page_offset), len(self.clusters)
        types = {"kind": np.int32, "elements": np.int64, "checksum": np.bool_, "base": np.int64}
        tables = {name: getattr(streams, name) for name in types}
        if any(table.dtype != types[name] or table.shape != (total,) for name, table in tables.items()):
            yield "tables of streams of the wrong type"
        if streams.starts.dtype != np.int64 or streams.starts.shape[1:] != (clusters,):
            yield "starts of streams of the wrong type"
        if len(streams.starts) > len(self.columns) or clusters < 1 or self.clusters[-1] != self.num_entries:
            yield "more streams than columns, or clusters that are not the entries"
        if (np.diff(streams.starts) < 0).any() or (np.diff(self.clusters) < 0).any() or (streams.elements < 0).any():
            yield "streams that go backwards"
        if (streams.elements > np.where(streams.kind < 0, _MOST - self.page_first_entry, _MOST_ELEMENTS)).any():
            yield "pages of more elements than any file has"
        if any([type(x) for x in kind] != [int, int, float, float] for kind in streams.kinds):
            yield "kinds of the wrong type"
        if (streams.kind >= len(streams.kinds)).any() or any(
            not (0 <= kind.type < 1 << 16 and 0 <= kind.bits < 1 << 16) for kind in streams.kinds
        ):
            yield "pages of unknown kinds"
        end = self.page_first_entry + streams.elements
        for number, row in enumerate(self.columns[len(self.named) :]):
            span = slice(row.first_page, row.first_page + row.pages)
            ends = np.append(0, end[span])
            if (self.page_first_entry[span] != ends[:-1]).any() or streams.starts[number, -1] != ends[-1]:
                yield f"stream {number} has pages that do not follow one another"
        for column in self.named:
            if any(m < len(self.named) for m in column.members):
                yield f"column {column.name!r} has members that are no streams"
            node = parse_encoding(column.encoding).node if column.encoding else None
            if len(column.members) != (0 if node is None else number_of_streams(node)):
                yield f"column {column.name!r} is not what its members make"
            if node is not None:
                starts = streams.starts[column.members[0] - len(self.named)]
                if (starts != self.clusters * fixed_items(node)).any():
                    yield f"column {column.name!r} has other entries than its clusters"

    def _contradicting_groups(self) -> Iterator[str]:
        """A column with members is the list of records that they make, and they have pages of their own."""
        for column in self.columns:
            if not column.members and not column.encoding.startswith("~{"):
                continue
            parts = [(self.columns[m].name, self.encoding(m)) for m in column.members]
            made = group_encoding(column.name, parts)
            if made is None or made.text != column.encoding or any(self.columns[m].members for m in column.members):
                yield f"column {column.name!r} is not what its members make"

    def require_file(self, name: str, uuid: UUID, size: int) -> None:
        """Raises StaleManifestError unless this manifest was made from that file."""
        if (self.uuid, self.file_bytes) != (uuid, size):
            msg = (
                f"{name}: the manifest belongs to another file (UUID {self.uuid}, {self.file_bytes} bytes; "
                f"this one has {uuid}, {size} bytes): make it anew"
            )
            raise StaleManifestError(msg)
