"""Files that were converted to Parquet: opened again they are what they were made from. And what others see in them."""

import dataclasses
import io
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

import physlite
from physlite.exceptions import (
    CorruptDataError,
    EntryRangeError,
    MetadataNotFoundError,
    NotAnEventFileError,
    StaleManifestError,
    TriggerNotFoundError,
    UnreadableColumnError,
    UnsupportedFormatError,
)
from physlite.interop import convert
from support import data
from support.compare import assert_same, difference
from support.servers.faults import fault_server


@pytest.fixture(scope="module", params=data.parameters(name for name in data.ALL_FILES if name != data.TIMES_50))
def pair(request, tmp_path_factory):
    """A file, and what it was converted to."""
    path = data.path_of(request.param)
    out = tmp_path_factory.mktemp("parquet") / "out.parquet"
    convert(path, out)
    with physlite.open(path) as file, physlite.open(out) as found:
        yield file, found


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample in row groups of 300 events."""
    out = tmp_path_factory.mktemp("sample") / "sample.parquet"
    convert(physlite.sample("tree"), out, group_entries=300)
    return out


def decoded(file):
    others = ("no values", "in its members", "through uproot", "unreadable")
    return [c.name for c in file.select() if c.type not in others]


def read(events, name, field):
    """A field of a collection, or what is said of one that lacks some of its objects, without the file's name."""
    try:
        return events[name][field]
    except UnreadableColumnError as error:
        return str(error).partition(": ")[2].partition(" where ")[0]  # behind it stands which column has them all


# ------------------------------------------------------------------------------------------------------- the same again


def test_columns_are_the_same(pair):
    file, found = pair
    assert found.format == "Parquet"
    assert found.compression == "zstd-1"
    assert list(found.columns) == list(file.columns)
    for mine, theirs in zip(found.select(), file.select(), strict=True):
        assert (mine.path, mine.title, mine.type_name) == (theirs.path, theirs.title, theirs.type_name)
        assert mine.type == ("unreadable" if theirs.type == "through uproot" else theirs.type)
    names = decoded(file)
    assert names == decoded(found)
    mine, theirs = found.arrays(names), file.arrays(names)
    for name in names:
        assert_same(mine[name], theirs[name], name)


def test_ranges_of_entries_are_the_same(sample):
    with physlite.open(sample) as found, physlite.open(physlite.sample("tree")) as file:
        names = [
            "EventInfoAux.eventNumber",
            "AnalysisElectronsAuxDyn.trackParticleLinks",
            "EventInfoAux.streamTagNames",
        ]
        names = [name for name in names if name in file.columns] + [
            "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persKey"
        ]
        assert found.manifest.clusters.tolist() == [0, 300, 600, 900, 1200, 1500, 1800, 2000]
        for start, stop in [(0, 2000), (0, 1), (299, 301), (300, 300), (1999, 2000), (250, 1250), (2000, 2000)]:
            for name in names:
                assert_same(found.array(name, start, stop), file.array(name, start, stop), f"{name} {start}:{stop}")
        with pytest.raises(EntryRangeError):
            found.array(names[0], 0, 2001)


def test_events_are_the_same(pair):
    file, found = pair
    assert list(found.collections) == list(file.collections)
    mine, theirs = found.events(), file.events()
    assert [str(a) for a in mine.type.content.contents] == [str(a) for a in theirs.type.content.contents]
    for name, collection in file.collections.items():
        for field in collection.fields:
            found_here, expected = (read(events, name, field) for events in (mine, theirs))
            if isinstance(expected, str):
                assert found_here == expected
            else:
                assert_same(found_here, expected, f"{name}.{field}")


def test_links_lead_to_the_same_objects(pair):
    file, found = pair
    assert [link.name for link in found.links] == [link.name for link in file.links]
    mine, theirs = found.events(on_bad_link="none"), file.events(on_bad_link="none")
    followed = 0
    for link in file.links:
        expected, targets = (events[link.collection].follow(link.field) for events in (theirs, mine))
        if ak.fields(expected) and "_link" in expected.layout.fields:
            assert_same(targets["_link"], expected["_link"], link.name)
            followed += 1
        assert (targets.layout.is_union, ak.fields(targets)) == (expected.layout.is_union, ak.fields(expected))
    assert followed > 5


