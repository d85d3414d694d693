"""Bad input gives one clear line: what is wrong, where, and what to do."""

import gzip
import re
import struct

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    ColumnNotFoundError,
    CorruptDataError,
    EntryRangeError,
    NotAnEventFileError,
    PhysliteError,
    UnsupportedFormatError,
)
from support import data
from support.rootfiles import (
    ALGORITHMS,
    TREE,
    Key,
    RootBytes,
    basket,
    key_bytes,
    three_baskets,
    tree_object_with,
    write_tree,
)
from support.slow_decoder import decompressed


def complaint(kind, *words):
    """Expects an exception whose message is one line with all these words in it."""
    return pytest.raises(kind, match="^" + "".join(f"(?=.*{re.escape(str(w))})" for w in words) + "[^\n]*$")


@pytest.fixture
def small(tmp_path):
    return three_baskets(tmp_path / "small.root")


def changed(path, content):
    path.write_bytes(content)
    return path


# ------------------------------------------------------------------------------------------- not the right file


def test_a_missing_file_offers_its_neighbours(small):
    with complaint(FileNotFoundError, "smal.root", "similar: small.root"):
        physlite.open(small.with_name("smal.root"))


def test_a_missing_directory_is_named(tmp_path):
    with complaint(FileNotFoundError, "no directory", tmp_path / "nowhere"):
        physlite.open(tmp_path / "nowhere" / "events.root")


def test_a_directory(tmp_path):
    with complaint(IsADirectoryError, tmp_path):
        physlite.open(tmp_path)


@pytest.mark.usefixtures("small")
def test_a_pattern_that_matches_nothing_or_too_much(tmp_path):
    assert physlite.open(str(tmp_path / "sm*.root")).num_entries == 300
    with complaint(FileNotFoundError, "*.rood"):
        physlite.open(str(tmp_path / "*.rood"))
    three_baskets(tmp_path / "smaller.root")
    with complaint(ValueError, "2 files", "one at a time"):
        physlite.open(str(tmp_path / "sm*.root"))


def test_a_url_of_a_kind_that_nobody_reads():
    with complaint(UnsupportedFormatError, "cannot read gopher://", "https") as caught:
        physlite.open("gopher://host.example/events.root?token=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("what", [None, 5, ["a.root"]], ids=["none", "number", "list"])
def test_something_that_is_no_file_at_all(what):
    with complaint(TypeError, "give a path"):
        physlite.open(what)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty"]),
        (b"run,event\n1,2\n", ["not a ROOT file"]),
        (b"just one line of text", ["not a ROOT file", "text", "just one line"]),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", ["not a ROOT file", "HTML", "login"]),
        (b"\n<html lang='en'>\n", ["HTML"]),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", ["XML"]),
        (gzip.compress(b"root" * 100), ["gzip", "unpack"]),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", ["Git LFS", "git lfs pull"]),
        (bytes(range(256)), ["not a ROOT file", "00 01 02 03"]),
        (b"r", ["not a ROOT file"]),
        (b"root", ["damaged"]),
        (b"root" + bytes(200), ["damaged"]),
    ],
    ids=["empty", "csv", "text", "html", "html blank", "xml", "gzip", "lfs", "binary", "byte", "magic", "zeros"],
)
def test_other_content_in_a_file_called_root(tmp_path, content, words):
    path = changed(tmp_path / "events.root", content)
    with complaint(CorruptDataError, path, *words):
        physlite.open(path)


def test_a_file_without_events(tmp_path):
    path = tmp_path / "plots.root"
    with uproot.recreate(path) as file:
        file.mktree("nominal", {"x": "f4"})
        file["nominal"].extend({"x": np.zeros(3, "f4")})
    with complaint(NotAnEventFileError, path, "CollectionTree", "nominal"):
        physlite.open(path)


def test_a_file_without_any_tree(tmp_path):
    path = tmp_path / "plots.root"
    with uproot.recreate(path) as file:
        file["h"] = np.histogram(np.arange(5))
    with complaint(NotAnEventFileError, path, "CollectionTree", "no tree"):
        physlite.open(path)


# ---------------------------------------------------------------------------------------------- truncated files


