"""Tables of any origin as rows whose columns are read when they are used."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import UnreadableColumnError
from physlite.formats.cache import BufferCache
from physlite.interop.keys import KeyIndex, key_of
from physlite.model.file import DEFAULT_CACHE_BYTES
from physlite.model.structure import map_structure

__all__ = ["RECORD", "Columns", "LazyRows", "MemoryRows", "Rows", "plain"]

Buffer = NDArray[Any]

# What rows are to who uses them; see naming.OTHERS.
RECORD = "AuxElement"


class Rows:
    """A table.

    Attributes:
        name: what it is called in messages.
        fields: the names of its columns.
        length: how many rows it has.
    """

    def __init__(self, name: str, fields: Sequence[str], length: int) -> None:
        self.name = name
        self.fields = tuple(fields)
        self.length = length
        self._lock = threading.Lock()
        self._indices: dict[tuple[str, ...], KeyIndex] = {}

    def record(self, start: int, stop: int) -> ak.Array:
        """Rows `start` ≤ i < `stop` as records; reads nothing."""
        raise NotImplementedError

    def require(self, field: str) -> None:
        """Raises UnreadableColumnError for a column that is there, but not among its fields."""

    def index(self, keys: tuple[str, ...]) -> KeyIndex:
        """Its rows by these columns, which are read once.

        Raises:
            ColumnNotFoundError: there is no such column.
            UnreadableColumnError: as `require`.
            FriendError: a column that is no key.
        """
        with self._lock:
            if keys not in self._indices:
                for key in keys:
                    self.require(key)
                records = self.record(0, self.length)
                columns = [key_of(records, key, self.name) for key in keys]
                there = np.logical_and.reduce([known for _, known in columns])
                self._indices[keys] = KeyIndex([numbers for numbers, _ in columns], there)
            return self._indices[keys]


class Columns(Protocol):
    """Columns of a file that are read by name."""

    name: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the columns that can be read."""

    @property
    def length(self) -> int:
        """How many rows there are."""

    def require(self, field: str) -> None:
        """Raises UnreadableColumnError for a column that is there, but cannot be read."""

    def read(self, fields: Sequence[str], start: int, stop: int) -> list[Content]:
        """Rows `start` ≤ i < `stop` of columns; no rows at all tell the types, and read no data."""


class MemoryRows(Rows):
    """An array of records in memory."""

    def __init__(self, name: str, records: ak.Array) -> None:
        super().__init__(name, ak.fields(records), len(records))
        self._records = records

    def record(self, start: int, stop: int) -> ak.Array:
        """As `Rows.record`."""
        return self._records[start:stop]


class LazyRows(Rows):
    """Columns of one file, or of several behind one another; of several, those that all of them have.

    What was read last is kept: chunks of events that are in another order here need the same rows again and again.
    """

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([0, *(part.length for part in parts)])
        self._cache = BufferCache(DEFAULT_CACHE_BYTES)
        others = [set(part.fields) for part in parts[1:]]
        common = [field for field in parts[0].fields if all(field in other for other in others)]
        name = parts[0].name if len(parts) == 1 else f"{parts[0].name} and {len(parts) - 1} more"
        super().__init__(name, common, int(self._ends[-1]))

    def record(self, start: int, stop: int) -> ak.Array:
        """As `Rows.record`."""
        form = ak.forms.RecordForm([*self._forms.values()], [*self._forms], parameters={"__record__": RECORD})
        return ak.from_buffers(form, stop - start, _Buffers(lambda number: self._buffers(number, start, stop)))

    def require(self, field: str) -> None:
        """As `Rows.require`."""
        if field not in self.fields:
            for part in self._parts:
                part.require(field)

    @functools.cached_property
    def _forms(self) -> dict[str, ak.forms.Form]:
        empty = self._parts[0].read(self.fields, 0, 0)
        return {
            field: ak.to_buffers(plain(layout), form_key=f"{number}@{{id}}")[0]
            for number, (field, layout) in enumerate(zip(self.fields, empty, strict=True))
        }

    def _buffers(self, number: int, start: int, stop: int) -> Mapping[str, Buffer]:
        """The buffers of a column, by their keys."""
        form = self._forms[self.fields[number]]
        keys = list(form.expected_from_buffers())
        known = self._cache.get((number, start, stop))
        if known is None:
            buffers = self._read(number, start, stop)
            known = [buffers[key] for key in keys]
            for buffer in known:
                buffer.flags.writeable = False  # arrays share it
            self._cache.put((number, start, stop), known)
        return dict(zip(keys, known, strict=True))

    def _read(self, number: int, start: int, stop: int) -> Mapping[str, Buffer]:
        field = self.fields[number]
        read = []
        for part, begin, end in zip(self._parts, self._ends[:-1].tolist(), self._ends[1:].tolist(), strict=True):
            low, high = max(start, begin), min(stop, end)
            if low < high:
                read += part.read([field], low - begin, high - begin)
        if not read:
            read = self._parts[0].read([field], 0, 0)
        layout = plain(ak.concatenate(read, highlevel=False) if len(read) > 1 else read[0])
        form, _, buffers = ak.to_buffers(layout, form_key=f"{number}@{{id}}")
        if form != self._forms[field]:
            expected, found = self._forms[field].type, form.type
            msg = (
                f"{self.name}: column {field} is {found} in rows {start} to {stop} and {expected} elsewhere: write it "
                "with one type"
            )
            raise UnreadableColumnError(msg)
        return buffers  # type: ignore[no-any-return]  # Awkward has no types


class _Buffers(Mapping[str, Callable[[], Buffer]]):
    """The buffers of all columns as functions that read them, each column once."""

    def __init__(self, read: Callable[[int], Mapping[str, Buffer]]) -> None:
        self._read = read
        self._lock = threading.RLock()
        self._columns: dict[int, Mapping[str, Buffer]] = {}

    def __getitem__(self, key: str) -> Callable[[], Buffer]:
        return functools.partial(self._buffer, key)

    def _buffer(self, key: str) -> Buffer:
        number = int(key.partition("@")[0])
        with self._lock:
            if number not in self._columns:
                self._columns[number] = self._read(number)
            return self._columns[number][key]

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def plain(layout: Content) -> Content:
    """One layout of the many that mean the same: its form says no more than its type does.

    Arrow has several ways to say that values can be missing, and chooses one by the values.
    """
    if layout.is_record:
        contents = [plain(content) for content in layout.contents]
        fields = None if layout.is_tuple else layout.fields
        return ak.contents.RecordArray(contents, fields, layout.length, parameters=layout.parameters)
    if layout.parameter("__array__") in ("string", "bytestring") and layout.is_list:
        text = layout.to_ListOffsetArray64(True)
        return text.copy(content=text.content[: int(text.offsets[-1])])
    if layout.is_numpy:
        layout = layout.to_RegularArray()
        return layout if layout.is_numpy else map_structure(layout, plain)
    return layout if layout.is_leaf else map_structure(layout, plain)
