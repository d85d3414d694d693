"""Definitions of objects: what they select, against a loop, and what is said of those that are wrong."""

import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite import analysis
from physlite.analysis import btagging, electrons, jets, muons, photons, selecting, taus
from physlite.exceptions import ColumnNotFoundError, PhysliteError, SelectionError
from support import data
from support.recording import RecordingSource, baskets
from support.selections import REAL_FILES, events_of, lists_of, loop, made, numbers, single

ELECTRONS = {
    "pt": [27_000, None],
    "abs_eta": 2.47,
    "not_abs_eta": [1.37, 1.52],
    "identification": "Tight",
    "isolation": "Tight_VarRad",
    "d0_significance": 5,
    "z0_sin_theta": 0.5,
}


@pytest.fixture(scope="module", params=REAL_FILES)
def events(request):
    return events_of(request.param)


def definition_for(objects):
    """Of electrons, with an isolation by tracks that their file has."""
    isolation = "FCTight" if "ptvarcone20_TightTTVA_pt1000" in objects.fields else "Tight_VarRad"
    return ELECTRONS | {"isolation": isolation}


def test_electrons(events):
    objects = events.Electrons
    definition = definition_for(objects)
    others = (
        electrons.identified(objects, "Tight")
        & electrons.isolated(objects, definition["isolation"])
        & electrons.prompt(objects, d0_significance=5, z0_sin_theta=0.5)
    )
    expected = loop(
        lambda pt, eta, others: (
            pt >= 27_000 and abs(eta) <= single(2.47) and not single(1.37) <= abs(eta) <= single(1.52) and others
        ),
        objects.pt,
        objects.eta,
        others,
    )
    assert ak.to_list(analysis.selected(objects, definition)) == expected
    assert any(any(event) for event in expected)


@pytest.mark.parametrize("name", [data.RNTUPLE])
def test_each_key_is_its_function(name):
    events = events_of(name)
    pairs = {
        "Electrons": {
            ("good_quality", True): electrons.good_quality,
            ("author", ("Electron",)): lambda e: electrons.authored(e, ["Electron"]),
            ("charge_identification", "ECIDS"): electrons.charge_identified,
            ("abs_cluster_eta", (0.5, 2.47)): lambda e: abs(abs(electrons.cluster_eta(e)) - 1.485) <= 0.985,
            ("not_abs_cluster_eta", (1.37, 1.52)): lambda e: ~(abs(abs(electrons.cluster_eta(e)) - 1.445) <= 0.075),
        },
        "Muons": {
            ("identification", "Medium"): lambda m: muons.identified(m, "Medium"),
            ("isolation", "PflowTight_VarRad"): lambda m: muons.isolated(m, "PflowTight_VarRad"),
            ("d0_significance", 3): lambda m: muons.prompt(m, d0_significance=3),
            ("z0_sin_theta", 0.1): lambda m: muons.prompt(m, z0_sin_theta=0.1),
        },
        "Photons": {
            ("identification", "Tight"): lambda p: photons.identified(p, "Tight"),
            ("isolation", "FixedCutTight"): lambda p: photons.isolated(p, "FixedCutTight"),
            ("cleaning", "Cleaning"): photons.clean,
            ("converted", True): photons.converted,
            ("converted", False): lambda p: ~photons.converted(p),
        },
        "TauJets": {
            ("identification", "GNTauMedium"): lambda t: taus.identified(t, "GNTauMedium"),
            ("electron_veto", "Loose"): lambda t: taus.electron_vetoed(t, "Loose"),
            ("n_tracks", (1, 3)): lambda t: taus.with_tracks(t, [1, 3]),
            ("n_tracks", 1): lambda t: taus.with_tracks(t, [1]),
            ("abs_charge", 1): taus.with_charge,
        },
        "Jets": {
            ("jvt", "FixedEffPt"): lambda j: jets.passed_jvt(j, "FixedEffPt"),
            ("fjvt", "Tight"): lambda j: jets.passed_fjvt(j, "Tight"),
            ("cleaning", "LooseBad"): lambda j: jets.clean(j, "LooseBad"),
            ("btagging", "GN2v01_FixedCutBEff_77"): lambda j: btagging.tagged(j, "GN2v01_FixedCutBEff_77"),
        },
    }
    for collection, cases in pairs.items():
        objects = events[collection]
        for (key, value), function in cases.items():
            given_value = list(value) if isinstance(value, tuple) else value
            found = analysis.selected(objects, {key: given_value})
            assert ak.to_list(found) == ak.to_list(function(objects)), (collection, key)
            assert found.type.content.content == ak.types.NumpyType("bool")


