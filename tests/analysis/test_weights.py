"""Weights of events against the file's own columns and sums, and results that are scaled to a luminosity."""

import dataclasses
import math
import shutil
import warnings
from typing import NamedTuple

import awkward as ak
import boost_histogram as bh
import hist
import numpy as np
import pytest

import physlite
from physlite.analysis import (
    Band,
    Cutflow,
    GoodRuns,
    Luminosity,
    data_run_number,
    event_weights,
    is_simulation,
    jets,
    pileup_weight,
    scale_of,
    scaled,
)
from physlite.exceptions import ColumnNotFoundError, MetadataNotFoundError, SameFileWarning
from physlite.running.result import DatasetResult
from physlite.running.weights import FileWeights
from physlite.units import fb, nb, pb, ub
from support import data

WITH_NAMES = (data.R21, data.R22, data.R24, data.RNTUPLE, data.SAMPLE)


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_nominal_weights(name):
    events = physlite.events(data.path_of(name))
    weights = event_weights(events)
    assert weights.dtype == np.float64
    assert weights.tolist() == [each[0] for each in events.EventInfo.mcEventWeights.to_list()]
    assert event_weights(events[3:5]).tolist() == weights[3:5].tolist()
    assert event_weights(events[weights > 1]).tolist() == weights[weights > 1].tolist()
    assert event_weights(events[:0]).tolist() == []


@pytest.mark.parametrize("name", WITH_NAMES)
def test_variations_by_index_and_by_name(name):
    with physlite.open(data.path_of(name)) as file:
        events = file.events()
        names = file.metadata.weight_names
        columns = np.array(events.EventInfo.mcEventWeights.to_list())
        for index in {1, len(names) - 1}:
            assert event_weights(events, variation=index).tolist() == columns[:, index].tolist()
            if names.count(names[index]) == 1:
                of_name = event_weights(events, variation=f" {names[index]} ")
                assert of_name.tolist() == columns[:, index].tolist()
                assert of_name.sum() == pytest.approx(file.metadata.sum_of_weights(names[index]), rel=1e-9)


def test_variations_that_are_not_there():
    events = physlite.events(data.path_of(data.R21))
    for name, near in (("nominl", "; nearest: nominal"), ("zzz", "")):
        said = rf"no weight '{name}'{near}; the file's 217 names are in metadata\.weight_names of physlite\.open$"
        with pytest.raises(MetadataNotFoundError, match=rf"21\.2\.108\.0_mc\.root: {said}"):
            event_weights(events, variation=name)
    for index in (217, -1):
        with pytest.raises(
            MetadataNotFoundError, match=f"no weight {index} in EventInfo.mcEventWeights: there are 217"
        ):
            event_weights(events, variation=index)
    with pytest.raises(MetadataNotFoundError, match="the array does not know its file any more, give the index"):
        event_weights(ak.Array([{"EventInfo": {"mcEventWeights": [1.0]}}]), variation="nominal")


def test_files_that_do_not_name_their_weights():
    with pytest.raises(
        MetadataNotFoundError, match=r"_mc\.root: no weight 'nominal': the file does not name its weights"
    ):
        event_weights(physlite.events(data.path_of(data.TREE_ONLY)), variation="nominal")


@pytest.mark.parametrize("variation", [True, np.True_, 1.0, None, [1]])
def test_variations_are_numbers_or_names(variation):
    events = physlite.events(data.path_of(data.SAMPLE))[:2]
    with pytest.raises(TypeError, match=r"^a weight variation is the index or the name of a weight, not ") as raised:
        event_weights(events, variation=variation)
    assert "\n" not in str(raised.value)
    assert event_weights(events, variation=np.int64(1)).tolist() == event_weights(events, variation=1).tolist()


