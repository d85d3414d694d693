"""The example Z → ℓℓ: its numbers beside those of loops over events, and beside what the sample was made with."""

import importlib
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import example, given
from hypothesis import strategies as st

import physlite
from physlite.analysis import selected
from physlite.units import GeV
from support import data, selections
from support.examples import FEWER

pytest.importorskip("mplhep")
pytest.importorskip("iminuit")
hist = pytest.importorskip("hist")

FOLDER = Path(__file__).parents[2] / "examples" / "zll"
MODULES = ("pairs", "parts", "peak", "periods", "tables", "yields", "zll")
TRIGGERS = {"electron_trigger": "HLT_e26_lhtight_nod0_ivarloose", "muon_trigger": "HLT_mu26_ivarmedium"}
IDENTIFICATION = {"Electrons": "DFCommonElectronsLHMedium", "Muons": "quality"}
CHANNELS = {"ee": "Electrons", "μμ": "Muons"}
MUON_MASS = 105.65837

pytestmark = pytest.mark.checkout


class Example:
    """The modules of the example, as its script imports them."""

    def __init__(self):
        sys.path.insert(0, str(FOLDER))
        for name in MODULES:
            setattr(self, name, importlib.import_module(name))
        sys.path.remove(str(FOLDER))
        for name in MODULES:  # other examples may have modules of the same names
            del sys.modules[name]


@pytest.fixture(scope="module")
def zll():
    return Example()


@pytest.fixture(scope="module")
def result(zll):
    return physlite.run(zll.pairs.analysis, str(FOLDER / "datasets.yaml"), workers=0)


@pytest.fixture(scope="module")
def processes(zll, result):
    return zll.yields.of_processes(result.by_dataset)


# ------------------------------------------------------------------------------------------------------------ selection


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_agrees_with_a_loop_over_events(zll, name):
    dataset = physlite.Dataset("data", str(data.path_of(name)), **triggers_of(name))
    got = physlite.run(zll.pairs.analysis, dataset, workers=0).value
    for channel in CHANNELS:
        cutflow, masses, probes = slow_channel(name, channel, TRIGGERS if triggers_of(name) else {})
        assert [step.events for step in got["cutflow"][channel].steps] == cutflow
        axis = got["mass"].axes["mass"]
        counts = np.bincount([axis.index(mass) for mass in masses], minlength=len(axis))
        assert got["mass"][channel, :].values().tolist() == counts.tolist()
        assert got["period"][channel, :].values().sum() == cutflow[-1]
        axis = got["probes"].axes["pt"]
        for passed in (False, True):
            found = [axis.index(pt) for pt, fired in probes if fired == passed]
            inside = [index for index in found if 0 <= index < len(axis)]
            counts = np.bincount(inside, minlength=len(axis))
            assert got["probes"][channel, passed, :].values().tolist() == counts.tolist()


def triggers_of(name):
    """The triggers, where the file has matching for them."""
    try:
        events = physlite.events(data.path_of(name))
        events.Electrons.matched(TRIGGERS["electron_trigger"])
        events.Muons.matched(TRIGGERS["muon_trigger"])
    except physlite.exceptions.PhysliteError:
        return {}
    return TRIGGERS


def slow_channel(name, channel, triggers):
    """The selection as one would write it for one event at a time: cutflow, masses, and probes."""
    collection = CHANNELS[channel]
    events = physlite.events(data.path_of(name))
    leptons = events[collection]
    fields = ["pt", "eta", "phi", "charge", IDENTIFICATION[collection], *(["m"] if "m" in leptons.fields else [])]
    columns = {field: leptons[field].to_list() for field in fields}
    chain = triggers.get("electron_trigger" if channel == "ee" else "muon_trigger")
    fired = leptons.matched(chain).to_list() if chain else [[False] * len(pts) for pts in columns["pt"]]
    passed, masses, probes = [len(events)] * 2 + [0] * 4, [], []
    for i in range(len(events)):
        objects = [
            {"fired": fired[i][j], **{field: columns[field][i][j] for field in fields}}
            for j in range(len(columns["pt"][i]))
        ]
        good = sorted((o for o in objects if is_good(collection, o)), key=lambda o: -o["pt"])[:2]
        if len(good) < 2:
            continue
        passed[2] += 1
        if good[0]["charge"] == good[1]["charge"]:
            continue
        passed[3] += 1
        if good[0]["pt"] < 27 * GeV:
            continue
        passed[4] += 1
        mass = invariant_mass(*good)
        if not 66 < mass < 116:
            continue
        passed[5] += 1
        masses.append(mass)
        if chain and abs(mass - 91.1876) < 10:
            for tag, probe in (good, good[::-1]):
                if tag["fired"] and tag["pt"] >= 27 * GeV:
                    probes.append((probe["pt"] / GeV, probe["fired"]))
    return passed, masses, probes


