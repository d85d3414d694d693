"""Cutflows against counting event by event, how they add up, and what they look like."""

import io
import json
import math
import pickle
import shutil
import warnings

import awkward as ak
import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import physlite
from physlite.analysis import Cutflow, CutflowTable, event_weights
from physlite.exceptions import AddingError, SameFileWarning
from support import data

STEPS = ("two leptons", "opposite charges", "mass window")


def slow_counts(weights, masks, factors=None):
    """Name, events, Σw and Σw² of each step, as one would count event by event."""
    rows = [[name, 0, [], []] for name in ("all events", *masks)]
    for i, weight in enumerate(weights):
        current = float(weight)
        for row, mask in zip(rows, [None, *masks.values()], strict=True):
            if mask is not None and mask[i] is not True:
                break
            if mask is not None and factors and row[0] in factors:
                current *= factors[row[0]][i]
            row[1] += 1
            row[2].append(current)
            row[3].append(current * current)
    return [(name, count, math.fsum(w), math.fsum(w2)) for name, count, w, w2 in rows]


def counted(flow):
    return [tuple(step) for step in flow.steps]


def assert_same(flow, expected):
    for step, (name, count, weight, squared) in zip(flow.steps, expected, strict=True):
        assert (step.name, step.events) == (name, count)
        assert step.weights == pytest.approx(weight, rel=1e-12, abs=1e-12, nan_ok=True)
        assert step.weights_squared == pytest.approx(squared, rel=1e-12, abs=1e-12, nan_ok=True)


def example(weights=(1.0, 2.0, -1.0, 4.0), masks=((1, 1, 1, 0), (1, 0, 1, 1))):
    flow = Cutflow(np.array(weights))
    for name, mask in zip(STEPS, masks, strict=False):
        flow.add(name, np.array(mask, bool))
    return flow


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_of_real_files(name):
    events = physlite.events(data.path_of(name))
    weights = event_weights(events)
    leading = ak.firsts(events.Jets.pt)
    flow = Cutflow(weights)
    flow.add("an electron or a muon", ak.num(events.Electrons) + ak.num(events.Muons) > 0)
    flow.add("a jet of 40 GeV", leading > 40_000)  # None where there is no jet
    masks = {
        "an electron or a muon": [
            len(e) + len(m) > 0 for e, m in zip(events.Electrons.pt.to_list(), events.Muons.pt.to_list(), strict=True)
        ],
        "a jet of 40 GeV": [bool(jets) and jets[0] > 40_000 for jets in events.Jets.pt.to_list()],
    }
    assert_same(flow, slow_counts(weights.tolist(), masks))
    assert flow.passed.tolist() == [a and b for a, b in zip(*masks.values(), strict=True)]
    assert ak.num(events.Jets[flow.passed], axis=0) == flow.steps[-1].events


# Weights and factors in eighths: their products, the squares and the sums of these have no more than 53 bits, so that
# nothing is rounded, in whatever order they are added.
WEIGHTS = st.integers(-(2**18), 2**18).map(lambda eighths: eighths / 8)
FACTORS = st.integers(4, 16).map(lambda eighths: eighths / 8)


@given(
    st.lists(
        st.tuples(WEIGHTS, st.sampled_from([True, False, None]), st.booleans(), FACTORS, st.booleans()), max_size=30
    )
)
def test_of_made_events(rows):
    weights, first, second, factor, third = ([row[i] for row in rows] for i in range(5))
    flow = Cutflow(np.array(weights, float))
    flow.add(
        "first", ak.mask(np.array([x is True for x in first], bool), np.array([x is not None for x in first], bool))
    )
    flow.add("second", np.array(second, bool), weights=np.array(factor, float))
    flow.add("third", ak.Array(np.array(third, bool)))
    masks = {"first": first, "second": second, "third": third}
    assert counted(flow) == slow_counts(weights, masks, {"second": factor})


def test_what_does_not_pass_does_not_count():
    """Not even where its weight is no number."""
    flow = Cutflow(np.array([1.0, np.nan]))
    flow.add("good", np.array([True, False]))
    assert math.isnan(flow["all events"].weights)
    assert flow["good"].weights == 1.0


