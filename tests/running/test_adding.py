"""How results of several files add up."""

import dataclasses
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


def test_tables_of_pandas_go_behind_each_other():
    pd = pytest.importorskip("pandas")
    assert add(pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]}))["x"].tolist() == [1, 2]


def test_what_has_to_be_the_same():
    assert add("ee", "ee") == "ee"
    assert add(True, True) is True
    with pytest.raises(
        AddingError, match=r"^the result\['name'\] is 'ee' for some events and 'μμ' for others: texts and"
    ):
        add({"name": "ee"}, {"name": "μμ"})


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"a": object()}, {"a": object()}, r"^the result\['a'\]: object do not add up \(unsupported operand"),
        ((1, 2), (1,), r"^the result has 2 members for some events and 1 for others"),
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
