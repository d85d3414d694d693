"""Sums in an order that does not depend on who finishes first, or on how many took part.

Numbers of finite precision add up to other bits in another order. The order here is that of a binary tree over the
numbers 0 to n - 1 of the summands: the left branch has the largest power of two below n, and so has each branch of
its own (the tree of RFC 6962, 2.1.1). Any 2^k summands from a multiple of 2^k on are a branch, so that they can be
added by themselves, wherever that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

__all__ = ["OrderedSum", "branches"]

T = TypeVar("T")


class OrderedSum(Generic[T]):
    """Adds what comes in order, with as few as possible of the sums in memory: one for each level of the tree.

    Args:
        add: adds two of them.
    """

    def __init__(self, add: Callable[[T, T], T]) -> None:
        self._add = add
        self._branches: list[tuple[int, T]] = []  # complete ones, the larger first, and how many each has

    def append(self, value: T) -> None:
        """The next summand.

        Sums of as many summands each, a power of two, add up to the same as the summands; the last may be of fewer.
        """
        self._branches.append((1, value))
        while len(self._branches) > 1 and self._branches[-2][0] == self._branches[-1][0]:
            (size, left), (_, right) = self._branches[-2:]
            self._branches[-2:] = [(2 * size, self._add(left, right))]

    def total(self) -> T | None:
        """The sum of all; None of nothing."""
        if not self._branches:
            return None
        *others, (_, total) = self._branches
        for _, value in reversed(others):
            total = self._add(value, total)
        return total


def branches(number: int, parts: int) -> Iterator[range]:
    """The numbers below `number` in `parts` branches of the tree, a power of two; those at the end may be empty."""
    yield from _split(0, number, parts)


def _split(begin: int, end: int, parts: int) -> Iterator[range]:
    if parts == 1:
        yield range(begin, end)
        return
    number = end - begin
    middle = begin + (1 << (number - 1).bit_length() - 1 if number > 1 else number)
    yield from _split(begin, middle, parts // 2)
    yield from _split(middle, end, parts // 2)
