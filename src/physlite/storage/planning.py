"""From ranges to the fewer and larger ones that are asked for, and back."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from physlite.storage._source import Range

__all__ = ["coalesce", "scatter"]


def coalesce(ranges: Sequence[Range], gap: int) -> list[Range]:
    """The spans that cover all ranges, in the order of the file; those with at most `gap` bytes between them are one.

    Ranges may come in any order, overlap and be empty; empty ones need no span.
    """
    spans: list[Range] = []
    begin = end = -1
    for offset, size in sorted(r for r in ranges if r.size):
        if end >= 0 and offset <= end + gap:
            end = max(end, offset + size)
            continue
        if end >= 0:
            spans.append(Range(begin, end - begin))
        begin, end = offset, offset + size
    if end >= 0:
        spans.append(Range(begin, end - begin))
    return spans


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