def is_good(collection, lepton):
    eta = abs(lepton["eta"])
    if not lepton["pt"] >= 20 * GeV:
        return False
    if collection == "Muons":
        return eta <= 2.5 and lepton["quality"] & 7 in (0, 1) and lepton["quality"] & 8 != 0
    return eta <= 2.47 and not 1.37 <= eta <= 1.52 and lepton["DFCommonElectronsLHMedium"] == 1


def invariant_mass(a, b):
    """In GeV."""
    e = px = py = pz = 0.0
    for lepton in (a, b):
        pt, eta, phi = lepton["pt"], lepton["eta"], lepton["phi"]
        x, y, z = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
        px, py, pz = px + x, py + y, pz + z
        e += math.sqrt(x * x + y * y + z * z + lepton.get("m", MUON_MASS) ** 2)
    return math.sqrt(max(e * e - px * px - py * py - pz * pz, 0.0)) / GeV


NUMBERS = st.floats(-3, 3) | st.sampled_from([1.37, 1.52, 2.47, 2.5, math.nan])
PTS = st.sampled_from([19.5, 20.0, 26.5, 27.0, 27.5, 45.0, math.nan])  # in GeV, with ties
LEPTONS = st.fixed_dictionaries(
    {"pt": PTS, "eta": NUMBERS, "charge": st.sampled_from([-1.0, 1.0]), "good": st.booleans()}
)


@FEWER
@given(st.lists(st.lists(LEPTONS, max_size=4), max_size=5))
@example([[{"pt": pt, "eta": 0.0, "charge": 1.0, "good": True} for pt in (leading, 26.0)] for leading in (26.5, 27.0)])
@example([[{"pt": pt, "eta": 0.0, "charge": 1.0, "good": True} for pt in (45.0, second)] for second in (19.5, 20.0)])
def test_pairs_of_any_events(zll, made):
    types = dict.fromkeys(("pt", "eta", "phi", "m", "charge"), np.float64) | {"DFCommonElectronsLHMedium": np.int8}
    leptons = selections.made(
        "Electron",
        types,
        [
            [
                {
                    "pt": lepton["pt"] * GeV,
                    "eta": lepton["eta"],
                    "phi": 0.0 if lepton["charge"] > 0 else math.pi,
                    "m": 0.0,
                    "charge": lepton["charge"],
                    "DFCommonElectronsLHMedium": lepton["good"],
                }
                for lepton in event
            ]
            for event in made
        ],
    )
    masses, steps = zll.pairs.pairs(zll.pairs.leading_two(leptons, zll.pairs.ELECTRON))
    for i, event in enumerate(leptons.to_list()):
        good = sorted((lepton for lepton in event if is_good("Electrons", lepton)), key=lambda lepton: -lepton["pt"])[
            :2
        ]
        found = [step[i] for step in steps.values()]
        assert found[0] == (len(good) == 2)
        assert math.isnan(masses[i]) == (len(good) < 2)
        if len(good) == 2:
            mass = invariant_mass(*good)
            assert masses[i] == pytest.approx(mass, abs=1e-5)
            assert found[1:3] == [good[0]["charge"] != good[1]["charge"], good[0]["pt"] >= 27 * GeV]
            assert found[3] == (66 < mass < 116)
        else:
            assert not any(found[1:])


def test_medium_muons_have_hits_in_the_inner_detector(zll):
    muons = physlite.events(data.path_of(data.SAMPLE)).Muons
    assert ak.any(selected(muons, zll.pairs.MUON))
    assert not ak.any(selected(ak.with_field(muons, muons.quality & 7, "quality"), zll.pairs.MUON))


