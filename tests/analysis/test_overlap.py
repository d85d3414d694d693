"""Overlap removal: its rules one by one, events of all shapes, and what is wrong."""

import functools

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.analysis import overlap
from physlite.exceptions import ColumnNotFoundError
from physlite.units import GeV
from support import data
from support.made_objects import events_of, mask

NAMES = ("Electrons", "Muons", "TauJets", "Photons", "Jets", "LargeRJets")


@functools.cache
def real_events(name):
    return physlite.events(data.path_of(name))


def lists(arrays):
    return {name: array.to_list() for name, array in arrays.items()}


# ------------------------------------------------------------------------------------------------------------ the rules


def event(**collections):
    """An event with these objects, which have what is not given from here."""
    usual = {"pt": 30 * GeV, "eta": 0.0, "phi": 0.0, "m": 0.0, "author": 1, "muonType": 0, "originalTrack": None}
    usual |= {"trackParticleLinks": [], "inDetTrackParticleLink": None, "DFCommonElectronsLHLoose": 1}
    usual |= {"NumTrkPt500": [5], "SumPtTrkPt500": [1e4], "GhostTrack": []}
    found = {name: [usual | thing for thing in collections.get(name, [])] for name in NAMES}
    return found | {"PrimaryVertices": collections.get("PrimaryVertices", [{"vertexType": 1}])}


def kept(step, b_jets=None, **collections):
    """What a step leaves of an event in which all is selected."""
    events = events_of([event(**collections)])
    selected = {name: events[name].pt == events[name].pt for name in step.collections}
    found = overlap.remove(events, [step], selected, b_jets=None if b_jets is None else mask([b_jets]))
    return {name: flags[0] for name, flags in lists(found).items()}


def test_at_the_radius_is_within():
    """In single precision, in which the tools have it: 0.4 there is more than 0.4."""
    step = overlap.DeltaR("Jets", "Photons", 0.4)
    assert kept(step, Jets=[{"phi": 0.4}], Photons=[{}])["Jets"] == [False]
    assert kept(step, Jets=[{"phi": float(np.nextafter(np.float32(0.4), 1))}], Photons=[{}])["Jets"] == [True]


def test_azimuth_goes_round():
    assert kept(overlap.DeltaR("Jets", "Photons"), Jets=[{"phi": 3.1}], Photons=[{"phi": -3.1}])["Jets"] == [False]


def test_distances_are_in_rapidity():
    """A heavy jet is more central in rapidity than in pseudorapidity."""
    jets = [{"eta": 1.0, "m": 0.0}, {"eta": 1.0, "m": 60 * GeV}]
    assert kept(overlap.DeltaR("Jets", "Photons"), Jets=jets, Photons=[{"eta": 0.5}])["Jets"] == [True, False]


def test_what_was_removed_removes_nothing():
    """The jet is the electron, and gone, when muons are compared with jets."""
    events = events_of([event(Electrons=[{}], Muons=[{"phi": 0.3}], Jets=[{}])])
    selected = {name: events[name].pt > 0 for name in ("Electrons", "Muons", "Jets")}
    by = overlap.removed_by(events, overlap.standard(selected), selected)
    assert {name: array.to_list() for name, array in by.items()} == {
        "Electrons": [[-1]],
        "Muons": [[-1]],
        "Jets": [[1]],
    }
    by = overlap.removed_by(events, overlap.standard(selected)[::-1], selected)
    assert lists(by) == {"Electrons": [[-1]], "Muons": [[0]], "Jets": [[1]]}


def test_electrons_with_one_track():
    step = overlap.SharedTrackElectrons()
    track, other = [(7, 1)], [(7, 2)]
    soft, hard = {"pt": 10 * GeV, "trackParticleLinks": track}, {"pt": 20 * GeV, "trackParticleLinks": track}
    assert kept(step, Electrons=[soft, hard])["Electrons"] == [False, True]
    assert kept(step, Electrons=[hard, soft])["Electrons"] == [True, False]
    assert kept(step, Electrons=[hard, hard])["Electrons"] == [True, True]
    assert kept(step, Electrons=[soft, hard | {"trackParticleLinks": other}])["Electrons"] == [True, True]
    assert kept(step, Electrons=[soft, hard | {"author": 16}])["Electrons"] == [True, False]


