"""Results of an analysis outlive the files that they are of."""

import dataclasses
import pickle
from collections import Counter, OrderedDict, defaultdict
from typing import NamedTuple

import awkward as ak
import hist
import numpy as np
import pytest

import physlite
from physlite.model.objects import HIDDEN
from physlite.model.source import SOURCE
from physlite.running.detaching import detached


@pytest.fixture
def file():
    with physlite.open(physlite.sample()) as file:
        yield file


@pytest.fixture
def electrons(file):
    return file.events(0, 100).Electrons


def has_hidden(array):
    return any(name in ak.fields(array) or name in array.layout.form.columns() for name in HIDDEN)


def test_an_array_is_read(file, electrons):
    pt = detached(electrons.pt)
    expected = electrons.pt.tolist()
    file.close()
    assert pt.tolist() == expected
    assert not ak.to_layout(pt).is_unknown
    assert SOURCE not in pt.attrs


def test_objects_keep_what_they_can_do_by_themselves(file, electrons):
    chosen = electrons[["pt", "eta", "phi", "m"]]
    mass = (chosen[:, :1] + chosen[:, :1]).mass.tolist()
    found = detached(chosen)
    file.close()
    assert found.fields == ["pt", "eta", "phi", "m"]
    assert (found[:, :1] + found[:, :1]).mass.tolist() == mass


def test_of_a_file_they_know_nothing_more(electrons):
    """Nor does what is sent, which would have the events of the file in it."""
    found = detached(electrons[["pt", "eta"]])
    assert has_hidden(electrons[["pt", "eta"]])
    assert not has_hidden(found)
    assert found.layout.form.columns() == ["pt", "eta"]


def test_what_is_not_wanted_is_dropped(electrons):
    """What is left has places for four offsets and two numbers."""
    few = ak.combinations(electrons[["pt"]], 2)[:3]
    assert ak.num(few).tolist() == [1, 0, 0]
    assert detached(few).nbytes == 4 * 8 + 2 * 4
    assert detached(few)["1"].pt.tolist() == few["1"].pt.tolist()


def test_a_record(electrons):
    first = electrons[["pt", "eta"]][0, 0]
    found = detached(first)
    assert isinstance(found, ak.Record)
    assert found.tolist() == {"pt": first.pt, "eta": first.eta}
    assert not has_hidden(ak.Array(found.layout.array))


def test_records_that_are_not_of_the_file(electrons):
    """Which have the user's fields, and objects inside."""
    pairs = ak.zip({"one": electrons[["pt"]], "number": ak.local_index(electrons.pt)})
    found = detached(pairs)
    assert found.layout.form.columns() == ["one.pt", "number"]
    assert found.number.tolist() == ak.local_index(electrons.pt).tolist()


def test_combinations(electrons):
    pairs = ak.combinations(electrons[["pt"]], 2)
    found = detached(pairs)
    assert ak.to_layout(found).form.columns() == ["0.pt", "1.pt"]
    assert found["0"].pt.tolist() == pairs["0"].pt.tolist()


# ------------------------------------------------------------------------------------------------ arrays within results


@dataclasses.dataclass(frozen=True)
class Selection:
    name: str
    pt: ak.Array
    number: int = dataclasses.field(init=False, default=3)


class Pair(NamedTuple):
    first: ak.Array
    second: int


@pytest.mark.parametrize(
    ("inside", "get"),
    [
        (lambda pt: {"a": {"b": pt}}, lambda found: found["a"]["b"]),
        (lambda pt: OrderedDict(a=pt), lambda found: found["a"]),
        (lambda pt: defaultdict(list, a=pt), lambda found: found["a"]),
        (lambda pt: [1, pt], lambda found: found[1]),
        (lambda pt: (pt, 1), lambda found: found[0]),
        (lambda pt: Pair(pt, 1), lambda found: found.first),
        (lambda pt: Selection("a", pt), lambda found: found.pt),
    ],
    ids=["mappings", "sorted mappings", "mappings with defaults", "lists", "tuples", "named tuples", "dataclasses"],
)
def test_arrays_are_found_in(electrons, inside, get):
    before = inside(electrons[["pt"]])
    found = detached(before)
    assert type(found) is type(before)
    assert SOURCE not in get(found).attrs
    assert SOURCE in get(before).attrs  # that of the user is as it was
    assert get(found).pt.tolist() == electrons.pt.tolist()


HISTOGRAM = hist.Hist.new.Reg(2, 0, 1).Double()


@pytest.mark.parametrize("value", [3, "text", None, np.arange(3), HISTOGRAM, {1, 2}, Counter(a=1)], ids=repr)
def test_everything_else_stays_what_it_is(value):
    assert detached(value) is value


def test_a_dataclass_without_arrays_stays_what_it_is():
    selection = Selection("a", 3)
    assert detached(selection) is selection


def test_the_file_is_not_in_what_is_sent(file, electrons):
    content = pickle.dumps(detached({"a": electrons[["pt"]]}))
    assert file.name.encode() not in content
    file.close()
    assert pickle.loads(content)["a"].pt.tolist() == physlite.events(file.name, 0, 100).Electrons.pt.tolist()  # noqa: S301
