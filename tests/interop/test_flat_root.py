"""Flat trees: branches of numbers and lists of them, named by a rule, that uproot and ROOT read."""

import json
import subprocess
from itertools import pairwise

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import BadLinkError, ConversionError, NotAnEventFileError, UnsupportedFormatError
from physlite.formats.encoding import parse_encoding
from physlite.interop import convert
from physlite.interop.flatcolumns import Targets, branches, flat_name, flat_problem, values
from support import data
from support.examples import FEWER
from support.made_columns import column
from support.ntuples import sealed
from support.written_by_root import ROOT_PYTHON, no_root

# Those whose flat tree is made in a second or two: uproot takes long for the description of more branches.
COLLECTIONS = {
    data.SAMPLE: None,
    data.SAMPLE_RNTUPLE: None,
    data.R21: ["Electrons", "Jets", "EventInfo", "MET_Core_AnalysisMET", "METAssoc_AnalysisMET", "GSFTrackParticles"],
    data.R22: ["Electrons", "TruthElectrons", "TruthBoson", "EventInfo", "xTrigDecision", "TauJets", "TauTracks"],
    data.R24: ["Muons", "CombinedMuonTrackParticles", "HLTNav_*", "TrigConfKeys", "PrimaryVertices"],
    data.TREE_ONLY: ["Photons", "Electrons", "METAssoc_AnalysisMET", "EventInfo", "TrigMatch_HLT_e26*"],
    data.RNTUPLE: ["Muons", "FourLeptonVertices", "GSFTrackParticles", "InDetTrackParticles", "EventInfo"],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A function that converts collections of one of the files, once, and opens it and the tree that it became."""
    folder = tmp_path_factory.mktemp("flat")
    found = {}

    def of(name):
        if name not in found:
            path = folder / f"{name.removesuffix('.root')}.root"
            done = convert(data.path_of(name), path, collections=COLLECTIONS[name], format="flat")
            found[name] = physlite.open(data.path_of(name)), uproot.open(path), done
        return found[name]

    return of


# ------------------------------------------------------------------------------------------------------------ the rule


def slowly(node, items, keys, name, level=0):
    """The branches of what one event has of a column, as loops make them: by name, all numbers behind one another."""
    kind = type(node).__name__
    if kind == "Member":
        return slowly(node.item, items, keys, name, level)
    if kind in ("ListOf", "ToEnd", "Objects", "Fixed"):
        counts = {f"{name}_counts{level if level > 1 else ''}": [len(each) for each in items]} if level else {}
        return counts | slowly(node.item, [item for each in items for item in each], keys, name, level + 1)
    if kind != "RecordOf":
        return {name: items}
    if [member for member, _ in node.fields] == ["m_persKey", "m_persIndex"]:
        index = [link["m_persIndex"] if link["m_persKey"] in keys else -1 for link in items]
        return {f"{name}_key": [link["m_persKey"] for link in items], f"{name}_idx": index}
    out = {}
    for member, item in node.fields:
        values_of_it = [each[member] for each in items]
        out |= slowly(item, values_of_it, keys, f"{name}_{flat_name(member.removeprefix('m_'))}", level)
    return out


@pytest.mark.parametrize("name", data.parameters(COLLECTIONS))
def test_all_branches(written, name):
    """Of all columns that were converted, as loops over events and objects make them."""
    file, root, done = written(name)
    arrays = root["Events"].arrays()
    links = file._store.schema.links
    collections = [c for c in file.collections.values() if any(f.startswith(f"{c.name}_") for f in arrays.fields)]
    keys = {links.keys[c.name] for c in collections} - {0}
    compared = set()
    for collection in collections:
        for field, position in collection.fields.items():
            info = file.manifest.columns[position]
            if info.name in done.left_out or collection.whole is not None:
                continue
            node = parse_encoding(info.encoding).node
            name = flat_name(f"{collection.name}_{field}")
            events = [slowly(node, [event], keys, name) for event in file.array(info.name).to_list()]
            for branch in events[0]:
                numbers = [event[branch] for event in events]
                found = arrays[branch].to_list()
                assert ([[x] for x in found] if arrays[branch].ndim == 1 else found) == numbers, branch
                compared.add(branch)
    assert len(compared) > 50


@pytest.mark.parametrize("name", [data.SAMPLE, data.R22])
def test_numbers_of_objects(written, name):
    """Fields of a collection share theirs; what is not stored for all of its objects has its own."""
    file, root, _ = written(name)
    tree = root["Events"]
    events = file.events()
    for collection in ("Electrons", "TruthElectrons"):
        assert tree[f"n{collection}"].array().to_list() == ak.num(events[collection]).to_list()
    counters = {branch.name for branch in tree.branches if branch.name.startswith("nTruthElectrons")}
    incomplete = {"nTruthElectrons_ptcone30"} if name == data.R22 else set()
    assert incomplete <= counters


def test_links_lead_to_their_targets(written):
    file, root, _ = written(data.SAMPLE)
    tree = root["Events"].arrays(filter_name=["Electrons_trackParticleLinks*", "GSFTrackParticles_z0"])
    counts = tree["Electrons_trackParticleLinks_counts"]
    index = ak.unflatten(tree["Electrons_trackParticleLinks_idx"], ak.flatten(counts), axis=1)
    expected = file.events().Electrons.trackParticles.z0.to_list()
    z0 = tree["GSFTrackParticles_z0"].to_list()
    assert [
        [[z0[i][j] if j >= 0 else None for j in links] for links in event] for i, event in enumerate(index.to_list())
    ] == expected


def test_what_an_event_has_once(written):
    file, root, _ = written(data.R24)
    tree = root["Events"]
    keys = file.events().TrigConfKeys
    assert tree["TrigConfKeys_smk"].array().to_list() == keys.smk.to_list()
    assert tree["TrigConfKeys_hltpsk"].array().to_list() == keys.hltpsk.to_list()
    assert tree["TrigConfKeys_smk"].typename == "uint32_t"


def test_containers_without_fields_have_their_numbers(tmp_path):
    path = tmp_path / "out.root"
    convert(data.path_of(data.SAMPLE), path, columns=["AnalysisElectrons", "AnalysisJetsAuxDyn.pt"], format="flat")
    tree = uproot.open(path)["Events"]
    events = physlite.events(data.path_of(data.SAMPLE))
    assert set(tree.keys()) == {"nElectrons", "nJets", "Jets_pt"}
    assert tree["nElectrons"].array().to_list() == ak.num(events.Electrons).to_list()


def test_what_is_left_out(written):
    _, _, done = written(data.R24)
    assert "HLTNav_Summary_DAODSlimmedAuxDyn.name" in done.left_out
    assert all("texts" in why for why in done.left_out.values())


def test_targets_that_are_not_in_the_file(tmp_path):
    """Their key is there, the index says that they are not."""
    path = tmp_path / "out.root"
    convert(data.path_of(data.SAMPLE), path, collections="Electrons", format="flat")
    tree = uproot.open(path)["Events"]
    assert set(ak.flatten(tree["Electrons_trackParticleLinks_idx"].array()).to_list()) == {-1}
    assert 0 not in ak.flatten(tree["Electrons_trackParticleLinks_key"].array()).to_list()


def test_what_else_is_in_the_file(written):
    file, root, done = written(data.SAMPLE)
    assert root.classnames(cycle=False) == {"Events": "TTree", "physlite": "TObjString", "physlite.facts": "TObjString"}
    facts = json.loads(str(root["physlite.facts"]))
    assert facts["sum_of_weights"]["weights"] == file.metadata.sum_of_weights()
    containers = {key: name for name, _, key in json.loads(str(root["physlite"]))["containers"]}
    keys = np.unique(ak.to_numpy(ak.flatten(root["Events"]["Electrons_trackParticleLinks_key"].array())))
    assert {containers[int(key)] for key in keys if key} == {"GSFTrackParticles"}
    with pytest.raises(NotAnEventFileError, match=r"trees Events: physlite has written .*, read them with uproot"):
        physlite.open(done.path)


# ----------------------------------------------------------------------------------------------------- made-up columns


def test_names():
    assert flat_name("TrigMatch_HLT_L1DR-EM15TAU12I-J25") == "TrigMatch_HLT_L1DR_EM15TAU12I_J25"
    assert flat_name("Classification.Classification") == "Classification_Classification"


@pytest.mark.parametrize("text", ["s", "*s", "**s", "*{0;a=s,b=f4}", "?f4", "*?f4", "(i4/s)"])
def test_what_has_no_branches(text):
    assert "texts, or values that can be missing" in flat_problem(parse_encoding(text).node)


LEAVES = st.sampled_from(["f4", "u8", "b1", "i1", "{0;m_persKey=u4,m_persIndex=u4}", "{0;m_a=f8,b=*i2}", "[2]f4"])


@given(leaf=LEAVES, depth=st.integers(0, 3), random=st.data())
def test_any_column(leaf, depth, random):
    """Lists in lists of all kinds; records of lists are as lists of their members."""
    node = parse_encoding("*" * depth + leaf).node
    number = st.integers(0, 1) if leaf == "b1" else st.integers(0, 100)
    item = {
        "{0;m_persKey=u4,m_persIndex=u4}": st.sampled_from(
            [{"m_persKey": key, "m_persIndex": i} for key, i in [(0, 0), (7, 0), (7, 3), (8, 3), (8, 2**32 - 1)]]
        ),
        "{0;m_a=f8,b=*i2}": st.fixed_dictionaries({"m_a": number, "b": st.lists(number, max_size=2)}),
        "[2]f4": st.lists(number, min_size=2, max_size=2),
    }.get(leaf, number)
    for _ in range(depth):
        item = st.lists(item, max_size=3)
    events = random.draw(st.lists(item, min_size=1, max_size=4))
    layout = column(parse_encoding("*" * depth + leaf), events).layout
    expected = [slowly(node, [event], {7}, "") for event in events]
    targets = Targets({7: np.full(len(events), 4)}, {7: "Tracks"}, 0)
    parts = zip(branches(node), values(node, layout, targets), strict=True)
    for number, (branch, (offsets, numbers)) in enumerate(parts):
        assert branch.suffix == list(expected[0])[number]
        assert numbers.dtype == branch.dtype
        assert (offsets is None) == (branch.depth == 0)
        ends = range(len(events) + 1) if offsets is None else offsets.tolist()
        found = [numbers[begin:end].tolist() for begin, end in pairwise(ends)]
        assert found == [event[branch.suffix] for event in expected]


LINKS = st.lists(
    st.fixed_dictionaries({"m_persKey": st.sampled_from([0, 7, 8]), "m_persIndex": st.integers(0, 2**32 - 1)})
    | st.builds(lambda i: {"m_persKey": 7, "m_persIndex": i}, st.integers(0, 3)),
    max_size=2,
)


@given(
    events=st.lists(st.lists(LINKS, max_size=2), min_size=1, max_size=4),
    sizes=st.lists(st.integers(0, 4), min_size=4, max_size=4),
)
def test_indices_past_the_end(events, sizes):
    """Are an error, of the first event that has one."""
    encoding = parse_encoding("**{0;m_persKey=u4,m_persIndex=u4}")
    bad = [
        (event, link["m_persIndex"], size)
        for event, (lists, size) in enumerate(zip(events, sizes, strict=False))
        for links in lists
        for link in links
        if link["m_persKey"] == 7 and link["m_persIndex"] >= size
    ]
    targets = Targets({7: np.array(sizes[: len(events)])}, {7: "Tracks"}, 100)
    found = values(encoding.node, column(encoding, events).layout, targets)
    if not bad:
        list(found)
        return
    event, index, size = bad[0]
    message = f"event {100 + event}: index {index} of Tracks, which has {size} objects there"
    with pytest.raises(BadLinkError, match=f"^{message}$"):
        list(found)


def test_a_link_that_leads_nowhere(tmp_path):
    columns = ["AnalysisMuonsAuxDyn:inDetTrackParticleLink", "InDetTrackParticlesAuxDyn:z0"]
    path = tmp_path / "ntuple.root"
    convert(data.path_of(data.SAMPLE_RNTUPLE), path, columns=columns, compression="none")
    events = physlite.events(path)
    indices = ak.to_numpy(ak.flatten(events.Muons.inDetTrackParticleLink.m_persIndex))
    event = next(i for i, number in enumerate(ak.num(events.Muons)) if number)
    tracks = len(events.InDetTrackParticles[event])
    page = indices.view(np.uint8).reshape(-1, 4).T.tobytes()  # the lowest bytes of all come first
    content = path.read_bytes()
    assert content.count(sealed(page)) == 1
    content = content.replace(sealed(page), sealed(b"\xff" + page[1:]))
    message = (
        rf"ntuple\.root: column {columns[0]}, .* event {event}: index 255 of InDetTrackParticles, which has {tracks}"
    )
    path.write_bytes(content)
    with pytest.raises(BadLinkError, match=message):
        convert(path, tmp_path / "out.root", format="flat", group_entries=3)
    assert list(tmp_path.iterdir()) == [path]
    convert(path, tmp_path / "out.root", columns=columns[0], format="flat")  # the tracks are not in the file
    assert uproot.open(tmp_path / "out.root")["Events"]["Muons_inDetTrackParticleLink_idx"].array()[event][0] == -1


# ----------------------------------------------------------------------------------------------------------- selections


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The first 40 events of the sample."""
    path = tmp_path_factory.mktemp("few") / "few.root"
    chosen = ["Electrons", "GSFTrackParticles", "EventInfo"]
    convert(data.path_of(data.SAMPLE), path, collections=chosen, select=lambda events: np.arange(len(events)) < 40)
    return path, physlite.events(path)


@FEWER
@given(
    random=st.randoms(use_true_random=False), share=st.sampled_from([0.0, 0.3, 1.0]), group=st.sampled_from([None, 3])
)
def test_skimmed_and_thinned(few, tmp_path_factory, random, share, group):
    """The flat tree of some events and objects is as that of a converted file, which has them."""
    path, events = few
    kept = [random.random() < share for _ in events]
    tracks = ak.Array([[random.random() < 0.7 for _ in range(number)] for number in ak.num(events.GSFTrackParticles)])
    folder = tmp_path_factory.mktemp("thinned")
    for form in ("flat", "rntuple"):
        convert(
            path,
            folder / form,
            select=lambda _: np.array(kept),
            thin={"GSFTrackParticles": lambda _: tracks},
            group_entries=group,
            format=form,
        )
    tree = uproot.open(folder / "flat")["Events"].arrays()
    found = physlite.events(folder / "rntuple")
    assert tree.EventInfo_eventNumber.to_list() == events.EventInfo.eventNumber[np.array(kept)].to_list()
    assert tree.GSFTrackParticles_z0.to_list() == found.GSFTrackParticles.z0.to_list()
    index = ak.flatten(found.Electrons.trackParticleLinks.m_persIndex, axis=2)
    key = ak.flatten(found.Electrons.trackParticleLinks.m_persKey, axis=2)
    assert tree.Electrons_trackParticleLinks_idx.to_list() == ak.where(key == 0, -1, index).to_list()


# ---------------------------------------------------------------------------------------------------------- other ends


def test_what_cannot_be(tmp_path):
    out = tmp_path / "out.root"
    with pytest.raises(UnsupportedFormatError, match=r"in a flat tree links are written as indices"):
        convert(data.path_of(data.SAMPLE), out, format="flat", links="resolved")
    with pytest.raises(UnsupportedFormatError, match=r"a ROOT file has zlib, lzma, lz4, zstd"):
        convert(data.path_of(data.SAMPLE), out, format="flat", compression="gzip")
    with pytest.raises(ConversionError, match=r"none of the columns has values that can be written here"):
        convert(data.path_of(data.SAMPLE), out, format="flat", columns=["EventInfo"])
    assert list(tmp_path.iterdir()) == []


READ_WITH_ROOT = """
import json, sys
import ROOT
frame = ROOT.RDataFrame("Events", sys.argv[1])
take = lambda name: [list(x) for x in frame.Take["ROOT::VecOps::RVec<%s>" % sys.argv[3]](name).GetValue()]
first = frame.Define("first", "nElectrons ? double(Electrons_pt[0]) : 0.0")
print(json.dumps({
    "types": {str(name): str(frame.GetColumnType(name)) for name in frame.GetColumnNames()},
    "pt": take(sys.argv[2]),
    "first": first.Sum("first").GetValue(),
    "run": [int(x) for x in frame.Take["unsigned int"]("EventInfo_runNumber").GetValue()],
}))
"""


@no_root
@pytest.mark.root
@pytest.mark.parametrize("name", [data.R22])
def test_root_reads_it(written, name, tmp_path):
    file, root, done = written(name)
    finished = subprocess.run(
        [str(ROOT_PYTHON), "-W", "ignore", "-c", READ_WITH_ROOT, str(done.path), "Electrons_pt", "Float_t"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    events = file.events()
    assert found["types"].keys() == set(root["Events"].keys())
    assert found["types"]["Electrons_author"] == "ROOT::VecOps::RVec<UShort_t>"
    assert found["pt"] == events.Electrons.pt.to_list()
    assert found["first"] == sum(pts[0] for pts in events.Electrons.pt.to_list() if pts)
    assert found["run"] == events.EventInfo.runNumber.to_list()