def test_what_are_no_events():
    events = physlite.events(data.path_of(data.SAMPLE))
    good = GoodRuns([(1, 1, 1)])
    for recipe in (event_weights, is_simulation, pileup_weight, data_run_number, good.passed):
        for objects, said in (
            (
                events.Electrons,
                "Electron: these are no events, and have no EventInfo: give events with it, as physlite",
            ),
            (events[["Jets"]], "these events have no EventInfo: give events with it"),
        ):
            with pytest.raises(ColumnNotFoundError, match=f"^{said}"):
                recipe(objects)
    with pytest.raises(
        ColumnNotFoundError, match=r"^Electron: these are no events, and have no EventInfo: give events"
    ):
        jets.clean_events(events.Electrons, "LooseBad")


def test_masked_events():
    events = physlite.events(data.path_of(data.R24))[:4]
    for mask in ([True, False, True, True], [False] * 4):
        for variation in (1, "nominal"):
            weights = event_weights(ak.mask(events, mask), variation=variation)
            expected = events.EventInfo.mcEventWeights[:, 1].to_list()
            assert weights.tolist() == [weight if kept else None for weight, kept in zip(expected, mask, strict=True)]


def test_names_are_for_events_of_one_file():
    """The same name is at different places in files; the array of both knows only the first of them."""
    parts = [physlite.events(data.path_of(name))[:3] for name in (data.R24, data.R22)]
    both = ak.concatenate(parts)
    by_name = [event_weights(part, variation="nominal") for part in parts]
    assert [part.EventInfo.mcEventWeights[:, at].to_list() for part, at in zip(parts, (1, 0), strict=True)] == [
        weights.tolist() for weights in by_name
    ]
    with pytest.raises(ValueError, match=r"^a weight by its name, of events from several files in one array"):
        event_weights(both, variation="nominal")
    assert event_weights(both, variation=1).tolist() == both.EventInfo.mcEventWeights[:, 1].to_list()


def test_names_are_for_pieces_of_a_file_in_any_order():
    events = physlite.events(data.path_of(data.SAMPLE))[:3]
    name = "muR = 1.0, muF = 2.0"
    again = ak.concatenate([events[2:], events[:2]])
    assert event_weights(again, variation=name).tolist() == event_weights(events, variation=name)[[2, 0, 1]].tolist()


def test_normalisation_is_that_of_the_guide():
    """docs/how-to/metadata.md has it step by step."""
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        events = file.events()
        weights = event_weights(
            events,
            cross_section=1901.1,
            filter_efficiency=0.5,
            k_factor=1.2,
            luminosity=36.6 / fb,
            sum_of_weights=file.metadata.sum_of_weights(),
        )
        assert weights.sum() == pytest.approx(
            ak.sum(events.EventInfo.mcEventWeights[:, 0])
            * 1901.1
            * 0.5
            * 1.2
            * 36_600
            / file.metadata.sum_of_weights(),
            rel=1e-6,
        )


@pytest.mark.parametrize(
    ("recipe", "columns"),
    [
        (event_weights, {"mcEventWeights", "eventTypeBitmask"}),
        (pileup_weight, {"PileupWeight_NOSYS"}),
        (data_run_number, {"runNumber", "RandomRunNumber", "eventTypeBitmask"}),
        (GoodRuns([(1, 1, 1)]).passed, {"runNumber", "lumiBlock", "eventTypeBitmask"}),
    ],
    ids=["weights", "pileup", "runs", "good-runs"],
)
def test_no_other_columns_are_read(recipe, columns):
    with physlite.open(data.path_of(data.RNTUPLE)) as file:
        before = file.source.stats.bytes
        recipe(file.events())
        stored = sum(file._store.stored_bytes(file.collections["EventInfo"].fields[name]) for name in columns)
        assert file.source.stats.bytes - before <= stored


