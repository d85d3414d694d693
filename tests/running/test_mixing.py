"""Files that do not belong into one dataset are told of, once."""

import warnings

import pytest

import physlite
from physlite.exceptions import MixedTagsWarning
from physlite.running.mixing import warn_of_mixed
from physlite.running.weights import FileWeights
from support import data


def of(name, tag, channel=410470):
    return FileWeights(name, (0, 0, name), (channel,) if channel else (), None, tag=tag, is_data=channel is None)


def told(datasets):
    with pytest.warns(MixedTagsWarning) as caught:
        warn_of_mixed(datasets)
    (warning,) = caught
    return str(warning.message)


def test_different_tags():
    assert told({"a": [of("x.root", "p1"), of("y.root", "p1"), of("z.root", "p2")]}) == (
        "dataset a: x.root has the AMI tag p1, z.root has p2: their sums are added, but the same events may be there "
        "twice, processed differently, or campaigns may be mixed"
    )


def test_data_and_simulation():
    assert told({"a": [of("x.root", "p1"), of("y.root", "p2", None)]}) == (
        "dataset a: y.root is of data, x.root of simulation: their results are added, make a dataset of each"
    )


def test_many_are_told_of_in_one_line():
    said = told({name: [of("x.root", "p1"), of("y.root", "p2")] for name in "abc"})
    assert said.startswith("dataset a: x.root has ")
    assert said.endswith(" (and in 2 more datasets)")


def test_what_belongs_together():
    """Tags that are not known differ from none; several processes, and data of several years, may be one dataset."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_mixed(
            {
                "a": [of("x.root", "p1"), of("y.root", ""), of("z.root", "p1")],
                "b": [of("u.root", "p2"), of("t.root", "p3", 700320)],
                "data": [of("v.root", "p1", None), of("w.root", "p2", None)],
            }
        )


def test_a_run_over_two_processings():
    """As `sum` of the metadata of these files has it."""
    files = [data.path_of(name) for name in (data.R21, data.R22)]
    with pytest.warns(
        MixedTagsWarning, match=r"^dataset ttbar: .*_21\.2.* has the AMI tag r10724.* has r13145"
    ) as caught:
        physlite.run(len, {"ttbar": files}, workers=0)
    assert caught[0].filename == __file__
