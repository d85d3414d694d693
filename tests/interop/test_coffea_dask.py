"""Events in coffea's mode "dask": arrays of dask-awkward, which compute to those of the event model."""

import pickle

import awkward as ak
import pytest

import physlite
from physlite.exceptions import NotAnEventFileError
from support import data
from support.compare import assert_same

pytest.importorskip("dask_awkward")
nanoevents = pytest.importorskip("coffea.nanoevents")

from physlite.coffea import PHYSLITESchema  # noqa: E402  # needs coffea

FILES = (*data.REAL_TTREES, data.RNTUPLE)


def from_root(file, **options):
    return nanoevents.NanoEventsFactory.from_root(file, schemaclass=PHYSLITESchema, mode="dask", **options)


def in_steps(name):
    path = data.path_of(name)
    tree = "EventData" if name == data.RNTUPLE else "CollectionTree"
    return {str(path): {"object_path": tree, "steps": [[0, 15], [15, 40]]}}


@pytest.fixture(scope="module", params=FILES)
def both(request):
    """Events in two partitions, and the same ones at once."""
    path = data.path_of(request.param)
    return from_root(in_steps(request.param), metadata={"dataset": "ttbar"}).events(), physlite.events(path, 0, 40)


ASKED = {
    "a column": lambda e: e.Electrons.pt,
    "one an event": lambda e: e.EventInfo.eventNumber,
    "links": lambda e: e.Electrons.trackParticles.z0,
    "the first link": lambda e: e.Electrons.trackParticle.z0,
    "clusters": lambda e: e.Electrons.caloClusters.calE,
    "one link": lambda e: e.Muons.combinedTrackParticle.theta,
    "the track of muons": lambda e: e.Muons.trackParticle.theta,
    "vertices": lambda e: e.Photons.vertices.z,
    "jets of missing momentum": lambda e: e.METAssoc_AnalysisMET.jet.pt,
    "truth": lambda e: e.TruthElectrons.children.pdgId,
    "truth of truth": lambda e: e.TruthElectrons.parents.children.pdgId,
    "a link by its field": lambda e: e.Electrons.follow("trackParticleLinks").z0,
    "links of chosen events": lambda e: e[e.EventInfo.eventNumber % 2 == 0].Electrons.trackParticles.z0,
    "links of chosen objects": lambda e: e.Electrons[e.Electrons.pt > 20_000].trackParticles.z0,
    "a momentum": lambda e: e.GSFTrackParticles.pt,
    "a momentum by its name": lambda e: e.GSFTrackParticles["pt"],
    "a sum": lambda e: (e.Electrons[:, :1] + e.Electrons[:, :1]).mass,
    "distances": lambda e: e.Electrons.delta_r(e.Electrons),
    "a table": lambda e: e.Electrons.metric_table(e.Jets),
    "the nearest": lambda e: e.Electrons.nearest(e.Jets).pt,
    "a name of coffea": lambda e: e["MET_Core_MET"].mpx,
    "every other event": lambda e: e[::2].Muons.pt,
}


@pytest.mark.parametrize("what", ASKED)
def test_what_is_computed_is_that_of_the_event_model(both, what):
    delayed, at_once = map(ASKED[what], both)
    found = delayed.compute()
    assert_same(found, at_once, what)
    # What dask-awkward plans with has the type of what comes out.
    planned = str(delayed._meta.type).partition(" * ")[2]
    assert planned == str(found.type).partition(" * ")[2]


def test_whole_collections(both):
    delayed, at_once = both
    found = delayed.Electrons.compute()
    assert_same(found.trackParticles.z0, at_once.Electrons.trackParticles.z0)
    assert delayed.metadata["dataset"] == "ttbar"


def test_what_cannot_be_followed_before_it_is_read():
    """Links to objects of several classes."""
    events = from_root(in_steps(data.R21)).events()
    with pytest.raises(NotImplementedError, match="what these links lead to is known when they are read"):
        _ = events.METAssoc_AnalysisMET.objects
    with pytest.raises(AttributeError, match="no field 'pt' of links of Electrons"):
        events.Electrons[["eta"]].follow("pt")


# -------------------------------------------------------------------------------------------------------- partitions


def test_a_file_is_a_partition():
    path = str(data.path_of(data.R21))
    factory = from_root({path: "CollectionTree"})
    assert factory.events().npartitions == 1
    assert_same(factory.events().Jets.pt.compute(), physlite.events(path).Jets.pt)
    with pytest.raises(TypeError, match="not known before the files are opened"):
        len(factory)


def test_several_files_and_steps():
    paths = [str(data.path_of(name)) for name in (data.R21, data.RNTUPLE)]
    expected = ak.concatenate([physlite.events(path).Jets.pt for path in paths])
    for file in (dict.fromkeys(paths, "CollectionTree"), paths):
        events = from_root(file).events()
        assert events.npartitions == 2
        assert_same(events.Jets.pt.compute(), expected)
    factory = from_root(paths, steps_per_file=3)
    assert len(factory) == 140
    events = factory.events()
    assert events.npartitions == 6
    assert events.divisions[-1] == 140
    assert_same(events.Jets.pt.compute(), expected)


@pytest.mark.filterwarnings("ignore")  # of coffea, dask and their friends
def test_filesets_as_coffea_applies_functions_to_them():
    import dask
    from coffea.dataset_tools import apply_to_fileset, preprocess

    def analysis(events):
        electrons = events.Electrons
        tracks = ak.sum(electrons.trackParticles.z0)
        return {events.metadata["dataset"]: {"events": ak.num(electrons, axis=0), "tracks": tracks}}

    paths = [str(data.path_of(name)) for name in (data.R21, data.R24)]
    fileset = {"ttbar": {"files": dict.fromkeys(paths, "CollectionTree")}}
    runnable, _ = preprocess(fileset, step_size=20, align_clusters=False, save_form=False)
    (found,) = dask.compute(apply_to_fileset(analysis, runnable, schemaclass=PHYSLITESchema))
    expected = sum(ak.sum(physlite.events(path).Electrons.trackParticles.z0) for path in paths)
    assert found["ttbar"]["ttbar"]["events"] == 90
    assert found["ttbar"]["ttbar"]["tracks"] == pytest.approx(expected, rel=1e-4)


def test_patterns(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.root").symlink_to(data.path_of(data.R21))
    assert from_root(f"{tmp_path}/*.root", treepath="CollectionTree").events().npartitions == 3
    with pytest.raises(ValueError, match="no files"):
        from_root(f"{tmp_path}/*.xml")


def test_what_cannot_be_read():
    path = str(data.path_of(data.R21))
    with pytest.raises(NotAnEventFileError, match="'MetaData' is not the tree"):
        from_root({path: "MetaData"}).events()
    with pytest.raises(ValueError, match=r"physlite\.run can leave files out"):
        from_root(path, uproot_options={"allow_read_errors_with_report": True})


def test_a_factory_pickles():
    factory = pickle.loads(pickle.dumps(from_root(in_steps(data.R21))))  # noqa: S301
    assert len(factory) == 40
    assert factory.events().Jets.pt.compute().ndim == 2


@pytest.mark.slow
def test_on_a_cluster():
    distributed = pytest.importorskip("distributed")
    events, expected = from_root(in_steps(data.R21)).events(), physlite.events(data.path_of(data.R21))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
    ):
        assert_same(events.Electrons.trackParticles.z0.compute(), expected.Electrons.trackParticles.z0)
        assert_same(events.Electrons.compute().trackParticles.z0, expected.Electrons.trackParticles.z0)
        assert_same(events.compute().Muons.pt, expected.Muons.pt)
