"""The analysis of examples/ttbar: its selection event by event, its variations, and the strength that it fits."""

import math
import sys
from itertools import combinations
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import scaled, variations
from physlite.units import GeV
from support import data
from support.examples import FEWER
from support.written_by_root import no_root

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "ttbar"))
import make_toys

ttbar = pytest.importorskip("ttbar")

pytestmark = pytest.mark.checkout

physlite.register_awkward()  # for arrays that no file has made

# Events with one lepton, and those of the regions 4j1b and 4j2b.
COUNTS = {
    data.R22: (36, 9, 8),
    data.R24: (19, 3, 1),
    data.TREE_ONLY: (50, 0, 0),
    data.RNTUPLE: (34, 5, 9),
    data.SAMPLE: (682, 11, 21),
}
VARIATIONS = ["nominal", "JES_up", "JES_down", "JER_up", "btag_up", "btag_down"]


def events_of(name):
    return physlite.events(data.path_of(name))


# ----------------------------------------------------------------------------------------------------------- selection


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    events, cutflow = ttbar.with_one_lepton(events_of(name))
    one_lepton, one_tag, two_tags = COUNTS[name]
    assert [len(observable) for _, _, observable in ttbar.regions(events)] == [one_tag, two_tags]
    counts = {step.name: step.events for step in cutflow.steps}
    assert (len(events), counts["one lepton"]) == (one_lepton, one_lepton)
    assert (counts["a b-jet"], counts["two b-jets"]) == (one_tag + two_tags, two_tags)


@pytest.mark.parametrize("name", COUNTS)
def test_selects_what_a_loop_over_events_selects(name):
    events, _ = ttbar.with_one_lepton(events_of(name))
    expected = slow_selection(events_of(name))
    assert events.EventInfo.eventNumber.to_list() == [event["number"] for event in expected]
    for region, chosen, observable in ttbar.regions(events):
        slow = [slow_region(event["jets"]) for event in expected]
        assert chosen.to_list() == [event is not None and event[0] == region for event in slow]
        for value, (_, possible) in zip(observable, [x for x in slow if x and x[0] == region], strict=True):
            assert any(math.isclose(value, x, rel_tol=1e-6) for x in possible)


def test_no_events():
    events, _ = ttbar.with_one_lepton(events_of(data.R22)[:0])
    assert len(events) == 0
    for _, chosen, observable in ttbar.regions(events):
        assert len(chosen) == len(observable) == len(ttbar.btag_weight(events[chosen], 1.1)) == 0


def slow_selection(events):
    """Events with one lepton, as dictionaries, with the jets that are no electrons."""
    nonprompt = "ptvarcone30_Nonprompt_All_MaxWeightTTVA"
    electron_cone, muon_cone = f"{nonprompt}LooseCone_pt1000", f"{nonprompt}_pt500"
    electrons = events.Electrons[
        ["pt", "eta", "phi", "DFCommonElectronsLHTight", electron_cone, "topoetcone20"]
    ].to_list()
    muons = events.Muons[["pt", "eta", "quality", muon_cone]].to_list()
    detector_eta = "DetectorEta" if "DetectorEta" in events.Jets.fields else "eta"
    jets = events.Jets[["pt", "eta", "phi", "m", "NNJvtPass", detector_eta]].to_list()
    tags = ak.zip({x: events.Jets.btagging[f"DL1dv01_p{x}"] for x in "bcu"}).to_list()
    selected = []
    for i, number in enumerate(events.EventInfo.eventNumber.to_list()):
        good_electrons = [
            x
            for x in electrons[i]
            if x["pt"] >= 30 * GeV
            and abs(x["eta"]) <= 2.1
            and x["DFCommonElectronsLHTight"] == 1
            and x[electron_cone] <= 0.15 * x["pt"]
            and x["topoetcone20"] <= 0.2 * x["pt"]
        ]
        good_muons = [
            x
            for x in muons[i]
            if x["pt"] >= 30 * GeV
            and abs(x["eta"]) <= 2.1
            and x["quality"] % 8 < 2
            and x["quality"] // 8 % 2 == 1  # has the hits of the inner detector
            and x[muon_cone] < 0.15 * x["pt"]
        ]
        if len(good_electrons) + len(good_muons) != 1:
            continue
        good_jets = []
        for jet, p in zip(jets[i], tags[i], strict=True):
            asked = 20 * GeV <= jet["pt"] <= 60 * GeV and abs(jet[detector_eta]) <= 2.5
            is_hard = jet["NNJvtPass"] == 1 or not asked
            if abs(jet["eta"]) <= 2.4 and is_hard and all(apart(x, jet) > 0.2 for x in good_electrons):
                is_b = math.log(p["b"] / (0.018 * p["c"] + 0.982 * p["u"])) > 2.456
                good_jets.append({**jet, "is_b": is_b})
        selected.append({"number": number, "jets": good_jets})
    return selected


