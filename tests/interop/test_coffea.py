"""Events that coffea's factory makes with our schema: those of the event model, in each mode, of trees and RNTuples."""

import inspect
import io
import pickle
import subprocess
import sys
import warnings

import awkward as ak
import pytest
import uproot

import physlite
from physlite.exceptions import NotAnEventFileError, UnreadableColumnError
from support import data, slow_links
from support.compare import assert_same

nanoevents = pytest.importorskip("coffea.nanoevents")

from physlite.coffea import PHYSLITESchema, patch_nanoevents  # noqa: E402  # needs coffea
from physlite.interop.coffea.inputs import inputs_of  # noqa: E402

FILES = (*data.REAL_TTREES, data.RNTUPLE, data.SAMPLE, data.SAMPLE_RNTUPLE)
MODES = ("virtual", "eager")
# coffea 2025.7 knows no such argument; nor do its own tracks bear the newest versions of vector.
IS_NEW = "preload" in inspect.signature(nanoevents.NanoEventsFactory.from_root).parameters


def tree_of(name):
    return "EventData" if name in (data.RNTUPLE, data.SAMPLE_RNTUPLE) else "CollectionTree"


def made(name, **options):
    return from_root({str(data.path_of(name)): tree_of(name)}, **options)


def from_root(file, schemaclass=PHYSLITESchema, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # coffea warns of what it cannot interpret
        return nanoevents.NanoEventsFactory.from_root(file, schemaclass=schemaclass, **options)


def read(array, field):
    """A column, or why it cannot be read."""
    try:
        return array[field]
    except UnreadableColumnError as error:
        return str(error)


def values(array):
    """With None for what is missing, as plain lists."""
    return ak.to_list(array)


# ------------------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", data.parameters(FILES))
def test_events_are_those_of_the_event_model(name, mode):
    """As coffea#1436 and #1279 ask, of RNTuples too, where 'AnalysisJetsAuxDyn:pt' raised KeyError: 'pt'."""
    found, expected = made(name, mode=mode).events(), physlite.events(data.path_of(name))
    assert found.fields == expected.fields
    assert len(found) == len(expected)
    for collection in ("EventInfo", "Electrons", "Muons", "Jets", "TruthElectrons", "GSFTrackParticles"):
        assert found[collection].fields == expected[collection].fields
        for field in expected[collection].fields:
            here, there = read(found[collection], field), read(expected[collection], field)
            if isinstance(there, str):
                assert isinstance(here, str)
            else:
                assert_same(here, there, f"{collection}.{field}")


LINKED = {
    "AnalysisElectronsAuxDyn.trackParticleLinks": ("GSFTrackParticles", lambda e: e.Electrons.trackParticles),
    "AnalysisElectronsAuxDyn.caloClusterLinks": ("egammaClusters", lambda e: e.Electrons.caloClusters),
    "AnalysisMuonsAuxDyn.combinedTrackParticleLink": (
        "CombinedMuonTrackParticles",
        lambda e: e.Muons.combinedTrackParticle,
    ),
    "AnalysisMuonsAuxDyn.inDetTrackParticleLink": ("InDetTrackParticles", lambda e: e.Muons.inDetTrackParticle),
    "AnalysisMuonsAuxDyn.extrapolatedMuonSpectrometerTrackParticleLink": (
        "ExtrapolatedMuonTrackParticles",
        lambda e: e.Muons.extrapolatedMuonSpectrometerTrackParticle,
    ),
}


def looked_up(links, event, objects, key):
    """What links of an event lead to, one by one; None where it is not in this container."""
    if isinstance(links, tuple):
        return objects[event][links[1]] if links[0] == key else None
    return [looked_up(link, event, objects, key) for link in links]


@pytest.mark.parametrize("column", LINKED)
@pytest.mark.parametrize("name", data.parameters(slow_links.FILES))
@pytest.mark.slow
def test_linked_objects_one_by_one(name, column):
    """What coffea's own tests look up for electrons and muons; a target that is not in the file is None."""
    container, follow = LINKED[column]
    if slow_links.is_ntuple(name):
        column = column.replace(".", ":")
    field = "calE" if container == "egammaClusters" else "theta"
    whole = physlite.open(data.path_of(name))
    objects = whole.array(f"{container}AuxDyn.{field}").to_list()
    class_name = "CaloCluster" if container == "egammaClusters" else "TrackParticle"
    key = slow_links.storegate_key(container, slow_links.CLIDS[f"DataVector<xAOD::{class_name}_v1>"])
    events = slow_links.links(name, column)
    expected = [looked_up(links, i, objects, key) for i, links in enumerate(events)]
    assert values(follow(made(name).events())[field]) == expected


@pytest.mark.parametrize("name", data.parameters(FILES))
def test_truth_particles(name):
    """coffea 2026.9 raises for each of these: "multiple temporal aliases present: ['e', 'm']"."""
    found, expected = made(name).events(), physlite.events(data.path_of(name))
    assert_same(found.TruthElectrons.pdgId, expected.TruthElectrons.pdgId)
    assert_same(found.TruthElectrons.children.pdgId, expected.TruthElectrons.children.pdgId)
    siblings = found.TruthElectrons.parents.children.pdgId
    assert siblings.ndim == 4
    assert_same(siblings, expected.TruthElectrons.parents.children.pdgId)
    assert_same(found.TruthElectrons.parents.mass, expected.TruthElectrons.parents.mass)


def test_a_link_to_what_is_not_in_the_file_is_none():
    """coffea gives the first track of the inner detector, which is 70 times as hard as the muon."""
    events = made(data.TREE_ONLY).events()
    assert values(events.Muons.inDetTrackParticle.z0[67]) == [None]
    assert events.InDetTrackParticles.pt[67][0] > 300_000 > events.Muons.pt[67][0]


@pytest.mark.skipif(not IS_NEW, reason="this version has tracks that fail")
def test_where_coffea_is_right_it_is_the_same():
    """Its own schema, in this process, which is not touched."""
    name = data.R24
    theirs = from_root({str(data.path_of(name)): "CollectionTree"}, nanoevents.PHYSLITESchema).events()
    ours = made(name).events()
    for find in (
        lambda e: e.Electrons.pt,
        lambda e: e.Electrons.trackParticles.z0,
        lambda e: e.Electrons.trackParticle.z0,
        lambda e: e.Electrons.caloClusters.calE,
        lambda e: e.Muons.combinedTrackParticle.z0,
        lambda e: e.EventInfo.mcEventWeights,
        lambda e: e.MET_Core_MET.mpx,
        lambda e: e.Photons.vertexLinks.m_persIndex,
    ):
        assert values(find(ours)) == values(find(theirs))


# ------------------------------------------------------------------------------------------------------- the factory


def test_ranges_of_entries():
    whole = physlite.events(data.path_of(data.R22))
    for start, stop in ((31, None), (-3, 1000), (200, None), (10, 5)):
        factory = made(data.R22, entry_start=start, entry_stop=stop)
        first = max(start or 0, 0)
        expected = whole[first : max(100 if stop is None else stop, first)]
        assert len(factory) == len(factory.events()) == len(expected)
        assert_same(factory.events().Electrons.trackParticles.z0, expected.Electrons.trackParticles.z0)


def test_metadata():
    metadata = made(data.R21, metadata={"dataset": "ttbar", "year": 2018}, entry_stop=7).events().metadata
    assert metadata["dataset"] == "ttbar"
    assert metadata["year"] == 2018
    assert (metadata["entry_start"], metadata["entry_stop"]) == (0, 7)
    assert "dataset" not in made(data.R21).events().metadata


def test_events_are_made_once_as_long_as_somebody_has_them():
    factory = made(data.R21)
    events = factory.events()
    assert factory.events() is events
    assert factory.access_log is factory.buffer_cache is None
    assert factory.file_handle.num_entries == 40
    assert isinstance(factory, nanoevents.NanoEventsFactory)


@pytest.mark.parametrize("mode", MODES)
def test_a_factory_pickles(mode):
    factory = made(data.R21, mode=mode, entry_start=3, entry_stop=9, metadata={"dataset": "ttbar"})
    again = pickle.loads(pickle.dumps(factory))  # noqa: S301
    assert len(again) == 6
    assert again.events().metadata["dataset"] == "ttbar"
    assert_same(again.events().Jets.pt, factory.events().Jets.pt)


def test_what_is_read_is_logged():
    log = []
    events = made(data.R24, access_log=log).events()
    assert log == []
    assert ak.sum(events.Jets.pt) > 0
    assert ak.sum(events.Jets.pt) > 0
    assert log == ["AnalysisJetsAuxDyn.pt"]
    assert log[0].branch == "AnalysisJetsAuxDyn.pt"
    assert "AnalysisJetsAuxDyn.pt" in log[0].buffer_key


@pytest.mark.skipif(not IS_NEW, reason="this version has no such argument")
@pytest.mark.parametrize("name", [data.R24, data.RNTUPLE])
@pytest.mark.parametrize(
    "preload",
    [
        ["AnalysisJetsAuxDyn.pt", "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persKey", "no such column"],
        lambda branch: (
            branch.name.replace(":", ".") in ("AnalysisJetsAuxDyn.pt", "AnalysisMuonsAuxDyn.inDetTrackParticleLink")
        ),
    ],
    ids=["names", "function"],
)
def test_columns_that_are_read_ahead(name, preload):
    log = []
    events = made(name, preload=preload, access_log=log).events()
    ahead = len(log)
    wanted = ["AnalysisJetsAuxDyn.pt", "AnalysisMuonsAuxDyn.inDetTrackParticleLink"]
    assert sorted(column.replace(":", ".") for column in log) == wanted
    assert ak.sum(events.Jets.pt) > 0
    assert ak.sum(events.Muons.inDetTrackParticleLink.m_persIndex) > 0
    assert len(log) == ahead == 2


def test_an_eager_factory_needs_its_file_no_more():
    factory = made(data.R24, mode="eager")
    events = factory.events()
    factory.file_handle.source.close()
    assert ak.sum(events.Jets.pt) > 0
    assert ak.count(events.Electrons.trackParticles.z0) > 0


@pytest.mark.parametrize("wanted", [1, 2])
def test_threads_that_decode(wanted):
    factory = made(data.R21, uproot_options={"num_workers": wanted})
    assert factory.file_handle.threads == wanted


GIVEN = {
    "path and tree": lambda path: {"file": f"{path}:CollectionTree"},
    "path": lambda path: {"file": str(path)},
    "Path": lambda path: {"file": path, "treepath": "CollectionTree"},
    "cycle": lambda path: {"file": path, "treepath": "/CollectionTree;1"},
    "mapping": lambda path: {"file": {path: None}, "treepath": "CollectionTree"},
    "list": lambda path: {"file": [{str(path): {"object_path": "CollectionTree"}}]},
    "uproot": lambda path: {"file": uproot.open(path), "treepath": "CollectionTree"},
    "content": lambda path: {"file": io.BytesIO(path.read_bytes())},
    "other format": lambda path: {"file": {str(path): "EventData"}},  # datasets can have files of both
}


@pytest.mark.parametrize("given", GIVEN)
def test_how_files_are_named(given):
    assert len(from_root(**GIVEN[given](data.path_of(data.R21)))) == 40


@pytest.mark.parametrize(
    ("name", "path", "tree"),
    [
        ("root://host:1094//a/b.root", "root://host:1094//a/b.root", None),
        ("root://host:1094//a/b.root:EventData", "root://host:1094//a/b.root", "EventData"),
        ("https://host:8443/b.root:CollectionTree", "https://host:8443/b.root", "CollectionTree"),
        ("rucio://scope:name", "rucio://scope:name", None),
        ("a.pool.root.1:CollectionTree;3", "a.pool.root.1", "CollectionTree;3"),
    ],
)
def test_trees_in_names_of_files(name, path, tree):
    assert list(inputs_of(name)) == [(path, tree, None)]
    assert list(inputs_of({name: "CollectionTree"})) == [(name, "CollectionTree", None)]


def test_what_is_no_file_of_events(tmp_path):
    path = data.path_of(data.R21)
    with pytest.raises(NotAnEventFileError, match="'MetaData' is not the tree of the events: 'CollectionTree' is"):
        from_root({str(path): "MetaData"})
    with pytest.raises(ValueError, match="mode='lazy': it is one of 'virtual', 'eager', 'dask'"):
        from_root(path, mode="lazy")
    with pytest.raises(ValueError, match="events of one file, not of 2: take mode='dask'"):
        from_root({str(path): None, str(data.path_of(data.R24)): None})
    with pytest.raises(TypeError, match="no_such_option"):
        from_root(path, no_such_option=1)
    with pytest.raises(FileNotFoundError, match=r"missing\.root"):
        from_root(tmp_path / "missing.root")
    (tmp_path / "text.root").write_text("no ROOT")
    with pytest.raises(ValueError, match=r"text\.root"):
        from_root(tmp_path / "text.root")


@pytest.mark.parametrize("name", [data.R21, data.RNTUPLE])
def test_a_tree_that_was_opened_with_uproot(name):
    with uproot.open(data.path_of(name)) as file:
        events = from_root(file[tree_of(name)]).events()
        assert_same(events.Electrons.pt, physlite.events(data.path_of(name)).Electrons.pt)


def test_without_dask_awkward(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_awkward", None)
    with pytest.raises(ImportError, match=r"mode='dask' makes an array of dask-awkward, .*: pip install dask-awkward"):
        from_root(data.path_of(data.R21), mode="dask")


def test_a_schema_of_the_user_that_is_made_from_ours():
    class Mine(PHYSLITESchema):
        truth_collections = ("TruthElectrons",)

    events = from_root(data.path_of(data.R21), Mine).events()
    assert ak.sum(events.Electrons.pt) > 0


def test_other_schemas_are_coffeas():
    path = str(data.path_of(data.SAMPLE))
    factory = from_root({path: "CollectionTree"}, nanoevents.BaseSchema)
    assert type(factory) is nanoevents.NanoEventsFactory
    expected = physlite.events(path).Electrons.pt
    assert values(factory.events()["AnalysisElectronsAuxDyn.pt"]) == values(expected)


@pytest.mark.parametrize("name", [data.R24, data.RNTUPLE])
def test_tracing(name):
    """`coffea.nanoevents.trace` tells the columns that a function reads."""
    trace = pytest.importorskip("coffea.nanoevents.trace").trace_with_typetracer
    events = made(name, entry_stop=0).events()

    def analysis(events):
        return ak.sum(events.Electrons[events.Electrons.pt > 10_000].eta)

    found = {column.replace(":", ".") for column in trace(analysis, events, throw=True)}
    assert found == {"AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta"}


# ----------------------------------------------------------------------------------------------------------- the patch


def test_coffeas_own_schema_becomes_ours_until_it_is_undone():
    imported_before = nanoevents.PHYSLITESchema
    path = data.path_of(data.SAMPLE)

    def is_ours(schema):
        try:
            return bool(from_root({str(path): "CollectionTree"}, schema).events().metadata["file"])
        except KeyError:  # of coffea: these tracks have no qOverP
            return False

    assert not is_ours(imported_before)
    patch = patch_nanoevents()
    try:
        assert nanoevents.PHYSLITESchema is nanoevents.schemas.PHYSLITESchema is PHYSLITESchema
        assert b"physlite" in pickle.dumps(nanoevents.PHYSLITESchema)  # workers import it from here
        assert is_ours(nanoevents.PHYSLITESchema)
        assert is_ours(imported_before)
        with patch_nanoevents():
            pass
        assert nanoevents.PHYSLITESchema is PHYSLITESchema  # by the first one
    finally:
        patch.undo()
    patch.undo()  # once is enough
    assert nanoevents.PHYSLITESchema is nanoevents.schemas.PHYSLITESchema is imported_before
    assert not is_ours(imported_before)


# --------------------------------------------------------------------------------------------------- without coffea


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_coffea_is_imported_with_the_schema_and_not_before():
    """A worker that is sent the schema knows what to do with it."""
    code = f"""
import pickle, sys, physlite
physlite.open, physlite.run
print("coffea" in sys.modules)
schema = pickle.loads({pickle.dumps(PHYSLITESchema)!r})
from coffea.nanoevents import NanoEventsFactory
print(NanoEventsFactory.from_root(physlite.sample(), schemaclass=schema).events().Electrons.pt.type)
print(physlite.coffea.PHYSLITESchema is schema)
"""
    assert printed(code) == "False\n2000 * var * float32\nTrue\n"


def test_without_coffea_it_says_what_is_missing():
    code = """
import sys
sys.modules["coffea"] = None
try:
    import physlite.coffea
except ImportError as error:
    print(error)
"""
    assert printed(code) == "physlite.coffea is for coffea: pip install 'physlite[coffea]'\n"
