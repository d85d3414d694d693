"""RNTuples that are written: pages of clusters, and the envelopes that describe them.

Format: ROOT's "RNTuple Binary Format Specification" 1.0, with the encodings that ROOT takes by default: numbers split
by bytes, offsets as differences. Each page has a checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray
from uproot.compression import compress

from physlite.interop.ntuplefields import ColumnKind, Field, FieldColumn, NtupleSchema
from physlite.interop.rootcontainer import RootContainer

__all__ = ["NtupleFile"]

_CLASS = "ROOT::RNTuple"
_CLASS_VERSION = 2
_VERSION = (1, 0, 0, 0)
_MOST_BYTES = 1 << 30  # of one record of the file; larger ones would have to be cut, and none here comes near

# As ROOT's RNTupleWriteOptions has it.
_PAGE_BYTES = 1 << 20

_HEADER, _FOOTER, _PAGE_LIST = 1, 2, 3
_REPEATED = 1  # flag of fields


class _Page(NamedTuple):
    """A page as it is stored, its checksum at its end."""

    elements: int
    stored: bytes


class NtupleFile:
    """An RNTuple that is being written into a ROOT file.

    Args:
        container: the file.
        name: of the ntuple.
        schema: its fields.
        threads: threads that compress.
    """

    def __init__(self, container: RootContainer, name: str, schema: NtupleSchema, threads: int) -> None:
        self._container = container
        self._name = name
        self._columns = schema.columns
        self._compression = container.compression
        self._elements = [0] * len(schema.columns)
        self._entries = 0
        self._groups: list[bytes] = []
        self._pool = ThreadPoolExecutor(threads)
        header = _envelope(_HEADER, bytes(8), *map(_string, (name, "", "physlite")), *_schema(schema))
        self._checksum = header[-8:]
        self._header = self._put(header)

    def add_cluster(self, entries: int, elements: Sequence[NDArray[Any]]) -> None:
        """Adds entries: the elements of each column, where ends of lists count from the cluster's first item."""
        pages = [_paged(column.kind, values) for column, values in zip(self._columns, elements, strict=True)]
        stored = self._pool.map(self._stored, chain.from_iterable(pages))
        cells = []
        for i, (values, its) in enumerate(zip(elements, pages, strict=True)):
            locators = []
            for page in (next(stored) for _ in its):
                at = self._container.blob(page.stored)
                # The number is negative where there is a checksum, which does not count to the size.
                locators.append(struct.pack("<iiQ", -page.elements, len(page.stored) - 8, at))
            cells.append(_list(locators, struct.pack("<qI", self._elements[i], self._setting)))
            self._elements[i] += len(values)
        summary = _record(struct.pack("<QQ", self._entries, entries))
        link = self._put(_envelope(_PAGE_LIST, self._checksum, _list([summary]), _list([_list(cells)])))
        self._groups.append(_record(struct.pack("<QQI", self._entries, entries, 1) + _link(link)))
        self._entries += entries

    def close(self) -> None:
        """Writes what describes the pages; the container is not closed."""
        self._pool.shutdown()
        nothing_later = _record(_list([]) * 4)
        footer = self._put(_envelope(_FOOTER, bytes(8), self._checksum, nothing_later, _list(self._groups)))
        links = [number for at, size, uncompressed in (self._header, footer) for number in (at, size, uncompressed)]
        numbers = struct.pack(">4H7Q", *_VERSION, *links, _MOST_BYTES)
        content = struct.pack(">IH", 0x40000000 | len(numbers) + 2, _CLASS_VERSION) + numbers
        checksum = struct.pack(">Q", xxhash.xxh3_64_intdigest(numbers))
        self._container.add(_CLASS, self._name, content + checksum, compressed=False)

    def abort(self) -> None:
        """Compresses nothing any more."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def _setting(self) -> int:
        return self._compression.code if self._compression else 0

    def _put(self, envelope: bytes) -> tuple[int, int, int]:
        """Where an envelope is: its place, its size there, and its own size."""
        stored = compress(envelope, self._compression)
        return self._container.blob(stored), len(stored), len(envelope)

    def _stored(self, page: tuple[ColumnKind, NDArray[Any]]) -> _Page:
        kind, elements = page
        stored = bytes(compress(_PACKINGS[kind.packing](elements), self._compression))
        return _Page(len(elements), stored + _checksum(stored))


def _paged(kind: ColumnKind, elements: NDArray[Any]) -> list[tuple[ColumnKind, NDArray[Any]]]:
    """The elements of a column in pages."""
    most = _PAGE_BYTES * 8 // kind.bits
    return [(kind, elements[first : first + most]) for first in range(0, len(elements), most)]


# ------------------------------------------------------------------------------------------------------------ elements


def _bits(elements: NDArray[Any]) -> bytes:
    return np.packbits(elements, bitorder="little").tobytes()


def _as_they_are(elements: NDArray[Any]) -> bytes:
    return elements.tobytes()


def _split(elements: NDArray[Any]) -> bytes:
    """All first bytes, then all second ones, and so on."""
    return np.ascontiguousarray(elements).view(np.uint8).reshape(-1, elements.itemsize).T.tobytes()


def _zigzag(elements: NDArray[Any]) -> bytes:
    """Small numbers have small codes, whichever sign they have."""
    return _split(elements << 1 ^ elements >> (8 * elements.itemsize - 1))


def _delta(elements: NDArray[Any]) -> bytes:
    return _split(np.diff(elements, prepend=elements.dtype.type(0)))


_PACKINGS: dict[str, Callable[[NDArray[Any]], bytes]] = {
    "": _as_they_are,
    "bits": _bits,
    "split": _split,
    "zigzag": _zigzag,
    "delta": _delta,
}


# ----------------------------------------------------------------------------------------------------------- envelopes


def _checksum(content: bytes) -> bytes:
    return struct.pack("<Q", xxhash.xxh3_64_intdigest(content))


def _envelope(kind: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = 8 + len(content) + 8  # its type and size, and its checksum
    payload = struct.pack("<Q", kind | size << 16) + content
    return payload + _checksum(payload)


def _link(envelope: tuple[int, int, int]) -> bytes:
    at, size, uncompressed = envelope
    return struct.pack("<QiQ", uncompressed, size, at)


def _record(content: bytes) -> bytes:
    return struct.pack("<q", 8 + len(content)) + content


def _list(parts: Iterable[bytes], end: bytes = b"") -> bytes:
    parts = list(parts)
    content = b"".join(parts) + end
    return struct.pack("<qI", -(12 + len(content)), len(parts)) + content


def _string(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<I", len(content)) + content


def _schema(schema: NtupleSchema) -> Iterator[bytes]:
    """The lists of fields, columns, aliases and further descriptions of types."""
    yield _list(map(_field, schema.fields))
    yield _list(map(_column, schema.columns))
    yield from [_list([])] * 2


def _field(field: Field) -> bytes:
    flags = _REPEATED if field.repetitions else 0
    numbers = struct.pack("<IIIHH", 0, 0, field.parent, field.role, flags)
    texts = b"".join(map(_string, (field.name, field.type_name, "", "")))
    return _record(numbers + texts + (struct.pack("<Q", field.repetitions) if flags else b""))


def _column(column: FieldColumn) -> bytes:
    return _record(struct.pack("<HHIHH", column.kind.number, column.kind.bits, column.field, 0, 0))
