"""Files converted to RNTuples: the events that they had, with names and types as ATLAS writes them."""

import json
import re
import subprocess
import warnings

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import AnalysisError, ConversionError, SameFileWarning, UnsupportedFormatError
from physlite.formats.encoding import parse_encoding
from physlite.formats.manifest import IN_ITS_MEMBERS
from physlite.interop import convert
from physlite.interop.ntuplefields import NtupleSchema
from physlite.model.source import source_of
from support import data
from support.commands import call
from support.compare import assert_same
from support.examples import FEWER
from support.same_events import (
    assert_same_collections,
    assert_same_links,
    assert_same_metadata,
    assert_same_trigger,
    assert_same_values,
)
from support.written_by_root import ROOT_PYTHON, no_root

FILES = tuple(name for name in data.ALL_FILES if name != data.TIMES_50)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A function that converts one of the files, once, and opens it and what became of it."""
    folder = tmp_path_factory.mktemp("written")
    pairs = {}

    def pair_of(name):
        if name not in pairs:
            path = folder / f"{name.removesuffix('.root')}.root"
            convert(data.path_of(name), path)
            pairs[name] = physlite.open(data.path_of(name)), physlite.open(path)
        return pairs[name]

    return pair_of


# ------------------------------------------------------------------------------------------------------- whole files


@pytest.mark.parametrize("name", data.parameters(FILES))
def test_collections_and_values(written, name):
    file, other = written(name)
    assert (other.format, other.num_entries, other.compression) == ("RNTuple", file.num_entries, "zstd-5")
    assert other.uuid != file.uuid
    assert_same_collections(file, other)
    assert assert_same_values(file, other) > 200


@pytest.mark.parametrize("name", data.parameters(FILES))
@pytest.mark.filterwarnings("ignore::physlite.exceptions.MissingFieldWarning")
@pytest.mark.filterwarnings("ignore::physlite.exceptions.UnknownLinkWarning")
def test_links(written, name):
    assert assert_same_links(*written(name)) >= 44


@pytest.mark.parametrize("name", data.parameters(FILES))
def test_metadata_and_trigger(written, name):
    assert_same_metadata(*written(name))
    assert_same_trigger(*written(name))


def test_links_to_containers_that_only_the_file_itself_knows(written):
    """Keys that nothing in the events tells; the file has a table of them, which goes along."""
    for name in (data.R24, data.RNTUPLE):
        file, other = written(name)
        keys = {int(key) for link in file.links for key in _keys(file, link)}
        assert len(keys) > 20
        for key in keys:
            ours, theirs = file.link_target(key), other.link_target(key)
            assert ours == theirs, key


def test_links_to_containers_that_were_left_out(tmp_path):
    """They lead to None, as to a container that is known, though no column and no table of the original names it."""
    path = tmp_path / "out.root"
    convert(data.path_of(data.TREE_ONLY), path, collections="Electrons")
    file, other = physlite.open(data.path_of(data.TREE_ONLY)), physlite.open(path)
    (key,) = (key for key in _keys(file, _link(file, "Electrons.trackParticleLinks")) if key)
    assert file.link_target(int(key)).collection == "GSFTrackParticles"
    target = other.link_target(int(key))
    assert (target.container, target.class_name) == ("GSFTrackParticles", "DataVector<xAOD::TrackParticle_v1>")
    assert target.collection is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracks = other.events().Electrons.follow("trackParticleLinks")
    assert ak.all(ak.is_none(tracks, axis=2), axis=None)


def _keys(file, link):
    column = file.manifest.columns[link.column].name
    return np.unique(ak.to_numpy(ak.flatten(file.array(column).m_persKey, axis=None)))


# ------------------------------------------------------------------------------------------------------ names and types


def _types(file):
    """C++ types by name; releases of ROOT differ in blanks, and with its class a store says what its members say."""
    return {c.name: c.type_name.replace(" ", "") for c in file.manifest.named if c.problem != IN_ITS_MEMBERS}


@pytest.mark.parametrize("name", [data.RNTUPLE, data.SAMPLE_RNTUPLE])
def test_names_and_types_of_an_ntuple_stay(written, name):
    """Also those of objects that hold nothing."""
    file, other = written(name)
    assert _types(other) == _types(file)
    assert [c.name for c in other.manifest.named if c.encoding] == [c.name for c in file.manifest.named if c.encoding]


def _fields(path, name="EventData"):
    """Names and types of all fields, by the names of those that they are in; blanks as above."""
    with uproot.open(path) as root:
        fields = root[name].field_records
        found = {}
        for i, field in enumerate(fields):
            at, path = i, [field.field_name]
            while fields[at].parent_field_id != at:
                at = fields[at].parent_field_id
                path.insert(0, fields[at].field_name)
            found["/".join(path)] = (field.type_name.replace(" ", ""), field.struct_role)
        return found


def test_all_fields_of_an_ntuple_stay(written):
    """Those inside of others, too, save for base classes and members of objects that hold nothing."""
    file, other = written(data.RNTUPLE)
    ours, theirs = _fields(file.name), _fields(other.name)
    assert theirs.items() <= ours.items()
    missing = {path for path in ours.keys() - theirs.keys() if not re.search(r":_\d$", path)}
    # Of objects themselves nothing is read but their number.
    assert missing == {"egammaClusters/_0/m_samplingPattern"}


def test_names_and_types_of_a_tree_are_those_that_root_gives(written):
    """The sample is there as both, written by ROOT."""
    _, other = written(data.SAMPLE)
    assert _types(other) == _types(physlite.open(data.path_of(data.SAMPLE_RNTUPLE)))


def test_columns_answer_to_the_names_of_a_tree(written):
    file, other = written(data.R24)
    assert_same(other.array("AnalysisElectronsAuxDyn.pt"), file.array("AnalysisElectronsAuxDyn.pt"))
    assert_same(other.array("AnalysisElectronsAuxDyn:pt"), file.array("AnalysisElectronsAuxDyn.pt"))
    assert_same(other.array("xTrigDecisionAux.smk"), file.array("xTrigDecisionAux.smk"))


def test_fields_with_dots_in_their_names(written):
    """Branches can have some, fields of an ntuple cannot; in the events they are called the same."""
    _, other = written(data.R24)
    assert other.columns["TruthBosonsWithDecayParticlesAuxDyn.Classification.Classification"].name.count(":") == 2
    assert "Classification.Classification" in other.events().TruthBosonsWithDecayParticles.fields


def test_two_columns_of_one_name():
    encoding = parse_encoding("f4")
    with pytest.raises(ConversionError, match=r"two columns would be the field A:b of an RNTuple: leave one"):
        NtupleSchema([("A.b", "float", encoding), ("A:b", "float", encoding)], [])


# ------------------------------------------------------------------------------------------------- selections, clusters


CHOSEN = ("Electrons", "GSFTrackParticles", "Muons", "EventInfo")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The first 40 events of the sample, and what loops need of them."""
    path = tmp_path_factory.mktemp("few") / "few.root"
    convert(data.path_of(data.SAMPLE), path, collections=CHOSEN, select=lambda events: np.arange(len(events)) < 40)
    file = physlite.open(path)
    events = file.events()
    (key,) = (
        key for key in _keys(file, _link(file, "Electrons.trackParticleLinks")) if file.link_target(key).collection
    )
    return path, {
        "number": events.EventInfo.eventNumber.to_list(),
        "pt": events.Electrons.pt.to_list(),
        "links": events.Electrons.trackParticleLinks.to_list(),
        "z0": events.GSFTrackParticles.z0.to_list(),
        "key": int(key),
    }


