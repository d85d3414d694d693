"""Objects in the MetaData tree that are streamed whole and that uproot cannot read.

`xAOD::EventFormat` lists the containers of the events with their keys, `IOVMetaDataContainer_p1` holds the attributes
of a folder of the conditions database. Layouts: the streamer descriptions in the files, and Athena's
Database/IOVDbTPCnv and Event/xAOD/xAODEventFormat.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from physlite.exceptions import CorruptDataError

__all__ = ["EventFormatRow", "read_event_format", "read_folder"]

Value = bool | int | float | str

_BYTE_COUNT = 0x40000000
_MEMBERWISE = 0x4000
_LONG_STRING = 255

# IOVPayloadContainer_p1's vectors of values, in their order: the number by which attributes name the type, and the code
# of struct, None for strings. Number 13 is of blobs, which have no vector.
_VALUES = {
    0: "?", 1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "q", 8: "Q", 9: "q", 10: "Q", 11: "f", 12: "d", 14: None,
    15: "q", 16: "q",
}  # fmt: skip
_TYPE_BITS = 6


class EventFormatRow(NamedTuple):
    """A container or auxiliary store of the events, as its writer knew it."""

    name: str
    class_name: str
    key: int


class _Bytes:
    """Bytes that are read from the front; what is not there is an error."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            msg = f"{count} bytes wanted at byte {self._at} of {len(self._data)}"
            raise CorruptDataError(msg)
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, code: str) -> int:
        value: int = struct.unpack(f">{code}", self.take(struct.calcsize(code)))[0]
        return value

    def numbers(self, code: str, count: int) -> tuple[Value, ...]:
        return struct.unpack(f">{count}{code}", self.take(count * struct.calcsize(code)))

    def string(self) -> str:
        length = self.number("B")
        if length == _LONG_STRING:
            length = self.number("I")
        return self.take(length).decode("utf-8", "replace")

    def strings(self) -> list[str]:
        count = self.count_of(1)
        return [self.string() for _ in range(count)]

    def count_of(self, least: int) -> int:
        """A number of items that take so many bytes at least."""
        count = self.number("I")
        if count * least > len(self._data) - self._at:
            msg = f"{count} items at byte {self._at} of {len(self._data)}"
            raise CorruptDataError(msg)
        return count

    def counted(self) -> _Bytes:
        """The object here, without its byte count."""
        count = self.number("I")
        if not count & _BYTE_COUNT:
            msg = f"no byte count at byte {self._at - 4}"
            raise CorruptDataError(msg)
        return _Bytes(self.take(count & ~_BYTE_COUNT))


def read_event_format(entry: bytes) -> list[EventFormatRow]:
    """The rows of an unsplit `xAOD::EventFormat_v1`: four vectors, of names, classes, parents and keys.

    Raises:
        CorruptDataError: it is cut short, or its vectors differ in length.
    """
    data = _Bytes(entry)
    columns = []
    for _ in range(3):
        vector = data.counted()
        vector.take(2)  # version
        columns.append(vector.strings())
    vector = data.counted()
    vector.take(2)
    keys = vector.numbers("I", vector.count_of(4))
    if {len(column) for column in columns} != {len(keys)}:
        msg = f"an EventFormat of {len(columns[0])} names and {len(keys)} keys"
        raise CorruptDataError(msg)
    return [EventFormatRow(name, cls, int(key)) for name, cls, key in zip(columns[0], columns[1], keys, strict=True)]


def read_folder(entry: bytes) -> dict[str, tuple[Value, ...]]:
    """The attributes of an `IOVMetaDataContainer_p1`: values by name, in the order of its payloads.

    Raises:
        CorruptDataError: it is cut short, or contradicts itself.
    """
    data = _Bytes(entry)
    for _ in range(2):  # name of the folder, and its description
        data.counted()
    container = data.counted()
    container.take(2)  # version: 0 for a class without one, then comes its checksum
    container.take(4)
    container.counted()  # intervals of validity: which attributes hold when
    indices = _attribute_indices(container.counted())
    values: dict[int, tuple[Value, ...]] = {}
    for kind, code in _VALUES.items():
        vector = container.counted()
        vector.take(2)
        if code is None:
            values[kind] = tuple(vector.strings())
        else:
            values[kind] = vector.numbers(code, vector.count_of(struct.calcsize(code)))
    names = container.counted()
    names.take(2)
    return _by_name(indices, names.strings(), values)


def _attribute_indices(vector: _Bytes) -> list[tuple[int, int]]:
    """Of each attribute, name and type in one number, and which value of this type it has."""
    if not vector.number("H") & _MEMBERWISE:
        msg = "attributes that are not streamed member by member"
        raise CorruptDataError(msg)
    if vector.number("H") == 0:
        vector.take(4)  # checksum of the class
    count = vector.count_of(4)
    kinds, places = (vector.numbers("H", count) for _ in range(2))
    return [(int(kind), int(place)) for kind, place in zip(kinds, places, strict=True)]


def _by_name(
    indices: list[tuple[int, int]], names: list[str], values: dict[int, tuple[Value, ...]]
) -> dict[str, tuple[Value, ...]]:
    found: dict[str, list[Value]] = {}
    for kind, place in indices:
        name, number = kind >> _TYPE_BITS, kind & (1 << _TYPE_BITS) - 1
        if name >= len(names) or place >= len(values.get(number, ())):
            msg = f"an attribute of name {name}, type {number}, place {place}"
            raise CorruptDataError(msg)
        found.setdefault(names[name], []).append(values[number][place])
    return {name: tuple(several) for name, several in found.items()}
