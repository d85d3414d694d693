"""RNTuples that are written: columns of all types that there are, read by physlite and by uproot."""

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.formats.encoding import parse_encoding
from physlite.interop.ntuplefields import NtupleSchema, problem_of, streams
from physlite.interop.ntuplefile import NtupleFile
from physlite.interop.rootcontainer import RootContainer
from support.compare import assert_same
from support.made_columns import column

NUMBERS = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
SHAPES = ("{}", "*{}", "**{}", "***{}", "[3]{}", "*[2]{}", "[2]*{}", "*?{}", "?{}", "?*{}", "#{}", "*#{}")
RECORDS = ("{{0;m_persKey=u4,m_persIndex=u4}}", "{{0;first=s,second=*{}}}", "{{0;_0={},_1=s}}", "*{{0;a={},b=i4}}")
OPTIONS = (None, uproot.ZSTD(5), uproot.LZ4(4))


def type_name(node):
    """The C++ type of a node, as ROOT has it for a tree."""
    kind = type(node).__name__
    if kind in ("ListOf", "Maybe"):
        template = "optional" if kind == "Maybe" else "set" if node.is_set else "vector"
        return f"{template}<{type_name(node.item)}>"
    if kind == "Fixed":
        return f"array<{type_name(node.item)},{node.number}>"
    if kind == "RecordOf":
        if node.fields[0][0] == "m_persKey":
            return "ElementLink<DataVector<xAOD::Jet_v1> >"
        return f"pair<{','.join(type_name(item) for _, item in node.fields)}>" if node.fields[0][0] == "_0" else "X"
    return "string" if kind == "Text" else NAMES[node.code]


NAMES = dict(
    zip(
        NUMBERS,
        ("bool", "char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long",
         "float", "double"),
        strict=True,
    )
)  # fmt: skip


def items_of(node):
    """Values of a node, as Python has them."""
    kind = type(node).__name__
    if kind == "ListOf":
        item = items_of(node.item)
        return st.lists(item, max_size=3).map(lambda x: sorted(set(x)) if node.is_set else x)
    if kind == "Maybe":
        return st.none() | items_of(node.item)
    if kind == "Fixed":
        return st.lists(items_of(node.item), min_size=node.number, max_size=node.number)
    if kind == "RecordOf":
        fields = {name: items_of(item) for name, item in node.fields}
        return st.tuples(*fields.values()) if "_0" in fields else st.fixed_dictionaries(fields)
    if kind == "Text":
        return st.text(max_size=3)
    if node.code == "b1":
        return st.booleans()
    if node.code[0] == "f":
        return st.floats(width=8 * int(node.code[1]), allow_nan=False)
    limits = np.iinfo(node.code)
    return st.integers(int(limits.min), int(limits.max))


def written(path, columns, *clusters, compression=None):
    """A file with these columns: of each name, type and encoding; of each cluster the entries and the layouts."""
    schema = NtupleSchema(columns, [])
    container = RootContainer(path, compression)
    ntuple = NtupleFile(container, "EventData", schema, 2)
    for entries, *layouts in clusters:
        elements = [values for i in schema.order for values in streams(columns[i][2].node, ak.to_layout(layouts[i]))]
        ntuple.add_cluster(entries, elements)
    ntuple.close()
    container.close()
    return path


@given(
    text=st.sampled_from([shape.format(code) for shape in (*SHAPES, *RECORDS) for code in NUMBERS])
    | st.sampled_from(["s", "*s", "**s", "*?s", "[2]s"]),
    compression=st.sampled_from(OPTIONS),
    random=st.data(),
)
def test_any_column(tmp_path_factory, text, compression, random):
    """In two clusters, read by physlite, and by uproot."""
    path = tmp_path_factory.mktemp("any") / "any.root"
    encoding = parse_encoding(text)
    assert problem_of("XAuxDyn.x", type_name(encoding.node), encoding) == ""
    parts = [random.draw(st.lists(items_of(encoding.node), min_size=0, max_size=4)) for _ in range(2)]
    typed = [column(encoding, part) for part in parts]
    clusters = [(len(part), array) for part, array in zip(parts, typed, strict=True)]
    written(path, [("XAuxDyn.x", type_name(encoding.node), encoding)], *clusters, compression=compression)
    file = physlite.open(path)
    assert file.manifest.clusters.tolist() == [0, len(parts[0]), len(parts[0]) + len(parts[1])]
    assert file.manifest.columns[0].encoding == text
    everything = column(encoding, [*parts[0], *parts[1]])
    assert_same(file.array("XAuxDyn.x"), everything)
    with uproot.open(path) as root:
        assert root["EventData"]["XAuxDyn:x"].array().to_list() == everything.to_list()


def test_more_than_a_page(tmp_path):
    """Pages have a megabyte at most; offsets and signs go on in the next one."""
    numbers = np.arange(700_000, dtype=np.int32) - 350_000
    ends = ak.index.Index64(np.array([0, 10, 500_000, 700_000]))
    lists = ak.contents.ListOffsetArray(ends, ak.contents.NumpyArray(numbers))
    many = ak.contents.ListOffsetArray(
        ak.index.Index64(np.arange(300_001)), ak.contents.NumpyArray(np.ones(300_000, dtype="?"))
    )
    one = ak.contents.ListOffsetArray(ak.index.Index64(np.array([0, 300_000, 300_000, 300_000])), many)
    columns = [
        ("XAuxDyn.x", "vector<int>", parse_encoding("*i4")),
        ("YAuxDyn.y", "vector<vector<bool>>", parse_encoding("**b1")),
    ]
    path = written(tmp_path / "pages.root", columns, (3, lists, one), (3, lists, one), compression=uproot.ZSTD(1))
    file = physlite.open(path)
    assert [file.columns[name].baskets for name in ("XAuxDyn.x", "YAuxDyn.y")] == [2 * (1 + 3), 2 * (1 + 3 + 1)]
    for name, layout in (("XAuxDyn.x", lists), ("YAuxDyn.y", one)):
        expected = ak.concatenate([ak.Array(layout)] * 2)
        assert_same(file.array(name), expected, name)
        assert_same(file.array(name, 4, 5), expected[4:5], name)
    with uproot.open(path) as root:
        assert ak.all(root["EventData"]["XAuxDyn:x"].array() == file.array("XAuxDyn.x"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(i4/s)", "can be of several types"),
        ("?{0;a=f4,b=f4}", "optional records"),
        ("*{0;a%2eb=f4}", "no field of an RNTuple can have the name"),
        ("*{0;a b=f4}", "no field of an RNTuple can have the name 'a b'"),
    ],
)
def test_what_is_not_written(text, why):
    assert why in problem_of("XAuxDyn.x", "X", parse_encoding(text))


def test_a_name_that_no_field_can_have():
    assert "can have the name 'a/b'" in problem_of("a/b", "float", parse_encoding("f4"))
