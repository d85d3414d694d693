"""The dilepton analysis: where its peak is, and whether it does what its slow version does."""

import math
from importlib import resources

import numpy as np
import pytest

import physlite
from physlite.analysis import dilepton
from physlite.units import GeV

SAMPLE = resources.files(physlite) / "data" / "sample.root"


@pytest.fixture(scope="module")
def events():
    return physlite.events(SAMPLE)


@pytest.fixture(scope="module")
def channels(events):
    return dilepton.analyse(events)


def test_channels(channels):
    assert [c.name for c in channels] == ["ee", "μμ"]


def test_peaks_at_the_z_boson(channels):
    for channel in channels:
        peak = channel.mass[(channel.mass > 80) & (channel.mass < 100)]
        assert len(peak) > 200
        assert 90 < np.median(peak) < 92


def test_cutflow_never_grows(channels, events):
    for channel in channels:
        counts = list(channel.cutflow.values())
        assert counts[0] == len(events)
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] > 0


def test_reads_only_the_columns_it_names():
    with physlite.open(SAMPLE) as file:
        before = file.source.stats.bytes
        dilepton.analyse(file.events())
        named = {"pt", "eta", "phi", "m", "charge", "DFCommonElectronsLHMedium", "quality"}
        collections = (file.collections["Electrons"], file.collections["Muons"])
        columns = [i for c in collections for field, i in c.fields.items() if field in named]
        assert file.source.stats.bytes - before <= sum(file._store.stored_bytes(i) for i in columns)


def test_histogram(channels):
    pytest.importorskip("hist")
    masses = dilepton.histogram(channels)
    assert list(masses.axes["channel"]) == ["ee", "μμ"]
    for channel in channels:
        inside = (channel.mass >= 60) & (channel.mass < 120)
        assert masses[channel.name, :].sum() == np.count_nonzero(inside)


def test_histograms_of_parts_add_up(events, channels):
    pytest.importorskip("hist")
    parts = [dilepton.histogram(dilepton.analyse(part)) for part in (events[:700], events[700:])]
    assert parts[0] + parts[1] == dilepton.histogram(channels)


def test_no_events(events):
    for channel in dilepton.analyse(events[:0]):
        assert set(channel.cutflow.values()) == {0}
        assert len(channel.mass) == 0


@pytest.mark.parametrize(
    "name", ["sample", "21.2.108.0_mc", "22.2.110_ttbar_mc", "24.0.2_mc", "collectiontree_only_mc"]
)
def test_agrees_with_a_loop_over_events(name, request):
    path = SAMPLE if name == "sample" else request.getfixturevalue("data_dir") / f"DAOD_PHYSLITE_{name}.root"
    with physlite.open(path) as file:
        got = dilepton.analyse(file.events())
        expected = [
            slow_channel(file, "Electrons", "DFCommonElectronsLHMedium", is_good_electron),
            slow_channel(file, "Muons", "quality", is_good_muon),
        ]
    for channel, (counts, masses) in zip(got, expected, strict=True):
        assert list(channel.cutflow.values()) == counts
        np.testing.assert_allclose(channel.mass, masses, rtol=1e-6)


def test_medium_muons_have_hits_in_the_inner_detector(events):
    bare = events[:]
    bare["Muons", "quality"] = events.Muons.quality & 7
    before, after = (list(dilepton.dimuon(each).cutflow.values()) for each in (events, bare))
    assert after[:2] == before[:2]
    assert before[2] > 0
    assert not any(after[2:])


def is_good_electron(electron):
    eta = abs(electron["eta"])
    accepted = electron["pt"] > 20 * GeV and eta < 2.47 and not 1.37 < eta < 1.52
    return accepted, electron["DFCommonElectronsLHMedium"] == 1


def is_good_muon(muon):
    enough_hits = muon["quality"] & 8 != 0
    return muon["pt"] > 20 * GeV and abs(muon["eta"]) < 2.5, muon["quality"] & 7 in (0, 1) and enough_hits


def slow_channel(file, collection, identification, is_good):
    """The selection as one would write it for one event at a time."""
    columns = {f: f"Analysis{collection}AuxDyn.{f}" for f in ("pt", "eta", "phi", "m", "charge", identification)}
    if columns["m"] not in file.columns:
        del columns["m"]
    names = [n.replace("AuxDyn", "Aux") if n not in file.columns else n for n in columns.values()]
    passed = [0] * 6
    masses = []
    for event in file.arrays(names).to_list():
        leptons = [dict(zip(columns, values, strict=True)) for values in zip(*(event[n] for n in names), strict=True)]
        leptons.sort(key=lambda lepton: -lepton["pt"])
        accepted = [lepton for lepton in leptons if is_good(lepton)[0]]
        identified = [lepton for lepton in accepted if is_good(lepton)[1]]
        pairs = [(a, b) for i, a in enumerate(identified) for b in identified[i + 1 :] if a["charge"] != b["charge"]]
        steps = [
            True,
            len(accepted) > 1,
            len(identified) > 1,
            bool(pairs),
            bool(pairs) and pairs[0][0]["pt"] > 25 * GeV,
        ]
        if all(steps):
            masses.append(invariant_mass(*pairs[0]))
            steps.append(66 < masses[-1] < 116)
        for i, step in enumerate(steps):
            if not step:
                break
            passed[i] += 1
    return passed, masses


def invariant_mass(a, b):
    """In GeV, of two leptons."""
    e = px = py = pz = 0.0
    for lepton in (a, b):
        pt, eta, phi = lepton["pt"], lepton["eta"], lepton["phi"]
        x, y, z = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
        px, py, pz = px + x, py + y, pz + z
        e += math.sqrt(x * x + y * y + z * z + lepton.get("m", 105.65837) ** 2)
    return math.sqrt(e * e - px * px - py * py - pz * pz) / GeV