def test_no_events(zll):
    dataset = physlite.Dataset("none", str(physlite.sample()), **TRIGGERS)
    value = physlite.run(lambda events: zll.pairs.analysis(events[:0]), dataset, workers=0).value
    assert {step.weights for step in value["cutflow"]["ee"].steps} == {0.0}
    assert value["mass"].sum().value == value["probes"].sum().value == 0


def test_data_of_other_runs_than_those_in_the_list_are_not_selected(zll, tmp_path):
    events = physlite.events(physlite.sample())
    runs = ak.to_numpy(events.EventInfo.RandomRunNumber)
    run = int(runs[0])
    (tmp_path / "good.xml").write_text(good_runs_list(run))
    for told, expected in (({}, len(runs)), ({"good_runs": str(tmp_path / "good.xml")}, (runs == run).sum())):
        dataset = physlite.Dataset("data", str(physlite.sample()), **told)
        cutflow = physlite.run(lambda events: zll.pairs.analysis(as_data(events)), dataset, workers=0).value["cutflow"]
        assert cutflow["ee"]["all events"].events == len(runs)
        assert cutflow["ee"]["good runs"].events == expected
        assert expected > 0


def as_data(events):
    """Simulated events as if they had been taken in the runs that they stand for."""
    events["EventInfo", "runNumber"] = events.EventInfo.RandomRunNumber
    events["EventInfo", "eventTypeBitmask"] = np.zeros(len(events), np.uint32)
    return events


def good_runs_list(run):
    """One run, with all of its lumi blocks."""
    block = f"<Run>{run}</Run><LBRange Start='0' End='1000000'/>"
    blocks = f"<NamedLumiRange><LumiBlockCollection>{block}</LumiBlockCollection></NamedLumiRange>"
    return f"<?xml version='1.0'?><LumiRangeCollection>{blocks}</LumiRangeCollection>"


# -------------------------------------------------------------------------------------------------------------- periods


@given(st.lists(st.integers(0, 500_000), max_size=20))
def test_periods_of_any_runs(zll, runs):
    assert list(zll.periods.period_of(runs)) == [slow_period(zll, run) for run in runs]


def test_periods_begin_and_end_with_their_runs(zll):
    runs = [run + shift for period in zll.periods.PERIODS.values() for run in period for shift in (-1, 0, 1)]
    assert list(zll.periods.period_of(runs)) == [slow_period(zll, run) for run in runs]


def slow_period(zll, run):
    found = [name for name, (first, last) in zll.periods.PERIODS.items() if first <= run <= last]
    return found[0] if found else "other"


# -------------------------------------------------------------------------------------------------- data and simulation


def test_each_event_of_the_sample_is_data_or_of_one_process(result):
    assert result.by_dataset["data"].value["cutflow"]["ee"]["all events"].weights == 1000
    events = physlite.events(physlite.sample())
    simulated = events[events.EventInfo.eventNumber % 2 == 1]
    total = float(np.sum(ak.to_numpy(simulated.EventInfo.mcEventWeights[:, 0]), dtype=np.float64))
    parts = [d.value["cutflow"]["ee"]["all events"].weights for name, d in result.by_dataset.items() if name != "data"]
    assert sum(parts) == pytest.approx(total, rel=1e-12)
    assert all(parts)


def test_simulation_of_campaigns_is_scaled_to_the_luminosity_of_each(zll, result):
    zee = result.by_dataset["zee"]
    told = {
        "luminosity": {"mc20a": 10.0, "mc20e": 30.0},
        "cross_section": 3.0,
        "filter_efficiency": 0.5,
        "process": "Z",
    }
    campaigns = {name: replace(zee, metadata=told | {"campaign": name}) for name in told["luminosity"]}
    processes = zll.yields.of_processes(campaigns)
    assert list(processes) == ["Z"]
    expected = zee.value["mass"].sum().value * 3.0 * 0.5 * (10.0 + 30.0) / zee.sum_of_weights
    assert processes["Z"]["mass"].sum().value == pytest.approx(expected, rel=1e-12)
    assert zll.zll.total(told["luminosity"]) == 40.0