def test_a_normalisation_has_all_parts():
    events = physlite.events(data.path_of(data.SAMPLE))
    with pytest.raises(
        ValueError, match=r"^a normalisation needs cross_section, luminosity, sum_of_weights: luminosity"
    ):
        event_weights(events, cross_section=1.0, sum_of_weights=1.0)
    with pytest.raises(ValueError, match=r"sum_of_weights: luminosity and sum_of_weights are missing$"):
        event_weights(events, cross_section=1.0)
    for value in (0.0, math.nan):
        with pytest.raises(ValueError, match=rf"^these events cannot be normalised: the sum of weights is {value:g}$"):
            event_weights(events, cross_section=1.0, luminosity=1.0, sum_of_weights=value)


@pytest.mark.parametrize(
    ("name", "value", "kind", "said"),
    [
        ("cross_section", -1.0, ValueError, r"cross_section is -1\.0{}: it cannot be negative$"),
        ("luminosity", -2, ValueError, r"luminosity is -2: it cannot be negative$"),
        (
            "filter_efficiency",
            1.5,
            ValueError,
            r"filter_efficiency is 1\.5{}: it is a share of events, above 0 and at ",
        ),
        (
            "filter_efficiency",
            0,
            ValueError,
            r"filter_efficiency is 0{}: it is a share of events, above 0 and at most 1$",
        ),
        ("filter_efficiency", -0.5, ValueError, r"filter_efficiency is -0\.5{}: it is a share of events"),
        ("cross_section", math.nan, TypeError, r"cross_section is nan{}, which is not a number: give it one$"),
        ("k_factor", math.inf, TypeError, r"k_factor is inf{}, which is not a number: give it one$"),
        ("luminosity", math.nan, TypeError, r"luminosity is nan, which is not a number: give it one$"),
        ("luminosity", "36.6", TypeError, r"luminosity is '36\.6', which is not a number: write it without quotes"),
    ],
)
def test_what_a_normalisation_cannot_be(name, value, kind, said):
    events = physlite.events(data.path_of(data.SAMPLE))[:2]
    parts = {"cross_section": 1.0, "luminosity": 1.0, "sum_of_weights": 1.0, name: value}
    with pytest.raises(kind, match=f"^these events: {said.format('')}"):
        event_weights(events, **parts)
    luminosity = parts.pop("luminosity")
    del parts["sum_of_weights"]
    with pytest.raises(kind, match=f"^dataset ttbar: {said.format(' in its metadata')}"):
        scale_of(dataset(**parts), luminosity)
    assert scale_of(dataset(cross_section=0.0, filter_efficiency=1, k_factor=-1), 0.0) == 0


@pytest.mark.parametrize(
    ("name", "right"),
    [
        *(
            (name, "cross_section")
            for name in ("xsec", "crosssection", "crossSection", "cross_section_pb", "crossection")
        ),
        *((name, "filter_efficiency") for name in ("filter_eff", "genFiltEff", "filterEfficiency", "filter_efficency")),
        *((name, "k_factor") for name in ("kfactor", "kFactor", "K_factor", "k-factor", "k_factors")),
    ],
)
def test_misspelt_factors_are_told(name, right):
    with pytest.raises(
        MetadataNotFoundError, match=rf"^dataset ttbar: '{name}' in its metadata would .*: call it {right}$"
    ):
        scale_of(dataset(**{"cross_section": 1.0, name: 2.0}), 1.0)


def test_other_metadata_is_not_misspelt():
    others = (
        "cross_section_error",
        "cross_section_source",
        "k_factor_up",
        "process",
        "campaign",
        "factor",
        "efficiency",
    )
    assert scale_of(dataset(cross_section=1.0, **dict.fromkeys(others, "x")), 50.0) == 1.0
    assert scale_of(dataset(is_data=True, xsec=1.0), 50.0) == 1.0


def test_data_have_one():
    """As the same events without what simulation alone has."""
    events = ak.Array([{"EventInfo": {"runNumber": 300000, "eventTypeBitmask": 0}}] * 3)
    assert event_weights(events).tolist() == [1, 1, 1]
    assert event_weights(events, cross_section=1, luminosity=1, sum_of_weights=1).tolist() == [1, 1, 1]


