"""Files that were made of one another, by the UUIDs of their originals: whose sums of weights make the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

__all__ = ["counted_twice", "each_once", "same_original"]


def each_once(originals: Sequence[frozenset[str]]) -> list[int]:
    """Which files have the sums of weights of all of them together, each original once as far as that can be.

    Whatever was made of a file has the sums of all of its events before any selection. So a file adds nothing to
    others whose originals are all of its own.

    Args:
        originals: of each file the UUIDs of what it was made of, or its own; empty where it has none.
    """
    seen: set[str] = set()
    counted = []
    for i in sorted(range(len(originals)), key=lambda i: -len(originals[i])):
        if not originals[i] or not originals[i] <= seen:
            seen |= originals[i]
            counted.append(i)
    return sorted(counted)


def counted_twice(originals: Sequence[frozenset[str]]) -> set[str]:
    """The originals that count several times with `each_once`: no choice of these files has them once."""
    times = Counter(chain.from_iterable(originals[i] for i in each_once(originals)))
    return {original for original, number in times.items() if number > 1}


def same_original(one: str, other: str, original: str, *, counts_twice: bool) -> str:
    """What is to be known of two files of simulated events that were made of one."""
    lead = f"{one} and {other} have events of one file (UUID {original})"
    if counts_twice:
        return (
            f"{lead}, and each the sums of weights of all of its events, together with those of other files: these "
            "count twice, make one file with what both have"
        )
    return f"{lead}: its sum of weights counts once, and so should its events, make sure that no event is in both"
