"""Digests are of values, not of layouts."""

import awkward as ak
import numpy as np
import pytest

from digest import digest

pytestmark = pytest.mark.checkout

LISTS = ak.Array([[1, 2], [], [3]])


def of(array):
    return digest({"a": array})


@pytest.mark.parametrize(
    "same",
    [
        LISTS[[0, 1, 2]],
        ak.concatenate([LISTS, LISTS])[:3],
        ak.Array(LISTS.layout.to_ListOffsetArray64(start_at_zero=True)),
        ak.Array([[0], [1, 2], [], [3]])[1:],
    ],
)
def test_layouts_do_not_count(same):
    assert of(same) == of(LISTS)


@pytest.mark.parametrize("other", [[[1, 2], [3], []], [[1, 2], [], [4]], [[1, 2, 3]], [[1.0, 2], [], [3]][:2]])
def test_lists_and_values_count(other):
    assert of(ak.Array(other)) != of(LISTS)


def test_missing_items_count():
    some = ak.Array([1, None, 3])
    assert of(some) == of(ak.Array(ak.to_layout(some).to_ByteMaskedArray(valid_when=True)))
    assert of(some) != of(ak.Array([1, 3]))
    assert of(some) != of(ak.Array([None, 1, 3]))


def test_lists_of_records_are_as_records_of_lists():
    records = ak.zip({"x": LISTS, "y": LISTS * 2})
    assert of(records) == of({"X.x": records.x, "X.y": records.y})
    assert of(records) != of({"x": records.y, "y": records.x})


def test_fixed_arrays_and_text():
    assert of(ak.Array(np.ones((2, 3)))) == of(ak.from_numpy(np.ones((2, 3)), regulararray=True))
    assert digest({"a": "x"}) != digest({"a": "y"})
