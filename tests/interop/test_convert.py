"""Converting files: which columns, events and objects there are, what becomes of links, and of what ends early.

What is kept is compared with plain Python over the lists of each event.
"""

import base64
import dataclasses
import errno
import io
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import types
import uuid
import zlib
from contextlib import contextmanager
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    AnalysisError,
    ColumnNotFoundError,
    ConversionError,
    CorruptDataError,
    SameFileWarning,
    UnreadableColumnError,
    UnsupportedFormatError,
)
from physlite.formats.notes import pack_manifest
from physlite.interop import Converted, convert
from physlite.interop.metadatatrees import MergedTrees
from physlite.model.eventformat import event_format
from physlite.model.store import ColumnStore
from physlite.storage import open_source
from support import data
from support.compare import assert_same
from support.many_files import another, many_files

SAMPLE = physlite.sample("tree")


def mask_of(whole):
    """A function of the events of a chunk that gives their part of a mask for all events."""
    return lambda events: whole[events.metadata["entry_start"] : events.metadata["entry_stop"]]


# ------------------------------------------------------------------------------------------------ skimming and thinning


def slow(file, names, events, objects):
    """The columns of chosen events and objects: `events` is a mask, `objects` are masks by collection, all as lists."""
    thinned = {file.collections[name].container: name for name in objects}
    out = {name: [] for name in names}
    columns = {name: file.array(name).to_list() for name in names}
    for event in (i for i, kept in enumerate(events) if kept):
        for name in names:
            value = moved(file, columns[name][event], event, objects)
            collection = thinned.get(name.partition("Aux")[0])
            if collection is not None:
                kept = objects[collection][event]
                value = sum(kept) if type(value) is int else [x for x, keep in zip(value, kept, strict=True) if keep]
            out[name].append(value)
    return out


def moved(file, value, event, objects):
    """Links with the indices that their targets then have."""
    if isinstance(value, list):
        return [moved(file, item, event, objects) for item in value]
    if not isinstance(value, dict) or "m_persKey" not in value:
        return value
    target = file.link_target(value["m_persKey"]) if value["m_persKey"] else None
    if target is None or target.collection not in objects:
        return value
    kept, index = objects[target.collection][event], value["m_persIndex"]
    if index >= len(kept):
        return value
    return {"m_persKey": value["m_persKey"], "m_persIndex": sum(kept[:index])} if kept[index] else NULL


NULL = {"m_persKey": 0, "m_persIndex": 0}


def agrees(path, names, events, objects, **options):
    """That converting a file with these masks gives what plain Python does."""
    with tempfile.TemporaryDirectory() as folder, physlite.open(path) as file:
        out = Path(folder) / "out.parquet"
        select = None if events is None else mask_of(ak.Array(np.array(events, dtype=bool)))
        done = convert(
            path,
            out,
            columns=names,
            select=select,
            thin={n: mask_of(ak.Array(m)) for n, m in objects.items()},
            **options,
        )
        events = events or [True] * file.num_entries
        assert (done.num_entries, done.read_entries) == (sum(events), file.num_entries)
        with physlite.open(out) as found:
            columns = [c.name for c in found.select() if c.type not in ("no values", "in its members")]
            assert set(names) <= set(columns)
            members = {name: name.rpartition(".")[0] for name in columns if name.rpartition(".")[0] in columns}
            whole = [name for name in columns if name not in members]
            expected = slow(file, whole, events, objects)
            for name in whole:
                assert found.array(name).to_list() == expected[name], name
            for name, group in members.items():
                assert_same(found.array(name), found.array(group)[name.rpartition(".")[2]], name)


def masks(file, collection, kept):
    """A mask of objects: `kept` says of the number of an event and of an object whether it stays."""
    counts = ak.num(file.events()[collection], axis=1).to_list()
    return ak.Array(
        ak.contents.ListOffsetArray(
            ak.index.Index64(np.cumsum([0, *counts])),
            ak.contents.NumpyArray(np.array([kept(i, j) for i, n in enumerate(counts) for j in range(n)], dtype=bool)),
        )
    ).to_list()


THINNED = ("Electrons", "GSFTrackParticles", "InDetTrackParticles", "TruthElectrons", "egammaClusters")


@pytest.mark.parametrize("name", data.parameters(name for name in data.ALL_FILES if name != data.TIMES_50))
def test_thinned_files(name):
    path = data.path_of(name)
    with physlite.open(path) as file:
        stop = min(file.num_entries, 20)
        whole = [i < stop and i % 3 != 1 for i in range(file.num_entries)]
        chosen = [name for name in THINNED if name in file.collections]
        objects = {c: masks(file, c, lambda i, j: (i + j) % 2 == 0) for c in chosen}
        containers = {file.collections[c].container for c in (*chosen, "Muons", "Photons")}
        names = [file.select()[link.column].name for link in file.links]
        names = [name for name in names if name.partition("Aux")[0] in containers]
        names += [file.select()[min(file.collections[name].fields.values())].name for name in chosen]
        names = list(dict.fromkeys(names))
    assert len(names) > 8
    agrees(path, names, whole, objects)


