"""The entry ranges in which a file is processed."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["chunks_of"]


def chunks_of(clusters: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Entry ranges of about `size` entries that begin and end with clusters, as (start, stop).

    The baskets or pages of a cluster are read as a whole, so that ranges that share one would read it twice. Where
    clusters are larger than `size`, so are the ranges.

    Args:
        clusters: the first entry of each, and the number of entries.
        size: entries that are wanted in a range.
    """
    out: list[tuple[int, int]] = []
    start = 0
    for i, end in enumerate(clusters[1:], 1):
        is_last = i == len(clusters) - 1
        # Whichever is nearer to what is wanted: to end here, or with the next.
        if end > start and (is_last or 2 * size <= (end - start) + (clusters[i + 1] - start)):
            out.append((start, end))
            start = end
    return out