def test_data_with_the_empty_column_of_simulation():
    """As when they stand in one array with simulated events."""
    of_data = {"eventTypeBitmask": 0, "mcEventWeights": []}
    events = ak.Array([{"EventInfo": of_data}, {"EventInfo": {"eventTypeBitmask": 1, "mcEventWeights": [2.0, 3.0]}}])
    assert event_weights(events[:1]).tolist() == [1]
    assert event_weights(events).tolist() == [1, 2]
    assert event_weights(events, variation=1, cross_section=5, luminosity=2, sum_of_weights=1).tolist() == [1, 30]
    assert is_simulation(events).tolist() == [False, True]


def test_simulated_events_have_weights():
    with pytest.raises(ColumnNotFoundError, match=r"^these events have no EventInfo\.mcEventWeights"):
        event_weights(ak.Array([{"EventInfo": {"runNumber": 284500, "eventTypeBitmask": 1}}]))


def test_units():
    assert (nb, pb, ub) == (1000 * pb, 1, 1000 * nb)
    assert 36.6 / fb == pytest.approx(36_600 / pb)


# ----------------------------------------------------------------------------------------------------------- datasets


@dataclasses.dataclass(frozen=True)
class Channel:
    name: str
    flow: Cutflow
    events: int


class Pair(NamedTuple):
    mass: hist.Hist
    masses: np.ndarray


@dataclasses.dataclass
class OneDataset:
    """As `Result.by_dataset` has them."""

    name: str
    value: object
    metadata: dict
    is_data: bool
    sum_of_weights: float


def dataset(value=None, *, is_data=False, sum_of_weights=50.0, **metadata):
    return OneDataset("ttbar", value, metadata, is_data, sum_of_weights)


def flow():
    cutflow = Cutflow(np.array([1.0, 2.0]))
    cutflow.add("one", np.array([True, False]))
    return cutflow


def histogram(storage):
    return hist.Hist(hist.axis.Regular(2, 0, 2, name="x"), storage=storage).fill([0.5, 0.5, 1.5], weight=[1, 2, 4])


def test_the_scale_of_a_dataset():
    assert scale_of(dataset(cross_section=5.0), 100.0) == 10.0
    assert scale_of(dataset(cross_section=5.0, filter_efficiency=0.5, k_factor=3.0), 100.0) == 15.0
    assert scale_of(dataset(cross_section=5.0, campaign="mc20a"), {"mc20a": 100.0, "mc20d": 1.0}) == 10.0
    assert scale_of(dataset(cross_section=np.float32(5), k_factor=np.int64(3)), 100.0) == 30.0
    assert scale_of(dataset(is_data=True), 100.0) == 1.0
    luminosity = Luminosity([276262, 276329], [30.0, 70.0])
    assert float(luminosity) == luminosity.total
    assert scale_of(dataset(cross_section=5.0), luminosity) == 10.0
    assert scale_of(dataset(cross_section=5.0, campaign="mc20a"), {"mc20a": luminosity}) == 10.0


def test_what_a_scale_needs():
    for found, luminosity, said in (
        (dataset(), 1.0, r"^dataset ttbar: no cross_section in its metadata: Dataset\('ttbar', …, cross_section=…\)$"),
        (dataset(cross_section=1.0), {"mc20a": 1.0}, "^dataset ttbar: no campaign in its metadata"),
        (dataset(cross_section=1.0, campaign="x"), {"mc20a": 1.0}, "no luminosity of campaign 'x': there are mc20a$"),
        (dataset(cross_section=1.0, campaign=["x"]), {"mc20a": 1.0}, r"campaign \['x'\]: there are mc20a$"),
    ):
        with pytest.raises(MetadataNotFoundError, match=said):
            scale_of(found, luminosity)
    with pytest.raises(ValueError, match=r"^dataset ttbar cannot be normalised: the sum of weights is 0$"):
        scale_of(dataset(cross_section=1.0, sum_of_weights=0), 1.0)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cross_section", "1e3", "is '1e3' in its metadata, which is not a number: write it without quotes, as 1"),
        ("cross_section", None, "is None in its metadata, which is not a number: give it one"),
        ("k_factor", None, "is None"),
        ("k_factor", True, "is True"),
        ("filter_efficiency", math.nan, "is nan"),
        ("filter_efficiency", [0.5], r"is \[0\.5\]"),
    ],
)
def test_factors_are_numbers(key, value, said):
    with pytest.raises(TypeError, match=f"^dataset ttbar: {key} {said}"):
        scale_of(dataset(**{"cross_section": 1.0, key: value}), 1.0)