def test_electrons_without_tracks_share_none_unless_their_links_are_null():
    step = overlap.SharedTrackElectrons()
    soft, none, null = {"pt": 10 * GeV}, [], [(0, 0)]
    for first, second, is_kept in [(none, none, True), (null, none, True), (none, null, True), (null, null, False)]:
        electrons = [soft | {"trackParticleLinks": first}, {"trackParticleLinks": second}]
        assert kept(step, Electrons=electrons)["Electrons"] == [is_kept, True]


def test_electrons_are_tested_in_their_order():
    """The second would go for the first, which is gone by then."""
    a, b, c = (
        {"pt": pt, "author": author, "trackParticleLinks": [(7, 1)]} for pt, author in [(2e4, 2), (1e4, 1), (3e4, 16)]
    )
    found = [
        kept(overlap.SharedTrackElectrons(), Electrons=list(order))["Electrons"] for order in [(a, b, c), (b, a, c)]
    ]
    assert found == [[False, True, False], [False, False, True]]


def test_muons_of_the_calorimeter_go_for_electrons_and_others_do_not():
    electron = {"trackParticleLinks": [(9, 0)], "originalTrack": (7, 1)}
    muon = {"inDetTrackParticleLink": (7, 1)}
    step = overlap.ElectronMuon()
    assert kept(step, Electrons=[electron], Muons=[muon]) == {"Electrons": [False], "Muons": [True]}
    assert kept(step, Electrons=[electron], Muons=[muon | {"muonType": 3}]) == {"Electrons": [True], "Muons": [False]}
    for null in [(0, 0), (0, 1)]:
        nothing = {"trackParticleLinks": [(9, 0)], "originalTrack": null}
        found = kept(step, Electrons=[nothing], Muons=[{"inDetTrackParticleLink": null}])
        assert found == {"Electrons": [True], "Muons": [True]}


def test_b_jets_are_not_removed_by_soft_electrons():
    soft, hard = {"pt": 99 * GeV}, {"pt": 100 * GeV}
    step = overlap.ElectronJet()
    assert kept(step, [True], Electrons=[soft], Jets=[{}]) == {"Electrons": [False], "Jets": [True]}
    assert kept(step, [True], Electrons=[hard], Jets=[{}]) == {"Electrons": [True], "Jets": [False]}
    assert kept(step, [False], Electrons=[soft], Jets=[{}]) == {"Electrons": [True], "Jets": [False]}


def test_cones_shrink_with_pt():
    jet = {"phi": 0.35}
    for pt, flat, sliding in [(25 * GeV, False, False), (50 * GeV, False, True)]:
        assert kept(overlap.ElectronJet(), Electrons=[{"pt": pt}], Jets=[jet])["Electrons"] == [flat]
        step = overlap.ElectronJet(outer=overlap.SlidingCone())
        assert kept(step, Electrons=[{"pt": pt}], Jets=[jet])["Electrons"] == [sliding]


def test_electrons_with_little_of_a_jet_do_not_remove_it():
    """21 GeV of 30 GeV are less than 0.7 in single precision, in which the tools divide."""
    for pt, ratio, is_kept in [(21, 0.7, True), (24, 0.8, False), (15, 0.5, False), (14, 0.5, True)]:
        found = kept(overlap.ElectronJet(min_pt_ratio=ratio), Electrons=[{"pt": pt * GeV}], Jets=[{}])
        assert found["Jets"] == [is_kept]


