"""The sample as a tree and as an RNTuple: the same events, whatever is asked of them."""

import awkward as ak
import hist
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import dilepton
from physlite.model.linksummary import summarize_links
from support import data
from support.compare import assert_same
from support.examples import FEWER


@pytest.fixture(scope="module")
def tree():
    return physlite.open(data.path_of(data.SAMPLE))


@pytest.fixture(scope="module")
def ntuple():
    return physlite.open(data.path_of(data.SAMPLE_RNTUPLE))


@pytest.fixture(params=[(0, 2000), (0, 1), (499, 501), (730, 1200)], ids=str)
def both(request, tree, ntuple):
    return tree.events(*request.param), ntuple.events(*request.param)


def test_what_they_are(tree, ntuple):
    assert (tree.format, ntuple.format) == ("TTree", "RNTuple")
    assert tree.num_entries == ntuple.num_entries == 2000
    assert tree.uuid != ntuple.uuid


def test_collections_fields_and_types(tree, ntuple):
    assert len(tree.collections) == 34
    assert set(tree.collections) == set(ntuple.collections)
    for name, collection in tree.collections.items():
        other = ntuple.collections[name]
        assert (collection.class_name, collection.container) == (other.class_name, other.container)
        assert set(collection.fields) == set(other.fields), name


def test_values(both):
    left, right = both
    compared = 0
    for name in left.fields:
        collection = left[name]
        if not ak.fields(collection):
            assert_same(right[name], collection, name)
            continue
        if collection.ndim > 1:
            assert ak.num(right[name]).to_list() == ak.num(collection).to_list(), name
        for field in collection.fields:
            assert_same(right[name][field], collection[field], f"{name}.{field}")
            compared += 1
    assert compared == 220


@pytest.mark.filterwarnings("ignore::physlite.exceptions.MissingFieldWarning")
def test_links(both):
    left, right = both
    for name in left.fields:
        for field in ak.fields(left[name]):
            if not field.endswith(("Link", "Links")):
                continue
            ours, theirs = (events[name].follow(field) for events in (left, right))
            assert str(ours.type) == str(theirs.type), (name, field)
            for member in ("pt", "pdgId", "z0", "calE"):
                if member in ak.fields(ours):
                    assert_same(theirs[member], ours[member], f"{name}.{field}.{member}")
    assert_same(right.TruthElectrons.parents.children.pdgId, left.TruthElectrons.parents.children.pdgId)


def test_counts_of_links(tree, ntuple):
    assert summarize_links(ntuple) == summarize_links(tree)


def test_behaviors(both):
    left, right = both
    for name in ("Electrons", "Muons", "Jets", "GSFTrackParticles", "TruthElectrons"):
        for what in ("pt", "eta", "mass", "charge"):
            if (value := getattr(left[name], what, None)) is not None:
                assert_same(getattr(right[name], what), value, f"{name}.{what}")
    near = [events.Electrons.nearest(events.Jets, threshold=0.4).pt for events in both]
    assert_same(near[1], near[0])


def test_trigger(both):
    left, right = (events.trigger for events in both)
    assert left.names() == right.names()
    for chain in left.names():
        assert_same(right.passed(chain), left.passed(chain), chain)
    assert left.summary() == right.summary()
    assert left.summary_l1() == right.summary_l1()
    for chain in ("HLT_e26_lhtight_nod0_ivarloose", "HLT_mu26_ivarmedium"):
        lepton = "Electrons" if chain.startswith("HLT_e") else "Muons"
        assert_same(both[1][lepton].matched(chain), both[0][lepton].matched(chain), chain)


def test_metadata(tree, ntuple):
    ours, theirs = tree.metadata, ntuple.metadata
    assert ours.sums == theirs.sums
    for fact in (
        "mc_channel_number",
        "is_simulation",
        "run_numbers",
        "generators",
        "release",
        "ami_tag",
        "weight_names",
    ):
        assert getattr(ours, fact) == getattr(theirs, fact), fact


def test_the_demo(tree, ntuple):
    ours, theirs = (dilepton.analyse(file.events()) for file in (tree, ntuple))
    assert [c.cutflow for c in ours] == [c.cutflow for c in theirs]
    left, right = (dilepton.histogram(channels) for channels in (ours, theirs))
    assert isinstance(left, hist.Hist)
    assert left == right
    assert left.sum() > 500


@pytest.fixture(scope="module")
def on_threads():
    path = data.path_of(data.SAMPLE_RNTUPLE)
    return [physlite.open(path, threads=threads, cache_bytes=0) for threads in (1, 4)]


@FEWER
@given(random=st.data())
def test_any_range_on_any_threads(on_threads, tree, random):
    """Wherever it begins and ends in clusters and pages."""
    start = random.draw(st.integers(0, 2000), label="start")
    stop = random.draw(st.integers(start, 2000), label="stop")
    expected = tree.events()[start:stop]
    for file in on_threads:
        events = file.events(start, stop)
        assert_same(events.Jets.GhostTrack.m_persIndex, expected.Jets.GhostTrack.m_persIndex)
        assert_same(events.MET_Core_AnalysisMET.name, expected.MET_Core_AnalysisMET.name)
        assert_same(events.METAssoc_AnalysisMET.overlapIndices, expected.METAssoc_AnalysisMET.overlapIndices)
        assert_same(events.EventInfo.larFlags, expected.EventInfo.larFlags)
