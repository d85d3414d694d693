"""From ranges to the fewer and larger ones that are asked for, and back."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np

from physlite.storage._source import Range

__all__ = ["both_ends", "coalesce", "scatter"]

# Bytes that are not worth a request of their own, whose headers and answer's headers are as long.
_NEAR = 1 << 10


def coalesce(ranges: Sequence[Range], gap: int, enough: int = 1) -> list[Range]:
    """The spans that cover all ranges, in the order of the file.

    Where there are more than `enough` of them, those with the smallest gaps between them are joined, as long as a gap
    has no more than `gap` bytes; below that many, more spans are no loss: they are read at the same time.

    Ranges may come in any order, overlap and be empty; empty ones need no span.
    """
    covered = sorted(r for r in ranges if r.size)
    if not covered:
        return []
    begin, size = np.array(covered, dtype=np.int64).T
    end = np.maximum.accumulate(begin + size)
    between = begin[1:] - end[:-1]
    # The gap up to which all have to be joined so that enough are left: that of the last that is joined.
    surplus = int((between > 0).sum()) + 1 - enough
    needed = np.partition(between[between > 0], surplus - 1)[surplus - 1] if surplus > 0 else 0
    apart = np.flatnonzero(between > min(max(needed, _NEAR), gap))
    first, last = np.concatenate([[0], apart + 1]), np.concatenate([apart, [len(begin) - 1]])
    return [Range(a, b - a) for a, b in zip(begin[first].tolist(), end[last].tolist(), strict=True)]


def both_ends(size: int, head: int, tail: int) -> list[Range]:
    """The first and the last bytes of a file of so many; they overlap in a small one."""
    return [Range(0, min(head, size)), Range(max(size - tail, 0), min(tail, size))]


def scatter(ranges: Sequence[Range], spans: Sequence[Range], memory: Sequence[memoryview]) -> list[memoryview]:
    """Views of the ranges, in their order, in what was read of the spans that `coalesce` made of them."""
    begins = [span.offset for span in spans]
    out = []
    for offset, size in ranges:
        if not size:
            out.append(memoryview(b""))
            continue
        which = bisect.bisect_right(begins, offset) - 1
        at = offset - begins[which]
        out.append(memory[which][at : at + size])
    return out
