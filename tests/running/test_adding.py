"""How results of several files add up."""

import dataclasses
import enum
import functools
from collections import Counter, defaultdict
from typing import NamedTuple

import awkward as ak
import hist
import numpy as np
import pytest

from physlite.exceptions import AddingError
from physlite.running.adding import add, check


@dataclasses.dataclass(frozen=True)
class Channel:
    name: str
    passed: int
    masses: np.ndarray


class Pair(NamedTuple):
    first: int
    second: list


def histogram(*values):
    return hist.Hist(hist.axis.Regular(4, 0, 4)).fill(list(values))


def test_numbers():
    assert add(1, 2) == 3
    assert add(1, 0.5) == 1.5
    assert add(np.float32(1), np.float64(2)) == 3.0


def test_integers_become_as_wide_as_there_are():
    """As many as there are events in many files do not fit into small ones."""
    assert add(np.int32(2**31 - 1), np.int32(1)) == 2**31
    assert add(np.uint8(200), np.uint8(100)) == 300
    assert add(np.array(100, np.int8), 100) == 200
    assert add(np.uint64(2**63), np.uint64(1)) == 2**63 + 1
    with pytest.raises(AddingError, match=r"^the result\['n'\]: int64 do not add up \(.*too large"):
        add({"n": np.int64(2**63 - 1)}, {"n": np.int64(1)})


def test_none_is_the_sum_of_none():
    assert add(None, 3) == 3
    assert add(3, None) == 3
    assert add(None, None) is None


def test_histograms():
    assert add(histogram(1), histogram(1, 2)) == histogram(1, 1, 2)


def test_arrays_go_behind_each_other():
    assert add(np.array([1, 2]), np.array([3])).tolist() == [1, 2, 3]
    assert add(ak.Array([[1], []]), ak.Array([[2, 3]])).tolist() == [[1], [], [2, 3]]
    assert add(np.array(1), np.array(2)) == 3
    assert add([1], [2, 3]) == [1, 2, 3]


def test_masks_stay_masks():
    summed = add(np.ma.array([1, 2], mask=[False, True]), np.ma.array([3], mask=[True]))
    assert summed.tolist() == [1, None, None]
    assert add(np.array([1]), np.ma.array([3], mask=[True])).tolist() == [1, None]


def test_arrays_of_both_kinds_go_behind_each_other():
    assert add(ak.Array([1]), np.array([2])).tolist() == [1, 2]
    assert add(ak.Array([1, None]), ak.Array([2])).tolist() == [1, None, 2]
    assert add(ak.Array([]), ak.Array([{"pt": 1}])).tolist() == [{"pt": 1}]


def test_histograms_with_categories_that_grow():
    def filled(*names):
        h = hist.Hist(hist.axis.StrCategory([], growth=True, name="c"), storage=hist.storage.Weight())
        return h.fill(c=list(names), weight=2.0)

    for one, other in (("a", "b"), ("b", "c")), (("b", "c"), ("a", "b")), ((), ("a", "b")):
        summed, whole = add(filled(*one), filled(*other)), filled(*one, *other)
        assert list(summed.axes[0]) == list(whole.axes[0])
        assert summed == whole


def test_sets_are_united():
    assert add({1, 2}, {2, 3}) == {1, 2, 3}


def test_mappings_key_by_key():
    left = {"a": 1, "b": {"h": histogram(1)}}
    right = {"b": {"h": histogram(2)}, "c": 5}
    assert add(left, right) == {"a": 1, "b": {"h": histogram(1, 2)}, "c": 5}
    assert left == {"a": 1, "b": {"h": histogram(1)}}, "neither is changed"


def test_mappings_of_other_classes_stay_what_they_are():
    assert add(Counter(a=1), Counter(a=2, b=1)) == Counter(a=3, b=1)
    summed = add(defaultdict(int, a=1), defaultdict(int, b=2))
    assert isinstance(summed, defaultdict)
    assert summed == {"a": 1, "b": 2}


