"""The tests can fail: the comparison they rest on sees a change of one value, one type, one missing value."""

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.formats import reader
from support import data, oracle
from support.compare import assert_same, difference

ARRAY = ak.Array([[{"x": 1.5, "s": "a"}, {"x": np.nan, "s": "bb"}], [], [{"x": -0.0, "s": ""}]])


def _changed(change):
    layout = ak.to_packed(ARRAY, highlevel=False)
    form, length, buffers = ak.to_buffers(layout)
    buffers = {key: buffer.copy() for key, buffer in buffers.items()}
    change(buffers)
    return ak.from_buffers(form, length, buffers)


def _first(buffers, dtype):
    return next(b for b in buffers.values() if b.dtype == dtype)


def test_equal_arrays_have_no_difference():
    assert difference(ARRAY, _changed(lambda _: None)) == ""
    assert difference(ARRAY[1:], ARRAY[ak.Array([1, 2])]) == ""
    assert difference(np.arange(6).reshape(2, 3), ak.to_regular(ak.Array([[0, 1, 2], [3, 4, 5]]))) == ""
    assert difference(ak.with_name(ARRAY, "Thing"), ARRAY) == ""


def _another_value(buffers):
    _first(buffers, np.float64)[0] += 1e-15


def _another_nan(buffers):
    _first(buffers, np.float64)[1:2].view(np.uint64)[0] ^= 1


def _another_zero(buffers):
    _first(buffers, np.float64)[2] = 0.0


def _another_letter(buffers):
    _first(buffers, np.uint8)[0] = ord("b")


@pytest.mark.parametrize("change", [_another_value, _another_nan, _another_zero, _another_letter])
def test_one_changed_bit_is_a_difference(change):
    found = difference(ARRAY, _changed(change))
    assert found.startswith("array[]")
    with pytest.raises(AssertionError, match=r"column: array\[\]"):
        assert_same(ARRAY, _changed(change), "column")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([[1], [2, 3]], [[1, 2], [3]]),
        ([1, 2], [1, 2, 3]),
        ([1, None], [1, 0]),
        ([1, None, 2], [1, 2, None]),
        (np.float32([1]), np.float64([1])),
        (np.int32([1]), np.uint32([1])),
        (np.int8([1]), np.array([True])),
        ([{"a": 1}], [{"b": 1}]),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
        ([{"a": 1}], [1]),
        (np.zeros((2, 3)), ak.Array([[0.0] * 3] * 2)),
        (["a"], [[97]]),
        (ak.Array(["a"]), ak.Array([b"a"])),
        ([[]], [[[]]]),
    ],
    ids=["lists", "length", "none", "other none", "float", "sign", "bool", "name", "order", "record", "regular",
         "string", "bytes", "depth"],
)  # fmt: skip
def test_other_structures_and_types_are_differences(left, right):
    left, right = ak.Array(left), ak.Array(right)
    assert difference(left, right)
    assert difference(right, left)


def test_the_comparison_with_uproot_notices_a_decoder_that_is_wrong(monkeypatch):
    """One bit of one value of a column that is read."""
    decode = reader.ColumnReader._decode

    def wrong(*arguments):
        for buffers in decode(*arguments):
            buffers[-1].view(np.uint8)[7] ^= 1
            yield buffers

    name = "AnalysisElectronsAuxDyn.pt"
    expected = oracle.column(data.R24, name)
    assert_same(physlite.open(data.path_of(data.R24)).array(name), expected)
    monkeypatch.setattr(reader.ColumnReader, "_decode", wrong)
    with pytest.raises(AssertionError):
        assert_same(physlite.open(data.path_of(data.R24)).array(name), expected)