@pytest.mark.parametrize("name", [data.R24, data.SAMPLE])
@pytest.mark.parametrize("part", ["header", "directory", "baskets", "keys", "last byte"])
def test_a_truncated_file(tmp_path, name, part):
    content = data.path_of(name).read_bytes()
    length = {"header": 30, "directory": 150, "baskets": len(content) // 2, "keys": len(content) - 200,
              "last byte": len(content) - 1}[part]  # fmt: skip
    path = changed(tmp_path / "cut.root", content[:length])
    with complaint(CorruptDataError, path, "copy"):
        physlite.open(path)


def test_a_file_cut_while_it_is_open(tmp_path):
    """The header says one thing, the tree another: noticed at the basket."""
    content = three_baskets(tmp_path / "whole.root").read_bytes()
    manifest = physlite.open(content).manifest
    offset, _ = basket(manifest, "pt", 2)
    shorter = physlite.open(content[: offset + 20] + content[offset + 20 :])
    shorter.source._view = shorter.source._view[: offset + 20]
    assert len(shorter.array("pt", 0, 200)) == 200
    with complaint(CorruptDataError, "truncated", "copy"):
        shorter.array("pt")


def test_a_file_that_was_never_closed(small):
    content = bytearray(small.read_bytes())
    directory = RootBytes(content).directory
    content[directory + 10 : directory + 14] = bytes(4)
    changed(small, content)
    with complaint(CorruptDataError, small, "never closed"):
        physlite.open(small)


# ----------------------------------------------------------------------------------------------------- unknown versions


@pytest.mark.parametrize("version", [1, 16, 18, 21, 999])
def test_an_unknown_version_of_the_tree(small, version):
    def change(tree):
        struct.pack_into(">H", tree, 4, version)

    changed(small, tree_object_with(small.read_bytes(), change))
    with complaint(UnsupportedFormatError, small, TREE, f"TTree version {version}", "known: 19, 20"):
        physlite.open(small)


def test_a_tree_object_that_is_put_back_unchanged_is_read(small):
    expected = physlite.open(small).array("number")
    changed(small, tree_object_with(small.read_bytes(), lambda _: None))
    assert ak.array_equal(physlite.open(small).array("number"), expected)


def test_a_damaged_tree_object(small):
    def change(tree):
        tree[200:400] = b"\xff" * 200

    changed(small, tree_object_with(small.read_bytes(), change))
    with complaint(CorruptDataError, small, TREE, "damaged"):
        physlite.open(small)


# -------------------------------------------------------------------------------------------------- what was asked for


def test_a_misspelt_column_offers_the_nearest():
    with physlite.open(data.path_of(data.R24)) as file:
        for ask in (file.array, file.arrays, file.show, file.columns.__getitem__):
            with complaint(ColumnNotFoundError, "AnalysisElectronAuxDyn.pt", "nearest", "AnalysisElectronsAuxDyn.pt"):
                ask("AnalysisElectronAuxDyn.pt")
        with complaint(ColumnNotFoundError, file.name, "analysisjetsauxdyn.pt", "AnalysisJetsAuxDyn.pt"):
            file.arrays(["AnalysisJetsAuxDyn.eta", "analysisjetsauxdyn.pt"])
        with complaint(ColumnNotFoundError, "nothing-like-it", f"{len(file.columns)} columns"):
            file.arrays("nothing-like-it")
        with pytest.raises(KeyError):
            file.columns["x"]


@pytest.mark.parametrize(("start", "stop"), [(0, 301), (-1, 5), (200, 100), (301, None), (None, -1)])
def test_an_entry_range_outside_of_the_file(small, start, stop):
    file = physlite.open(small)
    for ask in (lambda: file.array("pt", start, stop), lambda: file.events(start, stop)):
        with complaint(EntryRangeError, small, "entries", 300):
            ask()
        with pytest.raises(IndexError):
            ask()


def test_threads_must_be_some(small):
    with complaint(ValueError, "threads=0"):
        physlite.open(small, threads=0)


# ---------------------------------------------------------------------------------------------- damaged baskets


