"""Following links: what comes out where there is nothing to follow, what is read, and links that lead nowhere."""

import gc
import pickle
import warnings
import weakref

import awkward as ak
import pytest

import physlite
from physlite.exceptions import BadLinkError, MissingFieldWarning, UnknownLinkWarning
from support import data
from support.patching import patched
from support.recording import RecordingSource, baskets

INDEX = "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persIndex"
KEY = "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persKey"


@pytest.fixture(scope="module")
def r21():
    return physlite.open(data.path_of(data.R21))


@pytest.fixture
def events(r21):
    return r21.events()


@pytest.fixture(scope="module")
def tree_only():
    return physlite.open(data.path_of(data.TREE_ONLY)).events()


def first_muon(events):
    """The first event with a muon."""
    return next(i for i, muons in enumerate(events) if muons)


# ------------------------------------------------------------------------------------------------------- no target


def test_a_container_that_is_not_in_the_file_gives_none(tree_only):
    """A forward muon links to InDetForwardTrackParticles, which is not stored: not to whatever has this index."""
    muons = tree_only.Muons[67]
    assert ak.to_list(muons.inDetTrackParticleLink.m_persIndex) == [0]
    assert ak.to_list(muons.inDetTrackParticle.z0) == [None]
    assert ak.to_list(ak.is_none(tree_only.Muons.inDetTrackParticle, axis=1)[67]) == [True]
    assert tree_only.Muons[67][0].inDetTrackParticle is None
    # coffea's rule, any key but 0, would have found the first track: far too hard.
    assert tree_only.InDetTrackParticles[67].pt[0] > 300_000 > muons.pt[0]


def test_a_null_link_gives_none(tree_only):
    segments = tree_only.Muons.muonSpectrometerTrackParticle
    null = tree_only.Muons.muonSpectrometerTrackParticleLink.m_persKey == 0
    assert ak.sum(null) == 2
    assert ak.array_equal(ak.is_none(segments, axis=1), null)


def test_links_of_which_no_target_is_in_the_file_have_the_fields_of_their_class(events):
    """An expression of the targets can be made, whatever the events hold."""
    truth = events.Electrons.truthParticle
    assert "pdgId" in truth.fields
    assert ak.all(ak.is_none(truth.pdgId, axis=1))
    assert ak.all(ak.is_none(events.Electrons.ambiguity.pt, axis=1))


def test_an_unknown_key_is_none_with_one_warning_a_file():
    def change(values):
        values[first_muon(values)][0] = 12345

    with patched(data.path_of(data.R21), KEY, change) as file:
        with pytest.warns(UnknownLinkWarning, match=r"Muons\.inDetTrackParticleLink have the key 12345"):
            tracks = file.events().Muons.inDetTrackParticle
        assert ak.sum(ak.is_none(tracks.z0, axis=1)) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            file.events().Muons.inDetTrackParticle.z0  # noqa: B018  # to read it


def test_more_unknown_keys_than_there_are_containers():
    number = iter(range(10**6, 2 * 10**6))

    def change(values):
        values[:] = [[next(number) for _ in event] if i < 1000 else event for i, event in enumerate(values)]

    path = data.path_of(data.SAMPLE)
    with physlite.open(path) as plain, patched(path, KEY, change) as file:
        with pytest.warns(UnknownLinkWarning):
            z0 = file.events().Muons.inDetTrackParticle.z0
        assert ak.all(ak.is_none(z0[:1000], axis=1))
        assert ak.array_equal(z0[1000:], plain.events().Muons.inDetTrackParticle.z0[1000:])


# ------------------------------------------------------------------------------------------------------- wrong links


def out_of_range(values):
    values[first_muon(values)][0] = 999


def test_an_index_out_of_range_is_an_error_when_it_is_used():
    with patched(data.path_of(data.R21), INDEX, out_of_range) as file:
        events = file.events()
        bad = first_muon(events.Muons.pt.to_list())
        with pytest.raises(BadLinkError, match=rf"Muons\.inDetTrackParticleLink, event {bad}: index 999 of InDet"):
            events.Muons.inDetTrackParticle.z0  # noqa: B018  # to read it
        with pytest.raises(BadLinkError, match=f"event {bad}: .*on_bad_link='none'"):
            events[bad].Muons[0].inDetTrackParticle.z0  # noqa: B018  # to read it
        assert ak.count(events[bad + 1 :].Muons.inDetTrackParticle.z0) > 0