def _link(file, name):
    return next(link for link in file.links if link.name == name)


@FEWER
@given(
    random=st.randoms(use_true_random=False),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    group=st.sampled_from([None, 1, 7]),
)
def test_skimmed_and_thinned(few, tmp_path_factory, random, share, group):
    """As loops over events and objects do it."""
    path, events = few
    out = tmp_path_factory.mktemp("thinned") / "out.root"
    kept = [random.random() < share for _ in events["pt"]]
    electrons = [[random.random() < 0.7 for _ in each] for each in events["pt"]]
    tracks = [[random.random() < 0.7 for _ in each] for each in events["z0"]]
    convert(
        path,
        out,
        select=lambda _: np.array(kept),
        thin={"Electrons": lambda _: ak.Array(electrons), "GSFTrackParticles": lambda _: ak.Array(tracks)},
        group_entries=group,
    )
    file = physlite.open(out)
    found = file.events()
    expected = [i for i, keep in enumerate(kept) if keep]
    assert found.EventInfo.eventNumber.to_list() == [events["number"][i] for i in expected]
    assert found.Electrons.pt.to_list() == [_kept(events["pt"][i], electrons[i]) for i in expected]
    assert found.GSFTrackParticles.z0.to_list() == [_kept(events["z0"][i], tracks[i]) for i in expected]
    assert found.Electrons.trackParticles.z0.to_list() == [
        [[_track(link, events, i, tracks[i]) for link in links] for links in _kept(events["links"][i], electrons[i])]
        for i in expected
    ]
    clusters = -(-len(expected) // group) if group else bool(expected)
    assert len(file.manifest.clusters) == clusters + 1


def _kept(objects, keep):
    return [each for each, keeps in zip(objects, keep, strict=True) if keeps]


def _track(link, events, event, keep):
    """What a link leads to, if that is there still."""
    there = link["m_persKey"] == events["key"] and keep[link["m_persIndex"]]
    return events["z0"][event][link["m_persIndex"]] if there else None


def test_clusters_of_as_many_entries_as_wanted(tmp_path):
    convert(data.path_of(data.SAMPLE), tmp_path / "out.root", group_entries=300)
    file, other = physlite.open(data.path_of(data.SAMPLE)), physlite.open(tmp_path / "out.root")
    assert other.manifest.clusters.tolist() == [0, 300, 600, 900, 1200, 1500, 1800, 2000]
    for start, stop in ((0, 300), (299, 301), (1799, 2000), (600, 600)):
        expected = file.events(start, stop)
        some = other.events(start, stop)
        assert_same(some.Jets.pt, expected.Jets.pt)
        assert_same(some.Jets.GhostTrack.m_persIndex, expected.Jets.GhostTrack.m_persIndex)
        assert_same(some.MET_Core_AnalysisMET.name, expected.MET_Core_AnalysisMET.name)


def test_what_was_converted_can_be_converted(tmp_path):
    """In two halves, and these together again; each says the sums of the whole, and together they say them once."""
    halves = [tmp_path / "first.root", tmp_path / "second.root"]
    for i, path in enumerate(halves):
        convert(data.path_of(data.SAMPLE), path, select=_half(i))
    with pytest.warns(SameFileWarning, match="have events of one file"):
        convert(halves, tmp_path / "whole.root")
    file, other = physlite.open(data.path_of(data.SAMPLE)), physlite.open(tmp_path / "whole.root")
    assert_same_collections(file, other)
    assert assert_same_values(file, other) == 220
    assert_same_trigger(file, other)
    assert other.metadata.sums == file.metadata.sums


def _half(which):
    return lambda events: (events.EventInfo.eventNumber <= 1000) == (which == 0)


def test_the_command(tmp_path):
    """The suffix is that of an RNTuple; a flat tree has to be named."""
    for options, what in ((), "ROOT::RNTuple"), (("--format", "flat"), "TTree"):
        out = tmp_path / f"{what[:5]}.root"
        call("convert", data.path_of(data.SAMPLE), out, "-c", "Electrons", *options)
        with uproot.open(out) as root:
            assert what in root.classnames().values()


@pytest.mark.slow
def test_many_baskets_in_little_memory(tmp_path):
    """Chunks end where no basket does."""
    convert(data.path_of(data.TIMES_50), tmp_path / "out.root", memory=100_000_000)
    file, other = physlite.open(data.path_of(data.TIMES_50)), physlite.open(tmp_path / "out.root")
    assert len(other.manifest.clusters) > 3
    assert_same_collections(file, other)
    assert assert_same_values(file, other) > 900


# ---------------------------------------------------------------------------------------------------------- other ends


def test_what_goes_wrong_leaves_no_file(tmp_path):
    def select(events):
        if source_of(events).start:
            raise ValueError("enough")
        return np.ones(len(events), bool)

    path = tmp_path / "out.root"
    with pytest.raises(AnalysisError, match="enough"):
        convert(data.path_of(data.SAMPLE), path, select=select, memory=2_000_000, group_entries=10)
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_resolved(tmp_path):
    with pytest.raises(UnsupportedFormatError, match=r"in an RNTuple links are written as they are.*links='keys'"):
        convert(data.path_of(data.SAMPLE), tmp_path / "out.root", links="resolved")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", ["none", "zlib-1", "lzma-1", "lz4", "zstd-9"])
def test_compressions(tmp_path, compression):
    path = tmp_path / "out.root"
    convert(data.path_of(data.SAMPLE), path, columns="AnalysisJetsAuxDyn.*", compression=compression)
    file = physlite.open(path)
    assert file.compression == {"lz4": "lz4-4"}.get(compression, compression)
    assert_same(file.events().Jets.pt, physlite.events(data.path_of(data.SAMPLE)).Jets.pt)


@pytest.mark.parametrize("compression", ["gzip", "zstd-0", "zstd-", "zstd-x"])
def test_unknown_compressions(tmp_path, compression):
    with pytest.raises(UnsupportedFormatError, match=r"a ROOT file has zlib, lzma, lz4, zstd with levels 1 to 9"):
        convert(data.path_of(data.SAMPLE), tmp_path / "out.root", compression=compression)


# -------------------------------------------------------------------------------------------------------------- others


@pytest.mark.parametrize("name", [data.SAMPLE, data.R24])
def test_uproot_reads_it(written, name):
    file, other = written(name)
    with uproot.open(other.name) as root:
        ntuple = root["EventData"]
        assert ntuple.num_entries == file.num_entries
        for column in (
            "AnalysisElectronsAuxDyn.pt",
            "AnalysisJetsAuxDyn.SumPtTrkPt500",
            "MET_Core_AnalysisMETAuxDyn.name",
        ):
            field = column.replace(".", ":")
            assert ntuple[field].array().to_list() == file.array(column).to_list(), column
        link = ntuple["AnalysisElectronsAuxDyn:trackParticleLinks"].array()
        assert link.to_list() == file.array("AnalysisElectronsAuxDyn.trackParticleLinks").to_list()


def test_facts_for_others(written):
    file, other = written(data.R21)
    with uproot.open(other.name) as root:
        facts = json.loads(str(root["physlite.facts"]))
    assert facts["sum_of_weights"]["weights"] == file.metadata.sum_of_weights()
    assert facts["mc_channel_number"] == file.metadata.mc_channel_number
    assert (facts["num_events"], facts["num_events_read"]) == (40, 40)


READ_WITH_ROOT = """
import json, sys
import ROOT
frame = ROOT.RDataFrame("EventData", sys.argv[1])
links = frame.Alias("links", sys.argv[2])
vectors = "ROOT::VecOps::RVec<ROOT::VecOps::RVec<std::uint32_t>>"
print(json.dumps({
    "types": {name: str(frame.GetColumnType(name)) for name in sys.argv[3:]},
    "pt": [list(x) for x in frame.Take["ROOT::VecOps::RVec<float>"]("AnalysisElectronsAuxDyn:pt").GetValue()],
    "links": [[list(x) for x in xs] for xs in links.Take[vectors]("links").GetValue()],
}))
"""


@no_root
@pytest.mark.root
@pytest.mark.parametrize("name", [data.R22])
def test_root_reads_it(written, name, tmp_path):
    file, other = written(name)
    types = {
        "AnalysisElectronsAuxDyn:pt": "ROOT::VecOps::RVec<float>",
        "AnalysisElectronsAuxDyn:author": "ROOT::VecOps::RVec<std::uint16_t>",
        "AnalysisJetsAuxDyn:SumPtTrkPt500": "ROOT::VecOps::RVec<ROOT::VecOps::RVec<float>>",
        "EventInfoAuxDyn:mcChannelNumber": "std::uint32_t",
    }
    found = _with_root(
        READ_WITH_ROOT, other.name, "AnalysisElectronsAuxDyn:trackParticleLinks.:_0.m_persKey", *types, cwd=tmp_path
    )
    assert found["types"] == types
    assert found["pt"] == file.events().Electrons.pt.to_list()
    assert found["links"] == file.events().Electrons.trackParticleLinks.m_persKey.to_list()


def _with_root(code, *arguments, cwd):
    done = subprocess.run(
        [str(ROOT_PYTHON), "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