def test_metadata_are_the_same(pair):
    file, found = pair
    assert found.metadata.rows() == file.metadata.rows()
    assert found.metadata.weight_names == file.metadata.weight_names
    assert found.metadata.mc_channel_number == file.metadata.mc_channel_number
    try:
        sums = file.metadata.sums
    except MetadataNotFoundError:
        with pytest.raises(MetadataNotFoundError):
            _ = found.metadata.sums
        return
    assert found.metadata.sums == sums
    assert found.metadata.cut_bookkeepers == file.metadata.cut_bookkeepers
    assert found.metadata.tag_info == file.metadata.tag_info


def test_the_trigger_is_the_same(pair):
    file, found = pair
    mine, theirs = found.events().trigger, file.events().trigger
    try:
        names = theirs.names()
    except TriggerNotFoundError:
        with pytest.raises(TriggerNotFoundError):
            mine.names()
        return
    assert mine.names() == names
    assert mine.summary(names[:50]) == theirs.summary(names[:50])


@pytest.mark.parametrize("name", ["types_zstd", "uncommon", "encodings", "empty"])
def test_ntuples_of_all_types(name, tmp_path):
    """Values that may be missing are there; values of one of several types are left out, since Parquet has none."""
    path = Path(__file__).parents[1] / "formats" / "data" / "ntuples" / f"{name}.root"
    done = convert(path, tmp_path / "out.parquet")
    assert all("Parquet has no values of one of several types" in why for why in done.left_out.values())
    with physlite.open(path) as file, physlite.open(tmp_path / "out.parquet") as found:
        assert set(decoded(found)) == set(decoded(file)) - set(done.left_out)
        for column in decoded(found):
            assert_same(found.array(column), file.array(column), column)


@pytest.mark.slow
def test_a_large_file(tmp_path):
    path = data.path_of(data.TIMES_50)
    convert(path, tmp_path / "out.parquet", memory=200_000_000)
    with physlite.open(path) as file, physlite.open(tmp_path / "out.parquet") as found:
        for name in decoded(file):
            assert not difference(found.array(name), file.array(name)), name


def test_a_converted_file_converts_again(sample, tmp_path):
    convert(sample, tmp_path / "again.parquet")
    with physlite.open(sample) as file, physlite.open(tmp_path / "again.parquet") as again:
        assert_same(again.arrays(), file.arrays())
        assert again.metadata.sums == file.metadata.sums
        assert again.uuid != file.uuid


# ------------------------------------------------------------------------------------------------------ how it is read


def test_what_is_not_used_is_not_read(sample):
    with physlite.open(sample) as found:
        before = found.source.stats.bytes
        _ = found.events().Electrons.pt
        column = found.columns["AnalysisElectronsAuxDyn.pt"]
        assert found.source.stats.bytes - before == column.compressed_bytes < sample.stat().st_size / 10
        before = found.source.stats.bytes
        _ = found.events(0, 300).Electrons.eta
        assert 0 < found.source.stats.bytes - before < found.columns["AnalysisElectronsAuxDyn.eta"].compressed_bytes / 3


def test_from_elsewhere(sample):
    expected = physlite.open(sample).array("AnalysisElectronsAuxDyn.pt")
    with fault_server(sample.read_bytes()) as server, physlite.open(server.url) as found:
        assert_same(found.array("AnalysisElectronsAuxDyn.pt"), expected)
        assert found.metadata.sum_of_weights() == physlite.open(sample).metadata.sum_of_weights()
    for where in (sample.read_bytes(), io.BytesIO(sample.read_bytes())):
        assert_same(physlite.open(where).array("AnalysisElectronsAuxDyn.pt"), expected)


def test_it_runs_and_pickles(sample):
    result = physlite.run(
        lambda events: {"n": len(events), "e": int(ak.count(events.Electrons.pt))}, [str(sample)], workers=0
    )
    direct = physlite.events(sample)
    assert result.value == {"n": 2000, "e": ak.count(direct.Electrons.pt)}
    again = pickle.loads(pickle.dumps(direct))  # noqa: S301  # its own
    assert_same(again.Electrons.trackParticles.z0, direct.Electrons.trackParticles.z0)


def test_with_a_manifest(sample, tmp_path):
    with physlite.open(sample) as found:
        found.manifest.save(tmp_path / "manifest")
        with physlite.open(sample, manifest=tmp_path / "manifest") as again:
            assert_same(again.arrays(), found.arrays())
            assert_same(again.events().Electrons.pt, found.events().Electrons.pt)
        convert(sample, tmp_path / "other.parquet")
        with pytest.raises(StaleManifestError):
            physlite.open(tmp_path / "other.parquet", manifest=tmp_path / "manifest")