def test_simulation_is_scaled_to_the_luminosity_of_the_data(processes, result):
    whole = result.by_dataset["zee"].sum_of_weights
    for name, process in (("zee", r"$Z \to ee$"), ("zmumu", r"$Z \to \mu\mu$"), ("ttbar", r"$t\bar{t}$")):
        before, after = result.by_dataset[name].value, processes[process]
        factor = 2 * 1000 / whole  # of 1 pb in 1000/pb, in half of the file
        for channel, cutflow in before["cutflow"].items():
            assert after["cutflow"][channel] == cutflow * factor
        np.testing.assert_allclose(after["mass"].values(), before["mass"].values() * factor)
        np.testing.assert_allclose(after["period"].variances(), before["period"].variances() * factor**2)
        assert after["probes"] == before["probes"] * factor


@pytest.mark.parametrize(("channel", "process"), [("ee", r"$Z \to ee$"), ("μμ", r"$Z \to \mu\mu$")])
def test_data_and_simulation_agree(zll, processes, channel, process):
    data_sum = processes["data"]["mass"][channel, :].sum()
    expected = zll.yields.added(value["mass"][channel, :].sum() for name, value in processes.items() if name != "data")
    assert abs(data_sum.value - expected.value) < 3 * math.sqrt(data_sum.variance + expected.variance)
    assert processes[process]["mass"][channel, :].sum().value > 0.9 * expected.value


def test_the_sum_is_that_of_all_datasets(zll, result):
    twice = zll.yields.of_processes({"a": result.by_dataset["data"], "b": result.by_dataset["data"]})
    once = result.by_dataset["data"].value
    assert twice["data"]["mass"] == once["mass"] + once["mass"]
    assert twice["data"]["cutflow"]["ee"]["all events"].weights == 2000


# -------------------------------------------------------------------------------------------------------------- trigger

# tools/sample/trigger.py: the part of leptons on the plateau on which a trigger fires, and of these which are matched;
# tools/sample/reconstruct.py: tight electrons, which the trigger asks for, among medium ones.
MATCHED = 0.98
PLATEAU = {"ee": 0.90 * MATCHED * 0.81 / 0.89, "μμ": 0.85 * MATCHED}


@pytest.mark.parametrize("channel", CHANNELS)
def test_efficiency_of_the_trigger_is_what_the_sample_was_made_with(processes, channel):
    values = sum(value["probes"].values()[list(CHANNELS).index(channel)] for value in processes.values())
    failed, passed = values  # each in bins of pt
    edges = processes["data"]["probes"].axes["pt"].edges
    below, above = edges[1:] <= 26, edges[:-1] >= 29
    assert passed[below].sum() == 0
    assert failed[below].sum() > 0
    total = failed[above].sum() + passed[above].sum()
    expected = PLATEAU[channel]
    assert total > 300
    assert abs(passed[above].sum() / total - expected) < 3 * math.sqrt(expected * (1 - expected) / total)


# ------------------------------------------------------------------------------------------------------------------ fit


@pytest.fixture(scope="module")
def generate():
    """What makes the sample."""
    tools = str(FOLDER.parents[1] / "tools")
    sys.path.insert(0, tools)
    yield importlib.import_module("sample.generate")
    sys.path.remove(tools)


def simulated_masses(generate, channel, number):
    """In GeV, of pairs that are made as those of the sample, and pass the selection in pt and eta."""
    random = np.random.default_rng(1)
    particles = generate.Particles(number)
    generate.z_events(random, particles, np.arange(number), 11 if channel == "ee" else 13)
    total, seen, pts = np.zeros((number, 4)), np.ones(number, bool), []
    for table in (table for kind, table in particles.parts if kind == ("electron" if channel == "ee" else "muon")):
        lepton = generate.kinematics(table["p4"])
        pt, eta = lepton["pt"], abs(lepton["eta"])
        energy = pt * np.cosh(eta) / GeV
        # As in tools/sample/reconstruct.py.
        resolution = np.hypot(0.10 / np.sqrt(energy), 0.010) if channel == "ee" else np.hypot(0.014, 0.0002 * pt / GeV)
        pt = pt * random.normal(1, resolution)
        seen &= (pt > 20 * GeV) & (eta < 2.5 if channel == "μμ" else (eta < 2.47) & ~((eta > 1.37) & (eta < 1.52)))
        total += generate.four_momentum(pt, lepton["eta"], lepton["phi"], lepton["m"], rapidity=False)
        pts.append(pt)
    seen &= np.maximum(*pts) > 27 * GeV
    return generate.kinematics(total[seen])["m"] / GeV


