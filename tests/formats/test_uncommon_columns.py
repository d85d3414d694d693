"""The columns that uproot cannot be asked about."""

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.storage import MemorySource
from support import data, slow_decoder
from support.compare import assert_same
from support.data import R22, R24, SAMPLE, TIMES_50, TREE_ONLY
from support.oracle import HARD_SCATTER, JET_LINK, SIZED, tree

OBJECTS = Path(__file__).parent / "data" / "objects.root"

# StoreGate's hashes of names and classes.
JETS_KEY = 452794649
PRIMARY_VERTICES_KEY = 936461719


@pytest.mark.parametrize("name", [R24, TREE_ONLY, TIMES_50, SAMPLE])
def test_jet_link_of_the_association_map(name):
    """uproot5#951: a vector of links, streamed member by member (or not, after ROOT rewrote it)."""
    with physlite.open(data.path_of(name)) as file:
        links = file.array(JET_LINK)
        assert links.fields == ["m_persKey", "m_persIndex"]
        assert set(ak.flatten(links.m_persKey).tolist()) == {0, JETS_KEY}
        # One entry of the map for each jet, and the last for what belongs to none.
        index = links.m_persIndex
        present = links.m_persKey == JETS_KEY
        assert ak.all(ak.sum(~present, axis=1)[ak.num(links) > 0] >= 1)
        jets = file.columns["AnalysisJetsAuxDyn.pt"].name
        assert ak.all(index[present] < ak.num(file.array(jets)))
        assert ak.all(np.diff(ak.flatten(index[:1][present[:1]])) != 0)


@pytest.mark.parametrize("name", [TREE_ONLY, R24, SAMPLE])
def test_jet_link_equals_the_slow_decoder(name):
    path = data.path_of(name)
    with physlite.open(path) as file:
        i = file.columns.index(JET_LINK)
        expected = slow_decoder.column_values(path.read_bytes(), file.manifest, i)
        assert file.array(JET_LINK).to_list() == expected


def test_jet_link_repeats_where_the_events_do():
    """The same events written by two versions of ROOT, once member by member and once object by object."""
    with physlite.open(data.path_of(TREE_ONLY)) as one, physlite.open(data.path_of(TIMES_50)) as many:
        assert many.array(JET_LINK, 4900, 5000).to_list() == one.array(JET_LINK).to_list()


@pytest.mark.parametrize("name", [R22, R24, TREE_ONLY, TIMES_50, SAMPLE])
def test_hard_scatter_vertex_link(name):
    """uproot5#1177: one link an event."""
    with physlite.open(data.path_of(name)) as file:
        links = file.array(HARD_SCATTER)
        assert str(links.type) == f"{file.num_entries} * {{m_persKey: uint32, m_persIndex: uint32}}"
        assert set(links.m_persKey.to_list()) == {PRIMARY_VERTICES_KEY}
        vertices = ak.num(_vertex_types(file))
        assert ak.all(links.m_persIndex < vertices)


def _vertex_types(file):
    (name,) = [n for n in file.columns if n.startswith("PrimaryVertices") and n.endswith(".vertexType")]
    return file.array(name)


@pytest.mark.parametrize("name", data.parameters(data.ALL_TTREES))
def test_interface_containers_tell_how_many_objects_there_are(name):
    with physlite.open(data.path_of(name)) as file:
        sized = [c for c in file.manifest.columns if SIZED.match(c.type_name)]
        assert len(sized) > 30
        checked = 0
        for column in sized:
            assert column.encoding == "n"
            lists = [
                n
                for store in ("Aux.", "AuxDyn.")
                for n in file.columns
                if n.startswith(column.name + store) and file.columns[n].type.startswith("var *")
            ]
            if not lists:
                continue
            shortest = min(lists, key=lambda n: file.columns[n].compressed_bytes)
            assert file.array(column.name).to_list() == ak.num(file.array(shortest)).to_list(), column.name
            checked += 1
        assert checked > 25


@pytest.mark.parametrize("name", data.parameters(data.ALL_TTREES))
def test_columns_left_to_uproot_are_what_uproot_reads_or_a_clear_error(name):
    """uproot5#1046: what cannot be read is listed, and raises when it is used, and only then."""
    with physlite.open(data.path_of(name)) as file:
        left = {c.type_name: c for c in file.manifest.columns if not c.encoding}
        for column in left.values():
            if column.problem:
                assert file.columns[column.path].type in ("unreadable", "no values", "in its members")
                with pytest.raises(physlite.exceptions.UnreadableColumnError, match=re.escape(column.problem)):
                    file.array(column.path)
                continue
            assert file.columns[column.path].type == "through uproot"
            try:
                expected = tree(name)[column.path].array()
            except Exception as error:  # noqa: BLE001  # uproot has no common base class
                with pytest.raises(physlite.exceptions.UnreadableColumnError) as caught:
                    file.array(column.path)
                for word in (file.name, column.path, f"uproot says {type(error).__name__}"):
                    caught.match(re.escape(word))
                assert len(str(caught.value).splitlines()) == 1
            else:
                assert_same(file.array(column.path), expected, column.path)


class Failing(MemorySource):
    """Whose bytes cannot be had any more."""

    fails = False

    def fetch(self, ranges):
        if self.fails:
            raise TimeoutError("the server does not answer")
        return super().fetch(ranges)


def _left_to_uproot(file):
    """A column that uproot reads."""
    (column,) = [c for c in file.manifest.columns if c.name == "whole"]
    assert not column.encoding
    return column.name


def test_bytes_that_cannot_be_had_are_not_an_unreadable_column():
    source = Failing(OBJECTS.read_bytes())
    with physlite.open(source) as file:
        name = _left_to_uproot(file)
        source.fails = True
        with pytest.raises(TimeoutError, match="the server does not answer"):
            file.array(name)
        source.fails = False
        assert len(file.array(name)) == file.num_entries


def test_a_closed_file_is_not_an_unreadable_column():
    with OBJECTS.open("rb") as opened:
        for where in (OBJECTS, opened):
            with physlite.open(where) as file:
                name = _left_to_uproot(file)
            with pytest.raises(ValueError, match="is closed: open it again, or read what you need") as caught:
                file.array(name)
            assert not isinstance(caught.value, physlite.exceptions.PhysliteError)


def test_one_unreadable_column_does_not_keep_others_from_being_read():
    with physlite.open(data.path_of(R24)) as file:
        pt = file.arrays("AnalysisElectronsAuxDyn.pt")
        with pytest.raises(physlite.exceptions.UnreadableColumnError, match="EventInfo"):
            file.arrays(["AnalysisElectronsAuxDyn.pt", "EventInfo"])
        events = file.events()
        assert ak.array_equal(events.Electrons.pt, pt["AnalysisElectronsAuxDyn.pt"])