def test_an_index_out_of_range_can_be_none():
    with patched(data.path_of(data.R21), INDEX, out_of_range) as file:
        events = file.events(on_bad_link="none")
        z0 = events.Muons.inDetTrackParticle.z0
        bad = first_muon(events.Muons.pt.to_list())
        assert [event for event, muons in enumerate(z0.to_list()) if None in muons] == [bad]
        assert file.bad_links == {"Muons.inDetTrackParticleLink": 1}
        events.Muons[events.Muons.pt > 0].inDetTrackParticle.z0  # noqa: B018  # once more
        assert file.bad_links == {"Muons.inDetTrackParticleLink": 1}


def test_on_bad_link_is_one_of_two():
    with pytest.raises(ValueError, match="on_bad_link='ignore'"):
        physlite.events(data.path_of(data.SAMPLE), on_bad_link="ignore")


def test_objects_of_several_files_in_one_array(events, tree_only):
    both = ak.concatenate([events.Electrons, tree_only.Electrons])
    with pytest.raises(ValueError, match="several files"):
        both.trackParticles  # noqa: B018  # to follow it


def test_objects_of_several_ranges_of_a_file_in_one_array(r21, events):
    parts = [r21.events(30, 40).Electrons, r21.events(3, 9).Electrons]
    expected = events.Electrons.trackParticles.z0
    assert ak.array_equal(ak.concatenate(parts).trackParticles.z0, ak.concatenate([expected[30:40], expected[3:9]]))


def test_what_is_no_link(events):
    with pytest.raises(AttributeError, match="nearest: trackParticleLinks"):
        events.Electrons.follow("trackParticleLink")
    with pytest.raises(TypeError, match=r"Electron\.pt holds no element links, but float32"):
        events.Electrons.follow("pt")
    with pytest.raises(AttributeError, match=r"no field named 'tracks' of .*these links lead to are in the file"):
        events.TauJets.tauTracks.tracks  # noqa: B018  # TauTracks are not stored in 21.2
    with pytest.raises(AttributeError, match="no field named 'ptt' of Electrons; nearest: pt"):
        events.Electrons.ptt  # noqa: B018


def test_arrays_that_lost_what_they_know(events):
    lost = ak.Array(ak.without_field(events.Electrons, "_event"), attrs=events.attrs)
    with pytest.raises(ValueError, match="does not know its file"):
        lost.follow("trackParticleLinks")


def test_sums_of_linked_objects_read_their_momenta_only():
    """In 22.2 truth particles have columns that cannot be read through links."""
    with physlite.open(data.path_of(data.R22)) as file:
        electrons = file.events().Electrons
        truth = electrons.truth
        both = electrons + truth
        assert ak.array_equal(both.mass, (electrons.p4 + truth.p4).mass)
        assert ak.count(both.mass) == 41
        assert ak.array_equal(ak.is_none(both, axis=1), ak.is_none(truth, axis=1))
        assert ak.array_equal(ak.is_none(truth.p4, axis=1), ak.is_none(truth, axis=1))


# ------------------------------------------------------------------------------------------------- what can be done


def test_links_can_be_followed_after_a_pickle(events):
    chosen = events.Electrons[events.Electrons.pt > 10_000]
    again = pickle.loads(pickle.dumps(chosen))  # noqa: S301  # our own
    assert ak.array_equal(again.trackParticles.z0, chosen.trackParticles.z0)


def test_new_fields_do_not_hide_the_way(events):
    electrons = ak.with_field(events.Electrons, events.Electrons.pt / 1000, "pt_GeV")
    assert ak.array_equal(electrons.trackParticles.z0, events.Electrons.trackParticles.z0)


def test_following_reads_the_links_and_the_column_that_is_used(r21):
    source = RecordingSource(data.path_of(data.R21))
    with physlite.open(source) as file:
        events = file.events()
        source.take()
        events.Electrons.trackParticles.z0  # noqa: B018  # to read it
    columns = ("AnalysisElectronsAuxDyn.trackParticleLinks", "GSFTrackParticlesAuxDyn.z0")
    assert source.take() == baskets(r21.manifest, *columns)


def test_events_are_freed_with_their_arrays():
    tracks = physlite.open(data.path_of(data.R21)).events().Electrons.trackParticles
    source = weakref.ref(tracks.attrs["@physlite"])
    assert tracks.z0 is not None
    assert source() is not None
    del tracks
    gc.collect()
    assert source() is None


# ----------------------------------------------------------------------------------------------- fields of the targets


@pytest.mark.slow
@pytest.mark.parametrize("name", [*data.REAL_TTREES, data.RNTUPLE])
def test_fields_of_targets_do_not_depend_on_the_events(name):
    """Chunks of a file fit each other: the type is always that of the class that the links are declared for."""
    with physlite.open(data.path_of(name)) as file:
        whole = file.events()
        ranges = [file.events(start, start + 1) for start in range(0, file.num_entries, 11)]
        for link in file.links:
            if link.target in ("IParticle", "Egamma"):
                continue
            expected = whole[link.collection].follow(link.field).type.content
            for events in ranges:
                assert events[link.collection].follow(link.field).type.content == expected, link.name