def test_accumulators_of_coffea():
    accumulator = pytest.importorskip("coffea.processor").accumulator
    left = accumulator.dict_accumulator({"n": accumulator.defaultdict_accumulator(int, {"x": 1})})
    right = accumulator.dict_accumulator({"n": accumulator.defaultdict_accumulator(int, {"x": 2, "y": 3})})
    assert add(left, right) == {"n": {"x": 3, "y": 3}}


def test_members_of_tuples_and_dataclasses():
    assert add((1, [2]), (3, [4])) == (4, [2, 4])
    assert add(Pair(1, [2]), Pair(3, [4])) == Pair(4, [2, 4])
    summed = add(Channel("ee", 1, np.array([1.0])), Channel("ee", 2, np.array([2.0])))
    assert (summed.name, summed.passed, summed.masses.tolist()) == ("ee", 3, [1.0, 2.0])


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """Members that `__init__` does not take, or that it changes."""

    limit: dataclasses.InitVar[int]
    passed: int = 0
    seen: int = dataclasses.field(default=0, init=False)

    def __post_init__(self, limit):
        object.__setattr__(self, "passed", min(self.passed, limit))
        object.__setattr__(self, "seen", self.passed + 1)


def test_members_are_added_as_they_are():
    summed = add(Counts(5, 4), Counts(5, 9))
    assert (summed.passed, summed.seen) == (9, 11)


@dataclasses.dataclass
class Fraction:
    passed: int
    total: int

    @functools.cached_property
    def efficiency(self):
        return self.passed / self.total


def test_what_was_computed_of_members_is_computed_again():
    one = Fraction(1, 2)
    assert one.efficiency == 0.5
    assert add(one, Fraction(2, 2)).efficiency == 0.75
    assert one.efficiency == 0.5


class Kind(enum.IntEnum):
    DATA = 1
    SIMULATION = 2


def test_tables_of_pandas_go_behind_each_other():
    pd = pytest.importorskip("pandas")
    assert add(pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]}))["x"].tolist() == [1, 2]


def test_what_has_to_be_the_same():
    assert add("ee", "ee") == "ee"
    assert add(True, True) is True
    assert add(Kind.DATA, Kind.DATA) is Kind.DATA
    with pytest.raises(AddingError, match="texts and flags have to be the same for all"):
        add(Kind.DATA, Kind.SIMULATION)
    with pytest.raises(
        AddingError, match=r"^the result\['name'\] is 'ee' for some events and 'μμ' for others: texts and"
    ):
        add({"name": "ee"}, {"name": "μμ"})


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"a": object()}, {"a": object()}, r"^the result\['a'\]: object do not add up \(unsupported operand"),
        ((1, 2), (1,), r"^the result has 2 members for some events and 1 for others"),
        (np.array([1, 2]), [3], r"^the result: ndarray and list do not add up \(they are of different kinds\)"),
        (ak.Array([1, 2]), 3, r"^the result: Array and int do not add up \(they are of different kinds\)"),
        (histogram(1), 1, r"^the result: Hist and int do not add up \(they are of different kinds\)"),
        (True, 1, r"^the result: bool and int do not add up \(they are of different kinds\)"),
        (histogram(1), hist.Hist(hist.axis.Regular(5, 0, 1)), r"all need the same axes and storage; only axes of cat"),
        ([1], 2, r"^the result: list and int do not add up"),
        (np.zeros((1, 2)), np.zeros((1, 3)), r"^the result: arrays that do not go behind each other"),
        (histogram(1), hist.Hist(hist.axis.Regular(5, 0, 1)), r"^the result: Hist do not add up"),
    ],
)
def test_what_does_not_add_up(one, other, said):
    with pytest.raises(AddingError, match=said):
        add(one, other)


def test_a_single_result_tells_whether_it_would():
    check({"n": 1, "h": histogram()})
    with pytest.raises(AddingError, match=r"the result\['f'\]: function do not add up"):
        check({"f": lambda: 0})
