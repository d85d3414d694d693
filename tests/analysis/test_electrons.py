"""Electrons: each working point, against a loop over single electrons."""

import math

import awkward as ak
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import electrons
from physlite.exceptions import ColumnNotFoundError, SelectionError
from support import data
from support.selections import NAN, REAL_FILES, events_of, lists_of, loop, made, numbers, single

LOOSE_CONE = "Nonprompt_All_MaxWeightTTVALooseCone"


@pytest.fixture(scope="module", params=REAL_FILES)
def events(request):
    return events_of(request.param)


def variables(objects):
    """What isolation looks at, one after the other; NaN for what the file does not have."""

    def column(name):
        return objects[name] if name in objects.fields else ak.full_like(objects.pt, NAN)

    return [
        objects.pt,
        column(f"ptvarcone30_{LOOSE_CONE}_pt1000"),
        column(f"ptcone20_{LOOSE_CONE}_pt1000"),
        column(f"ptvarcone30_{LOOSE_CONE}_pt500"),
        column(f"ptcone20_{LOOSE_CONE}_pt500"),
        column("ptvarcone20_TightTTVA_pt1000"),
        column("topoetcone20"),
        column("neflowisol20"),
    ]


def is_isolated(point, *values):
    pt, var, fixed, var500, fixed500, var20, calo, neutral = values
    high = pt > 50_000
    track, flow = (fixed, fixed500) if high else (var, var500)
    neutral = neutral if neutral > 0 else 0 * neutral
    return {
        "HighPtCaloOnly": calo <= single(max(3500, 0.015 * pt)),
        "Loose_VarRad": var <= single(0.15 * pt) and calo <= single(0.20 * pt),
        "Tight_VarRad": var <= single(0.06 * pt) and calo <= single(0.06 * pt),
        "TightTrackOnly_VarRad": var <= single(0.06 * pt),
        "TightTrackOnly_FixedRad": track <= single(0.06 * pt),
        "PflowLoose": single(abs(var500) + 0.4 * neutral) <= single(0.16 * pt),
        "PflowTight": single(abs(var500) + 0.4 * neutral) <= single(0.045 * pt),
        "PflowLoose_FixedRad": single(abs(flow) + 0.4 * neutral) <= single(0.16 * pt),
        "PflowTight_FixedRad": single(abs(flow) + 0.4 * neutral) <= single(0.045 * pt),
        "FCLoose": var20 <= single(0.15 * pt) and calo <= single(0.20 * pt),
        "FCTight": var20 <= single(0.06 * pt) and calo <= single(0.06 * pt),
    }[point] and not math.isnan(pt)


def test_identification_is_a_flag(events):
    objects = events.Electrons
    points = electrons.working_points(objects)["identification"]
    assert {"VeryLoose", "Loose", "LooseBL", "Medium", "Tight"} <= set(points)
    for point in points:
        kind = "DNN" if point.endswith("DNN") else "LH"
        column = objects[f"DFCommonElectrons{kind}{point.removesuffix('DNN')}"]
        assert ak.to_list(electrons.identified(objects, point)) == loop(lambda flag: flag == 1, column)


def test_neural_networks_are_stored_in_release_25():
    objects = events_of(data.RNTUPLE).Electrons
    points = set(electrons.working_points(objects)["identification"])
    assert points == set(electrons.IDENTIFICATION)


def test_isolation_as_a_loop_decides(events):
    objects = events.Electrons
    points = electrons.working_points(objects)["isolation"]
    by_tracks = {"Loose_VarRad", "Tight_VarRad", "TightTrackOnly_VarRad", "TightTrackOnly_FixedRad"}
    old = "ptvarcone20_TightTTVA_pt1000" in objects.fields
    assert (set(points) == {"HighPtCaloOnly", "FCLoose", "FCTight"}) if old else (by_tracks <= set(points))
    for point in points:
        expected = loop(lambda *values, point=point: is_isolated(point, *values), *variables(objects))
        assert ak.to_list(electrons.isolated(objects, point)) == expected


def test_isolation_of_a_selection(events):
    objects = events.Electrons
    some = objects.pt > 15_000
    point = electrons.working_points(objects)["isolation"][-1]
    isolated = electrons.isolated(objects, point)
    assert ak.to_list(electrons.isolated(objects[some], point)) == ak.to_list(isolated[some])
    assert ak.to_list(electrons.isolated(events[3:9].Electrons, point)) == ak.to_list(isolated[3:9])
    assert ak.to_list(electrons.isolated(events[:0].Electrons, point)) == []