def fitted(zll, masses, channel):
    told = physlite.datasets_from(FOLDER / "datasets.yaml")[0].metadata
    lepton = "electron" if channel == "ee" else "muon"
    radiation = zll.peak.Radiation(*told[f"{lepton}_radiation"])
    return zll.peak.fit(masses, told[f"{lepton}_resolution"], radiation)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.slow
def test_fit_of_very_many_pairs_finds_what_they_were_made_with(zll, generate, channel):
    masses = hist.Hist(zll.pairs.MASS).fill(simulated_masses(generate, channel, 100_000))
    fit = fitted(zll, masses, channel)
    assert fit.converged
    assert fit.values["mass"] == pytest.approx(generate.Z_MASS, abs=0.02)
    assert fit.values["width"] == pytest.approx(generate.Z_WIDTH, abs=0.05)
    assert 0.005 < fit.errors["mass"] < 0.02
    assert 0.01 < fit.errors["width"] < 0.05


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("events", ["all", "half"])
def test_fit_of_the_sample_finds_what_it_was_made_with(zll, processes, generate, events, channel):
    masses = processes["data"]["mass"]
    if events == "all":
        masses = physlite.run(zll.pairs.analysis, physlite.sample(), workers=0).value["mass"]
    fit = fitted(zll, masses[channel, :], channel)
    assert fit.converged
    for name, made_with in (("mass", generate.Z_MASS), ("width", generate.Z_WIDTH)):
        assert abs(fit.values[name] - made_with) < 3 * fit.errors[name]
        assert 0.1 < fit.errors[name] < 0.5


def test_resolution_is_fitted_where_it_is_not_known(zll, generate):
    masses = hist.Hist(zll.pairs.MASS).fill(simulated_masses(generate, "μμ", 50_000))
    fit = zll.peak.fit(masses, radiation=zll.peak.Radiation(0.116, 4.0))
    assert (fit.values["width"], fit.errors["width"]) == (zll.peak.Z_WIDTH, 0.0)
    assert fit.values["resolution"] == pytest.approx(1.07, abs=0.05)
    assert fit.values["mass"] == pytest.approx(generate.Z_MASS, abs=0.04)


@pytest.mark.parametrize("radiation", [(0.0, 0.0), (0.28, 4.1)], ids=["none", "of electrons"])
def test_model_is_the_convolution_that_it_says(zll, radiation):
    """Beside a sum over fine steps of the true mass, of what was lost, and of what was measured."""
    mass, width, resolution = 91.0, 2.5, 1.1
    part, loss = radiation
    step, losses = 0.05, [0.0] if not part else [0.05 * (i + 0.5) for i in range(1200)]
    chances = [1.0] if not part else [part * 0.05 / loss * math.exp(-x / loss) for x in losses]
    if part:
        losses, chances = [0.0, *losses], [1 - part, *chances]

    def smeared(measured):
        """The Breit–Wigner with the resolution alone."""
        total = 0.0
        for i in range(-160, 161):
            shift = i * step
            gauss = math.exp(-0.5 * (shift / resolution) ** 2) / (math.sqrt(2 * math.pi) * resolution)
            total += gauss * step * width / (2 * math.pi) / ((measured - shift - mass) ** 2 + width**2 / 4)
        return total

    points = [84.0, 90.0, 91.0, 94.0]
    expected = [10 * sum(c * smeared(m + x) for x, c in zip(losses, chances, strict=True)) for m in points]
    got = zll.peak._peak(np.array(points), zll.peak.Radiation(*radiation), mass, width, resolution, 10.0, 0.0, 0.0)
    np.testing.assert_allclose(got, expected, rtol=5e-3)


