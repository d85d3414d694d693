"""Reads DER (ITU-T X.690), as much of it as attribute certificates take; lengths are checked before use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

__all__ = ["GENERALIZED_TIME", "OBJECT_IDENTIFIER", "OCTET_STRING", "SEQUENCE", "SET", "Element", "read_der"]

OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_LONG_TAG = (
    0x1F  # all lower bits set: the tag goes on in the next bytes (X.690, 8.1.2.4); nothing that is read here does
)
_LONG_LENGTH = 0x80  # the other bits say how many bytes of length follow; 0x80 alone, no end in sight, is not DER
_MOST_LENGTH_BYTES = 4


class Element(NamedTuple):
    """A tag, as the byte that stands in the file, and the content behind its length."""

    tag: int
    content: bytes

    def require(self, tag: int) -> Element:
        """Itself, if it has that tag."""
        if self.tag != tag:
            msg = f"tag {self.tag:#04x} where {tag:#04x} should be"
            raise ValueError(msg)
        return self

    def children(self) -> list[Element]:
        """The elements that the content consists of."""
        found = []
        position = 0
        while position < len(self.content):
            element, position = _next(self.content, position)
            found.append(element)
        return found

    def child(self, index: int, tag: int) -> Element:
        """The element at a place, if it has that tag."""
        children = self.children()
        if index >= len(children):
            msg = f"{len(children)} elements, of which number {index} is needed"
            raise ValueError(msg)
        return children[index].require(tag)

    def text(self) -> str:
        """The content as text; control characters are refused, since it is shown to people."""
        text = self.content.decode("utf-8")
        if not text.isprintable():
            msg = "text with control characters"
            raise ValueError(msg)
        return text

    def time(self) -> datetime:
        """The content as a time to the second in UTC, the only form in certificates (RFC 5280, 4.1.2.5.2)."""
        # strptime alone takes fewer digits, too.
        text = self.require(GENERALIZED_TIME).text()
        if len(text) != len("20260131235959Z"):
            msg = "a time of another form than 20260131235959Z"
            raise ValueError(msg)
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def read_der(data: bytes) -> Element:
    """The element that the bytes are.

    Raises:
        ValueError: they are not one element, as in all methods of elements.
    """
    element, end = _next(data, 0)
    if end != len(data):
        msg = f"{len(data) - end} bytes behind the end"
        raise ValueError(msg)
    return element


def _next(data: bytes, start: int) -> tuple[Element, int]:
    """The element that starts there, and where the next one would."""
    if start + 2 > len(data):
        msg = "ends in the middle of an element"
        raise ValueError(msg)
    tag, length = data[start], data[start + 1]
    begin = start + 2
    if tag & _LONG_TAG == _LONG_TAG:
        msg = f"a long tag ({tag:#04x})"
        raise ValueError(msg)
    if length & _LONG_LENGTH:
        count = length - _LONG_LENGTH
        if not 1 <= count <= _MOST_LENGTH_BYTES:
            msg = f"a length of {count} bytes"
            raise ValueError(msg)
        length = int.from_bytes(data[begin : begin + count])
        begin += count
    if begin + length > len(data):
        msg = "ends in the middle of an element"
        raise ValueError(msg)
    return Element(tag, data[begin : begin + length]), begin + length