def damaged(content, column="pt", number=1):
    """The file, opened after `content` was changed, and the words that must be in the message."""
    file = physlite.open(bytes(content))
    first, last = number * 100, number * 100 + 100
    return file, (column, f"basket {number}", f"entries {first} to {last}", "damaged", "copy")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_flipped_bits_in_a_compressed_basket(tmp_path, algorithm):
    content = bytearray(three_baskets(tmp_path / "x.root", ALGORITHMS[algorithm]).read_bytes())
    whole = physlite.open(bytes(content))
    offset, size = basket(whole.manifest, "pt", 1)
    begin = offset + key_bytes(content, offset)
    assert bytes(content[begin : begin + 2]) in (b"ZL", b"XZ", b"L4", b"ZS"), "the basket is compressed"
    # Of zstd the first bytes are its magic number: its content has no checksum in ROOT's files.
    at = begin + 9 + (1 if algorithm == "zstd" else (offset + size - begin) // 2)
    content[at] ^= 0x10
    file, words = damaged(content)
    with complaint(CorruptDataError, *words, algorithm):
        file.array("pt")
    assert ak.array_equal(file.array("pt", 0, 100), whole.array("pt", 0, 100)), "other baskets can be read"
    assert ak.array_equal(file.array("pt", 200, 300), whole.array("pt", 200, 300))
    assert ak.array_equal(file.array("number"), whole.array("number")), "other columns can be read"


def test_a_wrong_lz4_checksum(tmp_path):
    content = bytearray(three_baskets(tmp_path / "x.root", ALGORITHMS["lz4"]).read_bytes())
    offset, _ = basket(physlite.open(bytes(content)).manifest, "pt", 1)
    content[offset + key_bytes(content, offset) + 9] ^= 1
    file, words = damaged(content)
    with complaint(CorruptDataError, *words, "lz4: wrong checksum"):
        file.array("pt")


def test_the_old_compression(tmp_path):
    content = bytearray(three_baskets(tmp_path / "x.root").read_bytes())
    offset, _ = basket(physlite.open(bytes(content)).manifest, "pt", 1)
    begin = offset + key_bytes(content, offset)
    content[begin : begin + 2] = b"CS"
    file, words = damaged(content)
    with complaint(UnsupportedFormatError, *words[:3], "old ROOT compression", "hadd -f"):
        file.array("pt")


def test_an_unknown_compression(tmp_path):
    content = bytearray(three_baskets(tmp_path / "x.root").read_bytes())
    offset, _ = basket(physlite.open(bytes(content)).manifest, "pt", 1)
    begin = offset + key_bytes(content, offset)
    content[begin : begin + 2] = b"QQ"
    file, words = damaged(content)
    with complaint(CorruptDataError, *words, "unknown compression algorithm"):
        file.array("pt")


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, 0xFFFFFFFF), (0, 0x7FFFFFFF), (6, 0xFFFFFFFF), (6, 0x7FFFFFFF), (0, 0), (0, 17)],
    ids=["total 4 GiB", "total 2 GiB", "object 4 GiB", "object 2 GiB", "total 0", "total 17"],
)
def test_sizes_that_cannot_be(small, field, value):
    """A size field of 4 GiB is refused before anything is allocated."""
    content = bytearray(small.read_bytes())
    offset, _ = basket(physlite.open(bytes(content)).manifest, "pt", 1)
    struct.pack_into(">I", content, offset + field, value)
    file, words = damaged(content)
    with complaint(CorruptDataError, *words):
        file.array("pt")


@pytest.mark.parametrize(
    ("encoding", "at"), [("6|*f4", 6), ("6|**f4", 6), ("6|**{20;m_persKey=u4,m_persIndex=u4}", 10)], ids=str
)
def test_a_vector_that_claims_four_thousand_million_items(encoding, at):
    """The basket is decompressed, its first entry changed, and stored at the end of the file."""
    content = bytearray(data.path_of(data.R24).read_bytes())
    manifest = physlite.open(bytes(content)).manifest
    column = max((c for c in manifest.columns if c.encoding == encoding), key=lambda c: c.uncompressed_bytes)
    offset, size = basket(manifest, column.name, 0)
    key = Key(content, offset)
    payload = bytearray(decompressed(content[offset + key.bytes : offset + size], key.size))
    struct.pack_into(">I", payload, at, 0xFFFFFFFF)
    record = bytearray(content[offset : offset + key.bytes]) + payload
    struct.pack_into(">I", record, 0, len(record))

    def change(tree):
        # The table of sizes stands shortly before that of offsets: both are arrays of as many baskets as there may be.
        offsets = tree.find(struct.pack(">q", offset))
        struct.pack_into(">q", tree, offsets, len(content))
        sizes = tree.rfind(struct.pack(">i", size), 0, offsets)
        struct.pack_into(">i", tree, sizes, len(record))

    file = physlite.open(tree_object_with(content + record, change))
    with complaint(CorruptDataError, column.name, "basket 0", "4294967295", "damaged"):
        file.array(column.name)