def test_a_cut_of_ones_own_on_a_tagger():
    objects = events_of(data.R24).Jets
    found = analysis.selected(objects, {"btagging": {"DL1dv01": 2.5}})
    assert ak.to_list(found) == ak.to_list(btagging.above(objects, "DL1dv01", 2.5))


@given(
    lists_of(pt=numbers(20_000, 27_000), eta=numbers(1.5, -2.5)),
    st.sampled_from([20_000, [20_000, None], [None, 27_000], [20_000, 27_000]]),
    st.sampled_from([2.5, [1.5, 2.5], [1.5, None], [0, 2.5]]),
)
def test_ranges_of_any_objects(drawn, pt_range, eta_range):
    objects = made("Muon", {"pt": "f4", "eta": "f4"}, drawn)
    ends = pt_range if isinstance(pt_range, list) else [pt_range, None]
    low, high = (-math.inf if ends[0] is None else ends[0], math.inf if ends[1] is None else ends[1])
    expected = loop(lambda pt: low <= pt < high, objects.pt)
    assert ak.to_list(analysis.selected(objects, {"pt": pt_range})) == expected
    ends = eta_range if isinstance(eta_range, list) else [-math.inf, eta_range]
    low, high = (-math.inf if ends[0] <= 0 else ends[0]), math.inf if ends[1] is None else ends[1]
    expected = loop(lambda eta: low < abs(eta) <= high, objects.eta)
    assert ak.to_list(analysis.selected(objects, {"abs_eta": eta_range})) == expected
    expected = loop(lambda eta: abs(eta) < 1.5 or abs(eta) > 2.5, objects.eta)
    assert ak.to_list(analysis.selected(objects, {"not_abs_eta": [1.5, 2.5]})) == expected


def test_numbers_of_numpy():
    events = events_of(data.R24)
    for collection, definition, its_numbers in (
        ("Electrons", {"pt": np.int64(5000)}, {"pt": 5000}),
        ("Electrons", {"pt": [np.float32(20_000), np.int16(30_000)]}, {"pt": [20_000, 30_000]}),
        ("Electrons", {"z0_sin_theta": np.float64(0.5)}, {"z0_sin_theta": 0.5}),
        ("TauJets", {"n_tracks": [np.int8(1), np.uint64(3)]}, {"n_tracks": [1, 3]}),
        ("TauJets", {"abs_charge": np.int64(1)}, {"abs_charge": 1}),
        ("Jets", {"btagging": {"DL1dv01": np.float64(2.5)}}, {"btagging": {"DL1dv01": 2.5}}),
    ):
        found, expected = (analysis.selected(events[collection], each) for each in (definition, its_numbers))
        assert ak.to_list(found) == ak.to_list(expected)


def test_messages_are_short():
    bomb = [1]
    for _ in range(6):
        bomb = [bomb] * 9
    for definition in ({"pt": bomb}, {"isolation": "x" * 10**6}, {"pt": {"x": bomb}}, bomb, {"x" * 10**4: 1}):
        with pytest.raises(SelectionError) as error:
            analysis.selected(events_of(data.R24).Electrons, definition)
        assert len(str(error.value)) < 700


