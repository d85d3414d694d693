"""What physlite adds to the ROOT files that it writes: found as it was written, and refused where it is damaged."""

import base64
import json
import zlib

import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError
from physlite.formats.notes import pack_manifest
from physlite.formats.rootfile import RootFile
from physlite.formats.rootnotes import containers_text, read_containers, read_facts_text, read_metadata_tree
from physlite.interop import convert
from physlite.interop.rootcontainer import RootContainer
from physlite.storage import MemorySource
from support import data


def with_texts(path, **texts):
    container = RootContainer(path, None)
    for name, text in texts.items():
        container.add_text(name.replace("_", "."), text)
    container.close()
    return RootFile(MemorySource(path.read_bytes()))


names = st.text(max_size=300)  # longer ones have a length of four bytes


@given(st.lists(st.tuples(names, names, st.integers(0, 2**32 - 1)), max_size=5))
def test_containers(tmp_path_factory, containers):
    path = tmp_path_factory.mktemp("notes") / "notes.root"
    root = with_texts(path, physlite=containers_text(containers))
    assert read_containers(root) == tuple(containers)
    assert read_metadata_tree(root) is None
    with uproot.open(path) as file:
        assert [tuple(row) for row in json.loads(str(file["physlite"]))["containers"]] == containers


def test_files_of_others():
    for name in (data.SAMPLE, data.SAMPLE_RNTUPLE):
        with physlite.open(data.path_of(name)) as file:
            root = RootFile(file.source)
            assert read_containers(root) == ()
            assert read_metadata_tree(root) is None
            assert read_facts_text(root) == "{}"


def test_an_object_of_another_class_is_not_ours(tmp_path):
    with uproot.recreate(tmp_path / "out.root") as file:
        file["physlite"] = {"a": [1.0]}
    assert read_containers(RootFile(MemorySource((tmp_path / "out.root").read_bytes()))) == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"containers": 1}', '{"containers": [1]}', '{"containers": [["a", "b"]]}',
     '{"containers": [["a", "b", "c"]]}', '{"containers": [["a", "b", true]]}', "[" * 100_000],
)  # fmt: skip
def test_damaged_containers(tmp_path, text):
    root = with_texts(tmp_path / "out.root", physlite=text)
    with pytest.raises(CorruptDataError, match=r"^\S+: physlite: .*; the file is damaged, copy it again$"):
        read_containers(root)


def packed_content(header, rest=b""):
    text = header.encode()
    return base64.b64encode(zlib.compress(len(text).to_bytes(8, "little") + text + rest)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "QUJD",
        "QUJD" * 1000,
        *map(packed_content, ["5", "null", "[" * 200_000, '{"columns": 5}', '{"columns": [], "clusters": -5}']),
        packed_content('{"columns": [], "clusters": 9000000000000000000}'),
        packed_content('{"a":[' + "[]," * 3_000_000 + "[]]}"),
    ],
    ids=lambda text: text[:8],
)
def test_damaged_metadata(tmp_path, text):
    root = with_texts(tmp_path / "out.root", physlite_metadata=text)
    with pytest.raises(CorruptDataError, match=r"^\S+: physlite\.metadata: .*; the file is damaged, copy it again$"):
        read_metadata_tree(root)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The text of a real file's MetaData tree."""
    path = tmp_path_factory.mktemp("packed") / "out.root"
    convert(data.path_of(data.SAMPLE), path, columns="AnalysisElectronsAuxDyn.pt", format="rntuple")
    with uproot.open(path) as file:
        return str(file["physlite.metadata"])


@given(random=st.data())
def test_metadata_with_other_characters(packed, tmp_path_factory, random):
    """They are under a checksum, save for bits that mean nothing."""
    at = random.draw(st.integers(0, len(packed.rstrip("=")) - 2))
    other = random.draw(st.sampled_from("ABYZabyz0189+/").filter(lambda c: c != packed[at]))
    path = tmp_path_factory.mktemp("notes") / "notes.root"
    root = with_texts(path, physlite_metadata=packed[:at] + other + packed[at + 1 :])
    try:
        found = read_metadata_tree(root)
    except CorruptDataError:
        return
    assert pack_manifest(found) == packed.encode()


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_metadata_with_another_character(packed, tmp_path, part):
    at = int(part * len(packed))
    other = "A" if packed[at] != "A" else "B"
    root = with_texts(tmp_path / "notes.root", physlite_metadata=packed[:at] + other + packed[at + 1 :])
    with pytest.raises(CorruptDataError):
        read_metadata_tree(root)


@pytest.mark.parametrize("kept", [0, 1, 4, 5, 17, 30])
def test_a_text_that_is_cut_short(tmp_path, kept):
    """The object ends before its text does."""
    path = tmp_path / "out.root"
    container = RootContainer(path, None)
    content = b"\x40\x00\x00\x2a\x00\x01" + bytes(10) + b"\xff\x00\x00\x01\x00" + b"x" * 20
    container.add("TObjString", "physlite", content[:kept])
    container.close()
    with pytest.raises(CorruptDataError):
        read_containers(RootFile(MemorySource(path.read_bytes())))


@pytest.mark.parametrize("name", ["physlite", "physlite_facts"])
def test_texts_that_would_fill_the_memory(tmp_path, name):
    """As objects, JSON takes thirty times its bytes; compressed, a thousandth of them."""
    text = '{"originals":[' + "[]," * 5_000_000 + "[]]}"
    container = RootContainer(tmp_path / "out.root", uproot.ZLIB(1))
    container.add_text(name.replace("_", "."), text)
    container.close()
    content = (tmp_path / "out.root").read_bytes()
    assert len(content) < 200_000
    read = read_containers if name == "physlite" else read_facts_text
    with pytest.raises(CorruptDataError, match=r"it has \d+ bytes, more than 8388629; the file is damaged"):
        read(RootFile(MemorySource(content)))