def test_leptons_without_a_pt_are_near_everything():
    """As for the tools: no comparison with NaN says that something is far."""
    step = overlap.ElectronJet(outer=overlap.SlidingCone())
    assert kept(step, Electrons=[{"pt": np.nan}], Jets=[{"phi": 2.0}])["Electrons"] == [False]


def test_jets_with_few_tracks_are_muons():
    step = overlap.MuonJet()
    assert kept(step, Muons=[{}], Jets=[{"NumTrkPt500": [2]}]) == {"Muons": [True], "Jets": [False]}
    assert kept(step, Muons=[{}], Jets=[{"NumTrkPt500": [3]}]) == {"Muons": [False], "Jets": [True]}


def test_tracks_are_counted_at_the_primary_vertex():
    vertices = [{"vertexType": kind} for kind in (3, 1, 1)]
    for tracks, is_kept in [([9, 2, 9], False), ([0, 3, 0], True)]:
        jet = {"NumTrkPt500": tracks}
        assert kept(overlap.MuonJet(), Muons=[{}], Jets=[jet], PrimaryVertices=vertices)["Jets"] == [is_kept]


@pytest.mark.parametrize(
    "choose",
    [lambda x: x[:, ::-1], lambda x: x[ak.argsort(-x.z)], lambda x: x[x.vertexType == 1]],
    ids=["backwards", "sorted", "primary"],
)
def test_tracks_are_counted_at_the_same_vertex_whatever_was_chosen(choose):
    """The numbers of tracks have the order of the file."""
    events = real_events(data.R22)
    shifted = events[:]  # the primary vertex is not the first one
    vertices = events.PrimaryVertices
    shifted["PrimaryVertices", "vertexType"] = ak.where(ak.local_index(vertices.z) == ak.num(vertices.z) - 2, 1, 3)
    expected = near_muons(shifted)
    assert expected != near_muons(events)
    shifted["PrimaryVertices"] = choose(shifted.PrimaryVertices)
    assert near_muons(shifted) == expected


def test_the_first_primary_vertex_is_that_of_the_file():
    events = real_events(data.R22)[:]
    events["PrimaryVertices", "vertexType"] = ak.full_like(events.PrimaryVertices.vertexType, 1)
    expected = near_muons(events)
    events["PrimaryVertices"] = events.PrimaryVertices[:, ::-1]
    assert near_muons(events) == expected


def near_muons(events):
    """What is left of soft muons and jets, as jets of many tracks decide."""
    step = overlap.MuonJet(inner=0.4, outer=0.5, ghosts=False, allow_no_vertex=True)
    return lists(overlap.remove(events, [step], {name: events[name].pt > 3 * GeV for name in step.collections}))


def test_jets_with_many_tracks_are_muons_where_these_have_most_of_the_pt():
    step = overlap.MuonJet(compare_pt=True)
    for pt, of_tracks, is_kept in [
        (14, 0, True),
        (16, 0, False),
        (16, 20, False),
        (16, -1, False),
        (16, 25, True),
        (14, 20, True),
    ]:
        jet = {"SumPtTrkPt500": [of_tracks * GeV]}
        assert kept(step, Muons=[{"pt": pt * GeV}], Jets=[jet])["Jets"] == [is_kept]
        assert kept(step, Muons=[{"pt": pt * GeV}], Jets=[jet | {"NumTrkPt500": [2]}])["Jets"] == [False]


def test_a_jet_with_the_muons_track_goes_at_any_distance():
    jet = {"eta": 2.0, "NumTrkPt500": [1], "GhostTrack": [(7, 3), (7, 1)]}
    muon = {"inDetTrackParticleLink": (7, 1)}
    assert kept(overlap.MuonJet(), Muons=[muon], Jets=[jet])["Jets"] == [False]
    assert kept(overlap.MuonJet(ghosts=False), Muons=[muon], Jets=[jet])["Jets"] == [True]
    for null in [(0, 0), (0, 1)]:
        found = kept(overlap.MuonJet(), Muons=[{"inDetTrackParticleLink": null}], Jets=[jet | {"GhostTrack": [null]}])
        assert found["Jets"] == [True]


