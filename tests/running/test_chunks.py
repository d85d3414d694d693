"""The entry ranges in which a file is processed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.running.chunks import chunks_of


@pytest.mark.parametrize(
    ("clusters", "size", "chunks"),
    [
        ([0, 500, 1000, 1500, 2000], 1000, [(0, 1000), (1000, 2000)]),
        ([0, 500, 1000, 1500, 2000], 10, [(0, 500), (500, 1000), (1000, 1500), (1500, 2000)]),
        ([0, 500, 1000, 1500, 2000], 10_000, [(0, 2000)]),
        ([0, 500, 1000, 1500], 1000, [(0, 1000), (1000, 1500)]),
        ([0, 2000], 100, [(0, 2000)]),
        ([0], 100, []),
        ([0, 0], 100, []),
        ([0, 0, 10], 100, [(0, 10)]),
    ],
)
def test_of_a_size(clusters, size, chunks):
    assert chunks_of(clusters, size) == chunks


@given(st.lists(st.integers(0, 1000), max_size=50), st.integers(1, 5000))
def test_each_entry_once_with_whole_clusters(sizes, size):
    clusters = [0, *np.cumsum(sizes).tolist()]
    chunks = chunks_of(clusters, size)
    assert [start for start, _ in chunks] == [0, *(stop for _, stop in chunks)][: len(chunks)]
    assert (chunks[-1][1] if chunks else 0) == clusters[-1]
    assert {x for chunk in chunks for x in chunk} <= set(clusters)
    assert all(start < stop for start, stop in chunks)
    largest = max(sizes, default=0)
    assert all(stop - start <= max(size + largest / 2, largest) for start, stop in chunks)