def test_it_describes_no_classes(sample):
    assert physlite.open(sample).streamers == {}


# ----------------------------------------------------------------------------------------------------- what others see


def test_other_readers_find_the_columns(sample):
    name, expected = "AnalysisElectronsAuxDyn:pt", physlite.events(sample).Electrons.pt
    assert pq.read_schema(sample).field(name).type == pa.list_(pa.field("element", pa.float32(), nullable=False))
    assert pq.read_table(sample, columns=[name])[name].to_pylist() == expected.to_list()
    assert_same(ak.from_parquet(sample, columns=[name])[name], expected)
    assert pd.read_parquet(sample, columns=[name])[name].map(list).to_list() == expected.to_list()
    links = ak.from_parquet(sample, columns=["AnalysisElectronsAuxDyn:trackParticleLinks"])
    assert_same(
        links["AnalysisElectronsAuxDyn:trackParticleLinks"], physlite.events(sample).Electrons.trackParticleLinks
    )


def test_trees_and_ntuples_give_the_same_names(sample, tmp_path):
    convert(physlite.sample("rntuple"), tmp_path / "out.parquet")
    assert set(pq.read_schema(sample).names) == set(pq.read_schema(tmp_path / "out.parquet").names)


def test_facts_stand_in_the_footer(sample):
    texts = pq.read_metadata(sample).metadata
    facts = json.loads(texts[b"physlite.facts"])
    with physlite.open(physlite.sample("tree")) as file:
        assert facts["mc_channel_number"] == file.metadata.mc_channel_number
        assert facts["sum_of_weights"]["weights"] == file.metadata.sum_of_weights()
        assert facts["weight_names"] == list(file.metadata.weight_names)
        sums = {str(variation): dataclasses.asdict(one) for variation, one in file.metadata.sums.items()}
        assert facts["sums_of_weights"] == sums
    containers = {key: name for name, _, key in json.loads(texts[b"physlite"])["containers"]}
    keys = ak.flatten(physlite.events(sample).Electrons.trackParticleLinks.m_persKey, axis=None)
    assert {containers[key] for key in keys} == {"GSFTrackParticles"}


def test_facts_of_a_skim(tmp_path):
    """Sums and numbers of what was read, beside the number of what was kept."""
    out = tmp_path / "out.parquet"
    convert(
        physlite.sample("tree"), out, collections="EventInfo", select=lambda events: events.EventInfo.eventNumber <= 7
    )
    facts = json.loads(pq.read_metadata(out).metadata[b"physlite.facts"])
    with physlite.open(physlite.sample("tree")) as file:
        assert (facts["num_events"], facts["num_events_read"]) == (7, file.num_entries)
        assert facts["sum_of_weights"] == dataclasses.asdict(file.metadata.sum_of())


def test_columns_whose_names_are_the_same_here(tmp_path):
    with uproot.recreate(tmp_path / "in.root") as file:
        columns = {"A.b": np.arange(5), "A:b": np.arange(5) * 2, "A::b": np.arange(5) * 3}
        file.mktree("CollectionTree", {name: values.dtype for name, values in columns.items()}).extend(columns)
    convert(tmp_path / "in.root", tmp_path / "out.parquet")
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(tmp_path / "in.root") as file:
        for name in ("A.b", "A:b", "A::b"):
            assert_same(found.array(name), file.array(name), name)


@pytest.mark.parametrize("name", [data.R22, data.R24, data.RNTUPLE, data.SAMPLE])
def test_links_with_names(name, tmp_path):
    path = data.path_of(name)
    out = tmp_path / "out.parquet"
    convert(path, out, links="resolved", collections=["Electrons", "Muons", "GSFTrackParticles", "Photons"])
    links = ak.from_parquet(
        out, columns=[f"AnalysisElectronsAuxDyn:{field}" for field in ("trackParticleLinks", "ambiguityLink")]
    )
    with physlite.open(path) as file, physlite.open(out) as found:
        for field in ("trackParticleLinks", "ambiguityLink"):
            mine, theirs = links[f"AnalysisElectronsAuxDyn:{field}"], file.events().Electrons[field]
            assert_same(mine["index"], theirs["m_persIndex"])
            keys = ak.flatten(theirs["m_persKey"], axis=None).to_list()
            names = ak.flatten(ak.fill_none(mine["container"], ""), axis=None).to_list()
            targets = [file.link_target(key) for key in keys]
            assert names == [
                "" if key == 0 else f"#{key}" if t is None else t.container
                for key, t in zip(keys, targets, strict=True)
            ]
        for column in found.select():
            if column.type not in ("no values", "in its members"):
                assert_same(found.array(column.name), file.array(column.name), column.name)
        assert_same(found.events().Electrons.trackParticles.z0, file.events().Electrons.trackParticles.z0)


