"""What every object of an event knows of itself: its event, and the element link that names it.

Two fields of each object that are not shown among the others. `EVENT` holds a number for the file above the entry's
number in it; `LINK` the key of the object's container above its index in it.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EVENT",
    "HIDDEN",
    "LINK",
    "event_ids",
    "file_token",
    "first_event_id",
    "own_links",
    "shown",
    "split_event",
]

EVENT = "_event"
LINK = "_link"
HIDDEN = (EVENT, LINK)

# 37 bits are enough for no two files of an analysis to be taken for one another, 26 for the events of a file of 500 GB.
_ENTRY_BITS = 26
_TOKEN_BYTES = 5
_TOKEN_BITS = 37


def file_token(identity: tuple[int, int, str]) -> int:
    """A number of 37 bits for a file, the same wherever it is opened; `identity`: see `ColumnStore.identity`."""
    digest = hashlib.blake2b(repr(identity).encode(), digest_size=_TOKEN_BYTES).digest()
    return int.from_bytes(digest, "big") >> (8 * _TOKEN_BYTES - _TOKEN_BITS)


def event_ids(token: int, start: int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`EVENT` of the objects of the entries from `start` on, which have `counts` objects.

    Raises:
        OverflowError: more entries than the field can number.
    """
    if start + len(counts) > 1 << _ENTRY_BITS:
        msg = f"entry {start + len(counts)}: only the first {1 << _ENTRY_BITS} entries of a file can have links"
        raise OverflowError(msg)
    first = first_event_id(token, start)
    return np.repeat(np.arange(first, first + len(counts), dtype=np.int64), counts)


def first_event_id(token: int, start: int) -> int:
    """`EVENT` of the objects of an entry."""
    return (token << _ENTRY_BITS) + start


def split_event(event: Any) -> tuple[Any, Any]:
    """The file's number and the entry's in `EVENT`."""
    return event >> _ENTRY_BITS, event & ((1 << _ENTRY_BITS) - 1)


def own_links(key: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """`LINK` of the objects of a container whose events begin at these offsets."""
    return np.arange(offsets[-1], dtype=np.int64) - np.repeat(offsets[:-1], np.diff(offsets)) + (key << 32)


def shown(fields: list[str]) -> list[str]:
    """The fields without those that objects have for our own use."""
    return [field for field in fields if field not in HIDDEN]