NAMES = [
    "EventInfoAux.eventNumber",
    "AnalysisElectrons",
    "AnalysisElectronsAuxDyn.pt",
    "AnalysisElectronsAuxDyn.trackParticleLinks",
    "AnalysisElectronsAuxDyn.ambiguityLink",
    "AnalysisPhotonsAuxDyn.pt",
    "GSFTrackParticlesAuxDyn.z0",
]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A few events of the sample, in several row groups, some without objects."""
    out = tmp_path_factory.mktemp("few") / "few.parquet"
    with physlite.open(SAMPLE) as file:
        names = [name for name in NAMES if name in file.columns]
    convert(SAMPLE, out, columns=names, select=lambda events: np.arange(len(events)) % 90 == 7, group_entries=5)
    return out, names


@settings(max_examples=25)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    st.sampled_from([1, 3, 100]),
    st.data(),
)
def test_any_selection(few, choose, share, group, draw):
    path, names = few
    with physlite.open(path) as file:
        events = draw.draw(st.none() | st.lists(st.booleans(), min_size=file.num_entries, max_size=file.num_entries))
        thin = draw.draw(st.sets(st.sampled_from(["Electrons", "Photons", "GSFTrackParticles"])))
        objects = {name: masks(file, name, lambda *_: choose.random() < share) for name in sorted(thin)}
    memory = draw.draw(st.sampled_from([20_000, 10**9])) if group < 100 else 10**9
    agrees(path, names, events, objects, group_entries=group, memory=memory)


LACKING = [f"TruthElectronsAuxDyn.{name}" for name in ("ptcone30", "etcone20")]


def thin_truth_electrons(out):
    def hard(events):
        return events.TruthElectrons.pt > 1000

    return convert(data.path_of(data.R24), out, collections="TruthElectrons", thin={"TruthElectrons": hard})


def test_columns_that_lack_objects_are_left_out_where_these_are_thinned(tmp_path):
    """Which objects they have, nothing tells; elsewhere they are written as they are."""
    assert convert(data.path_of(data.R24), tmp_path / "whole.parquet", collections="TruthElectrons").left_out == {}
    done = thin_truth_electrons(tmp_path / "thin.parquet")
    assert sorted(done.left_out) == sorted(LACKING)
    assert done.left_out[LACKING[0]] == (
        "it was not stored for all TruthElectrons, which are thinned: nothing tells which it has"
    )
    with physlite.open(done.path) as found, physlite.open(data.path_of(data.R24)) as file:
        pt = file.events().TruthElectrons.pt
        assert_same(found.events().TruthElectrons.pt, pt[pt > 1000])
        with pytest.raises(UnreadableColumnError, match="it was not stored for all TruthElectrons"):
            found.array(LACKING[0])


def test_columns_that_lack_objects_of_which_sizes_tell_nothing(tmp_path, monkeypatch):
    """All are named at once."""
    monkeypatch.setattr(ColumnStore, "is_incomplete", lambda *_: False)
    with pytest.raises(ConversionError, match="not stored for all of the objects that are to be thinned") as caught:
        thin_truth_electrons(tmp_path / "thin.parquet")
    assert all(name in str(caught.value) for name in LACKING)
    assert list(tmp_path.iterdir()) == []


def test_what_is_followed_after_thinning(tmp_path):
    """The tracks of electrons are theirs still, those that were taken away are None."""
    out = tmp_path / "out.parquet"
    convert(
        SAMPLE,
        out,
        collections=["Electrons", "GSFTrackParticles"],
        thin={
            "GSFTrackParticles": lambda events: events.GSFTrackParticles.z0 > 0,
            "Electrons": lambda events: events.Electrons.pt > 20_000,
        },
    )
    before, after = physlite.events(SAMPLE).Electrons, physlite.events(out).Electrons
    before = before[before.pt > 20_000]
    expected = before.trackParticles.z0
    assert_same(after.trackParticles.z0, ak.mask(expected, expected > 0))
    assert ak.any(ak.is_none(after.trackParticles.z0, axis=-1), axis=None)
    assert physlite.open(out).metadata.sum_of_weights() == physlite.open(SAMPLE).metadata.sum_of_weights()


def test_links_to_what_was_left_out(tmp_path, recwarn):
    path = data.path_of(data.TREE_ONLY)  # which has no table of its containers
    convert(path, tmp_path / "out.parquet", collections="Electrons")
    electrons = physlite.events(tmp_path / "out.parquet").Electrons
    assert ak.all(ak.is_none(ak.flatten(electrons.trackParticles, axis=2), axis=1))
    assert not recwarn.list


def test_nothing_is_kept(tmp_path):
    done = convert(SAMPLE, tmp_path / "out.parquet", select=lambda events: np.zeros(len(events), dtype=bool))
    assert done.num_entries == 0
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(SAMPLE) as file:
        assert_same(found.arrays(), file.arrays(entry_stop=0))
        assert found.events().Electrons.pt.to_list() == []
        assert found.metadata.num_events == 0
        assert found.metadata.sums == file.metadata.sums


# ------------------------------------------------------------------------------------------------------------- columns


def test_chosen_columns(tmp_path):
    done = convert(
        SAMPLE, tmp_path / "out.parquet", columns=["AnalysisElectronsAuxDyn.(pt|eta|phi|m)$"], collections="Mu*"
    )
    assert isinstance(done, Converted)
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(SAMPLE) as file:
        assert set(found.collections["Electrons"].fields) == {"pt", "eta", "phi", "m"}
        assert found.collections["Muons"].fields.keys() == file.collections["Muons"].fields.keys()
        assert_same(found.events().Electrons.p4.px, file.events().Electrons.p4.px)  # they are electrons still
        assert "Jets" not in found.collections
    assert done.num_columns == len(pq.read_schema(tmp_path / "out.parquet").names)
    assert done.bytes == (tmp_path / "out.parquet").stat().st_size


def test_columns_bring_what_says_of_which_class_they_are(tmp_path):
    done = convert(SAMPLE, tmp_path / "out.parquet", columns="AnalysisElectronsAuxDyn.pt")
    with physlite.open(done.path) as found:
        assert [c.name for c in found.select()] == ["AnalysisElectrons", "AnalysisElectronsAuxDyn.pt"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"select": lambda e: e[e.EventInfo.eventNumber > 7]},
            r"select gives 1993 events: a mask has one bool for each",
        ),
        (
            {"thin": {"Jets": lambda e: e.Jets[e.Jets.pt > 3e4]}},
            r"gives 2000 lists of objects: a mask has .* return that",
        ),
    ],
)
def test_what_was_chosen_is_no_mask(options, said, tmp_path):
    """The type of events fills pages."""
    with pytest.raises(ConversionError, match=said) as caught:
        convert(SAMPLE, tmp_path / "out.parquet", collections=["Jets", "EventInfo"], **options)
    assert len(str(caught.value)) < 400


def test_a_member_brings_its_group(tmp_path):
    name = "AnalysisElectronsAuxDyn.ambiguityLink"
    convert(SAMPLE, tmp_path / "out.parquet", columns=f"{name}.m_persKey")
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(SAMPLE) as file:
        for column in (name, f"{name}.m_persKey", f"{name}.m_persIndex"):
            assert_same(found.array(column), file.array(column))


def test_what_cannot_be_converted(tmp_path):
    done = convert(data.path_of(data.R21), tmp_path / "out.parquet", columns=["McEventInfo", "EventInfoAux*"])
    assert list(done.left_out) == ["McEventInfo"]
    assert "PileUpEventInfo_p5" in done.left_out["McEventInfo"]
    assert convert(SAMPLE, tmp_path / "other.parquet", collections="Muons").left_out == {}


@pytest.mark.parametrize("options", [{"columns": "AnalysisElektrons.pt"}, {"collections": "Elektrons"}])
def test_no_such_column(options, tmp_path):
    with pytest.raises(ColumnNotFoundError, match=r"sample\.root: no .*nearest"):
        convert(SAMPLE, tmp_path / "out.parquet", **options)
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------- several files


@pytest.fixture
def halves(tmp_path):
    """The two halves of the sample."""
    for name, first in (("a", True), ("b", False)):
        convert(SAMPLE, tmp_path / f"{name}.parquet", select=lambda events, first=first: is_in_half(events, first))
    return [tmp_path / "a.parquet", tmp_path / "b.parquet"]


def is_in_half(events, first):
    entry = np.arange(events.metadata["entry_start"], events.metadata["entry_stop"])
    return (entry < 1000) == first


def test_several_files_become_one(halves, tmp_path):
    with pytest.warns(SameFileWarning, match=r"a\.parquet and \S+b\.parquet have events of one file"):
        done = convert(halves, tmp_path / "out.parquet")
    assert (done.num_entries, done.read_entries) == (2000, 2000)
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(SAMPLE) as file:
        assert_same(found.arrays(), file.arrays())
        assert_same(found.events().Electrons.trackParticles.z0, file.events().Electrons.trackParticles.z0)
        assert found.metadata.sums == file.metadata.sums  # those of all events, which each half has
        assert found.metadata.cut_bookkeepers == file.metadata.cut_bookkeepers
        assert found.metadata.originals == {str(file.uuid)}
        assert found.events().trigger.names() == file.events().trigger.names()


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_sums_of_files_that_were_made_of_one(suffix, tmp_path):
    """Whether they are skims of it, skims of skims, or itself; and none of files that have nothing in common."""
    paths = [SAMPLE, *(tmp_path / f"{number}.{suffix}" for number in range(3))]
    for before, path in zip([0, 0, 1], paths[1:], strict=True):
        convert(paths[before], path, collections="Electrons")
    found = [physlite.open(path).metadata for path in paths]
    original = str(physlite.open(SAMPLE).uuid)
    assert {each.originals for each in found} == {frozenset({original})}
    for one, other in itertools.combinations(found, 2):
        with pytest.warns(
            SameFileWarning, match=f"have events of one file .UUID {original}.: its sum of weights counts"
        ):
            assert (one + other).sums == one.sums


def test_originals_that_are_damaged(tmp_path):
    convert(SAMPLE, tmp_path / "out.root", collections="Electrons", compression="none")
    content = (tmp_path / "out.root").read_bytes()
    assert b'"originals":["' in content
    for damaged in (b'"originals":{{', b'"originals":1 '):
        with pytest.raises(CorruptDataError, match="what it says of its originals cannot be read"):
            _ = physlite.open(content.replace(b'"originals":["', damaged)).metadata


def test_files_of_one_dataset_have_nothing_in_common(tmp_path, recwarn):
    other = SAMPLE.read_bytes().replace(physlite.open(SAMPLE).uuid.bytes, uuid.uuid4().bytes)
    convert(other, tmp_path / "other.parquet", collections="Electrons")
    convert(SAMPLE, tmp_path / "one.parquet", collections="Electrons")
    done = convert([tmp_path / "one.parquet", tmp_path / "other.parquet"], tmp_path / "both.parquet")
    assert len(physlite.open(done.path).metadata.originals) == 2
    assert not recwarn.list


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_more_metadata_than_can_be_read_again(suffix, tmp_path, monkeypatch):
    """It is known before any event is read; what is written can be read."""
    out = tmp_path / f"out{suffix}"
    with physlite.open(SAMPLE) as file:
        size = unpacked_size(merged([file]))
    monkeypatch.setattr("physlite.formats.notes.MOST_METADATA", size)
    with pytest.raises(ConversionError, match=rf"sample\.root: in all there are {size} bytes of MetaData"):
        convert(SAMPLE, out)
    monkeypatch.setattr("physlite.formats.notes.MOST_METADATA", size + 100)
    read = []
    said = r"000\.root and 1 other file: in all .*: convert fewer files at a time"
    with pytest.raises(ConversionError, match=said):
        convert(many_files(tmp_path / "in", 2), out, select=read.append)
    assert not read
    assert not out.exists()
    convert(SAMPLE, out)
    assert physlite.open(out).metadata.sum_of_weights() == physlite.open(SAMPLE).metadata.sum_of_weights()


def test_what_links_lead_to_is_known_after_several_conversions(tmp_path):
    """Also of containers that are not there any more."""
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for before, path in zip([SAMPLE, paths[0]], paths, strict=True):
        convert(before, path, collections="Electrons")
    found = [set(physlite.open(path)._store.written_containers) for path in paths]
    assert found[0] == found[1]
    with physlite.open(SAMPLE) as file:
        targets = file._store.schema.links.targets
        assert found[0] >= {(target.container, target.class_name, key) for key, target in targets.items()}
        assert found[0] >= {container for container in event_format(file._store.metadata) if container[2]}


def other_tree(file, change):
    """A file as far as its metadata matter, with columns of these changed."""
    tree = file._store.metadata
    changed = dataclasses.replace(tree.manifest, columns=change(tree.manifest.columns))
    return types.SimpleNamespace(
        name="other.root", metadata=types.SimpleNamespace(manifest=changed, source=tree.source)
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda columns: columns[:-1], -1),
        (lambda columns: (columns[0]._replace(type_name="int"), *columns[1:]), 0),
        (lambda columns: (*columns[:-1], columns[-1]._replace(name="other")), None),
    ],
)
def test_metadata_with_other_columns(change, named):
    with physlite.open(SAMPLE) as file:
        trees = MergedTrees()
        trees.add(file._store)
        name = "other" if named is None else file._store.metadata.manifest.columns[named].name
        with pytest.raises(
            ConversionError, match=rf"other\.root: MetaData column {re.escape(name)} is not as in .*sample"
        ):
            trees.add(other_tree(file, change))


@pytest.mark.parametrize("order", [1, -1])
def test_metadata_of_one_file_only(order):
    with physlite.open(SAMPLE) as file, physlite.open(data.path_of(data.TREE_ONLY)) as without:
        first, second = [file, without][::order]
        trees = MergedTrees()
        trees.add(first._store)
        with pytest.raises(
            ConversionError, match=r"tree_only_mc\.root: it has no MetaData tree, .*sample\.root has one"
        ):
            trees.add(second._store)


def test_a_column_that_cannot_be_read_in_one_of_the_files(tmp_path):
    """Whichever comes first."""
    thin_truth_electrons(tmp_path / "thin.parquet")
    other = tmp_path / "other.root"
    other.write_bytes(another(data.path_of(data.R24).read_bytes(), 1))
    for i, files in enumerate(itertools.permutations([tmp_path / "thin.parquet", other])):
        done = convert(files, tmp_path / f"{i}.parquet", collections="TruthElectrons")
        assert sorted(done.left_out) == sorted(LACKING)
        assert "it was not stored for all TruthElectrons" in done.left_out[LACKING[0]]


def test_trees_and_ntuples_become_one(tmp_path):
    ntuple = tmp_path / "ntuple.root"
    convert(SAMPLE, ntuple, collections=["Electrons", "EventInfo"])
    with pytest.warns(SameFileWarning):
        convert([SAMPLE, ntuple], tmp_path / "out.parquet", collections=["Electrons", "EventInfo"])
    with physlite.open(tmp_path / "out.parquet") as found, physlite.open(SAMPLE) as file:
        for name in ("AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.trackParticleLinks"):
            assert_same(found.array(name), ak.concatenate([file.array(name)] * 2), name)


def test_nothing_that_can_be_written(tmp_path):
    for out in ("out.parquet", "out.root"):
        with pytest.raises(ConversionError, match="none of the columns has values that can be written here"):
            convert(data.path_of(data.R21), tmp_path / out, columns="McEventInfo")
    assert list(tmp_path.iterdir()) == []


def test_flat_trees_need_no_metadata_of_the_same_kind(tmp_path):
    other = tmp_path / "other.root"
    other.write_bytes(another(Path(SAMPLE).read_bytes(), 1).replace(b"\x08MetaData", b"\x08Metadata"))
    with pytest.raises(ConversionError, match=r"other\.root: it has no MetaData tree"):
        convert([SAMPLE, other], tmp_path / "out.parquet", columns="EventInfoAuxDyn.eventNumber")
    done = convert([SAMPLE, other], tmp_path / "out.root", format="flat", columns="EventInfoAuxDyn.eventNumber")
    assert done.num_entries == 4000


def merged(files):
    trees = MergedTrees()
    for file in files:
        trees.add(file._store)
    return trees.manifest(range(len(files)))


def unpacked_size(manifest):
    return len(zlib.decompress(base64.b64decode(pack_manifest(manifest))))


def test_what_metadata_of_many_files_have_in_common_is_there_once(tmp_path):
    files = [physlite.open(path) for path in many_files(tmp_path, 20)]
    one, all_of_them = merged(files[:1]), merged(files)
    assert all_of_them.num_entries == 20
    assert all_of_them.inline == one.inline  # the files are copies
    assert unpacked_size(all_of_them) < 3 * unpacked_size(one)
    assert all_of_them.clusters.tolist() == list(range(21))
    for column, its in zip(one.columns, all_of_them.columns, strict=True):
        assert (its.pages, its.uncompressed_bytes) == (20 * column.pages, 20 * column.uncompressed_bytes)


def test_dates_of_baskets_make_no_difference(tmp_path):
    content = bytearray(another(Path(SAMPLE).read_bytes(), 1))
    with physlite.open(SAMPLE) as file:
        tree = file._store.metadata.manifest
        for at in tree.page_offset[tree.page_offset >= 0].tolist():
            content[at + 10 : at + 14] = b"date"
        with physlite.open(bytes(content)) as other:
            assert merged([file, other]).inline == merged([file]).inline
            assert other.metadata.sums == file.metadata.sums


def test_metadata_that_are_too_many_are_found_while_they_are_gathered(monkeypatch):
    with physlite.open(SAMPLE) as file:
        monkeypatch.setattr("physlite.formats.notes.MOST_METADATA", len(merged([file]).inline))
        with pytest.raises(ConversionError, match=r"sample\.root: with it the MetaData trees are too large"):
            merged([file])


def write_lists(path, columns):
    with uproot.recreate(path) as file:
        file.mktree("CollectionTree", dict.fromkeys(columns, "var * float32")).extend(columns)
    return path


def test_a_name_that_is_of_another_container_in_another_file(tmp_path):
    """`Electrons` are AnalysisElectrons where there are no others of this name."""
    pt = ak.Array([[40.0, 20.0], [50.0]])
    name = "AnalysisElectronsAuxDyn.pt"
    first = write_lists(tmp_path / "first.root", {name: pt})
    second = write_lists(tmp_path / "second.root", {name: pt, "ElectronsAuxDyn.pt": pt[::-1]})
    said = r"second\.root: Electrons is Electrons, in \S+first\.root it is AnalysisElectrons: thin them apart"
    with pytest.raises(ConversionError, match=said):
        convert(
            [first, second], tmp_path / "o.parquet", columns=name, thin={"Electrons": lambda e: e.Electrons.pt > 30}
        )
    for i, files in enumerate(itertools.permutations([first, second])):
        convert(files, tmp_path / f"{i}.parquet", columns=name)
        assert physlite.open(tmp_path / f"{i}.parquet").array(name).to_list() == [[40, 20], [50]] * 2


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_one_of_many_files_is_open(suffix, tmp_path):
    """Also where functions read columns of them, which are kept as long as they are of use."""
    paths = many_files(tmp_path / "in", 12)
    open_files = []

    def select(events):
        open_files.append(sum(fd.resolve().is_relative_to(tmp_path) for fd in Path("/proc/self/fd").iterdir()))
        return events.EventInfo.eventNumber % 2 == 0

    done = convert(paths, tmp_path / f"out{suffix}", collections=["Electrons", "EventInfo"], select=select)
    assert done.read_entries == 24_000
    assert max(open_files) <= 2  # with the one that is written
    with physlite.open(done.path) as found, physlite.open(SAMPLE) as file:
        numbers = file.array("EventInfoAuxDyn.eventNumber")
        assert_same(found.array("EventInfoAuxDyn.eventNumber"), ak.concatenate([numbers[numbers % 2 == 0]] * 12))
        assert found.metadata.sum_of_weights() == 12 * file.metadata.sum_of_weights()
        assert len(found.metadata.originals) == 12
        assert len(found.metadata.sums) == len(file.metadata.sums)


def test_a_file_that_changes_while_it_is_converted(tmp_path):
    paths = many_files(tmp_path / "in", 2)

    def select(events):
        paths[1].write_bytes(another(Path(SAMPLE).read_bytes(), 7))
        return events.EventInfo.eventNumber > 0

    with pytest.raises(ConversionError, match=r"001\.root: it was changed while it was converted"):
        convert(paths, tmp_path / "out.parquet", collections="EventInfo", select=select)
    assert not (tmp_path / "out.parquet").exists()


def test_sources_of_the_caller_stay_open(tmp_path):
    sources = [open_source(path) for path in many_files(tmp_path / "in", 2)]
    assert convert(sources, tmp_path / "out.parquet", collections="EventInfo").read_entries == 4000
    for source in sources:
        assert physlite.open(source).num_entries == 2000


@pytest.mark.parametrize("how", [io.BytesIO, bytes])
def test_files_in_memory(how, tmp_path):
    content = [how(path.read_bytes()) for path in many_files(tmp_path / "in", 2)]
    done = convert(content, tmp_path / "out.parquet", collections="EventInfo")
    assert done.read_entries == 4000
    sums = physlite.open(SAMPLE).metadata.sums
    assert physlite.open(done.path).metadata.sums == {variation: one + one for variation, one in sums.items()}


def test_files_that_do_not_fit(halves, tmp_path):
    convert(SAMPLE, tmp_path / "muons.parquet", collections="Muons")
    with pytest.raises(ConversionError, match=r"muons\.parquet: it has no column \S+ and \d+ others, \S+ has them"):
        convert([halves[0], tmp_path / "muons.parquet"], tmp_path / "out.parquet")
    for name, dtype in (("int", "i4"), ("float", "f4")):
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            file.mktree("CollectionTree", {"a": dtype}).extend({"a": np.zeros(3, dtype)})
    with pytest.raises(
        ConversionError, match=r"float\.root: column a is of type float \(f4\), in \S+int\.root of int "
    ):
        convert([tmp_path / "int.root", tmp_path / "float.root"], tmp_path / "out.parquet")
    with pytest.raises(ValueError, match=r"is in both|there twice|twice"):
        convert([SAMPLE, SAMPLE], tmp_path / "out.parquet")
    with pytest.raises((ConversionError, ValueError), match=r"MetaData|do not add up"):
        convert([SAMPLE, data.path_of(data.R22)], tmp_path / "out.parquet", columns="AnalysisElectronsAuxDyn.pt")
    with pytest.raises(ConversionError, match="no files"):
        convert([], tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


# --------------------------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": lambda events: events.Electrons.pt > 0}, "a mask has one bool for each of the"),
        ({"select": lambda events: np.ones(3, dtype=bool)}, "a mask has one bool for each of the"),
        ({"select": lambda events: np.ones(len(events), dtype=int)}, "a mask has one bool for each of the"),
        ({"select": lambda _: None}, "select gives None: end the function with `return` and the mask"),
        ({"thin": {"Electrons": lambda _: None}}, r"thin\['Electrons'\] gives None"),
        ({"thin": {"Electrons": lambda events: np.ones(len(events), dtype=bool)}}, "a list of bools"),
        ({"thin": {"Electrons": lambda events: events.Muons.pt > 0}}, "bools in event"),
        (
            {"thin": {"Elektrons": lambda events: events.Electrons.pt > 0}},
            "no collection 'Elektrons' to thin; nearest: Electrons",
        ),
        ({"thin": {"EventInfo": lambda events: events.Electrons.pt > 0}}, "one object an event"),
        ({"thin": {"Jets": lambda events: events.Jets.pt > 0}, "collections": "Muons"}, "not among the columns"),
    ],
)
def test_masks_that_do_not_fit(options, message, tmp_path):
    with pytest.raises(ConversionError, match=message) as raised:
        convert(SAMPLE, tmp_path / "out.parquet", **options)
    assert "sample.root" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_missing_values_in_masks_are_false(tmp_path):
    def maybe(events):
        mask = events.Electrons.pt > 0
        return ak.mask(mask, events.Electrons.eta > 0)

    convert(
        SAMPLE,
        tmp_path / "out.parquet",
        collections="Electrons",
        thin={"Electrons": maybe},
        select=lambda events: ak.firsts(maybe(events)),
    )
    electrons = physlite.events(SAMPLE).Electrons
    kept = ak.fill_none(ak.firsts(electrons.eta) > 0, value=False)
    assert_same(physlite.events(tmp_path / "out.parquet").Electrons.pt, electrons[electrons.eta > 0][kept].pt)


@pytest.mark.parametrize(
    ("options", "which"),
    [({"select": lambda _: 1 // 0}, "select"), ({"thin": {"Jets": lambda _: 1 // 0}}, r"thin\['Jets'\]")],
)
def test_a_function_that_fails(options, which, tmp_path):
    message = rf"sample\.root, events 0 to \d+: {which}: a mask cannot be had: ZeroDivisionError"
    with pytest.raises(AnalysisError, match=message) as raised:
        convert(SAMPLE, tmp_path / "out.parquet", **options)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": "skim.py:select"}, "select= is of type str: give a function of events"),
        ({"select": np.ones(3, dtype=bool)}, "select= is of type ndarray: give a function"),
        ({"thin": {"Jets": None}}, r"thin\['Jets'\] is of type NoneType: give a function"),
        ({"thin": lambda events: events.Jets.pt > 0}, "thin= is of type function: give functions by the names of"),
    ],
)
def test_what_is_no_function_is_told_before_anything_is_opened(options, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        convert(tmp_path / "nothing.root", tmp_path / "out.parquet", **options)


# ------------------------------------------------------------------------------------------------------ what is written


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "out.parquet").write_text("mine")
    with pytest.raises(FileExistsError, match="there is such a file already"):
        convert(SAMPLE, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_text() == "mine"
    with pytest.raises(FileNotFoundError):
        convert(SAMPLE, tmp_path / "nowhere" / "out.parquet")


def test_formats(tmp_path):
    convert(SAMPLE, tmp_path / "out.data", format="parquet", collections="Muons")
    assert physlite.open(tmp_path / "out.data").format == "Parquet"
    with pytest.raises(UnsupportedFormatError, match=r"out\.csv: the suffix says"):
        convert(SAMPLE, tmp_path / "out.csv")
    with pytest.raises(UnsupportedFormatError, match="no format 'csv'"):
        convert(SAMPLE, tmp_path / "out.csv", format="csv")


@pytest.mark.parametrize(
    ("name", "written"), [("x.root", "parquet"), ("x.parquet", "flat"), ("x.parquet", "rntuple"), ("x.pq", "flat")]
)
def test_a_format_that_the_suffix_contradicts(name, written, tmp_path):
    with pytest.raises(UnsupportedFormatError, match=f"{name}: format '{written}' is in files .*, not {name[1:]}: "):
        convert(SAMPLE, tmp_path / name, format=written)


@pytest.mark.parametrize("out", ["s3://me:pw@bucket/out.parquet", "https://me:pw@host/out.root"])
@pytest.mark.parametrize("kind", [str, Path])
def test_outputs_are_local_files(out, kind):
    with pytest.raises(UnsupportedFormatError, match="outputs are local files") as raised:
        convert(SAMPLE, kind(out))
    assert str(raised.value).startswith(out.replace("me:pw@", ""))


@pytest.mark.parametrize("options", [{"memory": 0}, {"group_entries": 0}, {"links": "keyed"}, {"threads": 0}])
def test_options_that_make_no_sense(options, tmp_path):
    with pytest.raises(ValueError, match=f"{next(iter(options))}="):
        convert(SAMPLE, tmp_path / "out.parquet", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "500MB"}, "memory='500MB': it is a whole number of bytes"),
        ({"memory": True}, "memory=True: it is a whole number of bytes"),
        ({"group_entries": 1.5}, "group_entries=1.5: it is a whole number of events"),
    ],
)
def test_numbers_that_are_none(options, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        convert(SAMPLE, tmp_path / "out.parquet", **options)


def test_a_file_that_is_damaged_leaves_nothing(tmp_path):
    content = bytearray(SAMPLE.read_bytes())
    with physlite.open(SAMPLE) as file:
        pages = file.manifest.pages(file.manifest.index["AnalysisElectronsAuxDyn.pt"])
    content[int(pages.offset[-1]) + 80 :][:40] = bytes(40)
    content[int(pages.offset[-1]) + 80 : int(pages.offset[-1]) + 120] = bytes(40)
    with pytest.raises(CorruptDataError):
        convert(bytes(content), tmp_path / "out.parquet", collections="Electrons")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def files_of_at_most(size):
    """The operating system refuses larger ones, as it does on a disk that is full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("form", ["parquet", "rntuple", "flat"])