def test_which_leptons_are_loose():
    step = overlap.TauLooseElectron()
    assert kept(step, Electrons=[{}, {"phi": 1.0}], TauJets=[{}])["TauJets"] == [False]
    assert kept(step, Electrons=[{"DFCommonElectronsLHLoose": 0}, {"phi": 1.0}], TauJets=[{}])["TauJets"] == [True]
    step = overlap.TauLooseMuon()
    combined, tagged = 0, 2
    for pt, kind, tau_pt, is_kept in [
        (2.0, combined, 51, False),
        (1.9, combined, 51, True),
        (2.0, tagged, 50, False),
        (2.0, tagged, 51, True),
    ]:
        muon = {"pt": pt * GeV, "muonType": kind}
        assert kept(step, Muons=[muon], TauJets=[{"pt": tau_pt * GeV}])["TauJets"] == [is_kept]


def test_loose_leptons_that_were_removed_do_not_count():
    events = events_of([event(Electrons=[{}], Muons=[{}], TauJets=[{}], Photons=[{}])])
    selected = {name: mask([[True]]) for name in ("Electrons", "Muons", "TauJets", "Photons")}
    for name, step in {"Electrons": overlap.TauLooseElectron(), "Muons": overlap.TauLooseMuon()}.items():
        found = overlap.remove(events, [overlap.DeltaR(name, "Photons"), step], selected)
        assert found["TauJets"].to_list() == [[True]]


def test_loose_leptons_count_although_not_selected():
    events = events_of([event(Electrons=[{}], Muons=[{}], TauJets=[{}])])
    selected = {"Electrons": mask([[False]]), "Muons": mask([[False]]), "TauJets": mask([[True]])}
    for step in (overlap.TauLooseElectron(), overlap.TauLooseMuon()):
        assert overlap.remove(events, [step], selected)["TauJets"].to_list() == [[False]]
    for step in overlap.standard(selected):
        assert overlap.remove(events, [step], selected)["TauJets"].to_list() == [[True]]


# --------------------------------------------------------------------------------------------------- shapes of events


USED = ("Electrons", "Muons", "TauJets", "Photons", "Jets")


def on(events):
    selected = {name: events[name].pt > 10 * GeV for name in USED}
    return overlap.removed_by(events, overlap.standard(selected), selected)


@pytest.mark.parametrize(
    "choose",
    [
        lambda x: x[:0],
        lambda x: x[10:30],
        lambda x: x[::3],
        lambda x: x[np.arange(len(x)) % 7 == 2],
        lambda x: x[[5, 3, 3, 90]],
    ],
    ids=["none", "range", "steps", "mask", "numbers"],
)
def test_chosen_events(choose):
    events = real_events(data.TREE_ONLY)
    of_all, of_some = on(events), on(choose(events))
    for name, by in of_all.items():
        assert of_some[name].to_list() == choose(by).to_list()


def test_chosen_objects():
    """Those that are not in the collection any more are as those not selected."""
    events = real_events(data.TREE_ONLY)
    few = events
    for name in USED:
        few = ak.with_field(few, events[name][events[name].pt > 10 * GeV], name)
    of_all, of_few = on(events), on(few)
    for name in USED:
        assert of_few[name].to_list() == of_all[name][events[name].pt > 10 * GeV].to_list()


def test_masked_objects():
    """Objects that are None are as those not selected."""
    events = real_events(data.TREE_ONLY)
    masked = events
    for name in USED:
        masked = ak.with_field(masked, ak.mask(events[name], events[name].pt > 15 * GeV), name)
    selected = {name: events[name].pt > 15 * GeV for name in USED}
    expected = overlap.remove(events, overlap.standard(selected), selected)
    found = overlap.remove(masked, overlap.standard(selected), {name: masked[name].pt > 15 * GeV for name in USED})
    assert lists(found) == lists(expected)


