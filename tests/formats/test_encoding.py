"""Encodings: their text, the programs of the core, and the arrays they become."""

import contextlib

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite import _core
from physlite.exceptions import StaleManifestError
from physlite.formats import cpptypes
from physlite.formats.encoding import (
    Encoding,
    Fixed,
    ListOf,
    Member,
    Objects,
    Primitive,
    Ranged,
    RecordOf,
    Size,
    Text,
    ToEnd,
    Truncated,
    parse_encoding,
)
from support.decoding import decode_baskets

CODES = ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "d4"]

reals = st.sampled_from(["f4", "f8"])
bounds = st.floats(-1e6, 1e6)
leaves = st.one_of(
    st.builds(Primitive, st.sampled_from(CODES)),
    st.just(Text()),
    st.builds(Ranged, reals, bounds, bounds, st.integers(2, 32)),
    st.builds(Truncated, reals, st.integers(2, 16)),
)
names = st.from_regex(r"[A-Za-z_][\w.]*", fullmatch=True)


def records(item):
    fields = st.lists(st.tuples(names, item), min_size=1, max_size=4, unique_by=lambda field: field[0])
    return st.builds(RecordOf, st.integers(0, 40), fields.map(tuple))


inner = st.recursive(
    leaves,
    lambda item: st.one_of(
        st.builds(ListOf, item, st.booleans()), st.builds(Fixed, st.integers(1, 20), item), records(item)
    ),
    max_leaves=6,
)
skips = st.lists(st.one_of(st.none(), st.integers(1, 100)), max_size=4).map(tuple)
members = st.builds(Member, skips, st.integers(0, 20), inner)
nodes = st.one_of(members, inner, st.builds(ToEnd, inner), st.builds(Objects, records(inner)), st.just(Size()))
encodings = st.builds(Encoding, st.integers(0, 40), nodes)


@given(encodings)
def test_the_text_of_an_encoding_is_read_back(encoding):
    assert parse_encoding(encoding.text) == encoding


@given(encodings)
def test_the_core_takes_the_program(encoding):
    """No entries come of no pages: one offset for each list at the outside, values for none."""
    buffers = decode_baskets(encoding.program, [], [0], 0, 0)
    layout = encoding.layout(buffers)
    assert layout.length == 0
    assert layout.form.type == encoding.form().type
    assert str(layout.form.type) == encoding.type


@given(encodings)
def test_forms_number_their_keys_in_the_order_of_the_buffers(encoding):
    form = encoding.form("x")
    buffers = decode_baskets(encoding.program, [], [0], 0, 0)
    keys = [f"x@{i}" for i in range(len(buffers))]
    assert sorted(form.expected_from_buffers(buffer_key="{form_key}"), key=lambda k: int(k[2:])) == keys
    container = dict(zip(keys, buffers, strict=True))
    assert len(ak.from_buffers(form, 0, container, buffer_key="{form_key}")) == 0


@pytest.mark.parametrize(
    "text",
    ["", "f", "f44", "*", "[]f4", "[x]f4", "{0;}", "{0;a}", "{0;a=f4", "@f4", "6|", "|f4", "x|f4", "-1|f4", "6|6|f4",
     "R(f4,a,b,3)", "T(i4,3)", "f4,f4", "*" * 5000 + "f4", "*f4}"],
)  # fmt: skip
def test_other_text_is_refused(text):
    with pytest.raises(StaleManifestError, match="unknown encoding"):
        parse_encoding(text)


@given(st.text(alphabet="*~#@[]{};=,|RTsn0123456789fubid.", max_size=30))
def test_any_text_is_an_encoding_or_refused(text):
    try:
        encoding = parse_encoding(text)
    except StaleManifestError:
        return
    assert parse_encoding(encoding.text) == encoding


@given(st.lists(st.integers(-5, 30), max_size=12))
def test_the_core_refuses_what_is_no_program(integers):
    with contextlib.suppress(_core.CorruptData):
        decode_baskets(np.array(integers, np.int64), [], [0], 0, 0)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("vector<vector<ElementLink<DataVector<xAOD::TrackParticle_v1> > > >",
         "vector<vector<ElementLink<DataVector<xAOD::TrackParticle_v1>>>>"),
        ("std::vector<std::string>", "vector<string>"),
        ("vector<float, allocator<float> >", "vector<float>"),
        ("vector<vector<int,allocator<int> >,allocator<vector<int,allocator<int> > > >", "vector<vector<int>>"),
        ("set<int, std::less<int>, std::allocator<int> >", "set<int>"),
        ("map<string,pair<int,float> >", "map<string,pair<int,float>>"),
        ("unsigned int", "unsigned int"),
    ],
)  # fmt: skip
def test_type_names_are_normalized(name, normal):
    assert cpptypes.normalize(name) == normal


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vector<float>", "6|*f4"),
        ("std::vector<std::vector<unsigned char> >", "6|**u1"),
        ("vector<string>", "6|*s"),
        ("vector<set<int> >", "6|*#i4"),
        ("string", "s"),
        ("bool", "b1"),
        ("ULong64_t", "u8"),
        ("Double32_t", "d4"),
        ("ElementLink<DataVector<xAOD::Vertex_v1> >", "{10;m_persKey=u4,m_persIndex=u4}"),
        ("vector<ElementLink<DataVector<xAOD::Jet_v1> > >", "@{20;m_persKey=u4,m_persIndex=u4}"),
        ("vector<vector<ElementLink<DataVector<xAOD::Jet_v1> > > >", "6|**{20;m_persKey=u4,m_persIndex=u4}"),
        ("vector<vector<ElementLink<DataVector<SomethingNew> > > >", "6|**{20;m_persKey=u4,m_persIndex=u4}"),
    ],
)
def test_any_target_and_any_depth_has_an_encoding(name, text):
    """uproot5#1282: not a list of known classes."""
    assert cpptypes.alone(name).text == text


@pytest.mark.parametrize(
    "name", ["map<int,float>", "vector<pair<int,float> >", "xAOD::EventInfo_v1", "vector<Foo>", ""]
)
def test_other_types_have_none(name):
    assert cpptypes.alone(name) is None
