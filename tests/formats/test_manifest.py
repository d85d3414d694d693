"""A manifest is saved and loaded; one that does not fit is refused with the reason."""

import contextlib
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import PhysliteError, StaleManifestError, UnreadableColumnError
from physlite.formats import ttree
from support import data
from support.compare import assert_same
from support.recording import RecordingSource
from support.rootfiles import three_baskets


@pytest.fixture
def small(tmp_path):
    return three_baskets(tmp_path / "small.root")


@pytest.fixture
def saved(small, tmp_path):
    physlite.open(small).manifest.save(tmp_path / "small.manifest")
    return tmp_path / "small.manifest"


@pytest.mark.parametrize("name", data.ALL_FILES)
def test_what_is_loaded_is_what_was_saved(tmp_path, name):
    manifest = physlite.open(data.path_of(name)).manifest
    manifest.save(tmp_path / "m")
    again = physlite.Manifest.load(tmp_path / "m")
    for field in ("format", "tree", "uuid", "file_bytes", "compression", "num_entries", "columns", "inline"):
        assert getattr(again, field) == getattr(manifest, field), field
    for field in ("clusters", "page_first_entry", "page_offset", "page_size"):
        assert np.array_equal(getattr(again, field), getattr(manifest, field)), field
    assert [p.name for p in tmp_path.iterdir()] == ["m"], "nothing else is left behind"
    assert (tmp_path / "m").stat().st_size < 100_000


@pytest.mark.parametrize("name", [data.R24, data.TIMES_50, data.SAMPLE])
def test_a_loaded_manifest_reads_the_same_without_a_scan(tmp_path, name, monkeypatch):
    path = data.path_of(name)
    file = physlite.open(path)
    file.manifest.save(tmp_path / "m")

    def scan(*_):
        raise AssertionError("the tree was parsed again")

    monkeypatch.setattr(ttree, "read_manifest", scan)
    source = RecordingSource(path)
    again = physlite.open(source, manifest=tmp_path / "m")
    assert sum(r.size for r in source.take()) < 20_000, "the tree is not even read"
    names = [c.name for c in file.manifest.columns if c.encoding][::5]
    expected = file.arrays(names)
    ours = again.arrays(names)
    for column in names:
        assert_same(ours[column], expected[column], column)
    assert_same(again.events().Electrons.pt, file.events().Electrons.pt)


def test_a_manifest_object_does_as_well(small):
    file = physlite.open(small)
    again = physlite.open(small, manifest=file.manifest)
    assert_same(again.array("pt"), file.array("pt"))


def test_the_manifest_of_another_file_is_refused(saved, tmp_path):
    other = three_baskets(tmp_path / "other.root")
    with pytest.raises(StaleManifestError, match=r"other\.root.*another file.*UUID.*make it anew"):
        physlite.open(other, manifest=saved)


def test_the_manifest_of_a_file_that_has_grown_is_refused(small, saved):
    small.write_bytes(small.read_bytes() + b"more")
    with pytest.raises(StaleManifestError, match="another file"):
        physlite.open(small, manifest=saved)