def test_a_disk_that_is_full(form, share, tmp_path):
    """The error names the file that was to be written, and nothing is left of it."""
    options = {"collections": "Electrons", "format": form, "memory": 10_000_000}
    size = convert(SAMPLE, tmp_path / "whole", **options).bytes
    with pytest.raises(OSError, match="out") as caught, files_of_at_most(int(share * size)):
        convert(SAMPLE, tmp_path / "out", **options)
    assert caught.value.filename == str(tmp_path / "out")
    assert str(caught.value) == str(OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(tmp_path / "out")))
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


STAYING = """
import itertools, sys, time
import numpy as np
import physlite
from physlite.interop import convert

chunks = itertools.count(1)

def staying(events):
    print("going", flush=True)
    if next(chunks) == 3:
        time.sleep(60)
    return np.ones(len(events), dtype=bool)

convert(physlite.sample("tree"), sys.argv[1], select=staying, memory=2_000_000)
"""


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 1)])
def test_a_conversion_that_is_stopped(number, left, tmp_path):
    """No half file has the name; only a process that has no time to clean up leaves its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", STAYING, str(tmp_path / "out.parquet")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(3):  # some chunks are written by then
        assert process.stdout.readline() == b"going\n"
    process.send_signal(number)
    process.stdout.close()
    process.wait(60)
    assert not (tmp_path / "out.parquet").exists()
    assert len(list(tmp_path.iterdir())) == left


# --------------------------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("form", ["parquet", "rntuple", "flat"])
def test_groups_that_do_not_fit_into_the_memory(form, tmp_path):
    """It is known before any event is read, and which do."""
    options = {"collections": "Electrons", "format": form, "memory": 2_000_000}
    read = []
    message = (
        r"sample\.root: group_entries=1500: 1500 events have some \d+ bytes, .*=2000000: store (\d+) together at most"
    )
    with pytest.raises(ConversionError, match=message) as caught:
        convert(SAMPLE, tmp_path / "out", group_entries=1500, select=read.append, **options)
    assert not read
    assert list(tmp_path.iterdir()) == []
    largest = int(re.search(r"store (\d+)", str(caught.value))[1])
    assert 10 < largest < 1500
    with pytest.raises(ConversionError, match=f"store {largest} together at most"):
        convert(SAMPLE, tmp_path / "out", group_entries=largest + 1, **options)
    assert convert(SAMPLE, tmp_path / "out", group_entries=largest, **options).num_entries == 2000


def test_groups_larger_than_the_file_or_of_one_event(few, tmp_path):
    """Larger than all events is none; a single event is always written."""
    for number, (group, memory) in enumerate([(10**12, 10**9), (1, 1)]):
        done = convert(few[0], tmp_path / f"{number}.parquet", group_entries=group, memory=memory)
        assert done.num_entries == done.read_entries > 20


WATCHED = """
import sys, threading, time
import physlite
from physlite.interop import convert

