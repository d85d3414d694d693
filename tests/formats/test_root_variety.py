"""Trees of many kinds, as ROOT itself writes them: leaves, packed reals, strings, split and unsplit objects.

The files are those of support/write_with_root.py. They are kept beside this test; where PHYSLITE_ROOT_PYTHON names
a Python that has PyROOT, they are also written anew by that version of ROOT.
"""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite.formats import ttree
from physlite.formats.encoding import Encoding, Text
from support import write_with_root
from support.compare import assert_same
from support.decoding import decode_baskets
from support.rootfiles import stored_basket
from support.written_by_root import WRITERS, written_anew

N = write_with_root.ENTRIES


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    if request.param == "kept":
        return Path(__file__).parent / "data"
    return written_anew(write_with_root.__file__, tmp_path_factory.mktemp("root"))


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
    "ranges./ranges.pi": "π: ROOT takes all digits of it, uproot fewer",
    "ranges./ranges.halfPi": "as ranges.pi, and as packed.fine",
    "ranges./ranges.fifteen": "more bits than ROOT truncates to: AttributeError",
    "ranges./ranges.sixteen": "as ranges.fifteen",
    "ranges./ranges.zeros": "as ranges.fifteen",
    "ranges./ranges.backwards": "bounds in the wrong order: ValueError",
    "ranges./ranges.upsideDown": "as ranges.backwards",
    "ranges./ranges.tooMany": "as packed.fine",
    "ranges./ranges.tooFew": "as packed.fine",
    "ranges./ranges.halfPlain": "more bits than ROOT truncates to: numbers from the wrong bytes",
    "ranges./ranges.halfBackwards": "as ranges.backwards",
    "d32p": "as ranges.pi",
    "d32b": "as ranges.fifteen",
    "d32m": "a Double32_t array with range: numbers from the wrong bytes",
    "f16p": "a Float16_t with π: UnboundLocalError",
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


def scaled(values, low, high, bits):
    """As ROOT rounds and clips them, and reads them back."""
    factor = (2.0**bits if bits < 32 else 2.0**32 - 1) / (high - low)
    return np.floor(0.5 + factor * (np.clip(values, low, high) - low)) / factor + low


RANGES = {
    "pi": (-np.pi, np.pi, 14),
    "halfPi": (-np.pi / 2, 2 * np.pi, 32),
    "exponent": (-10, 15, 20),
    "fourteen": None,
    "fifteen": None,
    "sixteen": None,
    "zeros": None,
    "backwards": None,
    "upsideDown": None,
    "tooMany": (-10, 10, 32),
    "tooFew": (-10, 10, 32),
    "words": None,
    "halfPlain": None,
    "halfTen": None,
    "halfBackwards": None,
    "halfWide": (-10, 10, 32),
}


@pytest.mark.parametrize("name", ["objects", "objects_embedded"])
def test_ranges_in_all_the_ways_that_root_takes(folder, name):
    """Those without a range keep the few bits that these values have."""
    values = np.array([number(e, 21) / 32 for e in range(N)])
    with physlite.open(folder / f"{name}.root") as file:
        ours = file.arrays("ranges.*")
        kinds = {c.name: c.encoding for c in file.manifest.columns}
        assert kinds["ranges.fifteen"] == kinds["ranges.upsideDown"] == kinds["ranges.words"] == "d4"
        assert kinds["ranges.fourteen"] == "T(f8,14)"
        assert kinds["ranges.backwards"] == "T(f8,5)"
        assert kinds["ranges.halfPlain"] == "T(f4,12)"
    for field, range_ in RANGES.items():
        dtype = "f4" if field.startswith("half") and field != "halfPi" else "f8"
        expected = scaled(values, *range_) if range_ else values
        precision = 2.0**-5 if field == "backwards" else 0
        got = ours[f"ranges.{field}"].to_numpy()
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected.astype(dtype), rtol=precision, atol=0, err_msg=field)
    expected = scaled(np.stack([values, -values], axis=1), -10, 10, 16)
    np.testing.assert_array_equal(ours["ranges.array[2]"].to_numpy(), expected)


@pytest.mark.parametrize("name", ["flat", "flat_embedded"])
def test_ranges_of_leaves(folder, name):
    with physlite.open(folder / f"{name}.root") as file:
        ours = file.arrays(["d32p", "d32b", "d32m", "f16p"])
    expected = scaled(np.array([number(e, 17) / 32 for e in range(N)]), -2 * np.pi, np.pi / 4, 14)
    np.testing.assert_array_equal(ours.d32p.to_numpy(), expected)
    assert ours.d32b.to_list() == [number(e, 18) / 8 for e in range(N)]
    expected = scaled(np.array([[number(e, k) for k in range(6)] for e in range(N)]), -60, 60, 16)
    np.testing.assert_array_equal(ours.d32m.to_numpy(), expected.reshape(N, 2, 3))
    expected = scaled(np.array([number(e, 19) / 32 for e in range(N)]), -2 * np.pi, 2 * np.pi, 32)
    np.testing.assert_array_equal(ours.f16p.to_numpy(), expected.astype("f4"))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", "d4"),
        ("[3]", "d4"),
        ("[n][0,1,8]", "R(f8,0.0,1.0,8)"),
        ("[n] [ 0 , .5 ]", "R(f8,0.0,0.5,32)"),
        ("[2][3][0,1]", "d4"),  # only the first two brackets count
        ("[0,1", "d4"),
        ("[0,1,8,9]", "R(f8,0.0,1.0,8)"),
        ("[0,1,x]", "R(f8,0.0,1.0,32)"),
        ("[1e3,2E3,+9]", "R(f8,1000.0,2000.0,9)"),
        ("[-TwoPi,pi/4]", f"R(f8,{-2 * np.pi!r},{np.pi / 4!r},32)"),
        ("[-20,-30,20]", None),  # a negative number of bits
        ("[20,-30,20]", None),  # more bits than there is room for
        ("[1.5,0,20]", None),
        ("[-inf,1,20]", None),
        ("[0,1e999]", None),
        ("[0x1,2]", None),
        pytest.param(f"[0,1,{'9' * 5000}]", "R(f8,0.0,1.0,32)", id="many digits"),
    ],
)
def test_texts_of_ranges(title, expected):
    node = ttree._packed("f8", title)
    assert (node and node.text()) == expected


@pytest.mark.parametrize("dimension", ["n", "²", "9" * 5000, "3"], ids=["counter", "square", "many digits", "three"])
def test_dimensions_that_are_no_numbers(dimension):
    """Titles come from the file, and may be damaged."""
    leaf = ("TLeafF", "x", f"x[{dimension}]", 1, False, "")
    assert ttree._resolve_leaves([ttree._Leaf(*leaf)]).encoding.text == ("[3]f4" if dimension == "3" else "f4")


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
    offsets, chars = decode_baskets(column.program, [page], [0, 3000], 0, 3000, 2)
    assert ak.Array(column.layout([offsets, chars])).to_list() == texts