def test_weights_of_later_steps():
    """Scale factors of objects that have been chosen."""
    flow = Cutflow([1.0, 2.0, 3.0])
    flow.add("lepton", np.array([True, True, False]), weights=[0.5, 2.0, 1000.0])
    flow.add("jet", np.array([False, True, True]))
    assert counted(flow)[1:] == [("lepton", 2, 4.5, 16.25), ("jet", 1, 4.0, 16.0)]
    assert flow.weights.tolist() == [0.5, 4.0, 3000.0]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.array([True]), "the mask of step 'x' has 1 values for 4 events: it is of all events"),
        (np.array([1, 0, 1, 1]), "the mask of step 'x' is of int64, not of True and False: compare it"),
        (np.ones((4, 1), bool), "the mask of step 'x' has 2 dimensions: one value an event is expected"),
        (ak.Array([[True], [], [True], []]), "the mask of step 'x' has 2 dimensions: reduce lists of objects"),
    ],
    ids=["length", "type", "dimensions", "lists"],
)
def test_what_is_no_mask(mask, said):
    with pytest.raises(ValueError, match=said):
        example().add("x", mask)
    flow = example()
    with pytest.raises(ValueError, match="cutflow has a step 'two leptons' already"):
        flow.add("two leptons", np.ones(4, bool))
    assert flow == example(), "an error changes nothing"


def test_what_are_no_weights():
    with pytest.raises(ValueError, match="the weight has None for some events: give them a number"):
        Cutflow(ak.Array([1.0, None]))
    with pytest.raises(ValueError, match="the weight of step 'x' has 1 values for 4 events"):
        example().add("x", np.ones(4, bool), weights=[1.0])


def test_arguments_that_are_others():
    events = physlite.events(data.path_of(data.SAMPLE))
    for objects, name in ((events, "EventsArray"), (events.Electrons, "ElectronArray")):
        with pytest.raises(
            TypeError, match=rf"^the weight is {name}, no numbers: give one value an event, as event_wei"
        ):
            Cutflow(objects)
        with pytest.raises(TypeError, match=rf"^the mask of step 'x' is {name}, no numbers: give one value an event"):
            example().add("x", objects)
    with pytest.raises(TypeError, match=r"^the name of a step is a text, not ndarray: add\(name, mask\)$"):
        example().add(np.ones(4, bool), "x")
    for flows, name in (([example()], "list"), (example(), "Cutflow")):
        with pytest.raises(TypeError, match=rf"^cutflows are shown by name, as in CutflowTable\(.*\), not as {name}$"):
            CutflowTable(flows)
    with pytest.raises(TypeError, match=r"^'ttbar' is no cutflow, but dict: take out of it what Cutflow has made$"):
        CutflowTable({"ttbar": {"cutflow": example()}})


# ------------------------------------------------------------------------------------------------------------ adding


def test_parts_add_up():
    one, other = example(), example(weights=(0.5, 0.5), masks=((1, 0), (1, 1)))
    both = one + other
    assert counted(both) == [
        ("all events", 6, 7.0, 22.5),
        ("two leptons", 4, 2.5, 6.25),
        ("opposite charges", 3, 0.5, 2.25),
    ]
    assert sum([one, other]) == both
    assert counted(one) == counted(example()), "neither is changed"


def test_the_sum_of_none():
    assert Cutflow() + example() == example() + Cutflow() == sum([example()]) == example()
    assert Cutflow() + Cutflow() == Cutflow()
    assert len(Cutflow()) == 0
    assert repr(Cutflow()).splitlines()[0].startswith("step")


def test_of_no_events():
    empty = example(weights=(), masks=((), ()))
    assert [step.events for step in empty.steps] == [0, 0, 0]
    assert empty + example() == example()
    assert "–" in repr(empty)