def test_none_in_a_mask_is_not_selected():
    jets = real_events(data.TREE_ONLY).Jets
    some = ak.mask(jets.pt > 0, jets.pt > 20 * GeV)
    found = overlap.remove(real_events(data.TREE_ONLY), [], {"Jets": some})
    assert found["Jets"].to_list() == (jets.pt > 20 * GeV).to_list()


def test_nothing_is_left_where_nothing_is_selected():
    events = real_events(data.TREE_ONLY)
    selected = {name: events[name].pt < 0 for name in USED}
    assert not any(ak.any(mask) for mask in overlap.remove(events, overlap.standard(selected), selected).values())


def test_without_steps_what_is_selected_is_left():
    events = real_events(data.TREE_ONLY)
    found = overlap.remove(events, [], {"Jets": events.Jets.pt > 30 * GeV})
    assert found["Jets"].to_list() == (events.Jets.pt > 30 * GeV).to_list()


def test_fields_that_were_given_to_objects_count():
    """As calibrated ones."""
    events = real_events(data.TREE_ONLY)[:]
    events["Electrons", "phi"] = events.Electrons.phi + 1
    assert on(events)["Electrons"].to_list() != on(real_events(data.TREE_ONLY))["Electrons"].to_list()


@pytest.mark.parametrize("name", [data.SAMPLE, data.SAMPLE_RNTUPLE])
def test_reads_only_what_is_needed(name):
    with physlite.open(data.path_of(name)) as file:
        events = file.events()
        selected = {name: events[name].pt > 20 * GeV for name in ("Electrons", "Photons", "Jets")}
        overlap.remove(events, overlap.standard(selected), selected)
        named = {"pt", "eta", "phi", "m"}
        columns = [i for name in selected for field, i in file.collections[name].fields.items() if field in named]
        assert file.source.stats.bytes <= sum(file._store.stored_bytes(i) for i in columns) + opening_bytes(name)


def opening_bytes(name):
    with physlite.open(data.path_of(name)) as file:
        file.events()
        return file.source.stats.bytes


# ------------------------------------------------------------------------------------------------------------- errors