def test_histograms_and_cutflows_are_scaled_wherever_they_are():
    value = {
        "weighted": histogram(hist.storage.Weight()),
        "plain": [histogram(hist.storage.Double()), 7],
        "pair": Pair(histogram(hist.storage.Double()), np.array([1.0, 2.0])),
        "channel": Channel("ee", flow(), 3),
        "none": None,
        "band": [Band(np.array([10.0]), up=np.array([2.0]), down=np.array([3.0]))],
    }
    out = scaled({"ttbar": dataset(value, cross_section=5.0)}, 100.0)["ttbar"]
    assert out["weighted"].values().tolist() == [30, 40]
    assert out["weighted"].variances().tolist() == [500, 1600]
    assert out["plain"][0].values().tolist() == [30, 40]
    assert out["plain"][1] == 7
    assert isinstance(out["pair"], Pair)
    assert out["pair"].mass.values().tolist() == [30, 40]
    assert out["pair"].masses.tolist() == [1, 2]
    assert out["channel"] == Channel("ee", 10 * flow(), 3)
    assert out["none"] is None
    (band,) = out["band"]
    assert (band.nominal.tolist(), band.up.tolist(), band.down.tolist()) == ([100], [20], [30])
    assert value["channel"] == Channel("ee", flow(), 3), "what was returned stays as it was"


def profile(weights=(1, 2, 4), value=1.0):
    """Of the mean of x² in each bin, twice as high where value is 2."""
    x = np.array([0.25, 0.5, 1.5])
    axis = hist.axis.Regular(1, 0, 1, name="x")
    return hist.Hist(axis, storage=hist.storage.WeightedMean()).fill(x, sample=value * x**2, weight=np.array(weights))


@pytest.mark.parametrize("storage", [hist.storage.Int64(), hist.storage.Double(), hist.storage.Weight()])
@pytest.mark.parametrize("make", [hist.Hist, bh.Histogram])
def test_scaled_histograms_know_their_uncertainty(make, storage):
    counts = make(hist.axis.Regular(2, 0, 2), storage=storage)
    counts.metadata = "of the sample"
    counts.fill([0.5, 1.5, 1.5, 3.0])
    found = scaled({"ttbar": dataset(counts, cross_section=4.0, sum_of_weights=1.0)}, 1.0)["ttbar"]
    assert type(found) is make
    assert found.metadata == "of the sample"
    assert found.values(flow=True).tolist() == [0.0, 4.0, 8.0, 4.0]
    assert found.variances(flow=True).tolist() == [0.0, 16.0, 32.0, 16.0]


def test_of_profiles_the_weights_are_scaled():
    """As if they had been filled with other weights, in the overflow too."""
    of_one = {"profile": profile()}
    out = scaled({"ttbar": dataset(of_one, cross_section=5.0)}, 100.0)["ttbar"]["profile"]
    expected = profile(weights=(10, 20, 40))
    for name in expected.view().dtype.names:
        assert out.view(flow=True)[name].tolist() == pytest.approx(expected.view(flow=True)[name].tolist())
    assert out.values().tolist() == profile().values().tolist()
    assert of_one["profile"] == profile(), "what was returned stays as it was"
    both, filled = out + profile(value=2.0), expected + profile(value=2.0)
    assert both.values().tolist() == pytest.approx(filled.values().tolist())
    assert both.variances().tolist() == pytest.approx(filled.variances().tolist())