def test_different_steps_do_not_add_up():
    flow = example()
    for other, said in (
        (example(masks=((1, 1, 1, 0),)), "step 3 is 'opposite charges' in one, missing in the other"),
        (Cutflow(np.ones(3)), "step 2 is 'two leptons' in one, missing in the other"),
    ):
        with pytest.raises(AddingError, match=f"^cutflows of different steps: {said}: add the same ones to all$"):
            flow + other
    renamed = Cutflow(np.ones(1))
    renamed.add("three leptons", np.ones(1, bool))
    with pytest.raises(AddingError, match="step 2 is 'three leptons' in one, 'two leptons' in the other"):
        renamed + flow
    with pytest.raises(TypeError, match="unsupported operand"):
        flow + 1


def test_what_was_added_up_takes_no_more_steps():
    for flow in (example() + example(), example() * 2, pickle.loads(pickle.dumps(example())), Cutflow()):  # noqa: S301
        with pytest.raises(ValueError, match="takes no more steps: add them all where the events are"):
            flow.add("more", np.ones(4, bool))
        with pytest.raises(ValueError, match="takes no more steps"):
            flow.passed  # noqa: B018  # asked for


def test_scaling():
    flow = example() * 2
    assert flow == 2.0 * example() == np.float64(2) * example()
    assert counted(flow)[1] == ("two leptons", 3, 4.0, 24.0)
    assert flow["two leptons"].error == 2 * example()["two leptons"].error


def analysis(events):
    flow = Cutflow(event_weights(events))
    flow.add("electron", ak.num(events.Electrons) > 0)
    jets = hist.Hist(hist.axis.Regular(4, 0, 4, name="jets"), storage=hist.storage.Weight())
    return {"cutflow": flow, "jets": jets.fill(ak.num(events.Jets)[flow.passed], weight=flow.weights[flow.passed])}


def test_in_a_run(tmp_path):
    """Of chunks and files, here and in other processes."""
    for i in range(2):
        shutil.copy(data.path_of(data.SAMPLE), tmp_path / f"{i}.root")
    whole = analysis(physlite.events(data.path_of(data.SAMPLE)))["cutflow"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SameFileWarning)
        for workers in (0, 2):
            result = physlite.run(analysis, str(tmp_path / "*.root"), workers=workers, chunk_size=700)
            assert_same(result.value["cutflow"], [tuple(step) for step in (whole + whole).steps])


# ----------------------------------------------------------------------------------------------------------- showing


def test_to_dict():
    columns = json.loads(json.dumps(example().to_dict()))
    assert columns == {
        "step": ["all events", "two leptons", "opposite charges"],
        "events": [4, 3, 2],
        "weights": [6.0, 2.0, 0.0],
        "weights_squared": [22.0, 6.0, 2.0],
    }


def test_as_text():
    assert repr(example() * 1000).splitlines() == [
        "step              events       weighted  of previous  of all",
        "----------------  ------  -------------  -----------  ------",
        "all events             4  6,000 ± 4,690",
        "two leptons            3  2,000 ± 2,449       33.33%  33.33%",
        "opposite charges       2      0 ± 1,414        0.00%   0.00%",
    ]
    assert "0.020 ± 0.024" in repr(example() * 1e-2)


def test_side_by_side():
    table = CutflowTable({"ttbar": example(), "zll": example() * 10})
    assert repr(table).splitlines() == [
        "step                  ttbar      zll",
        "----------------  ---------  -------",
        "all events        6.0 ± 4.7  60 ± 47",
        "two leptons       2.0 ± 2.4  20 ± 24",
        "opposite charges  0.0 ± 1.4   0 ± 14",
    ]
    with pytest.raises(AddingError, match="step 3 is 'opposite charges' in a, missing in b"):
        CutflowTable({"a": example(), "b": example(masks=((1, 1, 1, 0),))})


def test_on_terminals_and_in_notebooks():
    flow = Cutflow(np.ones(3))
    flow.add("pT < 5 & [b]bold[/b]", np.ones(3, bool))
    assert "<td style='text-align:left'>pT &lt; 5 &amp; [b]bold[/b]</td>" in flow._repr_html_()
    console = Console(file=io.StringIO(), width=120)
    console.print(flow)
    shown = console.file.getvalue()
    assert "pT < 5 & [b]bold[/b]" in shown
    assert "100.00%" in shown
