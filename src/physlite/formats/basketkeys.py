"""The keys of baskets: what stands in front of the bytes of a basket in a file (TKey::Streamer)."""

from __future__ import annotations

import struct

__all__ = ["without_place"]

_HEAD = struct.Struct(">iHiIHH")  # bytes, version, bytes of the object, date, bytes of the key, cycle
_DATE = slice(10, 14)
_BIG = 1000  # versions from here on have offsets of 8 bytes
_CLASS = b"\x07TBasket"


def without_place(basket: bytes) -> bytes:
    """A basket with the date and the offsets in its key set to zero.

    So baskets of the same content are the same, from whichever file they are. What begins with no such key stays as
    it is.
    """
    if len(basket) < _HEAD.size:
        return basket
    size, version, *_ = _HEAD.unpack_from(basket)
    places = slice(_HEAD.size, _HEAD.size + (16 if version > _BIG else 8))
    if size != len(basket) or basket[places.stop :][: len(_CLASS)] != _CLASS:
        return basket
    found = bytearray(basket)
    for part in (_DATE, places):
        found[part] = bytes(part.stop - part.start)
    return bytes(found)
