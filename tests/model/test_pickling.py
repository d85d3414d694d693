"""Files, events and what is made of them travel to other processes (uproot5#1102)."""

import copy
import gc
import itertools
import pickle
import shutil
import subprocess
import sys
import threading
import weakref

import awkward as ak
import pytest

import physlite
from support import data
from support.compare import assert_same

SMALL = 2_000  # bytes: a reference to a file, with no data in it


@pytest.fixture(scope="module")
def path():
    return data.path_of(data.SAMPLE)


@pytest.fixture
def file(path):
    return physlite.open(path, threads=3)


def _again(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301


def test_a_file_reopens(file):
    dumped = pickle.dumps(file)
    assert len(dumped) < SMALL
    again = pickle.loads(dumped)  # noqa: S301
    assert again.num_entries == file.num_entries
    assert again.threads == 3
    assert_same(again.array("AnalysisMuonsAuxDyn.pt"), file.array("AnalysisMuonsAuxDyn.pt"))


def test_a_relative_path_is_found_from_anywhere(path, tmp_path, monkeypatch):
    shutil.copy(path, tmp_path / "events.root")
    monkeypatch.chdir(tmp_path)
    dumped = pickle.dumps(physlite.open("events.root"))
    monkeypatch.chdir("/")
    assert pickle.loads(dumped).num_entries > 0  # noqa: S301


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_events_pickle_as_a_reference(file, used):
    events = file.events()
    if used:
        ak.sum(events.Jets.pt)
        ak.num(events.Electrons)
    dumped = pickle.dumps(events)
    assert len(dumped) < SMALL
    again = pickle.loads(dumped)  # noqa: S301
    assert again.fields == events.fields
    assert_same(again.Jets.pt, events.Jets.pt)
    assert_same(again.Muons.mass, events.Muons.mass)


def test_ranges_of_events_pickle_as_a_reference(file):
    some = file.events()[100:200]
    dumped = pickle.dumps(some)
    assert len(dumped) < SMALL
    assert_same(pickle.loads(dumped).Jets.pt, some.Jets.pt)  # noqa: S301


def test_selected_events_pickle_as_a_reference_and_their_numbers(file):
    events = file.events()
    selected = events[ak.num(events.Electrons) >= 2]
    dumped = pickle.dumps(selected)
    assert len(dumped) < SMALL + 8 * len(selected)
    again = pickle.loads(dumped)  # noqa: S301
    assert len(again) == len(selected)
    assert_same(again.Electrons.pt, selected.Electrons.pt)
    assert_same(again.EventInfo.eventNumber, selected.EventInfo.eventNumber)


def test_a_collection_pickles_as_a_reference(file):
    electrons = file.events().Electrons
    dumped = pickle.dumps(electrons)
    assert len(dumped) < SMALL
    assert_same(pickle.loads(dumped).eta, electrons.eta)  # noqa: S301


@pytest.mark.parametrize(
    "make",
    [
        lambda e: e.Electrons.pt,
        lambda e: e.Electrons[e.Electrons.pt > 20_000],
        lambda e: e[ak.num(e.Electrons) >= 2].Electrons,
        lambda e: e[:50][ak.num(e[:50].Jets) > 1],
        lambda e: e.EventInfo,
        lambda e: e[7],
        lambda e: e.Electrons[:, :1],
        lambda e: (e.Electrons[:, :1] + e.Electrons[:, :1]).mass,
        lambda e: e.Electrons.trackParticleLinks,
        lambda e: e[["Electrons", "Jets"]],
        lambda e: e[ak.Array([0, None, 2])],
        lambda e: ak.mask(e, ak.num(e.Electrons) > 1),
        lambda e: e[[5, 1, 1, -1]],
        lambda e: e[::-3],
        lambda e: e[ak.num(e.Jets) > 1][2:7],
        lambda e: ak.concatenate([e[:3], e[10:20]]),
    ],
    ids=[
        "field",
        "objects",
        "of selected",
        "of a range",
        "single",
        "event",
        "cut",
        "derived",
        "links",
        "two",
        "with none",
        "masked",
        "picked",
        "backwards",
        "of selected range",
        "joined",
    ],
)
def test_derived_arrays_pickle(file, make):
    events = file.events(0, 200)
    made = make(events)
    again = _again(made)
    assert ak.type(again) == ak.type(made)
    assert_same(ak.to_layout(again), ak.to_layout(made))
    assert_same(ak.to_layout(copy.deepcopy(made)), ak.to_layout(made))


def test_a_data_array_does_not_need_the_file_any_more(path, tmp_path):
    here = shutil.copy(path, tmp_path / "gone.root")
    file = physlite.open(here)
    events = file.events()
    pt = pickle.dumps(events.Electrons.pt)
    electrons = pickle.dumps(events.Electrons)
    (tmp_path / "gone.root").unlink()
    assert len(pickle.loads(pt)) == file.num_entries  # noqa: S301
    with pytest.raises(FileNotFoundError, match=r"gone\.root"):
        ak.sum(pickle.loads(electrons).pt)  # noqa: S301


def test_events_reopen_in_another_process(file, tmp_path):
    events = file.events()
    selected = events[ak.num(events.Muons) == 2]
    dumped = tmp_path / "selected.pickle"
    dumped.write_bytes(pickle.dumps((file, selected, selected.Muons)))
    code = (
        "import pickle, sys, pathlib\n"
        "file, events, muons = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "pairs = muons[:, 0] + muons[:, 1]\n"
        "print(file.num_entries, len(events), float(sum(pairs.mass)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(dumped)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pairs = selected.Muons[:, 0] + selected.Muons[:, 1]
    numbers = done.stdout.split()
    assert numbers[:2] == [str(file.num_entries), str(len(selected))]
    assert float(numbers[2]) == pytest.approx(float(sum(pairs.mass)), rel=1e-12)


def test_bytes_travel_with_their_content(path):
    file = physlite.open(path.read_bytes())
    assert_same(_again(file).array("AnalysisMuonsAuxDyn.pt"), file.array("AnalysisMuonsAuxDyn.pt"))


def test_pickling_while_others_read(file):
    events = file.events()
    stop = threading.Event()

    def read():
        while not stop.is_set():
            ak.sum(file.events(0, 100).Jets.pt)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(20):
            pickle.dumps((file, events, events.Jets))
    finally:
        stop.set()
        reader.join()


def test_a_closed_file_raises_when_it_is_used(path):
    with physlite.open(path) as file:
        events = file.events()
        kept = events.Electrons.pt
    assert len(kept) == len(events)
    with pytest.raises(ValueError, match="closed"):
        _ = events.Jets.pt


def test_several_arrays_travel_together(file):
    """They share their source, and each stays what it was."""
    events = file.events()
    names = list(events.fields)
    dumped = pickle.dumps((events, *(events[name] for name in names)))
    assert len(dumped) < SMALL + 100 * len(names)
    again, *collections = pickle.loads(dumped)  # noqa: S301
    assert len(pickle.dumps(again)) < SMALL
    for name, collection in zip(names, collections, strict=True):
        field = collection.fields[0]
        some = collection[1:20]
        assert len(some) == 19
        assert_same(some[field], events[name][field][1:20])


def test_events_with_a_field_of_the_users(file):
    events = file.events()
    events["n_jets"] = ak.num(events.Jets)
    dumped = pickle.dumps(events)
    assert len(dumped) < SMALL + 20 * len(events)
    again = pickle.loads(dumped)  # noqa: S301
    assert_same(again.n_jets, events.n_jets)
    assert_same(again.Muons.pt, events.Muons.pt)


SELECTIONS = {
    "chosen": lambda particles: particles[particles.e > 20_000],
    "first": ak.firsts,
    "flat": lambda particles: ak.flatten(particles)[::-2],
    "masked": lambda particles: ak.mask(particles, particles.e > 20_000),
    "pairs": lambda particles: ak.unzip(ak.combinations(particles, 2))[1],
    "targets": lambda particles: particles.parents,
    "zipped": lambda particles: ak.zip([particles, particles[:, ::-1]])["1"],
    "none": lambda particles: particles[particles.e < 0],
}


@pytest.mark.parametrize("select", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("name", data.parameters([data.R21, data.R22, data.TREE_ONLY]))
def test_selected_objects_pickle_as_references(name, select):
    """Their columns do not travel, and are not read: some of them could not be, as etcone20 in 22.2."""
    file = physlite.open(data.path_of(name), cache_bytes=0)
    particles = select(file.events().TruthElectrons)
    before = file.source.stats.bytes
    dumped = pickle.dumps(particles)
    number = ak.count(particles["_link"], axis=None)
    assert len(dumped) < SMALL + 2000 + 40 * number + 30 * len(particles)
    columns = file.columns
    needed = [f"{c}AuxDyn.e" for c in ("TruthElectrons",)]
    assert file.source.stats.bytes - before < 4 * columns[needed[0]].compressed_bytes + 20_000
    again = pickle.loads(dumped)  # noqa: S301
    assert again.fields == particles.fields
    assert again.type == particles.type
    for field in ("px", "pdgId", "parentLinks"):
        assert_same(ak.to_layout(again[field]), ak.to_layout(particles[field]))
    assert_same(again.parents.pdgId, particles.parents.pdgId)
    assert_same(again.p4.mass, particles.p4.mass)
    twice = _again(again)
    assert_same(ak.to_layout(twice["_link"]), ak.to_layout(particles["_link"]))
    assert_same(twice.px, particles.px)


REAL = [data.R21, data.R22, data.R24, data.TREE_ONLY]


@pytest.mark.parametrize("name", data.parameters(REAL))
def test_events_with_a_field_of_the_users_after_a_selection(name):
    """Flag, choose, send: what the file has does not travel, nor is it read."""
    file = physlite.open(data.path_of(name))
    events = file.events()
    events["two"] = ak.num(events.Electrons) > 1
    events["Jets"] = ak.with_field(events.Jets, events.Jets.pt * 1.1, "pt")
    for made in (
        events,
        events[events.two],
        events[5:20],
        ak.mask(events, events.two),
        events[[3, 1]][["Jets", "two"]],
    ):
        before = file.source.stats.bytes
        dumped = pickle.dumps(made)
        assert len(dumped) < 10 * SMALL + 100 * ak.count(events.Jets.pt)
        assert file.source.stats.bytes - before < 50_000
        again = pickle.loads(dumped)  # noqa: S301
        assert again.type == made.type
        assert_same(ak.to_layout(again.two), ak.to_layout(made.two))
        assert_same(ak.to_layout(again.Jets.pt), ak.to_layout(made.Jets.pt))
        assert_same(ak.to_layout(again.Jets.eta), ak.to_layout(made.Jets.eta))
        if "Electrons" in made.fields:
            assert_same(ak.to_layout(again.Electrons.pt), ak.to_layout(made.Electrons.pt))
            assert_same(ak.to_layout(again.EventInfo.eventNumber), ak.to_layout(made.EventInfo.eventNumber))
        twice = _again(again)
        assert_same(ak.to_layout(twice.Jets.pt), ak.to_layout(made.Jets.pt))


@pytest.mark.parametrize("name", data.parameters(REAL))
@pytest.mark.parametrize(
    "make",
    [
        lambda e: e.EventInfo,
        lambda e: e[[1, 2]].EventInfo,
        lambda e: e[ak.num(e.Electrons) > 0].EventInfo,
        lambda e: e.EventInfo[2:5],
        lambda e: e[3].EventInfo,
        lambda e: e.EventInfo[["eventNumber", "runNumber"]],
        lambda e: ak.mask(e, ak.num(e.Electrons) > 0).EventInfo[["eventNumber"]],
    ],
    ids=["all", "picked", "chosen", "range", "single", "fields", "masked"],
)
def test_what_there_is_one_of_in_an_event(name, make):
    made = make(physlite.events(data.path_of(name)))
    again = _again(made)
    assert again.type == made.type
    assert ak.to_list(again.eventNumber) == ak.to_list(made.eventNumber)


VARIANTS = (
    lambda x: x,
    lambda x: x[:, :2],
    lambda x: x[::2],
    lambda x: ak.mask(x, ak.local_index(x, axis=0) % 3 > 0),
)


@pytest.mark.filterwarnings("ignore::physlite.exceptions.MissingFieldWarning")
@pytest.mark.parametrize(
    ("name", "first"),
    [
        pytest.param(name, first, marks=() if (name, first) == (data.R24, 0) else pytest.mark.slow)
        for name in (*REAL, data.RNTUPLE)
        for first in range(len(VARIANTS))
    ],
)
def test_linked_objects_of_every_kind_come_back(name, first):
    """Each in one of the variants: nothing of them is read for the pickle, nor when it is opened.

    So columns that cannot be read do not matter.
    """
    variants = itertools.islice(itertools.cycle(VARIANTS), first, None)
    with physlite.open(data.path_of(name)) as file:
        events = file.events()
        kinds = {(file.collections[link.collection].record, link.field): link for link in file.links}
        for link, variant in zip(kinds.values(), variants, strict=False):
            targets = events[link.collection].follow(link.field)
            if targets.ndim < 2:
                continue
            made = variant(targets)
            again = _again(made)
            assert again.type == made.type, link.name
            if "_link" in ak.fields(made):
                assert ak.to_list(again["_link"]) == ak.to_list(made["_link"]), link.name
            for field in ("pt", "pdgId", "d0", "qOverP"):
                if field in ak.fields(made):
                    assert repr(ak.to_list(again[field])) == repr(ak.to_list(made[field])), (link.name, field)


@pytest.mark.parametrize("name", data.parameters(REAL))
def test_linked_objects_leave_files_of_bytes_as_they_are(name):
    """With the classes and the fields that each of them has."""
    events = physlite.events(data.path_of(name).read_bytes())
    objects = events.METAssoc_AnalysisMET.objects
    again = _again(objects)
    assert ak.to_list(again.mass) == ak.to_list(objects.mass)
    kinds = [type(x).__name__ for lists in objects for row in lists for x in row if x is not None]
    assert [type(x).__name__ for lists in again for row in lists for x in row if x is not None] == kinds


@pytest.mark.parametrize("name", data.parameters(REAL))
def test_a_field_that_is_given_after_a_selection(name):
    file = physlite.open(data.path_of(name), cache_bytes=0)
    chosen = file.events().TruthElectrons
    chosen = chosen[chosen.e > 20_000]
    chosen["twice"] = chosen.e * 2
    chosen["pz"] = chosen.pz * 0
    before = file.source.stats.bytes
    dumped = pickle.dumps(chosen)
    assert file.source.stats.bytes - before < 20_000
    assert len(dumped) < 3 * SMALL + 60 * ak.count(chosen["_link"]) + 30 * len(chosen)
    again = pickle.loads(dumped)  # noqa: S301
    assert again.type == chosen.type
    for field in ("twice", "pz", "px", "pdgId"):
        assert_same(ak.to_layout(again[field]), ak.to_layout(chosen[field]))
    events = file.events()[::2]
    events["n"] = ak.num(events.Electrons)
    events["Jets", "central"] = abs(events.Jets.eta) < 1
    dumped = pickle.dumps(events)
    assert len(dumped) < 10 * SMALL + 40 * len(events) + 40 * ak.count(events.Jets.pt)
    again = pickle.loads(dumped)  # noqa: S301
    assert again.n.to_list() == events.n.to_list()
    assert again.Jets.central.to_list() == events.Jets.central.to_list()
    assert_same(ak.to_layout(again.Jets.eta), ak.to_layout(events.Jets.eta))
    assert_same(ak.to_layout(again.Muons.pt), ak.to_layout(events.Muons.pt))


def test_tuples_stay_tuples(file):
    events = file.events()
    events["pairs"] = ak.cartesian([events.Electrons, events.Muons])
    again = _again(events)
    assert again.pairs.type == events.pairs.type
    assert_same(ak.to_layout(again.pairs["0"].pt), ak.to_layout(events.pairs["0"].pt))


def test_what_is_for_this_process_only_stays_behind(file):
    events = ak.Array(file.events(), attrs={**file.events().attrs, "@callback": lambda: 1, "kept": 2})
    assert _again(events).attrs.get("kept") == 2
    assert "@callback" not in _again(events[2:4]).attrs


def test_ranges_while_others_follow_links(file):
    """What is known of the layouts is shared between threads."""
    derived = file.events()
    derived["n"] = ak.num(derived.Jets)
    stop = threading.Event()
    errors = []

    def follow():
        kept = []
        while not stop.is_set():
            kept.append(derived.Electrons.trackParticles)
            del kept[:-20]

    def ranges():
        try:
            for i in range(25):
                assert len(derived[i : i + 5]) == 5
        except BaseException as error:  # noqa: BLE001  # of whatever kind
            errors.append(error)

    others = [threading.Thread(target=follow), *(threading.Thread(target=ranges) for _ in range(3))]
    for thread in others:
        thread.start()
    for thread in others[1:]:
        thread.join()
    stop.set()
    others[0].join()
    assert not errors


def _renamed(jets):
    columns = dict(zip(ak.fields(jets), ak.unzip(jets), strict=True))
    columns["pt"] = columns["JetConstitScaleMomentum_pt"]
    return ak.zip(columns, with_name="Jet", depth_limit=2)


def _swapped(jets):
    columns = dict(zip(ak.fields(jets), ak.unzip(jets), strict=True))
    columns["eta"], columns["phi"] = columns["phi"], columns["eta"]
    return ak.zip(columns, with_name="Jet", depth_limit=2)


def _turned(jets):
    backwards = ak.unzip(jets[:, ::-1])[ak.fields(jets).index("eta")]
    return ak.with_field(jets, backwards, "eta")


@pytest.mark.parametrize("change", [_renamed, _swapped, _turned])
def test_a_column_in_another_ones_place_stays_there(change):
    """Also where nobody has looked at it yet: values are what they are without the pickle."""
    changed = change(physlite.events(data.path_of(data.TREE_ONLY)).Jets)
    again = _again(changed)
    jets = change(physlite.events(data.path_of(data.TREE_ONLY)).Jets)
    for name in ("pt", "eta", "phi"):
        assert ak.to_list(again[name]) == ak.to_list(jets[name])
    assert not ak.array_equal(again.pt, again.JetConstitScaleMomentum_pt) or change is _renamed


def test_what_an_array_was_given_goes_with_it(file):
    """Attributes and behaviors, through slices and pickles."""

    events = ak.Array(file.events(), attrs={"sample": "ttbar", **file.events().attrs})
    for made in (events, events[2:9], events[[2, 3]], events[2:9].Electrons[:, :1]):
        assert made.attrs["sample"] == "ttbar"
        assert _again(made).attrs["sample"] == "ttbar"


def test_what_was_added_to_objects_travels_with_them(file):
    electrons = file.events().Electrons
    electrons = ak.with_field(electrons, electrons.pt / 1000, "pt_GeV")[electrons.pt > 30_000]
    changed = ak.with_field(electrons, electrons.pt * 2, "pt")
    dumped = pickle.dumps((electrons, changed))
    again, twice = pickle.loads(dumped)  # noqa: S301
    assert_same(again.pt_GeV, electrons.pt_GeV)
    assert_same(again.pt, electrons.pt)
    assert_same(again.eta, electrons.eta)
    assert_same(twice.pt, electrons.pt * 2)
    assert_same(twice.trackParticles.z0, electrons.trackParticles.z0)


def test_chosen_fields_are_data(tmp_path, path):
    """Who names them wants them, wherever the file is by then."""
    here = shutil.copy(path, tmp_path / "gone.root")
    electrons = physlite.events(here).Electrons
    chosen = electrons[electrons.pt > 20_000][["pt", "eta"]]
    dumped = pickle.dumps(chosen)
    (tmp_path / "gone.root").unlink()
    again = pickle.loads(dumped)  # noqa: S301
    assert_same(again.pt, chosen.pt)
    with pytest.raises(FileNotFoundError, match=r"gone\.root"):
        again.matched("HLT_e26_lhtight_nod0_ivarloose")


@pytest.mark.parametrize("opened", ["bytes", "file object"])
def test_data_leave_their_file_behind(path, opened):
    """The bytes of a file do not travel with each selection from it, and a file object need not travel at all."""
    with path.open("rb") as stream:
        events = physlite.events(path.read_bytes() if opened == "bytes" else stream)
        leading = events.Muons[events.Muons.pt > 50_000][["pt", "eta"]]
        assert len(pickle.dumps(leading)) < 20_000
        assert_same(_again(leading).eta, leading.eta)
        if opened == "bytes":
            assert_same(_again(events).Muons.eta, events.Muons.eta)


def test_selections_can_be_written_to_parquet(file, tmp_path):
    muons = file.events().Muons[["pt", "eta", "charge"]]
    ak.to_parquet(muons, tmp_path / "muons.parquet")
    assert_same(ak.from_parquet(tmp_path / "muons.parquet").pt, muons.pt)


def test_events_are_freed_with_their_last_array(file):
    events = file.events()
    _ = events.Muons.pt
    layout = weakref.ref(events.layout)
    gc.disable()  # freed by counting references, not by a search for cycles
    try:
        del events, _
        assert layout() is None
    finally:
        gc.enable()


def test_copies_can_be_joined_before_anything_of_them_was_read(file):
    """Where the index that says which objects they are is still to be read."""
    electrons = file.events().Electrons
    chosen = ak.mask(electrons, electrons.pt > 20_000)
    copy = pickle.loads(pickle.dumps(chosen))  # noqa: S301  # from above
    joined = ak.concatenate([copy, copy])
    assert_same(joined.eta, ak.concatenate([chosen.eta, chosen.eta]))