@pytest.mark.parametrize("where", [2**62, 2**40, 2**32 + 5], ids=str)
def test_an_offset_past_the_end(small, where):
    content = small.read_bytes()
    offset, _ = basket(physlite.open(content).manifest, "pt", 1)

    def change(tree):
        at = tree.find(struct.pack(">q", offset))
        struct.pack_into(">q", tree, at, where)

    changed(small, tree_object_with(content, change))
    file = physlite.open(small)
    with complaint(CorruptDataError, small, "truncated or damaged"):
        file.array("pt")
    assert len(file.array("number")) == 300


def test_a_basket_that_belongs_to_other_entries(small):
    """The tree points to a sound basket, but of another number of entries."""
    with uproot.recreate(small, compression=ALGORITHMS["zlib"]) as out:
        out.mktree(TREE, {"pt": "f4"})
        for n in (100, 60, 100):
            out[TREE].extend({"pt": np.zeros(n, "f4")})
    content = small.read_bytes()
    manifest = physlite.open(content).manifest
    (one, size), (other, other_size) = (basket(manifest, "pt", i) for i in (1, 2))

    def change(tree):
        struct.pack_into(">q", tree, tree.find(struct.pack(">q", one)), other)
        struct.pack_into(">i", tree, tree.find(struct.pack(">i", size)), other_size)

    file = physlite.open(tree_object_with(content, change))
    with complaint(CorruptDataError, "pt", "basket 1", "entries 100 to 160", "100 entries", "60"):
        file.array("pt")


def test_an_offset_to_something_that_is_no_basket(small):
    content = small.read_bytes()
    manifest = physlite.open(content).manifest
    offset, _ = basket(manifest, "pt", 1)
    tree_key = RootBytes(content).key()

    def change(tree):
        struct.pack_into(">q", tree, tree.find(struct.pack(">q", offset)), tree_key.seek)

    file = physlite.open(tree_object_with(content, change))
    with complaint(CorruptDataError, "pt", "basket 1", "entries 100 to 200"):
        file.array("pt")


@pytest.mark.parametrize("threads", [1, 2, 4, 16])
@pytest.mark.parametrize("numbers", [[0], [17, 23], [39], [2, 3, 4, 5, 30]], ids=str)
def test_the_first_damaged_basket_is_named_whatever_the_threads(tmp_path_factory, threads, numbers):
    """And the others do not wait for it for ever."""
    path = tmp_path_factory.getbasetemp() / "forty.root"
    if not path.exists():
        write_tree(path, [{"x": np.arange(20_000, dtype="f8") % 7} for _ in range(40)])
    content = bytearray(path.read_bytes())
    manifest = physlite.open(bytes(content)).manifest
    for number in numbers:
        offset, _ = basket(manifest, "x", number)
        content[offset + key_bytes(content, offset) + 40] ^= 0xFF
    file = physlite.open(bytes(content), threads=threads, cache_bytes=0)
    for _ in range(5):
        with complaint(CorruptDataError, f"column x, basket {numbers[0]} ", f"entries {numbers[0] * 20_000} to"):
            file.array("x")


@given(random=st.data())
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_any_damage_is_an_error_of_ours_or_goes_unnoticed(tmp_path_factory, algorithm, random):
    """Never another exception, never a crash. (What no checksum covers, nobody can notice.)"""
    path = tmp_path_factory.getbasetemp() / f"damage-{algorithm}.root"
    if not path.exists():
        three_baskets(path, ALGORITHMS[algorithm])
    content = bytearray(path.read_bytes())
    for _ in range(random.draw(st.integers(1, 4))):
        at = random.draw(st.integers(0, len(content) - 1))
        content[at] = random.draw(st.integers(0, 255))
    try:
        file = physlite.open(bytes(content))
        for name in file.columns:
            file.array(name)
    except (PhysliteError, MemoryError):
        pass
