"""RNTuples: a real file and those that ROOT wrote with every type and encoding, beside uproot; and damaged ones.

The files of support/write_ntuples.py are kept beside this test; where PHYSLITE_ROOT_PYTHON names a Python that has
PyROOT, they are also written anew by that version of ROOT.
"""

import dataclasses
import functools
import json
import os
import random
import re
import struct
from contextlib import suppress
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite import _core
from physlite.exceptions import (
    CorruptDataError,
    PhysliteError,
    StaleManifestError,
    UnreadableColumnError,
    UnsupportedFormatError,
)
from physlite.formats import ntuplereader
from physlite.formats.manifest import Manifest
from physlite.formats.rootfile import RootFile
from physlite.storage import MemorySource
from support import data, write_ntuples
from support.compare import assert_same
from support.made_ntuples import INDEX, LONG, SWITCH, Cluster, Pages, fixed, items, ntuple, record, value, variant
from support.ntuples import Envelopes, from_a_later_version
from support.recording import RecordingSource
from support.written_by_root import WRITERS, written_anew

KEPT = Path(__file__).parent / "data" / "ntuples"
# Those with a field that only ROOT reads, and with fields that uproot 5.7.7 reads wrongly, have tests of their own.
NAMES = sorted({path.stem for path in KEPT.glob("*.root")} - {"streamed", "representations", "uncommon"})
# uproot 5.7.7 takes the values of variants from the first cluster, whatever cluster they are in.
VARIANTS = ("either", "eithers", "numbers")


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    if request.param == "kept":
        return KEPT
    return written_anew(write_ntuples.__file__, tmp_path_factory.mktemp("ntuples"))


@functools.cache
def real(threads):
    return physlite.open(data.path_of(data.RNTUPLE), threads=threads, cache_bytes=0)


@functools.cache
def theirs(name):
    """A field of the real file as uproot reads it; of the objects of interfaces only how many there are."""
    array = uproot_ntuple()[name].array()
    if real(1).columns[name].type == "uint32" and array.ndim > 1:
        return ak.values_astype(ak.num(array), np.uint32)
    return array


@functools.cache
def uproot_ntuple():
    return uproot.open(data.path_of(data.RNTUPLE))["EventData"]


def readable():
    return [column.name for column in real(1).manifest.named if not column.problem]


# Where uproot has numbers of another type: reals as they are stored, and sizes as Awkward counts.
OTHER_TYPES = ("f16", "d16", "d32", "count")


def same(ours, expected, name):
    """Equality of values; ROOT's `char` is a number without sign for uproot, and with one here, as in a tree."""
    if re.search(r"\bint8", str(ours.type)) and "uint8" in str(expected.type):
        expected = ak.values_astype(expected, np.int8)
    assert ak.array_equal(ours, expected, check_parameters=False, dtype_exact=name not in OTHER_TYPES), name


# ---------------------------------------------------------------------------------------------------- the real file


@pytest.mark.parametrize("threads", [1, 4])
def test_all_fields_equal_uproot(threads):
    names = readable()
    ours = real(threads).arrays(names)
    assert len(names) == 855
    for name in names:
        same(ours[name], theirs(name), name)


@given(random=st.data())
def test_ranges_equal_the_slice(random):
    n = real(1).num_entries
    start = random.draw(st.integers(0, n), label="start")
    stop = random.draw(st.integers(start, n), label="stop")
    names = random.draw(st.lists(st.sampled_from(readable()), min_size=1, max_size=8, unique=True), label="names")
    for threads in (1, 4):
        ours = real(threads).arrays(names, start, stop)
        for name in names:
            assert ak.array_equal(ours[name], whole(name)[start:stop]), name


@functools.cache
def whole(name):
    return real(1).array(name)


def test_columns_that_hold_nothing_say_so():
    problems = {c.name: c.problem for c in real(1).manifest.named if c.problem}
    assert len(problems) == 52
    assert problems["AnalysisElectronsAux:"] == "it holds no data: xAOD::AuxContainerBase has no members of its own"
    assert problems["xTrigDecisionAux:"] == "it is an object whose members are columns of their own"