@pytest.mark.parametrize("compression", ["none", "lz4", "gzip-1", "zstd-9"])
def test_compressions(compression, tmp_path):
    convert(physlite.sample("tree"), tmp_path / "out.parquet", compression=compression, collections="Muons")
    with physlite.open(tmp_path / "out.parquet") as found:
        assert found.compression.partition("-")[0] == compression.partition("-")[0].replace("gzip", "zlib")
        assert_same(found.events().Muons.pt, physlite.events(physlite.sample("tree")).Muons.pt)


@pytest.mark.parametrize("compression", ["brotli", "zstd-", "zstd-0", "zstd-99", ""])
def test_no_such_compression(compression, tmp_path):
    with pytest.raises(UnsupportedFormatError, match="compression="):
        convert(physlite.sample("tree"), tmp_path / "out.parquet", compression=compression)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------------- bad input


def test_foreign_files(tmp_path):
    pq.write_table(pa.table({"pt": [1.0]}), tmp_path / "foreign.parquet")
    with pytest.raises(NotAnEventFileError, match=r"foreign\.parquet: .*ak\.from_parquet") as raised:
        physlite.open(tmp_path / "foreign.parquet")
    assert "\n" not in str(raised.value)


def test_another_version(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr("physlite.formats.parquet._VERSION", 7)
        convert(physlite.sample("tree"), tmp_path / "out.parquet", collections="Muons")
    with pytest.raises(UnsupportedFormatError, match="convert the file again"):
        physlite.open(tmp_path / "out.parquet")


@pytest.mark.parametrize("left", [4, 11, 12, 1000, -1, -9])
def test_cut_short(sample, left):
    with pytest.raises(CorruptDataError, match="truncated"):
        physlite.open(sample.read_bytes()[:left])


def test_a_footer_larger_than_the_file(sample):
    content = sample.read_bytes()
    for size in (len(content), 2**32 - 1):
        with pytest.raises(CorruptDataError, match="a footer of"):
            physlite.open(content[:-8] + size.to_bytes(4, "little") + b"PAR1")


def test_a_page_that_is_damaged(sample):
    content = bytearray(sample.read_bytes())
    with physlite.open(sample) as found:
        index = found.manifest.index["AnalysisElectronsAuxDyn.pt"]
        pages = found.manifest.pages(index)
    content[int(pages.offset[2] + pages.size[2]) - 5] ^= 16
    with physlite.open(bytes(content)) as damaged:
        with pytest.raises(CorruptDataError, match=r"AnalysisElectronsAuxDyn\.pt.*copy it again"):
            damaged.array("AnalysisElectronsAuxDyn.pt")
        assert len(damaged.array("AnalysisElectronsAuxDyn.pt", 0, 600)) == 600  # others are whole


DAMAGE = """
import random, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import physlite
from physlite.exceptions import PhysliteError
content = open(sys.argv[1], "rb").read()
footer = int.from_bytes(content[-8:-4], "little")
choose = random.Random(int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    bad = bytearray(content)
    where = (len(bad) - footer - 8, len(bad)) if choose.random() < 0.7 else (4, len(bad))
    for _ in range(choose.choice([1, 1, 3])):
        bad[choose.randrange(*where)] = choose.randrange(256)
    try:
        with physlite.open(bytes(bad), threads=1) as file:
            file.arrays()
            file.metadata.rows()
    except PhysliteError as error:
        assert "\\n" not in str(error)
"""


def damaged(path, seed, times):
    subprocess.run([sys.executable, "-c", DAMAGE, str(path), str(seed), str(times)], check=True, timeout=600)


@pytest.fixture
def small(tmp_path):
    out = tmp_path / "small.parquet"
    convert(physlite.sample("tree"), out, collections=["Electrons", "EventInfo", "xTrigDecision"], group_entries=700)
    return out


def test_damaged_bytes_are_errors_or_harmless(small):
    damaged(small, random.randrange(1 << 30), 40)


@pytest.mark.slow
def test_many_damaged_bytes(small):
    damaged(small, random.randrange(1 << 30), 3000)
