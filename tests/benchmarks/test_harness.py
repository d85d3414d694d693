"""Figures, targets, and processes that do not live long enough."""

import psutil
import pytest

from harness import Comparison, Target, Way, measure

pytestmark = pytest.mark.checkout

NOBODY = Way("nowhere:nothing", {})


def compared(runs, targets=(), **more):
    comparison = Comparison("work", "detail", dict.fromkeys(runs, NOBODY), list(targets), **more)
    comparison.runs = runs
    return comparison


def test_figures_are_medians_of_runs_and_of_rounds():
    comparison = compared({"a": [[1, 9, 2], [4], [3, 3]]})
    assert comparison.figures("a") == [2, 4, 3]
    assert comparison.median("a") == 3


def test_targets_of_ratios_are_compared_round_by_round():
    # Medians of all would say 2 and 3: each round has a weather of its own.
    runs = {"a": [[1], [2], [30]], "b": [[2], [6], [60]]}
    least, most = Target("a", "least", 2, "b"), Target("b", "most", 2, "a")
    comparison = compared(runs, [least, most])
    assert comparison.value(least) == comparison.value(most) == 2
    assert comparison.meets(least)
    assert comparison.meets(most)
    assert not comparison.meets(Target("a", "least", 2.01, "b"))
    assert not comparison.meets(Target("b", "most", 1.99, "a"))


def test_targets_of_figures_themselves():
    comparison = compared({"a": [[1], [2], [30]]})
    assert comparison.value(Target("a", "most", 2)) == 2
    assert comparison.meets(Target("a", "most", 2))
    assert not comparison.meets(Target("a", "most", 1.9))


def test_targets_against_those_who_are_not_there_are_left_out():
    targets = [Target("a", "least", 2, "b"), Target("a", "least", 2, "c"), Target("a", "most", 3, "given")]
    comparison = compared({"a": [[1]], "b": [[2]]}, targets, given={"given": 5})
    assert [target.against for target in comparison.targets] == ["b", "given"]


WAYS = """
import os
from work import Child, Work

def text(output):
    return Work(lambda _: output, compared=lambda output: {"output": output})

def child():
    return Work(lambda _: Child("", 12345))

def dies_after(runs):
    left = [runs]
    def run(_):
        left[0] -= 1
        if left[0] < 0:
            os._exit(3)
    return Work(run)

def tells(warm):
    runs = []
    def run(_):
        runs.append(None)
        return len(runs)
    return Work(run, warm=warm, told=float)

def fails():
    raise ValueError("on purpose")
"""


@pytest.fixture
def ways(tmp_path, monkeypatch):
    (tmp_path / "made_ways.py").write_text(WAYS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda function, **arguments: Way(f"made_ways:{function}", arguments)


def test_all_have_as_many_runs_and_rounds(ways):
    comparison = Comparison("w", "d", {who: ways("text", output="x") for who in "ab"}, given={"limit": 0.5})
    measure(comparison, 3)
    assert comparison.runs["limit"] == [[0.5]] * 3
    numbers = [[len(runs) for runs in comparison.runs[who]] for who in "ab"]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == 3


def test_results_that_differ_are_an_error(ways):
    comparison = Comparison("w", "d", {who: ways("text", output=who) for who in "ab"})
    with pytest.raises(RuntimeError, match="results differ"):
        measure(comparison, 1)


def test_memory_is_that_of_the_child(ways):
    comparison = Comparison("w", "d", {"a": ways("child")}, unit="B")
    measure(comparison, 2)
    assert comparison.runs == {"a": [[12345], [12345]]}


@pytest.mark.parametrize("unit", ["s", "B"])
@pytest.mark.parametrize("way", [Way("os:_exit", {"status": 3}), Way("no_such_module:nothing", {})])
def test_a_process_that_dies_at_the_start(unit, way):
    with pytest.raises(RuntimeError, match=r"^b died: its traceback is above$"):
        measure(Comparison("w", "d", {"b": way}, unit=unit), 1)


@pytest.mark.parametrize("runs", [0, 1, 4])
def test_a_process_that_dies_in_the_middle(ways, runs):
    together = {"a": ways("text", output="x"), "b": ways("dies_after", runs=runs)}
    with pytest.raises(RuntimeError, match=r"^b died: its traceback is above$"):
        measure(Comparison("w", "d", together), 1)


def test_an_exception_is_shown(ways, capfd):
    with pytest.raises(RuntimeError, match=r"^b died"):
        measure(Comparison("w", "d", {"b": ways("fails")}), 1)
    assert "ValueError: on purpose" in capfd.readouterr().err


def test_no_process_stays(ways):
    before = psutil.Process().children()  # other tests have some
    with pytest.raises(RuntimeError):
        measure(Comparison("w", "d", {"a": ways("text", output="x"), "b": ways("fails")}), 1)
    assert set(psutil.Process().children()) <= set(before)


def test_seconds_may_be_told_by_the_run(ways):
    """And there is a run before those that count, unless nothing can be warm: the first of all is for the memory."""
    comparison = Comparison("work", "detail", {"warm": ways("tells", warm=True), "cold": ways("tells", warm=False)})
    measure(comparison, 1)
    assert [runs[0][0] for runs in (comparison.runs["warm"], comparison.runs["cold"])] == [5, 3]


def test_what_takes_long_has_fewer_rounds(ways):
    comparison = Comparison("work", "detail", {"a": ways("text", output="x")}, given={"b": 1}, most_rounds=2)
    measure(comparison, 7)
    assert {who: len(runs) for who, runs in comparison.runs.items()} == {"a": 2, "b": 2}