def test_of_one_electron_an_event_or_none(events):
    leading = ak.firsts(events.Electrons)
    for mask in (
        electrons.identified(leading, "Medium"),
        electrons.isolated(leading, "HighPtCaloOnly"),
        electrons.good_quality(leading),
    ):
        assert mask.type.content == ak.types.NumpyType("bool")
        assert not ak.any(mask[ak.is_none(leading)])


PT = numbers(20_000, 50_000, 60_000)
SUM = numbers(0.06 * 20_000, 0.15 * 20_000, 0.06 * 60_000, 0.16 * 60_000, 3500)
COLUMNS = {
    "pt": "f4",
    f"ptvarcone30_{LOOSE_CONE}_pt1000": "f4",
    f"ptcone20_{LOOSE_CONE}_pt1000": "f4",
    f"ptvarcone30_{LOOSE_CONE}_pt500": "f4",
    f"ptcone20_{LOOSE_CONE}_pt500": "f4",
    "ptvarcone20_TightTTVA_pt1000": "f4",
    "topoetcone20": "f4",
    "neflowisol20": "f4",
}


@given(lists_of(**{name: PT if name == "pt" else SUM for name in COLUMNS}), st.sampled_from(list(electrons.ISOLATION)))
def test_isolation_of_any_electrons(drawn, point):
    objects = made("Electron", COLUMNS, drawn)
    expected = loop(lambda *values: bool(is_isolated(point, *values)), *variables(objects))
    assert ak.to_list(electrons.isolated(objects, point)) == expected


VAR, FIXED = f"ptvarcone30_{LOOSE_CONE}_pt1000", f"ptcone20_{LOOSE_CONE}_pt1000"
VAR_500, FIXED_500 = f"ptvarcone30_{LOOSE_CONE}_pt500", f"ptcone20_{LOOSE_CONE}_pt500"
OLD = "ptvarcone20_TightTTVA_pt1000"

# What each variable may be of an electron of 30 GeV, and of one of 60 GeV, in MeV.
LIMITS = {
    "HighPtCaloOnly": ({"topoetcone20": 3500}, {"topoetcone20": 3500}),
    "Loose_VarRad": ({VAR: 4500, "topoetcone20": 6000}, {VAR: 9000, "topoetcone20": 12000}),
    "Tight_VarRad": ({VAR: 1800, "topoetcone20": 1800}, {VAR: 3600, "topoetcone20": 3600}),
    "TightTrackOnly_VarRad": ({VAR: 1800}, {VAR: 3600}),
    "TightTrackOnly_FixedRad": ({VAR: 1800}, {FIXED: 3600}),
    "PflowLoose": ({VAR_500: 4800, "neflowisol20": 12000}, {VAR_500: 9600, "neflowisol20": 24000}),
    "PflowTight": ({VAR_500: 1350, "neflowisol20": 3375}, {VAR_500: 2700, "neflowisol20": 6750}),
    "PflowLoose_FixedRad": ({VAR_500: 4800, "neflowisol20": 12000}, {FIXED_500: 9600, "neflowisol20": 24000}),
    "PflowTight_FixedRad": ({VAR_500: 1350, "neflowisol20": 3375}, {FIXED_500: 2700, "neflowisol20": 6750}),
    "FCLoose": ({OLD: 4500, "topoetcone20": 6000}, {OLD: 9000, "topoetcone20": 12000}),
    "FCTight": ({OLD: 1800, "topoetcone20": 1800}, {OLD: 3600, "topoetcone20": 3600}),
}


@pytest.mark.parametrize("point", electrons.ISOLATION)
def test_each_limit(point):
    for pt, limits in zip((30_000, 60_000), LIMITS[point], strict=True):
        for column in list(COLUMNS)[1:]:
            limit = limits.get(column, math.inf)
            values = [limit * 0.999, limit * 1.001] if column in limits else [1e6]
            drawn = [dict.fromkeys(COLUMNS, 0) | {column: value, "pt": pt} for value in values]
            isolated = electrons.isolated(made("Electron", COLUMNS, [drawn]), point)
            assert ak.to_list(isolated) == [[value < limit for value in values]]


