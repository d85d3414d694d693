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


SKIMS = [of("a.parquet", 10, 1, 2), of("b.parquet", 11, 3), of("c.parquet", 12, 2)]


def test_a_file_made_of_one_of_several():
    """The sums of all are in the first."""
    assert told({"a": SKIMS}) == (
        "dataset a: a.parquet and c.parquet have events of one file (UUID 00000000-0000-0000-0000-000000000002): its "
        "sum of weights counts once, and so should its events, make sure that no event is in both"
    )


def test_files_made_of_several_of_which_they_share_one():
    assert told({"a": [*SKIMS[:1], of("d.parquet", 13, 2, 4)]}) == (
        "dataset a: a.parquet and d.parquet have events of one file (UUID 00000000-0000-0000-0000-000000000002), and "
        "each the sums of weights of all of its events, together with those of other files: these count twice, make "
        "one file with what both have"
    )


@pytest.mark.parametrize("is_data", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_a_file_beside_what_was_made_of_it(order, is_data):
    files = [of("x.root", 1, is_data=is_data), of("a.parquet", 10, 1, is_data=is_data)][::order]
    said = told({"a": files})
    assert ("its sum of weights counts once" in said) != is_data
    assert ("a.parquet, which was made of it, have the same events: they are counted twice" in said) == is_data


@pytest.mark.parametrize(
    "datasets",
    [
        {"a": SKIMS[:1], "b": SKIMS[1:]},
        {"a": [of("a.parquet", 10, 1, is_data=True), of("b.parquet", 11, 1, is_data=True)]},  # events may be different
        {"a": [SKIMS[0], SKIMS[0]]},  # one name
    ],
)
def test_what_was_made_of_one_file_and_is_right(datasets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_copies(datasets)


def test_all_files_that_have_something_in_common_are_counted():
    skims = [of(f"{i}.parquet", 10 + i, 1) for i in range(1000)]
    assert told({"a": skims}).endswith("make sure that no event is in both (and 998 more)")
    chain = [of("1.parquet", 11, 1), of("2.parquet", 12, 1, 2), of("3.parquet", 13, 2)]
    assert told({"a": chain}).endswith("(and 1 more)")


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_a_run_over_two_skims(tmp_path, suffix):
    """The sum of weights is that of the file that they were made of."""
    (file,) = many_files(tmp_path, 1)
    skims = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for i, skim in enumerate(skims):
        convert(file, skim, collections="EventInfo", select=lambda events, i=i: events.EventInfo.eventNumber % 2 == i)
    with pytest.warns(SameFileWarning, match=f"^dataset a: .*a.{suffix} and .*b.{suffix} have events of one file"):
        result = physlite.run(len, {"a": skims}, workers=0)
    assert result.value == 2000
    with physlite.open(file) as original:
        assert result.by_dataset["a"].sum_of() == original.metadata.sum_of()


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
