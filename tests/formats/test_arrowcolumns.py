"""Columns to Arrow and back: all types, in pieces, with values that are missing, and links with names."""

from itertools import chain

import awkward as ak
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.arrowcolumns import LinkNames, arrow_field, from_arrow, to_arrow
from physlite.formats.encoding import Fixed, ListOf, Maybe, RecordOf, Size, Text, parse_encoding
from support.compare import assert_same

FLOATS = st.floats(width=32)
LINKS = st.builds(
    lambda key, index: {"m_persKey": key, "m_persIndex": index},
    st.sampled_from([0, 11, 12, 13, 4_000_000_000]),
    st.integers(0, 2**32 - 1),
)
LINK = "{20;m_persKey=u4,m_persIndex=u4}"
# Encodings, and values that entries of them can have.
KINDS = {
    "f4": FLOATS,
    "b1": st.booleans(),
    "d4": st.floats(),
    "n": st.integers(0, 2**32 - 1),
    "[3]i2": st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    "[2]*f4": st.lists(st.lists(FLOATS, max_size=2), min_size=2, max_size=2),
    "6|*f4": st.lists(FLOATS, max_size=3),
    "6|***u1": st.lists(st.lists(st.lists(st.integers(0, 255), max_size=2), max_size=2), max_size=2),
    "s": st.text(max_size=3),
    "6|*s": st.lists(st.text(max_size=3), max_size=3),
    LINK: LINKS,
    f"6|**{LINK}": st.lists(st.lists(LINKS, max_size=2), max_size=2),
    "*?f4": st.lists(st.none() | FLOATS, max_size=3),
    "?*i4": st.none() | st.lists(st.integers(-9, 9), max_size=3),
    "*{0;a=i4,b=*f4}": st.lists(
        st.builds(lambda a, b: {"a": a, "b": b}, st.integers(-9, 9), st.lists(FLOATS, max_size=2)), max_size=3
    ),
}
NAMES = LinkNames({11: "Electrons", 12: "UFOCSSK", 13: "UFOCSSK"})


def column(encoding, values):
    """A layout with values of an encoding."""
    return layout_of(encoding.node, values)


def layout_of(node, values):
    if isinstance(node, Text):
        values = [np.frombuffer(value.encode(), np.uint8).tolist() for value in values]
        characters = ak.contents.NumpyArray(np.array(flat(values), np.uint8), parameters={"__array__": "char"})
        return ak.contents.ListOffsetArray(offsets(values), characters, parameters={"__array__": "string"})
    if isinstance(node, Maybe):
        index = np.where(
            [value is None for value in values], -1, np.cumsum([value is not None for value in values]) - 1
        )
        content = layout_of(node.item, [value for value in values if value is not None])
        return ak.contents.IndexedOptionArray(ak.index.Index64(index), content)
    if isinstance(node, ListOf):
        return ak.contents.ListOffsetArray(offsets(values), layout_of(node.item, flat(values)))
    if isinstance(node, Fixed):
        return ak.contents.RegularArray(layout_of(node.item, flat(values)), node.number)
    if isinstance(node, RecordOf):
        names = [name for name, _ in node.fields]
        contents = [layout_of(item, [value[name] for value in values]) for name, item in node.fields]
        return ak.contents.RecordArray(contents, names, len(values))
    return ak.contents.NumpyArray(np.array(values, np.uint32 if isinstance(node, Size) else node.dtype))


def flat(lists):
    return list(chain.from_iterable(lists))


def offsets(values):
    return ak.index.Index64(np.cumsum([0, *map(len, values)]))


@given(st.sampled_from(list(KINDS)), st.sampled_from([None, NAMES]), st.data())
def test_there_and_back(text, names, data):
    encoding = parse_encoding(text)
    resolved = names is not None
    pieces = data.draw(st.lists(st.lists(KINDS[text], min_size=1, max_size=4), min_size=1, max_size=3))
    layouts = [column(encoding, piece) for piece in pieces]
    arrays = [to_arrow(layout, encoding.node, names) for layout in layouts]
    field = arrow_field("x", encoding.node, resolved=resolved)
    for array in arrays:
        array.validate(full=True)
        assert array.type == field.type
        assert field.nullable or not array.null_count
    whole = ak.concatenate([ak.Array(layout) for layout in layouts])
    back = encoding.layout(from_arrow(arrays, encoding.node, names))
    assert_same(back, whole)
    skipped = data.draw(st.integers(0, len(arrays[0])))
    back = encoding.layout(from_arrow([arrays[0][skipped:], *arrays[1:]], encoding.node, names))
    assert_same(back, whole[skipped:])


@pytest.mark.parametrize("text", KINDS)
def test_nothing(text):
    encoding = parse_encoding(text)
    assert_same(encoding.layout(from_arrow([], encoding.node, None)), encoding.form().length_zero_array())


def test_names_of_containers():
    links = ak.to_layout([{"m_persKey": key, "m_persIndex": i} for i, key in enumerate([11, 0, 12, 13, 99])])
    array = to_arrow(column(parse_encoding(LINK), ak.to_list(links)), parse_encoding(LINK).node, NAMES)
    assert array.to_pylist() == [
        {"container": name, "index": i} for i, name in enumerate(["Electrons", None, "UFOCSSK#12", "UFOCSSK#13", "#99"])
    ]
    for name in ("Muons", "UFOCSSK#", "#4294967296", "#٣"):
        with pytest.raises(CorruptDataError, match="no container of the file"):
            NAMES.keys(pa.array([name]))


def test_what_is_missing_where_nothing_can_be():
    node = parse_encoding("6|*f4").node
    for array in (pa.array([[1.0], None]), pa.array([[1.0, None]])):
        with pytest.raises(CorruptDataError, match="1 values are missing"):
            from_arrow([array], node, None)


@pytest.mark.parametrize("text", ["(i4/s)", "*(i4/s)", "[0]f4"])
def test_types_that_parquet_does_not_have(text):
    with pytest.raises(UnsupportedFormatError, match="Parquet has no"):
        arrow_field("x", parse_encoding(text).node, resolved=False)