@given(st.floats(5000, 49_000, width=32))
def test_at_the_limit_in_single_precision(pt):
    electron = dict.fromkeys(COLUMNS, 0) | {"pt": pt, VAR: 0.06 * pt, VAR_500: 0.16 * pt}
    objects = made("Electron", COLUMNS, [[electron]])
    assert electrons.isolated(objects, "TightTrackOnly_VarRad")[0, 0]
    assert electrons.isolated(objects, "PflowLoose")[0, 0]
    objects = made("Electron", COLUMNS, [[electron | {VAR_500: 0.04 * pt, "neflowisol20": 0.3 * pt}]])
    value = single(float(objects[VAR_500][0, 0]) + 0.4 * float(objects.neflowisol20[0, 0]))
    assert electrons.isolated(objects, "PflowLoose")[0, 0] == (value <= single(0.16 * pt))


def test_sums_of_tracks_below_zero_count_as_those_above():
    objects = made("Electron", COLUMNS, [[dict.fromkeys(COLUMNS, 0) | {"pt": 30_000, VAR_500: -1e4, VAR: -1e4}]])
    assert not electrons.isolated(objects, "PflowLoose")[0, 0]
    assert electrons.isolated(objects, "Tight_VarRad")[0, 0]


def test_the_radius_is_fixed_above_50_gev():
    electron = dict.fromkeys(COLUMNS, 0) | {FIXED: 1e6}
    drawn = [electron | {"pt": 50_000}, electron | {"pt": 50_001}]
    objects = made("Electron", COLUMNS, [drawn])
    assert ak.to_list(electrons.isolated(objects, "TightTrackOnly_FixedRad")) == [[True, False]]


@pytest.mark.parametrize("missing", COLUMNS)
def test_what_is_no_number_fails(missing):
    electron = dict.fromkeys(COLUMNS, 10) | {"pt": 30_000, missing: NAN}
    objects = made("Electron", COLUMNS, [[electron]])
    failed = {point for point in electrons.ISOLATION if not electrons.isolated(objects, point)[0, 0]}
    calo = {"HighPtCaloOnly", "Loose_VarRad", "Tight_VarRad", "FCLoose", "FCTight"}
    flow = {"PflowLoose", "PflowTight", "PflowLoose_FixedRad", "PflowTight_FixedRad"}
    track = {"Loose_VarRad", "Tight_VarRad", "TightTrackOnly_VarRad", "TightTrackOnly_FixedRad"}
    assert failed == {
        "pt": set(electrons.ISOLATION),
        "topoetcone20": calo,
        "neflowisol20": flow,
        "ptvarcone20_TightTTVA_pt1000": {"FCLoose", "FCTight"},
        f"ptvarcone30_{LOOSE_CONE}_pt1000": track,
        f"ptvarcone30_{LOOSE_CONE}_pt500": flow,
    }.get(missing, set())


def test_object_quality_and_authors(events):
    objects = events.Electrons
    bad = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10
    assert bad == 0x5A6
    assert ak.to_list(electrons.good_quality(objects)) == loop(lambda bits: bits & bad == 0, objects.OQ)
    for names, bits in ((["Electron"], 1), (["Electron", "Ambiguous"], 17)):
        assert ak.to_list(electrons.authored(objects, names)) == loop(lambda a, b=bits: a & b > 0, objects.author)


def test_each_bit():
    drawn = [{"pt": 1.0, "OQ": 1 << bit, "author": 1 << (bit % 16)} for bit in range(32)]
    objects = made("Electron", {"pt": "f4", "OQ": "u4", "author": "u2"}, [drawn])
    assert [bit for bit, good in enumerate(electrons.good_quality(objects)[0]) if not good] == [1, 2, 5, 7, 8, 10]
    authors = {"Electron": 0, "Photon": 2, "Ambiguous": 4, "CaloTopo35": 7}
    for author, bit in authors.items():
        assert [i for i, made_it in enumerate(electrons.authored(objects, [author])[0]) if made_it] == [bit, bit + 16]


@given(lists_of(OQ=st.integers(0, 2**32 - 1), author=st.integers(0, 2**16 - 1), pt=st.just(1.0)))
def test_bits_of_any_electrons(drawn):
    objects = made("Electron", {"pt": "f4", "OQ": "u4", "author": "u2"}, drawn)
    assert ak.to_list(electrons.good_quality(objects)) == loop(lambda bits: bits & 0x5A6 == 0, objects.OQ)
    assert ak.to_list(electrons.authored(objects, ["Ambiguous"])) == loop(lambda bits: bits & 16 > 0, objects.author)


