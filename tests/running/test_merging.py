"""What has come of several parts or files, as one."""

from dataclasses import replace

import pytest

from physlite.exceptions import AddingError
from physlite.model.bookkeepers import WeightSum
from physlite.running.code import dumps
from physlite.running.merging import merged, of_one_file, value_of
from physlite.running.parts import Outcome
from physlite.running.records import FileRecord, Stage
from physlite.running.weights import FileWeights
from support.records import RECORD

WEIGHTS = FileWeights("/data/one.root", (0, 0, "1"), (410470,), WeightSum(1000, 1.0, 1.0))


def outcome(value, number=0):
    """Of a file with a number."""
    name = f"/data/{number}.root"
    content = b"" if value is None else dumps(value)
    return Outcome(content, (replace(RECORD, file=name),), (WEIGHTS._replace(file=name),))


def files(total):
    return [record.file for record in total.records]


# -------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("value", [3, {"n": [1, 2]}, "text", None])
def test_a_value(value):
    assert value_of(outcome(value)) == value


def test_several_add_up_in_their_order():
    total = merged([outcome([i], i) for i in range(5)])
    assert value_of(total) == [0, 1, 2, 3, 4]
    assert files(total) == [f"/data/{i}.root" for i in range(5)]
    assert [weights.file for weights in total.weights] == files(total)


def test_the_order_of_additions_is_that_of_a_tree():
    """Of five, the first four are a branch: (a + b) + (c + d), and then e."""
    a, b, c, d, e = values = [1e16, 1.0, 1.0, 1.0, 0.1]
    total = value_of(merged([outcome(value) for value in values]))
    assert total == ((a + b) + (c + d)) + e
    assert ((a + b) + c) + d != (a + b) + (c + d)


def test_neighbours_may_be_merged_before():
    values = [0.1 * 3**i for i in range(11)]
    all_at_once = merged([outcome(value, i) for i, value in enumerate(values)])
    groups = [merged([outcome(values[i], i) for i in range(first, min(first + 4, 11))]) for first in (0, 4, 8)]
    assert merged(groups) == all_at_once


def test_one_is_what_it_was():
    one = outcome(3)
    assert merged([one]) is one


def test_files_that_failed_are_left_out():
    total = merged([outcome(1, 0), None, outcome(4, 2), None])
    assert value_of(total) == 5
    assert files(total) == ["/data/0.root", "/data/2.root"]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_all_have_failed(number):
    assert merged([None] * number) == Outcome(b"", (), ())


def test_an_analysis_that_returns_nothing():
    total = merged([outcome(None, 0), outcome(None, 1)])
    assert (total.value, value_of(total)) == (b"", None)
    assert files(total) == ["/data/0.root", "/data/1.root"]
    assert value_of(merged([outcome(None), outcome(3), outcome(None)])) == 3


def test_what_does_not_add_up():
    with pytest.raises(AddingError, match=r"^the result\['n'\]: int and dict do not add up"):
        merged([outcome({"n": 1}), outcome({"n": {}})])


# --------------------------------------------------------------------------------------------------------------- parts


def part(value, **changed):
    return Outcome(dumps(value), (replace(RECORD, **changed),))


def test_parts_of_a_file_are_one_record():
    first = replace(part(1), weights=(WEIGHTS,))  # they come with the first part alone
    second = part(2, events=500, chunks=1, columns=("a", "b"), worker="two:2", attempts=2, bad_links=2)
    total = of_one_file([first, second])
    assert value_of(total) == 3
    assert total.weights == (WEIGHTS,)
    assert total.records == (
        FileRecord(
            dataset="ttbar",
            file="/data/one.root",
            events=1500,
            chunks=3,
            bytes=6_000_000,
            requests=20,
            retries=2,
            stages=(Stage(1.0, 0.5), Stage(3.0, 0.0), Stage(0.5, 1.0), Stage(0.5, 1.0), Stage(2.0, 2.0)),
            wall=8.0,
            worker="one:1 and others",
            attempts=2,
            columns=("a", "b", "c"),
            prefetched_bytes=2_000_000,
            bad_links=2,
        ),
    )


def test_parts_that_one_worker_has_processed():
    assert of_one_file([part(1), part(2)]).records[0].worker == "one:1"


def test_a_file_in_one_part():
    one = part(1)
    assert of_one_file([one]) is one