def test_nothing_is_asked(events):
    for objects in (events.Jets, events[:0].Jets, events.Jets[events.Jets.pt < 0]):
        assert ak.to_list(analysis.selected(objects, {})) == loop(lambda _: True, objects.pt)


def test_one_object_of_each_event_or_none(events):
    leading = ak.firsts(events.Electrons)
    definition = definition_for(events.Electrons)
    found = analysis.selected(leading, definition)
    every = analysis.selected(events.Electrons, definition)
    assert ak.to_list(found) == ak.to_list(ak.fill_none(ak.firsts(every), value=False))


EVERYTHING = {
    "Electrons": {
        "pt": 10_000, "abs_eta": 2.47, "abs_cluster_eta": 2.47, "not_abs_cluster_eta": [1.37, 1.52],
        "identification": "Medium", "isolation": "PflowTight_FixedRad", "good_quality": True, "author": ["Electron"],
        "charge_identification": "ECIDS", "d0_significance": 5, "z0_sin_theta": 0.5,
    },
    "Muons": {"identification": "Medium", "isolation": "Tight_VarRad", "d0_significance": 3, "z0_sin_theta": 0.5},
    "Photons": {"identification": "Tight", "isolation": "FixedCutLoose", "cleaning": "Cleaning", "converted": False},
    "TauJets": {"identification": "GNTauLoose", "electron_veto": "Loose", "n_tracks": [1, 3], "abs_charge": 1},
    "Jets": {"jvt": "FixedEffPt", "fjvt": "Loose", "cleaning": "LooseBad", "btagging": "GN2v01_FixedCutBEff_77"},
}  # fmt: skip


@pytest.mark.parametrize("collection", EVERYTHING)
def test_objects_in_every_structure(collection):
    events = events_of(data.RNTUPLE)
    objects = events[collection]
    some = [i % 3 > 0 for i in range(len(events))]
    hard = objects.pt > 20_000
    for key, value in EVERYTHING[collection].items():
        passed = analysis.selected(objects, {key: value})
        for case, its, expected in (
            ("lists that are missing", ak.mask(objects, some), ak.mask(passed, some)),
            ("events that are missing", ak.mask(events, some)[collection], ak.mask(passed, some)),
            ("objects that are missing", ak.mask(objects, hard), passed & hard),
            ("pairs", ak.unzip(ak.combinations(objects, 2))[0], ak.unzip(ak.combinations(passed, 2))[0]),
            ("one event", events[5][collection], passed[5]),
            ("no events", ak.flatten(objects), ak.flatten(passed)),
        ):
            assert ak.to_list(analysis.selected(its, {key: value})) == ak.to_list(expected), (key, case)


FUNCTIONS = {
    "Electrons": [
        electrons.d0_significance, electrons.z0_sin_theta, electrons.cluster_eta, electrons.good_quality,
        electrons.charge_identified, electrons.prompt,
    ],
    "Muons": [muons.d0_significance, muons.z0_sin_theta, muons.prompt],
    "Photons": [
        photons.cluster_eta, photons.good_quality, photons.clean, photons.conversion_type, photons.converted,
    ],
    "TauJets": [taus.n_tracks, taus.with_charge],
}  # fmt: skip


@pytest.mark.parametrize("collection", FUNCTIONS)
def test_values_of_masked_events(collection):
    events = events_of(data.RNTUPLE)
    some = np.arange(len(events)) % 3 > 0
    for function in FUNCTIONS[collection]:
        found = function(ak.mask(events, some)[collection])
        expected = ak.mask(function(events[collection]), some)
        assert ak.to_list(ak.nan_to_num(found, nan=-1e9)) == ak.to_list(ak.nan_to_num(expected, nan=-1e9)), function
        assert found.type == expected.type, function