# Of all events one by one takes seconds.
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_field_of_some_of_the_targets(step):
    """In 22.2 only TruthTaus have eta_vis; links of taus lead to other particles too."""
    with physlite.open(data.path_of(data.R22)) as file:
        key = file._store.schema.links.keys["TruthTaus"]
        truth = file.events().TauJets.truthParticle
        of_tau = ak.fill_none(truth["_link"], 0) >> 32 == key
        assert ak.any(of_tau)
        assert ak.any(~of_tau & ~ak.is_none(truth, axis=1))
        found = truth.eta_vis.to_list()
        assert [[x is not None for x in event] for event in found] == of_tau.to_list()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MissingFieldWarning)
            for i in range(0, len(found), step):
                assert file.events(i, i + 1).TauJets.truthParticle.eta_vis.to_list() == found[i : i + 1]


def test_momenta_of_targets_are_of_all_of_them(events):
    """In 21.2 TruthTaus alone have a column phi, which is that of a track: no truth particle is None for it."""
    assert "phi" in events.TruthTaus.fields
    parents = events.TruthElectrons.parents
    assert ak.any(parents["_link"] >> 32 == events.TruthTaus["_link"][ak.num(events.TruthTaus) > 0][0, 0] >> 32)
    assert "phi" not in parents.fields
    assert ak.array_equal(ak.is_none(parents.phi, axis=2), ak.is_none(parents, axis=2))
    assert ak.array_equal(parents.phi, parents.p4.phi)


def test_objects_of_several_classes(events):
    """What particles of all classes can do, each with the mass of its class, and their links."""
    objects = events.METAssoc_AnalysisMET.objects
    assert objects.fields == ["pt", "eta", "phi", "truthParticleLink"]
    classes = set()
    for event, lists in enumerate(objects):
        for i, particles in enumerate(lists):
            for j, particle in enumerate(particles):
                if particle is None:
                    assert objects.mass[event, i, j] is None
                    continue
                classes.add(type(particle).__name__)
                assert objects.mass[event, i, j] == particle.p4.mass
                assert objects.p4.pz[event, i, j] == particle.pz
                assert objects.deltaR(objects)[event, i, j] == 0
    assert classes == {"ElectronRecord", "MuonRecord", "PhotonRecord", "TauJetRecord"}
    assert ak.sum(objects.matched("HLT_mu26_ivarmedium")) == ak.sum(events.Muons.matched("HLT_mu26_ivarmedium")) == 8
    assert objects.follow("truthParticleLink").ndim == 3
    assert ak.array_equal(objects[::-2].p4.pt, objects.p4.pt[::-2])
    chosen = objects[objects.pt > 20_000]
    assert ak.sum(ak.num(chosen, axis=2)) > 0
    assert ak.array_equal(chosen.mass, objects.mass[objects.pt > 20_000])
    with pytest.raises(AttributeError, match="nearest: truthParticle"):
        objects.truthParticl  # noqa: B018


def test_a_field_of_none_of_the_targets_is_told(tree_only):
    """No error, since the targets of other events can have it; other fields read with it are not meant."""
    tracks = tree_only.Electrons.trackParticles
    with pytest.warns(
        MissingFieldWarning, match=r"GSFTrackParticles.* no field 'numberOfTRTHits' as other TrackPart"
    ) as told:
        assert ak.all(ak.is_none(tracks.numberOfTRTHits, axis=2))
    assert told[0].filename == __file__  # the line of the user's
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracks.to_list()
        with pytest.raises(AttributeError, match="nearest: numberOfTRTHits"):
            tracks.numberOfTRTHit  # noqa: B018


# --------------------------------------------------------------------------------------------------------- accessors


def test_accessors_are_offered(events):
    assert {"trackParticles", "trackParticle", "caloClusters", "truthParticle"} <= set(dir(events.Electrons))
    assert {"parents", "children", "prodVtx", "productionVertex"} <= set(dir(events.TruthElectrons))
    assert "_event" not in dir(events.Electrons)
    assert "_event" not in events.Electrons.fields
    with pytest.raises(AttributeError, match="nearest: trackParticle"):
        events.Electrons.trackPartcles  # noqa: B018  # misspelt