def test_a_manifest_that_is_not_there(small, tmp_path):
    with pytest.raises(FileNotFoundError):
        physlite.open(small, manifest=tmp_path / "none")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"root" * 50, b"PK\x03\x04" + bytes(50)], ids=["empty", "text", "root", "zip"]
)
def test_something_else_is_no_manifest(small, tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(StaleManifestError, match="not a manifest of physlite"):
        physlite.open(small, manifest=tmp_path / "m")


def _rewrite(path, change):
    """Changes the header of a saved manifest."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    change(header, arrays)
    if "header" in arrays:
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def test_a_manifest_of_another_version(saved, small):
    _rewrite(saved, lambda header, _: header.update(version=99))
    with pytest.raises(StaleManifestError, match="version 99, this physlite reads 2: make it anew"):
        physlite.open(small, manifest=saved)


def _first_column(header, position, value):
    header["columns"][0][position] = value


CONTRADICTIONS = {
    "no tree": lambda h, _: h.pop("tree"),
    "no uuid": lambda h, _: h.update(uuid="no"),
    "unknown item": lambda h, _: h.update(surprise=1),
    "short column": lambda h, _: h.update(columns=[[1, 2]]),
    "no list of columns": lambda h, _: h.update(columns=5),
    "unknown encoding": lambda h, _: _first_column(h, 4, "%%"),
    "encoding for nobody": lambda h, _: _first_column(h, 4, "9999999999999999|f4"),
    "member not there": lambda h, _: _first_column(h, 6, [77]),
    "first page not there": lambda h, _: _first_column(h, 10, 1000),
    "pages below zero": lambda h, _: _first_column(h, 11, -1),
    "pages in letters": lambda h, _: _first_column(h, 11, "x"),
    "nameless column": lambda h, _: _first_column(h, 0, None),
    "entries in letters": lambda h, _: h.update(num_entries="x"),
    "entries below zero": lambda h, _: h.update(num_entries=-5),
    "fewer entries": lambda h, _: h.update(num_entries=17),
    "no table": lambda _, a: a.pop("page_size"),
    "short table": lambda _, a: a.update(page_size=a["page_size"][:-1]),
    "table of floats": lambda _, a: a.update(page_offset=a["page_offset"].astype(float)),
    "offsets below zero": lambda _, a: a.update(page_offset=a["page_offset"] - 2**40),
    "sizes below zero": lambda _, a: a.update(page_size=-a["page_size"]),
    "entries backwards": lambda _, a: a.update(page_first_entry=a["page_first_entry"][::-1].copy()),
    "pages past the end": lambda _, a: a.update(page_offset=a["page_offset"] + 2**62),
    "table of tables": lambda _, a: a.update(clusters=a["clusters"][None]),
    "no header": lambda _, a: a.pop("header"),
    "no pages": lambda h, _: _first_column(h, 11, 0),
    "endless entries": lambda h, _: h.update(num_entries=2**70),
    "uuid of numbers": lambda h, _: h.update(uuid=5),
    "format of numbers": lambda h, _: h.update(format=5),
    "no format": lambda h, a: (h.pop("format"), a.update(format=a["clusters"])),
    "member in between": lambda h, _: _first_column(h, 6, [0.0]),
    "member of itself": lambda h, _: _first_column(h, 6, [0]),
    "member that is no list": lambda h, _: _first_column(h, 6, [1]),
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_manifest_that_contradicts_itself(saved, small, change):
    _rewrite(saved, change)
    with pytest.raises(StaleManifestError, match=r"damaged manifest|not a manifest") as caught:
        physlite.open(small, manifest=saved)
    assert "\n" not in str(caught.value)


# Of a file with collections that are split into members: their column is put together from those.
OBJECTS = Path(__file__).parent / "data" / "objects.root"


def _column(header, name):
    return next(c for c in header["columns"] if c[0] == name)


def _change_group(position, change):
    def change_header(header, _):
        packs = _column(header, "packs")
        packs[position] = change(packs[position], header)

    return change_header


def _position(header, name):
    return header["columns"].index(_column(header, name))


GROUPS = {
    "no members": _change_group(6, lambda *_: []),
    "fewer members": _change_group(6, lambda members, _: members[:-1]),
    "members in another order": _change_group(6, lambda members, _: members[::-1]),
    "a member twice": _change_group(6, lambda members, _: [*members[:-1], members[0]]),
    "itself": _change_group(6, lambda members, header: [*members[:-1], _position(header, "packs")]),
    "another group": _change_group(6, lambda members, header: [*members[:-1], _position(header, "pairs")]),
    "a member of another": _change_group(6, lambda members, header: [*members[:-1], _position(header, "pairs.second")]),
    "no list": _change_group(6, lambda members, header: [*members[:-1], _position(header, "point.id")]),
    "left to uproot": _change_group(6, lambda members, header: [*members[:-1], _position(header, "whole")]),
    "no encoding": _change_group(4, lambda *_: ""),
    "encoding of a list": _change_group(4, lambda *_: "~i4"),
    "other names": _change_group(4, lambda text, _: text.replace("plain=", "no=")),
    "other types": _change_group(4, lambda text, _: text.replace("plain=f4", "plain=u4")),
    "header": _change_group(4, lambda text, _: "6|" + text),
    "member of another type": lambda h, _: _column(h, "packs.plain").__setitem__(4, "~u4"),
    "member without encoding": lambda h, _: _column(h, "packs.plain").__setitem__(4, ""),
    "member without pages": lambda h, _: _column(h, "packs.plain").__setitem__(11, 0),
    "member of another name": lambda h, _: _column(h, "packs.plain").__setitem__(0, "packs.no"),
}


@pytest.mark.parametrize("change", GROUPS.values(), ids=GROUPS.keys())
def test_a_group_that_is_not_what_its_members_make(tmp_path, change):
    physlite.open(OBJECTS).manifest.save(tmp_path / "m")
    _rewrite(tmp_path / "m", change)
    with pytest.raises(
        StaleManifestError, match=r"damaged manifest \(column 'packs(\.plain)?' (is not what|has no pages)"
    ):
        physlite.open(OBJECTS, manifest=tmp_path / "m")


def test_columns_that_may_be_without_pages(tmp_path):
    """One that is left to uproot, and one with a problem."""

    def change(header, _):
        _column(header, "whole")[11] = 0
        _column(header, "text")[11] = 0
        _column(header, "text")[5] = "it is not there"

    physlite.open(OBJECTS).manifest.save(tmp_path / "m")
    _rewrite(tmp_path / "m", change)
    with physlite.open(OBJECTS, manifest=tmp_path / "m") as file:
        assert len(file.array("whole")) == file.num_entries
        with pytest.raises(UnreadableColumnError, match="column 'text' cannot be read: it is not there"):
            file.array("text")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A path to save at, and header and arrays of a manifest."""
    path = tmp_path_factory.mktemp("parts") / "m"
    physlite.open(OBJECTS).manifest.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    return path, json.loads(arrays.pop("header").tobytes()), arrays


SCALARS = st.none() | st.booleans() | st.integers(-3, 90) | st.integers() | st.floats() | st.text(max_size=5)
ENCODINGS = st.sampled_from(["", "f4", "~f4", "~i4", "6|*f4", "n", "s", "[3]f4", "~{0;a=f4}", ".(-)6|*f4"])
VALUES = SCALARS | ENCODINGS | st.lists(st.integers(-1, 90) | SCALARS, max_size=4)


@given(random=st.data())
def test_wrong_values_are_refused_or_give_errors_of_ours(parts, random):
    path, header, arrays = parts
    header = json.loads(json.dumps(header))
    for _ in range(random.draw(st.integers(1, 3))):
        if random.draw(st.booleans()):
            key = random.draw(st.sampled_from([k for k in header if k not in ("magic", "version", "columns")]))
            header[key] = random.draw(VALUES, label=key)
        else:
            column = random.draw(st.sampled_from(header["columns"]), label="column")
            column[random.draw(st.integers(0, len(column) - 1), label="position")] = random.draw(VALUES)
    with path.open("wb") as out:
        np.savez(out, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    try:
        file = physlite.open(OBJECTS, manifest=path)
    except PhysliteError:
        return
    for name in file.columns:
        with contextlib.suppress(PhysliteError):
            file.array(name)


def test_a_truncated_manifest(saved, small):
    whole = saved.read_bytes()
    for length in range(0, len(whole), 97):
        saved.write_bytes(whole[:length])
        with pytest.raises(StaleManifestError, match="not a manifest"):
            physlite.open(small, manifest=saved)


@given(seed=st.integers(0, 2**32))
def test_flipped_bytes_are_an_error_of_ours_or_do_no_harm(tmp_path_factory, seed):
    folder = tmp_path_factory.getbasetemp() / "flipped"
    small, manifest, changed = (folder / name for name in ("small.root", "manifest", "changed"))
    if not folder.exists():
        folder.mkdir()
        three_baskets(small)
        physlite.open(small).manifest.save(manifest)
    whole = bytearray(manifest.read_bytes())
    expected = physlite.open(small).arrays()
    chance = random.Random(seed)
    whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    changed.write_bytes(whole)
    try:
        file = physlite.open(small, manifest=changed)
    except PhysliteError:
        return
    assert_same(file.arrays(), expected)


def test_a_manifest_of_many_columns_is_small(tmp_path):
    path = data.path_of(data.TIMES_50)
    physlite.open(path).manifest.save(tmp_path / "m")
    assert (tmp_path / "m").stat().st_size < path.stat().st_size / 100
    assert zipfile.is_zipfile(tmp_path / "m")