def apart(electron, jet):
    """In rapidity, which of electrons is that without mass here."""
    rapidity = math.asinh(jet["pt"] * math.sinh(jet["eta"]) / math.hypot(jet["pt"], jet["m"]))
    d_phi = (electron["phi"] - jet["phi"] + math.pi) % (2 * math.pi) - math.pi
    return math.hypot(electron["eta"] - rapidity, d_phi)


def slow_region(jets):
    """The region of an event with these jets, and its observable in MeV, or several that are as good; or None."""
    jets = [jet for jet in jets if jet["pt"] > 30 * GeV]
    tags = sum(jet["is_b"] for jet in jets)
    if len(jets) < 4 or tags == 0:
        return None
    if tags == 1:
        return "4j1b", [sum(jet["pt"] for jet in jets)]
    candidates = [three for three in combinations(jets, 3) if any(jet["is_b"] for jet in three)]
    sums = [slow_sum(three) for three in candidates]
    largest = max(pt for pt, _ in sums)
    return "4j2b", [mass for pt, mass in sums if math.isclose(pt, largest, rel_tol=1e-9)]


def slow_sum(jets):
    """The transverse momentum and the mass of several jets together."""
    e = x = y = z = 0.0
    for jet in jets:
        px, py, pz = (jet["pt"] * f for f in (math.cos(jet["phi"]), math.sin(jet["phi"]), math.sinh(jet["eta"])))
        e, x, y, z = e + math.sqrt(px * px + py * py + pz * pz + jet["m"] ** 2), x + px, y + py, z + pz
    return math.hypot(x, y), math.sqrt(e * e - x * x - y * y - z * z)


# ------------------------------------------------------------------------------------------------------ jets by chance

jets = st.fixed_dictionaries(
    {
        "pt": st.floats(20 * GeV, 300 * GeV),
        "eta": st.floats(-2.4, 2.4),
        "phi": st.floats(-3.14, 3.14),
        "m": st.floats(5 * GeV, 20 * GeV),
        "HadronConeExclTruthLabelID": st.sampled_from([0, 4, 5]),
        "is_b": st.booleans(),
    }
)
made_events = st.lists(st.lists(jets, max_size=6), min_size=1, max_size=4)
EXAMPLE = {"pt": 1.0, "eta": 0.0, "phi": 0.0, "m": 1.0, "HadronConeExclTruthLabelID": 0, "is_b": False}


def array_of(made):
    """Events of good jets; the example says what the columns are, also where there is no jet."""
    made = ak.Array([[EXAMPLE], *made], with_name="Jet")[1:]
    made["is_good"] = ak.ones_like(made.pt, dtype=bool)
    return ak.zip({"Jets": made}, depth_limit=1)


@FEWER
@given(made_events)
def test_made_jets_are_in_the_region_of_a_loop(made):
    slow = [slow_region(event) for event in made]
    for region, chosen, observable in ttbar.regions(array_of(made)):
        assert chosen.to_list() == [event is not None and event[0] == region for event in slow]
        for value, (_, possible) in zip(observable, [x for x in slow if x and x[0] == region], strict=True):
            assert any(math.isclose(value, x, rel_tol=1e-6) for x in possible)