def test_profiles_without_weights_cannot_be_scaled():
    unweighted = hist.Hist(hist.axis.Regular(1, 0, 1, name="x"), storage=hist.storage.Mean()).fill([0.5], sample=[2.0])
    with pytest.raises(TypeError, match=r"^dataset ttbar: a profile of the storage Mean has no weights to be scaled: "):
        scaled({"ttbar": dataset(unweighted, cross_section=5.0)}, 100.0)
    assert scaled({"data": dataset(unweighted, is_data=True)}, 100.0)["data"] == unweighted


def test_what_are_no_results_by_dataset():
    result = physlite.run(len, physlite.Dataset("zee", str(data.path_of(data.SAMPLE)), cross_section=1.0), workers=0)
    for given_value, found in (
        (result, "Result"),
        (result.by_dataset["zee"], "DatasetResult"),
        ({"flow": flow(), "n": 3, "m": 4}, "dict of Cutflow, int"),
        (flow(), "Cutflow"),
    ):
        with pytest.raises(
            TypeError, match=rf"^results are scaled by dataset, as in scaled\(result\.by_dataset, .*, not {found}$"
        ):
            scaled(given_value, 1.0)
    for given_value in (result, result.by_dataset, 3):
        with pytest.raises(
            TypeError, match=r"^a scale is of a dataset, as in scale_of\(result\.by_dataset\['ttbar'\], …"
        ):
            scale_of(given_value, 1.0)
    assert scaled({}, 1.0) == {}


def analysis(events):
    return {"flow": Cutflow(event_weights(events)), "events": len(events)}


def test_after_a_run(tmp_path):
    """Normalised to what was processed, the datasets have the events that are expected, but for those of data."""
    for name in "abc":
        shutil.copy(data.path_of(data.SAMPLE), tmp_path / f"{name}.root")
    datasets = [
        physlite.Dataset("one", str(tmp_path / "[ab].root"), cross_section=83.0),
        physlite.Dataset("two", str(tmp_path / "c.root"), cross_section=2.0, k_factor=1.5),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SameFileWarning)
        result = physlite.run(analysis, datasets, workers=0)
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        kept = math.fsum(event_weights(file.events())) / file.metadata.sum_of_weights()
    out = scaled(result.by_dataset, 36.6 / fb)
    assert out["one"]["flow"]["all events"].weights == pytest.approx(83.0 * 36_600 * kept, rel=1e-9)
    assert out["two"]["flow"]["all events"].weights == pytest.approx(3.0 * 36_600 * kept, rel=1e-9)
    assert (out["one"]["events"], out["two"]["events"]) == (4000, 2000)
    assert not result.by_dataset["one"].is_data


def test_files_that_do_not_say_what_they_are_of_are_not_data():
    broken = physlite.Dataset("broken", str(data.path_of(data.TREE_ONLY)), cross_section=1.0)
    result = physlite.run(len, broken, workers=0)
    with pytest.raises(MetadataNotFoundError, match=r"^dataset broken: no sum of weights: .*has no MetaData tree"):
        scaled(result.by_dataset, 1.0)
    of_nothing = FileWeights("a.root", (0, 0, "1"), (), None, "a.root: damaged")
    of_data = of_nothing._replace(is_data=True)

    def of(*files):
        return DatasetResult("x", None, {"cross_section": 1.0}, 0, len(files), files)

    for files in ((of_data, of_data), (of_nothing, of_data)):
        assert scale_of(of(*files), 1.0) == 1.0
    for files in ((of_nothing,), (of_nothing, of_data, of_nothing._replace(channels=(1,)))):
        with pytest.raises(MetadataNotFoundError, match=r"^dataset x: no sum of weights: a\.root: damaged$"):
            scale_of(of(*files), 1.0)
    with pytest.raises(MetadataNotFoundError, match=r"^dataset x: no sum of weights: none of its files was processed$"):
        scale_of(of(), 1.0)