NUMBERS = (electrons.d0_significance, electrons.z0_sin_theta, electrons.cluster_eta, photons.conversion_type)
MASKS = {
    "Electrons": [electrons.identified, electrons.isolated, electrons.charge_identified],
    "Muons": [muons.identified, muons.isolated],
    "Photons": [photons.identified, photons.isolated, photons.clean],
    "TauJets": [taus.identified, taus.electron_vetoed],
    "Jets": [jets.passed_jvt, jets.passed_fjvt, jets.clean, btagging.tagged],
}


@pytest.mark.parametrize("collection", FUNCTIONS)
def test_functions_of_objects_that_are_missing(collection):
    """What is missing passes no mask, and is no number."""
    objects = events_of(data.RNTUPLE)[collection]
    some = ak.local_index(objects.pt) % 2 == 1
    for function in FUNCTIONS[collection]:
        if function is taus.n_tracks:
            continue
        fill = {photons.conversion_type: 0}.get(function, -1e9) if function in NUMBERS else False
        found, expected = function(ak.mask(objects, some)), ak.where(some, function(objects), fill)
        assert not ak.any(ak.is_none(found, axis=1))
        assert ak.to_list(ak.nan_to_num(found, nan=-1e9)) == ak.to_list(ak.nan_to_num(expected, nan=-1e9)), function


@pytest.mark.filterwarnings("ignore::physlite.exceptions.WorkingPointWarning")
@pytest.mark.parametrize("collection", MASKS)
def test_working_points_of_objects_that_are_missing(collection):
    objects = events_of(data.RNTUPLE)[collection]
    some = ak.local_index(objects.pt) % 2 == 1
    points = [point for its in analysis.working_points(events_of(data.RNTUPLE))[collection].values() for point in its]
    for function in MASKS[collection]:
        tried = 0
        for point in points:
            try:
                every = function(objects, point)
            except (SelectionError, ColumnNotFoundError):  # of another function, or not in this file
                continue
            tried += 1
            assert ak.to_list(function(ak.mask(objects, some), point)) == ak.to_list(every & some), (function, point)
        assert tried


@pytest.mark.filterwarnings("ignore::physlite.exceptions.WorkingPointWarning")
@pytest.mark.parametrize("collection", EVERYTHING)
def test_masked_events_at_every_working_point(collection):
    events = events_of(data.RNTUPLE)
    some = np.arange(len(events)) % 3 > 0
    masked = ak.mask(events, some)
    listed = analysis.working_points(events)[collection]
    assert analysis.working_points(masked)[collection] == listed
    for key, points in listed.items():
        for point in points:
            found = analysis.selected(masked[collection], {key: point})
            expected = ak.mask(analysis.selected(events[collection], {key: point}), some)
            assert ak.to_list(found) == ak.to_list(expected), (key, point)


def test_what_is_read_is_what_is_asked():
    source = RecordingSource(data.path_of(data.R24))
    file = physlite.open(source, cache_bytes=0)
    jets_ = file.events().Jets
    source.take()
    analysis.selected(jets_, {"pt": 20_000, "abs_eta": 2.5})
    assert source.take() == baskets(file.manifest, "AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.eta")


