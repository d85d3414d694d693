"""Manifest and bytes to arrays: choose pages, fetch their ranges at once, decode them in one call of the core."""

from __future__ import annotations

import functools
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import CorruptDataError, EntryRangeError, UnreadableColumnError, UnsupportedFormatError
from physlite.formats.encoding import Encoding, Primitive, ToEnd, compiled
from physlite.formats.fallback import FallbackReader
from physlite.formats.manifest import EVENT_TREES, PARQUET, Manifest
from physlite.storage import ByteSource, Range

if TYPE_CHECKING:
    from physlite.formats.ntuplereader import NtupleReader
    from physlite.formats.parquet import ParquetReader

__all__ = ["ColumnReader", "default_threads"]

Buffers = list[NDArray[Any]]

# An entry as a list of its bytes.
_BYTES = Encoding(0, ToEnd(Primitive("u1"))).text


def default_threads() -> int:
    """The cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


class ColumnReader:
    """Reads columns of one tree. Holds no state but the opened uproot tree for columns that need it.

    Attributes:
        clock: nanoseconds that the core took: all threads together with decompressing and with everything, and from
            the beginning to the end.
    """

    def __init__(self, manifest: Manifest, source: ByteSource, threads: int) -> None:
        self.manifest = manifest
        self.source = source
        self.threads = threads
        self.clock: NDArray[np.int64] = np.zeros(3, dtype=np.int64)
        self._fallback = FallbackReader(source, manifest.tree)
        self._ntuple: NtupleReader | None = None
        if manifest.streams is not None:
            from physlite.formats.ntuplereader import NtupleReader  # files with a tree do without

            self._ntuple = NtupleReader(manifest, source, threads, self.clock)
        self._parquet: ParquetReader | None = None
        if manifest.format == PARQUET:
            from physlite.formats.parquet import ParquetReader  # nor with Parquet

            self._parquet = ParquetReader(manifest, source, threads)

    @functools.cached_property
    def _tables(self) -> _core.BasketTables:
        tables = self.manifest
        return _core.BasketTables(tables.page_first_entry, tables.page_offset, tables.page_size, tables.num_entries)

    def buffers(self, columns: Sequence[int], start: int, stop: int) -> list[Buffers]:
        """The decoded buffers of columns that have an encoding, for entries `start` ≤ i < `stop`.

        Raises:
            UnreadableColumnError: nothing can read one of them; the message says why.
            CorruptDataError: a page is damaged; the message names file, column, page and entries.
            OSError: the bytes cannot be had.
        """
        different = list(dict.fromkeys(columns))
        found = dict(zip(different, self.each(different, start, stop), strict=True))
        return [found[column] for column in columns]

    def each(self, columns: Sequence[int], start: int, stop: int) -> Generator[Buffers]:
        """The same of columns, one after the other, while those after it are still being decoded."""
        for column in columns:
            self._require_readable(column)
        if self._ntuple is not None:
            yield from self._ntuple.each(columns, start, stop)
            return
        parts = list(dict.fromkeys(part for column in columns for part in self.manifest.with_members(column)))
        if self._parquet is None:
            decoding = self._decode(parts, start, stop)
        else:
            decoding = (buffers for buffers in self._parquet.buffers(parts, start, stop))
        found: dict[int, Buffers] = {}
        with closing(decoding):
            arriving = zip(parts, decoding, strict=True)
            for column in columns:
                needed = self.manifest.with_members(column)
                while not all(part in found for part in needed):
                    part, buffers = next(arriving)
                    found[part] = buffers
                yield self._assemble(column, found, start)

    def through_uproot(self, column: int, start: int, stop: int) -> ak.contents.Content:
        """A column that has no encoding.

        Raises:
            UnreadableColumnError: nothing can read it; the message says why.
            OSError: as `buffers`.
        """
        self._require_readable(column)
        return self._fallback.read(self.manifest.columns[column].path, start, stop)

    def raw(self, column: int, entry: int) -> bytes:
        """The bytes of one entry of a column, as they are in its basket; not of numbers, whose entries have one size.

        Raises:
            EntryRangeError: there is no such entry, or the column has no baskets.
            CorruptDataError, OSError: as `buffers`.
        """
        entries = self.manifest.num_entries if self.manifest.columns[column].pages else 0
        if not 0 <= entry < entries:
            name = self.manifest.columns[column].name
            msg = f"{self.source.name}: column {name} has no entry {entry} of its own, it has {entries}"
            raise EntryRangeError(msg)
        (buffers,) = self._decode([column], entry, entry + 1, _BYTES)
        return bytes(buffers[1])

    def _require_readable(self, column: int) -> None:
        part = self.manifest.unreadable_part(column)
        if part is not None:
            msg = f"{self.source.name}: column {part.name!r} cannot be read: {part.problem}"
            raise UnreadableColumnError(msg)

    def _decode(self, columns: list[int], start: int, stop: int, encoding: str = "") -> Generator[Buffers]:
        """Buffers of columns, as their own encodings or another one says."""
        rows = [self.manifest.columns[column] for column in columns]
        plan = self._tables.plan(
            [(compiled(encoding or row.encoding), row.first_page, row.pages) for row in rows],
            start,
            stop,
        )
        ranges = list(map(Range, plan.offset, plan.size))
        try:
            yield from plan.decode(self._bytes(ranges), self.threads, self.clock)
        except (_core.CorruptData, _core.Unsupported) as error:
            raise self._name_error(error, columns, plan) from None

    def _bytes(self, ranges: list[Range]) -> list[memoryview]:
        """The bytes of pages, most of them in the file, some in its metadata."""
        in_file = [r for r in ranges if r.offset >= 0]
        fetched = self.source.fetch(in_file) if in_file else []
        if len(in_file) == len(ranges):
            return fetched
        inline, next_of_file = memoryview(self.manifest.inline), iter(fetched)
        return [next(next_of_file) if r.offset >= 0 else inline[-1 - r.offset :][: r.size] for r in ranges]

    def _name_error(self, error: Exception, columns: list[int], plan: _core.BasketPlan) -> Exception:
        """The core's error, with the names of things."""
        if len(error.args) != 3:  # noqa: PLR2004  # not about a page
            return CorruptDataError(f"{self.source.name}: {error}")
        what, which, page = error.args
        column = columns[which]
        page += plan.pages(which)[0] - self.manifest.columns[column].first_page
        first = self.manifest.pages(column).first_entry
        is_events = self.manifest.tree in EVENT_TREES
        of_tree = "" if is_events else f"tree {self.manifest.tree}, "
        where = (
            f"{self.source.name}: {of_tree}column {self.manifest.columns[column].name}, basket {page} "
            f"(entries {first[page]} to {first[page + 1]})"
        )
        if isinstance(error, _core.Unsupported):
            return UnsupportedFormatError(f"{where}: not supported: {what}")
        remedy = "copy it again" + (", or leave out these entries" if is_events else "")
        return CorruptDataError(f"{where}: {what}; the file is damaged, {remedy}")

    def _assemble(self, column: int, decoded: dict[int, Buffers], start: int) -> Buffers:
        """The buffers of a column that is split into members: their common offsets, then their values."""
        members = self.manifest.columns[column].members
        if not members:
            return decoded[column]
        first = decoded[members[0]]
        out = [first[0]]
        for member in members:
            offsets, *values = decoded[member]
            if not np.array_equal(offsets, first[0]):
                entry = start + int(np.flatnonzero(offsets != first[0])[0]) - 1
                names = [self.manifest.columns[m].name for m in (members[0], member)]
                msg = f"{self.source.name}: {names[0]} and {names[1]} have different lengths in entry {entry}"
                raise CorruptDataError(msg)
            out.extend(values)
        return out
