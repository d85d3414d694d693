"""Sums in an order of their own."""

from hypothesis import given
from hypothesis import strategies as st

from physlite.running.ordered import OrderedSum, branches


def joined(left, right):
    return f"({left}{right})"


def tree(begin, end):
    """The tree of RFC 6962, 2.1.1, written down as there."""
    if end - begin == 1:
        return f"{begin} "
    k = 1
    while 2 * k < end - begin:
        k *= 2
    return joined(tree(begin, begin + k), tree(begin + k, end))


def total(numbers):
    out = OrderedSum(joined)
    for i in numbers:
        out.append(f"{i} ")
    return out.total()


def test_nothing():
    assert OrderedSum(joined).total() is None


@given(st.integers(1, 300))
def test_one_by_one(number):
    assert total(range(number)) == tree(0, number)


@given(st.integers(1, 300), st.integers(0, 6))
def test_in_branches_of_a_size(number, power):
    """As groups of files are added, and the sums of groups."""
    size = 1 << power
    out = OrderedSum(joined)
    for begin in range(0, number, size):
        some = range(begin, min(begin + size, number))
        out.append(total(some))
    assert out.total() == tree(0, number)


@given(st.integers(0, 300), st.integers(0, 5))
def test_in_a_number_of_branches(number, power):
    """As the parts of a file are added."""
    out = OrderedSum(lambda one, other: one if other is None else other if one is None else joined(one, other))
    parts = list(branches(number, 1 << power))
    assert [i for part in parts for i in part] == list(range(number))
    for part in parts:
        out.append(total(part))
    assert out.total() == (tree(0, number) if number else None)


@given(st.integers(1, 10_000))
def test_few_sums_are_kept(number):
    out = OrderedSum(int.__add__)
    for _ in range(number):
        out.append(1)
        assert len(out._branches) <= number.bit_length()
    assert out.total() == number
