"""A file that is there twice is told of, once."""

import warnings
from uuid import UUID

import pytest

import physlite
from physlite.exceptions import SameFileWarning
from physlite.interop import convert
from physlite.running.copies import warn_of_copies
from physlite.running.weights import FileWeights
from support.many_files import many_files


def of(name, number, *originals, is_data=False):
    made_of = tuple(str(UUID(int=original)) for original in originals)
    return FileWeights(name, (number, 1000, ""), (), None, is_data=is_data, originals=made_of)


def told(datasets):
    with pytest.warns(SameFileWarning) as caught:
        warn_of_copies(datasets)
    (warning,) = caught
    return str(warning.message)


def test_two_names_in_a_dataset():
    assert told({"a": [of("x.root", 1), of("y.root", 2), of("copy.root", 1)]}) == (
        "dataset a: x.root and copy.root are the same file: its events are counted twice, leave one out"
    )


def test_two_names_in_two_datasets():
    assert told({"a": [of("x.root", 1)], "b": [of("y.root", 1)]}) == (
        "datasets a and b: x.root and y.root are the same file: its events are counted twice, leave one out"
    )


def test_many_are_told_of_in_one_line():
    files = [of(f"{i}.root", i) for i in range(1000)]
    copies = [of(f"copy.{i}.root", i) for i in range(1000)]
    said = told({"a": files, "b": copies})
    assert said.startswith("datasets a and b: 0.root and copy.0.root are the same file (and 999 more): ")


def test_one_name_in_two_datasets_is_wanted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_copies({"a": [of("x.root", 1), of("y.root", 2)], "b": [of("x.root", 1)]})


TWO_SKIMS = [of("a.parquet", 10, 1, 2), of("b.parquet", 11, 3), of("c.parquet", 12, 2)]


def test_two_files_made_of_one():
    assert told({"a": TWO_SKIMS}) == (
        "dataset a: a.parquet and c.parquet have events of one file (UUID 00000000-0000-0000-0000-000000000002), and "
        "each the sums of weights of all of its events: these count twice, make one file with what both have, or a "
        "dataset of each"
    )


@pytest.mark.parametrize("is_data", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_a_file_beside_what_was_made_of_it(order, is_data):
    files = [of("x.root", 1, is_data=is_data), of("a.parquet", 10, 1, is_data=is_data)][::order]
    what = "they are counted twice, leave one out" if is_data else "and each the sums of weights of all of its events"
    assert what in told({"a": files})


@pytest.mark.parametrize(
    "datasets",
    [
        {"a": TWO_SKIMS[:1], "b": TWO_SKIMS[1:]},  # each has the right sums
        {"a": [of("a.parquet", 10, 1, is_data=True), of("b.parquet", 11, 1, is_data=True)]},  # events may be different
        {"a": [TWO_SKIMS[0], TWO_SKIMS[0]]},  # one name
    ],
)
def test_what_was_made_of_one_file_and_is_right(datasets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_copies(datasets)


def test_many_skims_are_told_of_in_one_line():
    skims = [of(f"{i}.parquet", 10 + i, 1) for i in range(1000)]
    assert ", and each the sums of weights of all of its events (and 998 more): these count twice" in told({"a": skims})


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_a_run_over_two_skims(tmp_path, suffix):
    (file,) = many_files(tmp_path, 1)
    skims = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for i, skim in enumerate(skims):
        convert(file, skim, collections="EventInfo", select=lambda events, i=i: events.EventInfo.eventNumber % 2 == i)
    with pytest.warns(SameFileWarning, match=f"^dataset a: .*a.{suffix} and .*b.{suffix} have events of one file"):
        result = physlite.run(len, {"a": skims}, workers=0)
    assert result.value == 2000
    assert result.by_dataset["a"].sum_of_weights == 2 * physlite.open(file).metadata.sum_of_weights()


def test_a_run_with_a_copy(tmp_path):
    first, second = many_files(tmp_path, 2)
    copy = tmp_path / "copy.root"
    copy.write_bytes(first.read_bytes())
    with pytest.warns(
        SameFileWarning, match=r"^datasets a and b: .*000.root and .*copy.root are the same file"
    ) as caught:
        result = physlite.run(len, {"a": [first, second], "b": [copy]}, workers=0)
    assert result.value == 6000  # it is counted, as was asked for
    assert caught[0].filename == __file__