def test_the_charge(events):
    objects = events.Electrons
    assert ak.to_list(electrons.charge_identified(objects)) == loop(lambda f: f == 1, objects.DFCommonElectronsECIDS)


def test_the_cluster_of_an_electron(events):
    objects = events.Electrons
    clusters = ak.to_list(events.egammaClusters.calEta)
    links = ak.to_list(objects.caloClusterLinks.m_persIndex)
    expected = [[clusters[i][link[0]] for link in event] for i, event in enumerate(links)]
    assert ak.to_list(electrons.cluster_eta(objects)) == expected
    assert ak.max(abs(electrons.cluster_eta(objects) - objects.eta), axis=None) < 0.1
    chosen = objects.pt > 20_000
    assert ak.to_list(electrons.cluster_eta(objects[chosen])) == ak.to_list(electrons.cluster_eta(objects)[chosen])


def test_what_is_not_stored_is_named_with_its_releases():
    objects = events_of(data.R21).Electrons
    for point in ("Tight_VarRad", "TightTrackOnly_FixedRad", "PflowTight"):
        missing = rf"ptvarcone30_{LOOSE_CONE}_.* of Electron.*24.0, 25.0.*for HighPtCaloOnly, FCLoose, FCTight$"
        with pytest.raises(ColumnNotFoundError, match=missing) as error:
            electrons.isolated(objects, point)
        assert "\n" not in str(error.value)
    with pytest.raises(ColumnNotFoundError, match=r"DFCommonElectronsDNNTight.*release 25.0.*LooseBL, Medium, Tight"):
        electrons.identified(objects, "TightDNN")


@pytest.mark.parametrize("point", ["tight", "Tightt", None, 3])
def test_unknown_working_points(point):
    objects = events_of(data.R24).Electrons
    with pytest.raises(SelectionError, match="there are VeryLoose, Loose"):
        electrons.identified(objects, point)
    with pytest.raises(SelectionError, match="there are HighPtCaloOnly, Loose_VarRad"):
        electrons.isolated(objects, point)
    with pytest.raises(SelectionError, match="there are Electron, Photon"):
        electrons.authored(objects, [point])


def test_objects_of_another_class():
    events = events_of(data.RNTUPLE)
    said = "^the isolation of Electron cannot be asked of Muon: give it Electron, or take the function for Muon$"
    with pytest.raises(SelectionError, match=said):
        electrons.isolated(events.Muons, "HighPtCaloOnly")
    with pytest.raises(SelectionError, match="identification of Electron cannot be asked of Photon"):
        electrons.identified(events.Photons, "Loose")
    columns = {"topoetcone20": events.Muons.topoetcone20, "pt": events.Muons.pt}
    of_a_toy = ak.zip(columns, with_name="IParticle")
    nameless = ak.zip(columns)
    assert ak.all(electrons.isolated(of_a_toy, "HighPtCaloOnly") == electrons.isolated(nameless, "HighPtCaloOnly"))
    assert ak.to_list(electrons.isolated(nameless, "HighPtCaloOnly")) == loop(
        lambda calo, pt: calo <= max(3500, single(0.015 * pt)), nameless.topoetcone20, nameless.pt
    )


def test_a_single_electron_is_an_array_of_one():
    events = events_of(data.R24)
    event = ak.to_list(ak.num(events.Electrons) > 0).index(True)
    one, its = events.Electrons[event, 0], events.Electrons[event, :1]
    for function in (
        lambda e: electrons.identified(e, "Loose"),
        lambda e: electrons.isolated(e, "Loose_VarRad"),
        lambda e: electrons.isolated(e, "PflowLoose"),
        electrons.d0_significance,
        electrons.z0_sin_theta,
        lambda e: electrons.prompt(e, d0_significance=5),
    ):
        assert ak.to_list(function(one)) == ak.to_list(function(its))


def test_working_points_of_few_columns():
    objects = events_of(data.SAMPLE).Electrons
    assert electrons.working_points(objects) == {
        "identification": ["Loose", "Medium", "Tight"],
        "isolation": ["HighPtCaloOnly", "Loose_VarRad", "Tight_VarRad", "TightTrackOnly_VarRad"],
        "charge_identification": [],
    }