def test_one_request_reads_a_column_of_whole_clusters():
    source = RecordingSource(data.path_of(data.RNTUPLE))
    with physlite.open(source, cache_bytes=0) as file:
        before = file.source.stats.requests
        file.array("AnalysisJetsAuxDyn:GhostTrack")
        assert file.source.stats.requests == before + 1


def test_a_manifest_can_be_saved(tmp_path):
    real(1).manifest.save(tmp_path / "manifest.npz")
    source = RecordingSource(data.path_of(data.RNTUPLE))
    with physlite.open(source, manifest=tmp_path / "manifest.npz") as file:
        fetched = sum(r.size for r in source.take())
        assert fetched < 20_000  # the file's own header and directory; nothing of the ntuple
        for name in ("AnalysisJetsAuxDyn:GhostTrack", "EventInfoAuxDyn:mcEventWeights", "AnalysisMuons"):
            assert ak.array_equal(file.array(name), whole(name))


def _first(header, name):
    return next(c for c in header["columns"] if c[0] == name)


CONTRADICTIONS = {
    "elements": (lambda _, a: a["stream_elements"].__iadd__(1_000), "pages that do not follow one another"),
    "elements below zero": (lambda _, a: a["stream_elements"].__isub__(1_000), "streams that go backwards"),
    "elements that no file has": (lambda _, a: a["stream_elements"].__setitem__(-1, 1 << 59), "more elements than"),
    "starts": (lambda _, a: a["stream_starts"].__iadd__(1_000), "pages that do not follow one another"),
    "starts backwards": (lambda _, a: a.update(stream_starts=a["stream_starts"][:, ::-1].copy()), "go backwards"),
    "starts of all": (lambda _, a: a["stream_starts"].__setitem__((0, 0), 1), "other entries than its clusters"),
    "clusters": (lambda _, a: a["clusters"].__iadd__(1), "clusters that are not the entries"),
    "kind": (lambda _, a: a["stream_kind"].__iadd__(1_000), "pages of unknown kinds"),
    "type": (lambda h, _: h["kinds"][0].__setitem__(0, 1 << 20), "pages of unknown kinds"),
    "bits": (lambda h, _: h["kinds"][0].__setitem__(1, -1), "pages of unknown kinds"),
    "range": (lambda h, _: h["kinds"][0].__setitem__(2, 1), "kinds of the wrong type"),
    "base of reals": (lambda _, a: a.update(stream_base=a["stream_base"].astype(float)), "streams of the wrong type"),
    "short base": (lambda _, a: a.update(stream_base=a["stream_base"][1:]), "streams of the wrong type"),
    "starts of fewer": (lambda _, a: a.update(stream_starts=a["stream_starts"][:, 1:]), "starts of streams"),
    "more streams": (lambda _, a: a.update(stream_starts=np.tile(a["stream_starts"], (2, 1))), "more streams than"),
    "no clusters": (
        lambda _, a: a.update(clusters=a["clusters"][:0], stream_starts=a["stream_starts"][:, :0]),
        "clusters that are not the entries",
    ),
    "member": (lambda h, _: _first(h, "index_ref").__setitem__(6, [0]), "members that are no streams"),
    "other encoding": (lambda h, _: _first(h, "index_ref").__setitem__(4, "*f4"), "not what its members make"),
    "encoding of a tree": (lambda h, _: _first(h, "index_ref").__setitem__(4, "~f4"), "not what its members make"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_manifest_that_contradicts_itself(tmp_path, name):
    change, said = CONTRADICTIONS[name]
    real(1).manifest.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    np.savez(tmp_path / "bad.npz", header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    with pytest.raises(StaleManifestError, match=rf"damaged manifest \(.*{said}"):
        Manifest.load(tmp_path / "bad.npz")


def test_pages_of_so_many_elements_that_their_bits_cannot_be_counted():
    manifest = real(1).manifest
    column = manifest.columns[manifest.index["AnalysisJetsAuxDyn:pt"]]
    stream = column.members[-1]
    last = manifest.columns[stream].first_page + manifest.columns[stream].pages - 1
    elements, starts, size = manifest.streams.elements.copy(), manifest.streams.starts.copy(), manifest.page_size.copy()
    elements[last], size[last] = 1 << 59, 0  # of 32 bits each: 0 bytes, modulo 2 to the 64
    starts[stream - len(manifest.named), -1] = manifest.page_first_entry[last] + elements[last]
    checksum = manifest.streams.checksum.copy()
    checksum[last] = False
    streams = dataclasses.replace(manifest.streams, elements=elements, starts=starts, checksum=checksum)
    changed = dataclasses.replace(manifest, streams=streams, page_size=size)
    with (
        physlite.open(data.path_of(data.RNTUPLE), manifest=changed) as file,
        pytest.raises(CorruptDataError, match=r"AnalysisJetsAuxDyn:pt, cluster 0, page 0 .*a page of \d+ elements"),
    ):
        file.array(column.name, 0, 1)


# ------------------------------------------------------------------------------------------------- as ROOT writes them


@pytest.mark.parametrize("name", NAMES)
def test_columns_equal_uproot(folder, name):
    path = folder / f"{name}.root"
    tree = uproot.open(path)["EventData"]
    with physlite.open(path) as file:
        assert [c.problem for c in file.manifest.named] == [""] * len(file.columns)
        for column in file.columns:
            if column not in VARIANTS:
                same(file.array(column), tree[column].array(), column)
            n = file.num_entries
            for start, stop in ((0, n // 3), (n // 2, n), (n // 3, n // 3), (min(17, n), min(34, n)), (min(20, n), n)):
                assert ak.array_equal(file.array(column, start, stop), file.array(column)[start:stop]), (column, start)


def number(entry, item=0):
    return (entry * 37 + item * 11) % 101 - 50


def size(entry):
    return entry * 5 % 7


ENTRIES = range(write_ntuples.ENTRIES)


def either(entry):
    return entry if entry // 3 % 2 else "v" * size(entry)


def alternative(entry, item):
    kind = (entry + item) % 3
    return ([entry] * item, float(number(entry, item)), "w" * item)[kind]


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("types_")])
def test_variants(folder, name):
    with physlite.open(folder / f"{name}.root", cache_bytes=0) as file:
        assert file.columns["either"].type == "union[int32, string]"
        assert file.array("either").to_list() == [either(e) for e in ENTRIES]
        expected = [[alternative(e, k) for k in range(size(e))] for e in ENTRIES]
        assert file.array("eithers").to_list() == expected
        assert file.columns["numbers"].type == "float64"  # numbers alone are one type
        assert file.array("numbers").to_list() == [e if e % 2 else 0.5 * e for e in ENTRIES]
        for start, stop in ((3, 40), (17, 34), (20, 21), (7, 7)):
            assert file.array("eithers", start, stop).to_list() == expected[start:stop]


def later(entry):
    return entry if entry % 2 else "l" * size(entry)


UNCOMMON = {
    "holder": lambda e: {"y": e},  # its other member holds nothing
    "derived": lambda e: {":_0.x": 0.5 * e, "b": -e, "x": 0.25 * e},  # a member that hides one of its base class
    "twice": lambda e: e if e % 3 == 2 else None,  # options of options
    "lists": lambda e: [None if k % 2 else number(e, k) for k in range(size(e))],
    "perhaps": lambda e: (e if e % 2 else "p" * size(e)) if e % 4 else None,
    "map": lambda e: [(chr(ord("a") + k), number(e, k)) for k in range(size(e))],
    "set": lambda e: sorted(-k for k in range(size(e))),
    "tuple": lambda e: (e, 0.5 * e, "t" * size(e)),
    "atomic": lambda e: e,
    "colour": lambda e: -1 if e % 2 else 300,
    "odd": lambda e: {name: 10 * e + k for k, name in enumerate(("a=i4,b", "k;l", "p}q", "{0;x?(y)z%3d"))},
    "later": lambda e: later(e) if e >= write_ntuples.ENTRIES // 2 else None,
    "laters": lambda e: [later(e)] * size(e) if e >= write_ntuples.ENTRIES // 2 else [],
}


@pytest.mark.parametrize("name", UNCOMMON)
def test_types_that_xaod_does_not_have(folder, name):
    expected = [UNCOMMON[name](e) for e in ENTRIES]
    with physlite.open(folder / "uncommon.root", cache_bytes=0) as file:
        assert file.array(name).to_list() == expected
        assert not ak.validity_error(file.array(name))
        for start, stop in ((0, 17), (17, 34), (3, 40), (29, 32), (20, 21), (7, 7)):
            assert file.array(name, start, stop).to_list() == expected[start:stop]


def test_uncommon_types_are_told(folder, tmp_path):
    with physlite.open(folder / "uncommon.root") as file:
        assert file.columns["odd"].type.startswith('{"a=i4,b": int32, "k;l": int32, "p}q": int32, "{0;x?')
        assert file.columns["twice"].type == "?int32"
        assert file.columns["perhaps"].type == "union[?int32, ?string]"
        assert file.columns["hollow"].type == "no values"
        assert file.arrays().fields == [*list(UNCOMMON)[:10], "quantized", *list(UNCOMMON)[10:]]
        file.manifest.save(tmp_path / "m.npz")
        with physlite.open(folder / "uncommon.root", manifest=tmp_path / "m.npz") as again:
            assert ak.array_equal(again.arrays(), file.arrays())


def test_quantized_doubles_are_doubles(folder):
    with physlite.open(folder / "uncommon.root") as file:
        step = 120 / ((1 << 20) - 1)
        exact = np.array([number(e) + 0.37 for e in ENTRIES])
        assert file.array("quantized").to_list() == (-60 + np.round((exact + 60) / step) * step).tolist()


def test_equal_pages_can_be_other_elements(folder):
    """ROOT stores equal pages once: the same numbers are elements 10 to 110 of one column, 12 to 112 of the other."""
    with physlite.open(folder / "shared.root", cache_bytes=0) as file:
        a = [[-1] * 10, [0, 1, 2, 3], [4, 5, 6, 7], list(range(8, 100))]
        b = [[-2] * 12, [0, 1], [2, 3, 4, 5], list(range(6, 100))]
        pages = file.manifest.page_offset
        assert len(set(pages.tolist())) < len(pages)
        for start in range(5):
            for stop in range(start, 5):
                arrays = file.arrays(["a", "b"], start, stop)
                assert arrays.a.to_list() == a[start:stop]
                assert arrays.b.to_list() == b[start:stop]


def test_more_than_a_file_can_stand_for(folder, monkeypatch):
    monkeypatch.setattr(ntuplereader, "_ROOM", 1 << 20)
    with physlite.open(folder / "huge.root", cache_bytes=0) as file:
        assert ak.num(file.array("v"), axis=0) == 3
        monkeypatch.setattr(ntuplereader, "_MOST_REPEATED", 1)
        with pytest.raises(CorruptDataError, match=r"huge.root: 0\.0 GB of .* that are stored: read fewer columns"):
            file.array("v")


def test_fields_that_are_stored_in_several_ways(folder):
    """Clusters take turns; uproot 5.7.7 mixes up both ways."""
    with physlite.open(folder / "representations.root", cache_bytes=0) as file:
        assert file.array("x").to_list() == [0.5 * e for e in ENTRIES]
        assert file.array("i").to_list() == [number(e) for e in ENTRIES]
        assert file.array("v").to_list() == [[e] * size(e) for e in ENTRIES]
        assert file.array("w").to_list() == [[-e] * size(e) for e in ENTRIES]
        for start, stop in ((3, 40), (17, 34), (16, 18), (51, 60), (7, 7)):
            arrays = file.arrays(entry_start=start, entry_stop=stop)
            assert ak.array_equal(arrays, file.arrays()[start:stop])


def test_a_field_that_only_root_reads(folder):
    with physlite.open(folder / "streamed.root") as file:
        assert file.array("i").to_list() == [0, 1, 2]
        assert file.arrays().fields == ["i"]
        with pytest.raises(UnreadableColumnError, match="'named' cannot be read: TNamed is stored as ROOT streams it"):
            file.array("named")


def test_what_encodings_stand_for(folder):
    """The values are known; reals that are stored with fewer bits are as near as these allow."""
    with physlite.open(folder / "encodings.root") as file:
        arrays = file.arrays()
        for name in ("i16", "si16"):
            assert arrays[name].to_list() == [number(e) * 300 for e in ENTRIES]
        for name in ("u64", "su64"):
            assert arrays[name].to_list() == [e * 0x0101010101010101 for e in ENTRIES]
        for name in ("x32", "x64", "sx32", "sx64"):
            assert arrays[name].to_list() == [[e] * size(e) for e in ENTRIES]
        exact = np.array([np.float32(number(e)) + np.float32(0.37) for e in ENTRIES], dtype=np.float32)
        for name in ("f32", "sf32"):
            assert arrays[name].to_list() == exact.tolist()
        assert np.array_equal(arrays.f16, exact.astype(np.float16).astype(np.float32))
        for bits in (10, 17, 31):
            mask = np.uint32(0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF)
            assert np.array_equal(arrays[f"t{bits}"], (exact.view(np.uint32) & mask).view(np.float32))
        for bits in (1, 7, 20):
            step = 120 / ((1 << bits) - 1)
            assert np.max(np.abs(arrays[f"q{bits}"] - exact)) <= step / 2 * 1.001


def test_fields_that_were_added_later(folder):
    """They are zeros, or empty, in the entries before: also when these end within a cluster."""
    half = write_ntuples.ENTRIES // 2
    with physlite.open(folder / "later.root") as file:
        assert file.array("later").to_list() == [e if e >= half else 0 for e in ENTRIES]
        assert file.array("laterLists").to_list() == [[[e] * 2] * size(e) if e >= half else [] for e in ENTRIES]
        assert_same(file.array("also"), file.array("v"))
        assert file.array("count").to_list() == [size(e) for e in ENTRIES]


def test_an_entry_of_many_pages(folder):
    with physlite.open(folder / "huge.root") as file:
        v = file.array("v")
        assert ak.num(v).to_list() == [0, 1_000_000, 2]
        assert ak.sum(v) == sum(range(1000)) * 1000 + 1
        assert file.columns["v"].baskets > 3
        assert file.array("v", 2, 3).to_list() == [[0, 1]]


# ------------------------------------------------------------------------------------------------------ damaged files


def fails(content, *words, columns=None):
    """Opening or reading raises an error of one line that names the file."""
    with pytest.raises(PhysliteError) as caught, physlite.open(content) as file:
        file.arrays(columns)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("<bytes>")
    for word in words:
        assert word in message, message
    return message


def test_envelopes_can_be_put_together_again():
    """The tool of the tests below works: nothing changed, nothing different."""
    path = KEPT / "types_zstd.root"
    with physlite.open(Envelopes.of(path).file()) as file, physlite.open(path) as plain:
        assert ak.array_equal(file.arrays(), plain.arrays())


@pytest.mark.parametrize("name", ["types_zstd", "later", "encodings", "empty"])
def test_what_a_later_version_adds_is_passed_over(name):
    path = KEPT / f"{name}.root"
    envelopes = from_a_later_version(Envelopes.of(path))
    with physlite.open(envelopes.file()) as file, physlite.open(path) as plain:
        assert list(file.columns) == list(plain.columns)
        assert ak.array_equal(file.arrays(), plain.arrays())


@pytest.mark.parametrize("where", ["anchor", "header", "footer", "page list", "page"])
def test_a_flipped_bit_is_noticed(where):
    path = KEPT / "types_none.root"
    content = bytearray(path.read_bytes())
    envelopes = Envelopes.of(path)
    header, footer, _ = _core.ntuple_anchor(content[envelopes.anchor_at : envelopes.anchor_at + 78])
    with physlite.open(path) as file:
        manifest = file.manifest
    row = manifest.columns[manifest.columns[manifest.index["vv"]].members[2]]
    at = {
        "anchor": envelopes.anchor_at + 20,
        "header": header[0] + header[1] // 2,
        "footer": footer[0] + footer[1] // 2,
        "page list": envelopes.links[0][0] + 40,
        "page": int(manifest.page_offset[row.first_page]) + 3,
    }[where]
    content[at] ^= 4
    message = fails(bytes(content), "damaged")
    if where == "page":
        assert "column vv, cluster 0, page 0 (entries 0 to 17): a page with a wrong checksum" in message


def test_a_header_that_claims_too_many_fields():
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    at = envelopes.header.index(struct.pack("<I", len(envelopes.fields)), 8 + 8)
    envelopes.header = envelopes.header[:at] + struct.pack("<I", 10**9) + envelopes.header[at + 4 :]
    fails(envelopes.file(), "a list of 1000000000 items")


def test_fields_that_are_parts_of_each_other():
    """A parent comes before its children, so there are no circles."""
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    # The first field: its frame (8 bytes), its versions (8), its parent.
    at = envelopes.header.index(b"\x01\x00\x00\x00i") - 8
    envelopes.header = envelopes.header[:at] + struct.pack("<I", 7) + envelopes.header[at + 4 :]
    fails(envelopes.file(), "field 0 is part of the field 7, which comes after it")


def test_a_page_outside_of_the_file():
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    with physlite.open(KEPT / "types_zstd.root") as file:
        offset = int(file.manifest.page_offset[0])
    old = struct.pack("<Q", offset)
    envelopes.lists[0] = envelopes.lists[0].replace(old, struct.pack("<Q", 1 << 40), 1)
    fails(envelopes.file(), "truncated or damaged")


def test_a_field_that_does_not_add_up_costs_no_other():
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    with physlite.open(KEPT / "types_zstd.root") as file:
        manifest = file.manifest
        expected = file.arrays()
    page = manifest.columns[manifest.columns[manifest.index["letter"]].members[0]].first_page
    size, offset = int(manifest.page_size[page]) - 8, int(manifest.page_offset[page])
    old = struct.pack("<iiQ", -17, size, offset)
    assert old in envelopes.lists[0]
    envelopes.lists[0] = envelopes.lists[0].replace(old, struct.pack("<iiQ", -18, size, offset), 1)
    with physlite.open(envelopes.file()) as file:
        assert "cluster 0 has elements 0 to 18 of it, where it should have 0 to 17" in file.columns["letter"].problem
        assert file.arrays().fields == [name for name in expected.fields if name != "letter"]
        with pytest.raises(UnreadableColumnError, match="column 'letter' cannot be read: cluster 0 has"):
            file.array("letter")


def test_a_column_type_that_is_not_known_costs_no_other():
    """Of a later version, or with other bits than its type has."""
    envelopes = Envelopes.of(KEPT / "encodings.root")
    number_of = {name: i for i, name in enumerate(envelopes.fields)}
    for name, kind, bits in (("i16", 5, 16), ("f32", 12, 32)):
        old = struct.pack("<HHI", kind, bits, number_of[name])
        assert old in envelopes.header
        envelopes.header = envelopes.header.replace(old, struct.pack("<HHI", 0x20, 24, number_of[name]), 1)
    with physlite.open(envelopes.file()) as file:
        for name in ("i16", "f32"):
            assert "stored in columns of type 32 with 24 bits" in file.columns[name].problem
        assert "si16" in file.arrays().fields


@pytest.mark.parametrize(("epoch", "word"), [(0, "epoch 0"), (2, "epoch 2")])
def test_another_epoch_of_the_format(epoch, word):
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    content = bytearray(envelopes.content)
    content[envelopes.anchor_at + 6 : envelopes.anchor_at + 8] = struct.pack(">H", epoch)
    with pytest.raises(UnsupportedFormatError, match=word):
        physlite.open(bytes(content))


def test_features_that_are_not_known():
    envelopes = Envelopes.of(KEPT / "types_zstd.root")
    envelopes.header = envelopes.header[:8] + struct.pack("<q", 1) + envelopes.header[16:]
    with pytest.raises(UnsupportedFormatError, match="features of the format that are newer"):
        physlite.open(envelopes.file())


def sizes_of_envelopes(content):
    root = RootFile(MemorySource(content))
    header, footer, _ = _core.ntuple_anchor(root.object(root.key("EventData")))
    return header[1], footer[1]


def test_envelopes_that_are_more_than_one_record():
    """ROOT cuts what is larger than a record of the file into several, which are not read."""
    expected = "<bytes>, ntuple EventData: not supported: it is described by more than one record of the file"
    fields = [value("i")], [value("i" * 1000)]
    plain, long_name = (functools.partial(ntuple, each, Cluster(1, [5])) for each in fields)
    many_pages = functools.partial(ntuple, fields[0], Cluster(100, Pages(*[[k] for k in range(100)])))
    largest = max(sizes_of_envelopes(plain()))
    for content in (plain(most=largest), long_name(), many_pages()):
        with physlite.open(content) as file:
            assert file.num_entries in (1, 100)
    for content in (plain(most=largest - 1), long_name(most=1000), many_pages(most=1000)):
        with pytest.raises(UnsupportedFormatError) as caught:
            physlite.open(content)
        assert str(caught.value) == expected


def problems(*fields):
    """What is said of the columns of an ntuple without entries."""
    with physlite.open(ntuple(fields)) as file:
        return {name: column.problem for name, column in file.columns.items()}


def nested(depth, name="v"):
    """Lists of lists of … numbers: `depth` fields around that of the numbers."""
    field = value("_0")
    for level in range(depth):
        field = items("_0" if level < depth - 1 else name, field)
    return field


def test_types_that_are_nested_without_end():
    """They would exhaust the stack; others beside them are read."""
    content = ntuple([nested(32), value("i")], Cluster(1, *[[1]] * 32, [7], [8]))
    with physlite.open(content) as file:
        array = file.array("v")
        assert (array.ndim, ak.flatten(array, axis=None).to_list(), file.array("i").to_list()) == (33, [7], [8])
    content = ntuple([nested(33), value("i")], Cluster(1, *[[1]] * 33, [7], [8]))
    with physlite.open(content) as file:
        assert file.columns["v"].problem == "std::int32_t is nested deeper than 32 levels"
        assert file.arrays().to_list() == [{"i": 8}]


def test_arrays_of_no_items_or_of_more_than_can_be():
    """Arrays in arrays, and in members of theirs, are as many as both together; lists between them begin anew."""
    half, rest = 1 << 16, 1 << 15
    inner = fixed("_0", value("_0"), half)
    member = record("_0", fixed("a", value("_0"), half))
    assert problems(
        fixed("none", value("_0"), 0),
        fixed("one", value("_0"), 1),
        fixed("most", value("_0"), half * rest - 1),
        fixed("more", value("_0"), half * rest),
        fixed("less together", inner, rest - 1),
        fixed("more together", inner, rest),
        fixed("in a member", member, rest),
        fixed("in lists", items("_0", inner), rest),
    ) == {
        "none": "an array of 0 items",
        "one": "",
        "most": "",
        "more": f"an array of {half * rest} items",
        "less together": "",
        "more together": f"an array of {half} items",
        "in a member": f"an array of {half} items",
        "in lists": "",
    }


def test_columns_of_types_that_their_fields_do_not_have():
    """Though they could be read: offsets are not stored as numbers, nor numbers as offsets or alternatives."""
    lists = dataclasses.replace(items("lists", value("_0")), columns=(LONG,))
    either = dataclasses.replace(variant("either", value("_0"), value("_1")), columns=(INDEX,))
    numbers = [value(f"number {i}", "std::int64_t", kind) for i, kind in enumerate((LONG, INDEX, SWITCH))]
    said = "is stored in columns of type {} with {} bits, which is not known here"
    assert problems(lists, either, *numbers) == {
        "lists": f"{lists.type_name} {said.format(9, 64)}",
        "either": f"{either.type_name} {said.format(15, 64)}",
        "number 0": "",
        "number 1": f"std::int64_t {said.format(15, 64)}",
        "number 2": f"std::int64_t {said.format(16, 96)}",
    }


def test_clusters_with_gaps_between_them():
    for first, message in ((1, "a cluster begins with entry 1, where 2 are before it"), (3, "begins with entry 3")):
        content = ntuple([value("i")], Cluster(2, [5, 6]), Cluster(1, [7], first=first))
        assert fails(content, message).endswith("; copy the file again")
    fails(ntuple([value("i")], Cluster(2, [5, 6], first=1)), "a cluster begins with entry 1, where 0 are before it")


def test_more_entries_than_can_be_counted():
    """Entries are counted in 56 bits."""
    half = 1 << 55
    with physlite.open(ntuple([value("i")], Cluster(half, []), Cluster(half - 1, []))) as file:
        assert file.num_entries == 2 * half - 1
    content = ntuple([value("i")], Cluster(half, []), Cluster(half, []))
    assert fails(content) == f"<bytes>: an ntuple of {2 * half} entries; copy the file again"


@pytest.mark.parametrize("seed", [1, 2, None])
@pytest.mark.parametrize("name", ["types_zstd", "types_none", "later", "encodings", "uncommon"])
@pytest.mark.parametrize("part", ["header", "footer", "lists"])
def test_damage_behind_a_right_checksum(name, part, seed):
    """Whoever wrote the checksum: an error of ours, or arrays; never a crash."""
    envelopes = Envelopes.of(KEPT / f"{name}.root")
    seed = int.from_bytes(os.urandom(4), "little") if seed is None else seed
    print(f"seed {seed}")
    dice = random.Random(seed)
    whole = envelopes.lists[0] if part == "lists" else getattr(envelopes, part)
    for _ in range(30):
        changed = bytearray(whole)
        for _ in range(dice.choice([1, 1, 2, 5])):
            at = dice.randrange(8, len(changed))
            changed[at] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
        if part == "lists":
            envelopes.lists[0] = bytes(changed)
        else:
            setattr(envelopes, part, bytes(changed))
        with suppress(PhysliteError), physlite.open(envelopes.file()) as file:
            for column in file.columns:
                with suppress(PhysliteError):
                    ak.validity_error(file.array(column), exception=True)
                with suppress(PhysliteError):
                    ak.validity_error(file.array(column, file.num_entries // 3, file.num_entries // 2), exception=True)


def test_what_uproot_has_written(tmp_path):
    """Several groups of clusters, and no limit of the size of records, which it says with 0."""
    path = tmp_path / "uproot.root"
    lists = ak.Array([[1], [], [2, 3]])
    with uproot.recreate(path) as file:
        written = file.mkrntuple("EventData", {"number": "float32", "list": "var * int64"})
        for i in range(3):
            written.extend({"number": np.arange(3, dtype="f4") + 3 * i, "list": lists + i})
    with physlite.open(path) as file:
        assert file.array("number").to_list() == list(range(9))
        assert file.array("list", 1, 8).to_list() == [x for i in range(3) for x in (lists + i).to_list()][1:8]


def test_a_cut_file():
    content = (KEPT / "types_zstd.root").read_bytes()
    for length in (100, len(content) // 2, len(content) - 1):
        with pytest.raises(CorruptDataError):
            physlite.open(content[:length])