WRONG = [
    ({"pT": 20}, "'pT' cannot be asked of Electron; nearest: pt.*; there are pt, abs_eta"),
    ({3: 20}, "3 cannot be asked of Electron"),
    ({"pt": "27 GeV"}, "'pt' of Electron: expected the lowest value, or .lowest, highest.*not '27 GeV'"),
    ({"pt": True}, "'pt' of Electron"),
    ({"pt": np.True_}, "'pt' of Electron"),
    ({"pt": 10**400}, "'pt' of Electron"),
    ({"pt": 1j}, "'pt' of Electron"),
    ({"pt": math.nan}, "'pt' of Electron"),
    ({"pt": [30_000, 20_000]}, "'pt' of Electron"),
    ({"pt": [1, 2, 3]}, "'pt' of Electron"),
    ({"abs_eta": None}, "'abs_eta' of Electron: expected the highest value"),
    ({"abs_eta": -2.5}, "'abs_eta' of Electron: expected the highest value, .* none negative, not -2.5$"),
    ({"abs_eta": [-2.5, 2.5]}, r"'abs_eta' of Electron: expected the highest .*, none negative, not \[-2.5, 2.5\]$"),
    ({"abs_cluster_eta": [-2.5, None]}, "'abs_cluster_eta' of Electron: expected the highest .*, none negative, not"),
    ({"abs_eta": [None, -1]}, "'abs_eta' of Electron: expected the highest value, .*, none negative, not"),
    ({"not_abs_eta": [-1.52, -1.37]}, r"'not_abs_eta' of Electron: expected \[lowest, highest\], none negative, not"),
    ({"pt": "27e3"}, "'pt' of Electron: expected the lowest .*, not '27e3'; write numbers without quotes$"),
    ({"pt": ["27e3", None]}, r"not \['27e3', None\]; write numbers without quotes$"),
    ({"pt": "high"}, "not 'high'$"),
    ({"not_abs_eta": 1.37}, "'not_abs_eta' of Electron: expected .lowest, highest."),
    ({"identification": "tight"}, "'identification' of Electron: expected one of VeryLoose, Loose, .*not 'tight'"),
    ({"isolation": ["Loose_VarRad"]}, "'isolation' of Electron: expected one of HighPtCaloOnly"),
    ({"d0_significance": 0}, "'d0_significance' of Electron: expected a number above 0"),
    ({"author": "Electron"}, "'author' of Electron: expected a list of some of Electron, Photon"),
    ({"author": []}, "'author' of Electron"),
    ({"author": [["Electron"]]}, "'author' of Electron"),
    ({"good_quality": 1}, "'good_quality' of Electron: expected true or false"),
    (["pt"], "a definition of Electron is a dictionary"),
]


@pytest.mark.parametrize(("definition", "message"), WRONG, ids=str)
def test_wrong_definitions(definition, message):
    with pytest.raises(SelectionError, match=message) as error:
        analysis.selected(events_of(data.R24).Electrons, definition)
    assert isinstance(error.value, PhysliteError)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("collection", "definition", "message"),
    [
        ("Jets", {"btagging": "GN2v01"}, "'btagging' of Jet: expected one of DL1r_FixedCutBEff_77"),
        ("Jets", {"btagging": {"MV2": 1}}, "'btagging' of Jet"),
        ("Jets", {"isolation": "Tight"}, "'isolation' cannot be asked of Jet"),
        ("TauJets", {"n_tracks": [1.5]}, "'n_tracks' of TauJet: expected a whole number"),
        ("TauJets", {"n_tracks": []}, "'n_tracks' of TauJet: expected a list of whole numbers"),
        ("TauJets", {"abs_charge": -1}, "'abs_charge' of TauJet"),
        ("PrimaryVertices", {}, "no definitions of Vertex; there are those of Electron, Muon"),
    ],
)
def test_wrong_definitions_of_others(collection, definition, message):
    with pytest.raises(SelectionError, match=message):
        analysis.selected(events_of(data.R24)[collection], definition)


def test_all_of_a_definition_is_looked_at_before_anything_is_read():
    with pytest.raises(SelectionError, match="'z0_sin_theta'"):
        analysis.selected(events_of(data.R21).Electrons, {"isolation": "PflowTight", "z0_sin_theta": "small"})
    with pytest.raises(ColumnNotFoundError, match="LooseCone_pt500 of Electron"):
        analysis.selected(events_of(data.R21).Electrons, {"isolation": "PflowTight"})


def test_the_names_of_the_package():
    assert dir(analysis) == sorted(analysis.__all__)
    assert analysis.selected is selecting.selected
    with pytest.raises(AttributeError, match="no attribute 'selection'"):
        _ = analysis.selection