def fails(kind, *words, events=None, steps=None, selected=None, **options):
    events = real_events(data.TREE_ONLY) if events is None else events
    selected = {"Jets": events.Jets.pt > 0} if selected is None else selected
    with pytest.raises(kind) as caught:
        overlap.remove(events, overlap.standard(selected) if steps is None else steps, selected, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_steps_whose_collections_are_not_selected():
    fails(
        ValueError,
        "ElectronJet(inner=0.2",
        "selected['Electrons']",
        "leave the step out",
        steps=[overlap.ElectronJet()],
    )
    names = [step.collections for step in overlap.standard(["Photons", "Jets", "Muons"])]
    assert names == [("Photons", "Muons"), ("Muons", "Jets"), ("Jets", "Photons")]


def test_collections_that_are_not_there():
    fails(ColumnNotFoundError, "'Electron'", "nearest: Electrons", selected={"Electron": None}, steps=[])


@pytest.mark.parametrize(("name", "near"), [("Electron", "Electrons"), ("GoodJets", "Jets"), ("jets", "Jets")])
def test_collections_without_standard_steps(name, near):
    with pytest.raises(
        ValueError, match=rf"no standard steps for '{name}'; nearest: {near}.*; put yours into"
    ) as error:
        overlap.standard({"Electrons": None, name: None})
    assert "\n" not in str(error.value)
    for other in ("BTagging", ""):
        with pytest.raises(ValueError, match=r"Electrons, Muons, TauJets, Photons, Jets, LargeRJets; put yours"):
            overlap.standard([other])


def test_collections_of_ones_own_under_a_standard_name():
    events = real_events(data.TREE_ONLY)[:]
    events["GoodJets"] = events.Jets[events.Jets.pt > 30 * GeV]
    selected = {"Electrons": events.Electrons.pt > 0, "Jets": events.GoodJets.pt > 0}
    renamed = real_events(data.TREE_ONLY)[:]
    renamed["Jets"] = events.GoodJets
    kept = overlap.remove(renamed, overlap.standard(selected), selected)["Jets"]
    by_hand = {"Electrons": selected["Electrons"], "GoodJets": selected["Jets"]}
    steps = [overlap.DeltaR("GoodJets", "Electrons", 0.2)]
    assert kept.to_list() == overlap.remove(events, steps, by_hand)["GoodJets"].to_list()


@pytest.mark.parametrize("name", [data.R21, data.R22])
def test_files_without_tracks_of_electrons_before_their_refit(name):
    events = real_events(name)
    selected = {name: events[name].pt > 0 for name in ("Electrons", "Muons")}
    words = (name, "Electrons.trackParticles.originalTrackParticle", "DeltaR('Electrons', 'Muons', 0.01)")
    fails(ColumnNotFoundError, *words, events=events, selected=selected)


def test_files_without_numbers_of_tracks():
    events = physlite.events(data.path_of(data.SAMPLE))
    selected = {name: events[name].pt > 0 for name in ("Muons", "Jets")}
    fails(ColumnNotFoundError, "sample.root", "Jets.NumTrkPt500", "leave out MuonJet", events=events, selected=selected)
    selected = {name: events[name].pt > 0 for name in ("TauJets", "Jets")}
    fails(ColumnNotFoundError, "TauJets.m", events=events, selected=selected)


def test_events_without_a_primary_vertex():
    events = events_of([event(), event(Muons=[{}], Jets=[{}], PrimaryVertices=[{"vertexType": 3}])])
    selected = {name: events[name].pt > 0 for name in ("Muons", "Jets")}
    fails(ValueError, "event 1 ", "allow_no_vertex=True", events=events, selected=selected)
    assert overlap.remove(events[:1], overlap.standard(selected), {n: m[:1] for n, m in selected.items()})
    steps = [overlap.MuonJet(allow_no_vertex=True)]
    assert overlap.remove(events, steps, selected)["Jets"].to_list() == [[], [False]]


def test_jets_without_a_number_for_the_primary_vertex():
    events = events_of([event(Muons=[{}], Jets=[{"NumTrkPt500": []}])])
    selected = {name: events[name].pt > 0 for name in ("Muons", "Jets")}
    fails(ValueError, "Jets.NumTrkPt500 of event 0", "vertex 0", events=events, selected=selected)


def test_events_without_vertices():
    events = events_of([event()])[["Muons", "Jets"]]
    selected = {name: events[name].pt > 0 for name in ("Muons", "Jets")}
    fails(ColumnNotFoundError, "PrimaryVertices.vertexType", events=events, selected=selected)


def test_masks_that_are_none():
    jets = real_events(data.TREE_ONLY).Jets
    steps = [overlap.DeltaR("Jets", "Jets")]
    fails(TypeError, "selected['Jets']", "int8", "compare", selected={"Jets": jets.NNJvtPass}, steps=steps)
    fails(TypeError, "selected['Jets']", "one list for each event", selected={"Jets": ak.num(jets) > 1}, steps=steps)
    some = ak.mask(jets.pt > 0, ak.num(jets) > 3)
    for mask_of_some in (some, ak.mask(jets, ak.num(jets) > 3).pt > 0):
        words = ("selected['Jets'] has None in place of the flags of some events", "take & in place of ak.mask")
        fails(TypeError, *words, selected={"Jets": mask_of_some}, steps=steps)
    for given, name in (
        (jets, "objects"),
        (None, "NoneType"),
        ([[True]] * 100, "list"),
        (np.ones(100, bool), "ndarray"),
    ):
        words = (f"selected['Jets'] is no mask of objects, but {name}", "as in events.Jets.pt > 20 * GeV")
        fails(TypeError, *words, selected={"Jets": given}, steps=steps)
    fails(TypeError, "b_jets is no mask of objects, but objects", b_jets=jets)
    short = jets.pt[jets.pt > 20 * GeV] > 0
    fails(ValueError, "selected['Jets']", "not a mask of all Jets", selected={"Jets": short}, steps=steps)
    fails(
        ValueError, "selected['Jets']", "9 events", "not of these 100", selected={"Jets": jets.pt[:9] > 0}, steps=steps
    )
    fails(ValueError, "b_jets", "all of events.Jets", b_jets=short)
    fails(TypeError, "b_jets", "compare", b_jets=jets.NNJvtPass)
    fails(ValueError, "b_jets", "selected['Jets']", selected={}, b_jets=jets.pt > 0)


def test_steps_that_are_none():
    fails(TypeError, "steps are a list, as [ElectronJet()]", "they are ElectronJet", steps=overlap.ElectronJet())
    fails(TypeError, "they are function", steps=overlap.standard)
    fails(TypeError, "they are EventsArray", steps=real_events(data.TREE_ONLY))
    fails(TypeError, "class ElectronJet is no step: call it, as in ElectronJet(…)", steps=[overlap.ElectronJet])
    fails(TypeError, "str is no step: take those of physlite.analysis.overlap", steps=["ElectronJet"])


def test_arguments_that_are_swapped():
    events = real_events(data.TREE_ONLY)
    selected, steps = {"Jets": events.Jets.pt > 0}, [overlap.DeltaR("Jets", "Jets")]
    for arguments, said in (
        ((events, selected, steps), "selected has a mask for each collection, as {'Jets': mask}; it is list"),
        ((events, steps, selected["Jets"]), "selected has a mask for each collection, as {'Jets': mask}; it is Array"),
        ((steps, events, selected), "events are expected first, as in remove(events, steps, selected), not list"),
    ):
        for function in (overlap.remove, overlap.removed_by):
            with pytest.raises(TypeError) as raised:
                function(*arguments)
            assert str(raised.value) == f"overlap removal: {said}"
    with pytest.raises(
        TypeError, match=r"names of collections are expected, as in standard\(\['Jets'\]\), not 'Jets'$"
    ):
        overlap.standard("Jets")


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda radius: overlap.DeltaR("Jets", "Photons", radius), "DeltaR: radius"),
        (lambda radius: overlap.ElectronJet(inner=radius), "ElectronJet: inner"),
        (lambda radius: overlap.ElectronJet(outer=radius), "ElectronJet: outer"),
        (lambda radius: overlap.MuonJet(inner=radius), "MuonJet: inner"),
        (lambda radius: overlap.MuonJet(outer=radius), "MuonJet: outer"),
        (overlap.TauJet, "TauJet: radius"),
        (overlap.TauLooseElectron, "TauLooseElectron: radius"),
        (overlap.TauLooseMuon, "TauLooseMuon: radius"),
        (lambda radius: overlap.ElectronMuon(radius=radius), "ElectronMuon: radius"),
        (lambda radius: overlap.SlidingCone(largest=radius), "SlidingCone: largest"),
    ],
)
def test_radii_are_numbers(make, name):
    for radius, kind, expected in (
        (-1, ValueError, "-1, where a number of 0 or more is expected"),
        (float("nan"), ValueError, "nan, where a number of 0 or more is expected"),
        ("0.4", TypeError, "'0.4', where a number is expected"),
        (True, TypeError, "True, where a number is expected"),
    ):
        with pytest.raises(kind) as raised:
            make(radius)
        assert str(raised.value) == f"{name} is {expected}"
    assert make(np.float32(0.5)) == make(0.5)
    assert make(0) is not None


def test_collections_of_steps_are_names():
    with pytest.raises(TypeError, match=r"^two names of collections are expected, as in DeltaR\(.*\), not 0\.4$"):
        overlap.DeltaR("Jets", 0.4)