def test_a_top_candidate_has_a_tagged_jet():
    hard = [{**EXAMPLE, "pt": pt * GeV, "eta": pt / 100} for pt in (90, 110, 130)]
    soft = [{**EXAMPLE, "pt": 40 * GeV, "phi": phi, "is_b": True} for phi in (2.9, 3.1)]
    (*_, (region, _, mass)) = ttbar.regions(array_of([hard + soft]))
    assert region == "4j2b"
    assert mass[0] == pytest.approx(slow_region(hard + soft)[1][0])
    assert mass[0] != pytest.approx(slow_sum(hard)[1])


@FEWER
@given(made_events, st.sampled_from([0.95, 1.0, 1.05]))
def test_events_weigh_what_their_b_jets_weigh(made, scale_factor):
    expected = [
        math.prod(
            scale_factor if jet["is_b"] else (1 - 0.77 * scale_factor) / 0.23
            for jet in event
            if jet["HadronConeExclTruthLabelID"] == 5 and jet["pt"] > 30 * GeV
        )
        for event in made
    ]
    np.testing.assert_allclose(ttbar.btag_weight(array_of(made), scale_factor), expected)


# ---------------------------------------------------------------------------------------------------------- variations


def test_smearing_does_not_depend_on_chunks():
    events = events_of(data.SAMPLE)
    whole = ttbar.gaussian(events.EventInfo.eventNumber, events.Jets)
    parts = [ttbar.gaussian(part.EventInfo.eventNumber, part.Jets) for part in (events[:700], events[700:])]
    assert ak.array_equal(whole, ak.concatenate(parts))


def test_smearing_is_gaussian():
    events = events_of(data.SAMPLE)
    values = np.sort(ak.flatten(ttbar.gaussian(events.EventInfo.eventNumber, events.Jets)))
    normal = np.array([(1 + math.erf(x / math.sqrt(2))) / 2 for x in values])
    # Kolmogorov's distance, which is larger than this for one in a million of samples.
    assert np.abs(normal - np.arange(len(values)) / len(values)).max() < 2.7 / math.sqrt(len(values))


def test_jets_are_varied():
    events = events_of(data.SAMPLE)
    factors = {
        "nominal": 1.0,
        "JES_up": 1.03,
        "JES_down": 0.97,
        "JER_up": 1 + 0.05 * ttbar.gaussian(events.EventInfo.eventNumber, events.Jets),
    }
    for name, varied in variations(events, ttbar.JETS):
        for field in ("pt", "m"):
            assert ak.almost_equal(varied.Jets[field], events.Jets[field] * factors[name])


def test_histogram_of_a_run():
    made = physlite.run(ttbar.analysis, physlite.Dataset("ttbar", data.path_of(data.R22)), workers=0).value
    histogram = made["observables"]
    assert list(histogram.axes["variation"]) == VARIATIONS

    events, cutflow = ttbar.with_one_lepton(events_of(data.R22))
    assert made["cutflow"] == cutflow
    weight = events.EventInfo.mcEventWeights[:, 0]
    chosen = {region: chosen for region, chosen, _ in ttbar.regions(events)}
    for region in ("4j1b", "4j2b"):
        filled = histogram[region, "ttbar", "nominal", :].sum(flow=True)
        np.testing.assert_allclose(filled.value, np.sum(weight[chosen[region]].to_numpy(), dtype=float), rtol=1e-6)

    yields = {v: [histogram[r, "ttbar", v, :].sum(flow=True).value for r in ("4j1b", "4j2b")] for v in VARIATIONS}
    assert yields["JES_down"][1] <= yields["nominal"][1] <= yields["JES_up"][1]
    assert yields["btag_down"][1] < yields["nominal"][1] < yields["btag_up"][1]


