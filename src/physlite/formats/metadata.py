"""Objects in the MetaData tree that are streamed whole and that uproot cannot read.

`xAOD::EventFormat` lists the containers of the events with their keys, `IOVMetaDataContainer_p1` holds the attributes
of a folder of the conditions database, `xAOD::FileMetaDataAuxInfo` begins with two texts. Layouts: the streamer
descriptions in the files, and Athena's Database/IOVDbTPCnv and Event/xAOD/xAODEventFormat.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from physlite.exceptions import CorruptDataError

__all__ = [
    "AttributeList",
    "EventFormatRow",
    "event_format_rows",
    "read_event_format",
    "read_file_texts",
    "read_folder",
]

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
_INDEX_RANGE = 1 << 16


class EventFormatRow(NamedTuple):
    """A container or auxiliary store of the events, as its writer knew it."""

    name: str
    class_name: str
    key: int


class AttributeList(NamedTuple):
    """What a folder has of one channel, for one interval of validity."""

    channel: int
    attributes: dict[str, Value]


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
    names, classes, _ = (_vector(data).strings() for _ in range(3))
    vector = _vector(data)
    keys = vector.numbers("I", vector.count_of(4))
    return event_format_rows(names, classes, [int(key) for key in keys])


def event_format_rows(names: list[str], classes: list[str], keys: list[int]) -> list[EventFormatRow]:
    """The rows of an `xAOD::EventFormat_v1` from its members.

    Raises:
        CorruptDataError: they differ in length.
    """
    if not len(names) == len(classes) == len(keys):
        msg = f"an EventFormat of {len(names)} names, {len(classes)} classes and {len(keys)} keys"
        raise CorruptDataError(msg)
    return [EventFormatRow(*row) for row in zip(names, classes, keys, strict=True)]


def read_file_texts(entry: bytes) -> tuple[str, str]:
    """The release and the type of data, as `StreamDAOD_PHYSLITE`, of an unsplit `xAOD::FileMetaDataAuxInfo_v1`.

    Raises:
        CorruptDataError: it is cut short.
    """
    data = _Bytes(entry)
    data.counted()  # base class
    return _vector(data).string(), _vector(data).string()


def read_folder(entry: bytes) -> list[AttributeList]:
    """The attributes of an `IOVMetaDataContainer_p1`, payload by payload, and within a payload channel by channel.

    Raises:
        CorruptDataError: it is cut short, or contradicts itself.
    """
    data = _Bytes(entry)
    for _ in range(2):  # name of the folder, and its description
        data.counted()
    container = data.counted()
    container.take(2 + 4)  # version 0 and checksum, as of each class that has no version
    spans = _attribute_spans(container.counted())
    indices = _attribute_indices(container.counted())
    values: dict[int, tuple[Value, ...]] = {}
    for kind, code in _VALUES.items():
        vector = _vector(container)
        if code is None:
            values[kind] = tuple(vector.strings())
        else:
            values[kind] = vector.numbers(code, vector.count_of(struct.calcsize(code)))
    names = _vector(container).strings()
    if _vector(container).number("I"):  # then attributes are named by their places: not since PHYSLITE exists
        msg = "a folder that lists the types of its attributes apart"
        raise CorruptDataError(msg)
    attributes = _attributes(indices, names, values)
    out = []
    end = 0
    for channel, first, last in spans:
        if not end <= first <= last <= len(attributes):  # lists share nothing, so all together are no larger than this
            msg = f"attributes {first} to {last} of {len(attributes)}, after those before {end}"
            raise CorruptDataError(msg)
        out.append(AttributeList(channel, dict(attributes[first:last])))
        end = last
    return out


def _vector(data: _Bytes) -> _Bytes:
    """The vector or text here, without byte count and version."""
    vector = data.counted()
    vector.take(2)
    return vector


def _begin_memberwise(vector: _Bytes) -> None:
    """Passes by the version of a vector that has first all objects' first members, then all second ones, and so on."""
    if not vector.number("H") & _MEMBERWISE:
        msg = "objects that are not streamed member by member"
        raise CorruptDataError(msg)
    if vector.number("H") == 0:
        vector.take(4)  # checksum of the class


def _attribute_spans(payloads: _Bytes) -> list[tuple[int, int, int]]:
    """Of each list of attributes: its channel, and the range of its attributes among all."""
    _begin_memberwise(payloads)
    spans: list[tuple[int, int, int]] = []
    number = payloads.count_of(4)
    if number == 0:
        return spans
    lists = payloads.counted()
    _begin_memberwise(lists)
    for _ in range(number):
        count = lists.count_of(3 * 4)
        channels, firsts, lasts = (lists.numbers("I", count) for _ in range(3))
        spans += [(int(c), int(a), int(b)) for c, a, b in zip(channels, firsts, lasts, strict=True)]
        for _ in range(count):  # intervals of validity
            lists.counted()
        if count:  # names of the channels
            lists.counted()
    return spans


def _attribute_indices(vector: _Bytes) -> list[tuple[int, int]]:
    """Of each attribute, name and type in one number, and which value of this type it has."""
    _begin_memberwise(vector)
    count = vector.count_of(4)
    kinds, places = (vector.numbers("H", count) for _ in range(2))
    return [(int(kind), int(place)) for kind, place in zip(kinds, places, strict=True)]


def _attributes(
    indices: list[tuple[int, int]], names: list[str], values: dict[int, tuple[Value, ...]]
) -> list[tuple[str, Value]]:
    """Name and value of each attribute."""
    found: list[tuple[str, Value]] = []
    turns: dict[int, int] = {}
    for kind, place in indices:
        name, number = kind >> _TYPE_BITS, kind & (1 << _TYPE_BITS) - 1
        # Places have 16 bits, values can be more: each 0 after the first is a turn (IOVPayloadContainerCnv_p1).
        turns[number] = turns.get(number, -1) + 1 if place == 0 else turns.get(number, 0)
        at = place + turns[number] * _INDEX_RANGE
        if name >= len(names) or at >= len(values.get(number, ())):
            msg = f"an attribute of name {name}, type {number}, place {at}"
            raise CorruptDataError(msg)
        found.append((names[name], values[number][at]))
    return found
