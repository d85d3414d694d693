"""A file that is there twice is told of, once."""

import warnings

import pytest

import physlite
from physlite.exceptions import SameFileWarning
from physlite.running.copies import warn_of_copies
from physlite.running.weights import FileWeights
from support.many_files import many_files


def of(name, number):
    return FileWeights(name, (number, 1000, ""), (), None)


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