def taken():
    with open("/proc/self/status") as status:  # memory of its own: pages of the file that is read come and go
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))

folder, memory, *paths = sys.argv[1:]
convert(physlite.sample("tree"), folder + "/first.parquet")
before, peak, done = taken(), [0], threading.Event()

def watch():
    while not done.wait(0.01):
        peak[0] = max(peak[0], taken())

watcher = threading.Thread(target=watch)
watcher.start()
convert(paths, folder + "/out.parquet", memory=int(memory))
done.set()
watcher.join()
print(peak[0] - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process takes is told elsewhere")
def test_ten_times_the_memory(tmp_path):
    """A conversion of 2.2 GB takes no more than a tenth of that."""
    memory = 200_000_000
    parts = [tmp_path / f"{i}.root" for i in range(6)]
    with physlite.open(data.path_of(data.TIMES_50)) as file:
        assert len(parts) * sum(c.uncompressed_bytes for c in file.select()) > 10 * memory
    for part in parts:  # which are different files to all that knows files by their identifiers
        part.write_bytes(data.path_of(data.TIMES_50).read_bytes().replace(file.uuid.bytes, uuid.uuid4().bytes))
    command = [sys.executable, "-c", WATCHED, str(tmp_path), str(memory), *map(str, parts)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600).stdout
    assert int(output) < memory