@pytest.mark.parametrize(
    ("collection", "accessor", "field"),
    [
        ("Electrons", "trackParticles", "trackParticleLinks"),
        ("Electrons", "caloClusters", "caloClusterLinks"),
        ("Photons", "vertices", "vertexLinks"),
        ("Jets", "btagging", "btaggingLink"),
        ("Jets", "ghostTrack", "GhostTrack"),
        ("TauJets", "tracks", "tauTrackLinks"),
        ("TauJets", "truthJet", "truthJetLink"),
        ("LargeRJets", "parent", "Parent"),
        ("TruthTaus", "children", "childLinks"),
        ("TruthTaus", "decayVertex", "decayVtxLink"),
        ("HardScatterVertices", "incoming", "incomingParticleLinks"),
        ("HardScatterVertices", "outgoingParticles", "outgoingParticleLinks"),
        ("PrimaryVertices", "trackParticles", "trackParticleLinks"),
        ("InDetTrackParticles", "vertex", "vertexLink"),
        ("METAssoc_AnalysisMET", "jet", "jetLink"),
        ("METAssoc_AnalysisMET", "objects", "objectLinks"),
    ],
)
def test_accessors_follow_their_field(events, collection, accessor, field):
    objects = events[collection]
    by_name, by_field = getattr(objects, accessor), objects.follow(field)
    assert ak.to_list(by_name["_link"]) == ak.to_list(by_field["_link"])


def test_the_first_of_several(events):
    tracks = events.Electrons.trackParticles
    assert ak.array_equal(events.Electrons.trackParticle.z0, ak.firsts(tracks, axis=2).z0)


def test_the_track_of_a_muon_goes_by_its_type(tree_only):
    """xAOD::Muon_v1::primaryTrackParticle, muon by muon."""
    wanted = {
        0: ["combinedTrackParticle"],
        4: ["combinedTrackParticle"],
        2: ["inDetTrackParticle"],
        3: ["inDetTrackParticle"],
        1: [
            "extrapolatedMuonSpectrometerTrackParticle",
            "msOnlyExtrapolatedMuonSpectrometerTrackParticle",
            "muonSpectrometerTrackParticle",
        ],
    }
    found = tree_only.Muons.trackParticle
    types = set()
    for event, muons in enumerate(tree_only.Muons.muonType.to_list()):
        for i, kind in enumerate(muons):
            types.add(kind)
            muon = tree_only[event].Muons[i]
            tracks = [getattr(muon, name) for name in wanted[kind]]
            track = next((t for t in tracks if t is not None), None)
            expected = None if track is None else track["_link"]
            assert found["_link"][event, i] == expected
            assert muon.trackParticle["_link"] == expected
    assert len(types) > 1
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        muons = file.events().Muons
        tracks = muons.trackParticle
        assert ak.count(tracks.qOverP) == ak.count(muons.pt)
        assert ak.all(tracks.charge == muons.charge)


def test_a_container_without_columns_is_known():
    """Its interface is in the file, and says how many objects it has: none."""
    with physlite.open(data.path_of(data.R21)) as file:
        target = file.link_target(1059003550)
        assert (target.container, target.collection) == ("TruthBSM", None)


def test_what_the_table_of_a_file_tells(r21):
    """Name and class together are a container: PHYSLITE has none of another class under a name that it stores."""
    table = r21._store.schema.links
    rows = [
        ("AnalysisElectrons", "DataVector<xAOD::Electron_v1>", 1),
        ("AnalysisElectrons", "DataVector<xAOD::Electron_v9>", 2),
        ("Others", "DataVector<xAOD::Electron_v1>", 3),
    ]
    told = table.told_by(rows)
    assert [(told[key].container, told[key].collection) for key in (1, 2, 3)] == [
        ("AnalysisElectrons", "Electrons"),
        ("AnalysisElectrons", None),
        ("Others", None),
    ]


def test_single_objects_and_events_go_through_a_pickle(events):
    expected = events[2].Electrons[0].trackParticle.z0
    electron = pickle.loads(pickle.dumps(events[2].Electrons[0]))  # noqa: S301  # our own
    assert electron.trackParticle.z0 == expected
    event = pickle.dumps(events[2])
    assert len(event) < 1000  # where it is, not what it is
    assert pickle.loads(event).Electrons[0].trackParticle.z0 == expected  # noqa: S301


def test_what_has_lost_its_file_says_so(events):
    lost = ak.from_iter(ak.to_list(events[:3].Electrons))
    lost = ak.with_name(lost, "Electron")
    with pytest.raises(ValueError, match="does not know its file"):
        lost.follow("trackParticleLinks")


def test_the_track_of_a_muon_that_is_not_there(tree_only):
    muons = tree_only.Muons
    expected = muons.trackParticle["_link"]
    assert ak.to_list(ak.firsts(muons).trackParticle["_link"]) == ak.to_list(ak.firsts(expected))
    assert ak.to_list(ak.pad_none(muons, 2).trackParticle["_link"]) == ak.to_list(ak.pad_none(expected, 2))
    assert ak.to_list(ak.firsts(muons)[:1].trackParticle["_link"]) == [None]
