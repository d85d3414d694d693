"""Trees of many kinds, as ROOT itself writes them: leaves, packed reals, strings, split and unsplit objects.

The files are those of support/write_with_root.py. They are kept beside this test; where PHYSLITE_ROOT_PYTHON names
a Python that has PyROOT, they are also written anew by that version of ROOT.
"""

import os
import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite import _core
from physlite.formats.encoding import Encoding, Text
from support import write_with_root
from support.compare import assert_same
from support.rootfiles import stored_basket

ROOT_PYTHON = os.environ.get("PHYSLITE_ROOT_PYTHON")
N = write_with_root.ENTRIES

no_root = pytest.mark.skipif(
    not ROOT_PYTHON and os.environ.get("CI") != "true", reason="no PyROOT: `make root` installs it in .venv-root"
)
# The kept files say the same, so that nothing is missing where ROOT is. CI installs it.
WRITERS = ["kept", pytest.param("fresh", marks=[pytest.mark.root, no_root])]


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    if request.param == "kept":
        return Path(__file__).parent / "data"
    out = tmp_path_factory.mktemp("root")
    done = subprocess.run(
        [str(ROOT_PYTHON), write_with_root.__file__, str(out)], capture_output=True, text=True, check=False, cwd=out
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def number(entry, item, *, signed=True):
    return (entry * 37 + item * 11) % 101 - (50 if signed else 0)


def size(entry):
    return entry * 5 % 13


# What uproot gets wrong or cannot read here; these have tests of their own.
NOT_UPROOT = {
    "text": "an empty string of a TLeafC takes no byte",
    "d32n": "a Double32_t array with counter and range: numbers from the wrong bytes",
    "f16n": "a Float16_t array with counter: UnboundLocalError",
    "packed./packed.fine": "32 bits of a range: ROOT divides it into 2³² - 1 steps, uproot into 2³²",
    "packs/packs.fine": "as packed.fine",
}


@pytest.mark.parametrize("name", ["flat", "flat_embedded", "objects", "objects_embedded", "large"])
def test_columns_equal_uproot(folder, name):
    path = folder / f"{name}.root"
    tree = uproot.open(path)["CollectionTree"]
    with physlite.open(path) as file:
        for column in file.manifest.columns:
            if column.path in NOT_UPROOT and not (name.startswith("objects") and column.path == "text"):
                continue
            expected = tree[column.path].array()
            ours = file.array(column.path)
            if column.members and column.encoding:
                for field in ours.fields:
                    if f"{column.path}/{column.name}.{field}" not in NOT_UPROOT:
                        assert_same(ours[field], expected[f"{column.name}.{field}"], f"{column.path}, {field}")
            else:
                assert_same(ours, expected, column.path)
            for start, stop in ((0, 0), (0, 1), (17, 31), (24, 26), (59, 60)):
                if stop <= file.num_entries:
                    assert_same(file.array(column.path, start, stop), ours[start:stop], column.path)


@pytest.mark.parametrize("name", ["flat", "flat_embedded"])
def test_leaves_have_the_values_that_were_written(folder, name):
    entries = range(N)
    with physlite.open(folder / f"{name}.root") as file:
        events = file.arrays([n for n in file.columns if n != "text"])
    for column, item, signed, factor, dtype in (
        ("b", 0, True, 1, "i1"), ("B", 1, False, 1, "u1"), ("s", 2, True, 300, "i2"), ("S", 3, False, 600, "u2"),
        ("i", 4, True, 40000000, "i4"), ("l", 6, True, 90000000000000000, "i8"),
        ("L", 7, False, 180000000000000000, "u8"), ("f", 10, True, 1 / 8, "f4"), ("d", 11, True, 1 / 7, "f8"),
    ):  # fmt: skip
        values = np.array([number(e, item, signed=signed) for e in entries])
        values = values / 7 if column == "d" else values.astype(dtype) * np.dtype(dtype).type(factor)
        assert_same(events[column], values.astype(dtype), column)
    assert events.o.to_list() == [e % 3 == 0 for e in entries]
    assert events.f3.to_list() == [[number(e, k) for k in range(3)] for e in entries]
    assert events.i23.to_list() == [[[number(e, 3 * j + k) for k in range(3)] for j in range(2)] for e in entries]
    assert events.n.to_list() == [size(e) for e in entries]
    assert events.fn.to_list() == [[number(e, k) for k in range(size(e))] for e in entries]
    assert events.dn2.to_list() == [[[number(e, k), k] for k in range(size(e))] for e in entries]
    assert events.on.to_list() == [[(e + k) % 2 == 1 for k in range(size(e))] for e in entries]
    assert str(events.dn2.type) == f"{N} * var * 2 * float64"


@pytest.mark.parametrize("name", ["flat", "flat_embedded"])
@pytest.mark.parametrize(
    ("column", "item", "precision"),
    [
        ("d32", 12, 0),
        ("d32r", 13, 101 / 2**20),
        ("f16", 14, 50 / 2**12),
        ("f16r", 15, 101 / 2**14),
        ("f16b", 16, 50 / 2**7),
    ],
)
def test_packed_leaves(folder, name, column, item, precision):
    with physlite.open(folder / f"{name}.root") as file:
        values = file.array(column).to_numpy()
    assert values.dtype == ("f8" if column.startswith("d") else "f4")
    np.testing.assert_allclose(values, [number(e, item) / 8 for e in range(N)], rtol=0, atol=precision)


@pytest.mark.parametrize("name", ["flat", "flat_embedded"])
@pytest.mark.parametrize(("column", "precision"), [("d32n", 200 / 2**12), ("f16n", 50 / 2**12)])
def test_packed_leaves_with_a_counter(folder, name, column, precision):
    with physlite.open(folder / f"{name}.root") as file:
        values = file.array(column)
    assert ak.num(values).to_list() == [size(e) for e in range(N)]
    expected = [number(e, k) for e in range(N) for k in range(size(e))]
    np.testing.assert_allclose(ak.flatten(values), expected, rtol=0, atol=precision)


@pytest.mark.parametrize("name", ["flat", "flat_embedded"])
def test_character_leaves(folder, name):
    """An empty one takes no byte at all."""
    with physlite.open(folder / f"{name}.root") as file:
        assert file.array("text").to_list() == [chr(97 + e % 26) * (e % 7 * 5) for e in range(N)]


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_packed_members_of_split_classes(folder, name):
    """The range stands in the description of the class."""
    with physlite.open(folder / f"{name}.root") as file:
        one = file.arrays("packed.*")
        many = file.array("packs")
    value = np.array([number(e, 20) / 8 for e in range(N)])
    for field, shift, scale, precision in (
        ("whole", 0, 1, 0), ("ranged", 0, 1, 20 / 2**16), ("bits", 0, 1, 10 / 2**10), ("fine", 50, 1, 100 / 2**32),
        ("half", 0, 1, 10 / 2**12), ("halfRanged", 0, 50, 2 / 2**12), ("plain", 0, 1, 0),
    ):  # fmt: skip
        expected = (value + shift) / scale
        np.testing.assert_allclose(one[f"packed.{field}"], expected, rtol=0, atol=precision, err_msg=field)
        expected = [(number(e, k) / 8 + shift) / scale for e in range(N) for k in range(e * 5 % 7)]
        np.testing.assert_allclose(ak.flatten(many[field]), expected, rtol=0, atol=precision, err_msg=field)


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_maps_and_pairs_are_lists_of_records(folder, name):
    with physlite.open(folder / f"{name}.root") as file:
        table, pairs = file.array("table"), file.array("pairs")
    sizes = [e * 5 % 7 for e in range(N)]
    assert table.to_list() == [[{"first": k, "second": k + 0.5} for k in range(n)] for n in sizes]
    assert pairs.to_list() == [[{"first": k, "second": k + 0.25} for k in range(n)] for n in sizes]


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_strings(folder, name):
    with physlite.open(folder / f"{name}.root") as file:
        words = file.arrays(["text", "texts", "words", "point.label"])
    assert words.text.to_list() == [chr(97 + e % 26) * (300 if e % 4 == 3 else e % 5) for e in range(N)]
    assert words.texts.to_list() == [["x" * (60 * k) for k in range(e * 5 % 7)] for e in range(N)]
    assert words.words.to_list() == [[["w" * j for j in range(k % 4)] for k in range(e * 5 % 7)] for e in range(N)]
    assert words["point.label"].to_list() == ["p" * (e % 3) for e in range(N)]


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_arrays_in_classes_keep_their_dimensions(folder, name):
    with physlite.open(folder / f"{name}.root") as file:
        assert str(file.array("point.x[3]").type) == f"{N} * 3 * float32"
        assert str(file.array("points.x[3]").type) == f"{N} * var * 3 * float32"


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_unsplit_objects_are_left_to_uproot(folder, name):
    with physlite.open(folder / f"{name}.root") as file:
        assert file.columns["whole"].type == "through uproot"
        whole = file.array("whole", 5, 9)
        assert whole.id.to_list() == [e + e % 3 for e in range(5, 9)]
        assert whole.tags.to_list() == [[e - j for j in range(e % 3)] for e in range(5, 9)]


def test_baskets_that_stand_in_the_tree_itself(folder):
    for name in ("flat_embedded", "objects_embedded"):
        with physlite.open(folder / f"{name}.root") as file:
            assert all(c.pages == 1 for c in file.manifest.columns if not c.members)
            assert (file.manifest.page_offset < 0).all()
            assert len(file.manifest.inline) > 10_000
    with physlite.open(folder / "flat.root") as file:
        assert file.manifest.clusters.tolist()[-1] == N
        assert {c.pages for c in file.manifest.columns} == {3}


def test_a_basket_of_several_compressed_blocks(folder):
    with physlite.open(folder / "large.root") as file:
        assert file.columns["values"].uncompressed_bytes > 0xFFFFFF
        assert file.columns["values"].baskets == 1
        values = file.array("values")
        assert ak.num(values).to_list() == [50_000] * 50
        assert ak.min(values, axis=1).to_list() == ak.max(values, axis=1).to_list() == list(range(50))
        assert_same(file.array("values", 31, 33), values[31:33])


@pytest.mark.parametrize("filled", [0, 1, 100])
def test_mostly_empty_text(filled):
    """An entry of no bytes is an empty string: there can be many more entries than bytes."""
    texts = ["a" if filled and i % filled == 0 else "" for i in range(3000)]
    content = [b"\1a" if text else b"" for text in texts]
    starts = np.cumsum([0] + [len(entry) for entry in content])
    column = Encoding(0, Text())
    page = stored_basket(b"".join(content), starts)
    offsets, chars = _core.decode([(column.program, [page], np.array([0, 3000]), 0, 3000)], 2)[0]
    assert ak.Array(column.layout([offsets, chars])).to_list() == texts