# --------------------------------------------------------------------------------------------------------------- script


@pytest.fixture(scope="module")
def written(zll, tmp_path_factory):
    """The folder that the script has written."""
    folder = tmp_path_factory.mktemp("zll")
    zll.zll.main(["--out", str(folder), "--workers", "0"])
    return folder


@pytest.mark.slow
def test_script_writes_plots_and_tables(written):
    plots = [f"{what}_{channel}" for what in ("mass", "periods", "trigger", "fit") for channel in ("ee", "mumu")]
    names = {f"{plot}{suffix}" for plot in plots for suffix in (".png", ".pdf")} | {"tables.txt", "fits.json"}
    assert {path.name for path in written.iterdir()} == names


@pytest.mark.slow
def test_script_writes_a_table_of_cutflows(written, processes):
    lines = (written / "tables.txt").read_text().splitlines()
    assert lines[0] == "ee: events"
    assert lines[1].split() == ["step", "data", "tt̄", "Z→μμ", "Z→ee"]
    assert lines[3].split()[:4] == ["all", "events", "1,000", "±"]
    for line, step in zip(lines[3:], processes["data"]["cutflow"]["ee"].steps, strict=False):
        assert line.startswith(step.name)


@pytest.mark.slow
def test_script_writes_the_fits_of_the_data(zll, processes, written):
    numbers = json.loads((written / "fits.json").read_text())
    for channel in CHANNELS:
        fit = fitted(zll, processes["data"]["mass"][channel, :], channel)
        assert numbers[channel] == {"values": fit.values, "errors": fit.errors}


@pytest.mark.slow
def test_script_writes_the_same_in_several_processes(written, tmp_path):
    options = [FOLDER / "datasets.yaml", "--workers", "2", "--out", tmp_path]
    subprocess.run([sys.executable, FOLDER / "zll.py", *options], check=True, timeout=60)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@pytest.mark.slow
def test_script_takes_files_as_data(zll, tmp_path, capsys):
    files = [str(physlite.sample("rntuple")), str(data.path_of(data.R22))]
    zll.zll.main([*files, "--workers", "0", "--out", str(tmp_path)])
    assert "2,100 ±" in capsys.readouterr().out
    names = {path.stem for path in tmp_path.iterdir()}
    assert {"mass_ee", "fit_mumu"} <= names
    assert "trigger_ee" not in names  # nobody said which trigger


@pytest.mark.parametrize("name", [data.R22, pytest.param(data.R21, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_script_takes_files_with_hardly_any_pairs(zll, name, tmp_path, capsys):
    zll.zll.main([str(data.path_of(name)), "--workers", "0", "--out", str(tmp_path)])
    (first_step,) = {line for line in capsys.readouterr().out.splitlines() if line.startswith("all events")}
    number = physlite.open(data.path_of(name)).num_entries
    assert float(first_step.split()[2]) == number
    names = {path.stem for path in tmp_path.iterdir()}
    assert "mass_mumu" in names
    assert "fit_mumu" not in names


@pytest.mark.slow
def test_script_takes_datasets_without_events(zll, tmp_path, capsys):
    with uproot.recreate(tmp_path / "empty.root") as file:
        file.mktree("CollectionTree", {"EventInfoAuxDyn.runNumber": "uint32"})
    empty = str(tmp_path / "empty.root")
    with pytest.raises(SystemExit):
        zll.zll.main([empty, "--workers", "0", "--out", str(tmp_path)])
    assert "there are no events in these files" in capsys.readouterr().err
    (tmp_path / "datasets.yaml").write_text(f"none: {{files: {empty}}}\ndata: {{files: {physlite.sample()}}}\n")
    zll.zll.main([str(tmp_path / "datasets.yaml"), "--workers", "0", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert "2,000 ±" in said
    assert "Simulation that is shown as data, for it has no cross_section: data\n" in said


def test_a_process_without_a_cross_section_is_no_data(zll, result):
    misspelt = replace(result.by_dataset["zee"], metadata={"process": "Z", "crosssection": 1.0})
    with pytest.raises(ValueError, match=r"^dataset zee: simulation of a process, and no cross_section"):
        zll.yields.of_processes({"zee": misspelt})