def test_processes_are_normalised_and_written(tmp_path):
    sample = data.path_of(data.SAMPLE)
    datasets = [physlite.Dataset(name, sample, cross_section=x) for name, x in {"one": 1.0, "two": 20.0}.items()]
    result = physlite.run(ttbar.analysis, datasets, workers=0)
    expected = ttbar.together(scaled(result.by_dataset, ttbar.LUMINOSITY))
    assert list(expected.axes["process"]) == ["one", "two"]
    one, two = (expected[:, process, :, :].view(flow=True) for process in ("one", "two"))
    with physlite.open(sample) as file:
        scale = ttbar.LUMINOSITY / file.metadata.sum_of_weights()
    np.testing.assert_allclose(
        one["value"], scale * result.by_dataset["one"].value["observables"][:, 0, :, :].view(flow=True)["value"]
    )
    np.testing.assert_allclose(two["value"], 20 * one["value"])
    np.testing.assert_allclose(two["variance"], 400 * one["variance"])

    ttbar.write(expected, tmp_path / "histograms.root")
    with uproot.open(tmp_path / "histograms.root") as file:
        names = {f"{r}_{p}" for r in ("4j1b", "4j2b") for p in ("one", "two")}
        varied = {f"{name}_{variation}" for name in names for variation in VARIATIONS if variation != "nominal"}
        assert set(file.keys(cycle=False)) == names | varied
        ht, mass = file["4j1b_two"], file["4j2b_two_JES_up"]
        np.testing.assert_allclose(ht.axis().edges(), np.arange(150, 551, 50))
        np.testing.assert_allclose(mass.axis().edges(), np.arange(100, 351, 25))
        filled = expected["4j1b", "two", "nominal", 150j:550j].values()
        np.testing.assert_allclose(ht.values(), filled.reshape(-1, 2).sum(axis=1))
        np.testing.assert_allclose(mass.values(), expected["4j2b", "two", "JES_up", 100j:350j].values())


def test_regions_are_drawn(tmp_path, monkeypatch):
    pytest.importorskip("mplhep")
    monkeypatch.setenv("MPLBACKEND", "agg")
    sample = physlite.Dataset("ttbar", data.path_of(data.SAMPLE))
    result = physlite.run(ttbar.analysis, sample, workers=0)
    ttbar.draw(result.value["observables"], tmp_path)
    assert {x.name for x in tmp_path.glob("*.png")} == {"4j1b.png", "4j2b.png"}


# ---------------------------------------------------------------------------------------------------------- the fit


@pytest.fixture(scope="module")
def histograms(tmp_path_factory):
    """What is expected of toys of all processes, as a file."""
    folder = tmp_path_factory.mktemp("toys")
    datasets = make_toys.make_toys(folder)
    result = physlite.run(ttbar.analysis, datasets)
    ttbar.write(ttbar.together(scaled(result.by_dataset, ttbar.LUMINOSITY)), folder / "histograms.root")
    return folder / "histograms.root"


@pytest.mark.slow
@pytest.mark.root
@no_root
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jsonschema, that pyhf uses
@pytest.mark.parametrize("strength", [0.8, 1.3])
def test_fit_finds_the_strength_that_is_in_the_data(strength, histograms, tmp_path):
    pytest.importorskip("cabinetry")
    import fit

    fit.add_data(histograms, strength, seed=None)
    found, uncertainty = fit.fit(histograms, tmp_path).strength
    assert 0.02 < uncertainty < 0.15
    assert abs(found - strength) < 0.05 * uncertainty

    fit.add_data(histograms, strength, seed=1)
    found, uncertainty = fit.fit(histograms, tmp_path).strength
    assert abs(found - strength) < 2 * uncertainty


@pytest.mark.slow
@pytest.mark.root
@no_root
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fit_is_drawn(histograms, tmp_path, monkeypatch):
    pytest.importorskip("cabinetry")
    monkeypatch.setenv("MPLBACKEND", "agg")
    import fit

    fit.add_data(histograms, 1.0)
    fit.draw(fit.fit(histograms, tmp_path), tmp_path)
    regions = {f"{region}_{when}.png" for region in ("4j1b", "4j2b") for when in ("prefit", "postfit")}
    assert regions | {"pulls.png", "correlations.png", "ranking.png"} == {x.name for x in tmp_path.glob("*.png")}
