"""Decoders of metadata objects, against hashes computed otherwise, against other places in the file, and on damage."""

import contextlib
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError
from physlite.formats.metadata import read_event_format, read_folder
from support import data, slow_links

TABLES = {
    data.R21: ("EventFormat", 1079),
    data.R22: ("EventFormatStreamDAOD_PHYSLITE", 471),
    data.R24: ("EventFormatStreamDAOD_PHYSLITE", 95),
    data.SAMPLE: ("EventFormat", None),
}


@functools.cache
def raw(name, column):
    with physlite.open(data.path_of(name)) as file:
        tree = file._store.metadata
        return tree.raw(tree.manifest.index[column], 0)


@pytest.mark.parametrize("name", TABLES)
def test_the_table_of_containers(name):
    """Every key is the hash of its name and class, which the tests compute on their own."""
    column, number = TABLES[name]
    rows = read_event_format(raw(name, column))
    assert number in (None, len(rows))
    assert len(rows) > 10
    known = [row for row in rows if row.class_name in slow_links.CLIDS]
    assert len(known) > 10
    for row in known:
        assert slow_links.storegate_key(row.name, slow_links.CLIDS[row.class_name]) == row.key
    names = {row.name for row in rows}
    assert {"AnalysisElectrons", "InDetTrackParticles"} <= names


@pytest.mark.parametrize(
    ("name", "release", "energy", "channel"),
    [
        (data.R21, "AthDerivation-21.2.108.0", 6.5e6, None),
        (data.R22, "Athena-23.0.13", 6.5e6, 410470),
        (data.R24, "Athena-24.0.2", 6.8e6, 601229),
    ],
)
def test_the_attributes_of_tag_info(name, release, energy, channel):
    folder = read_folder(raw(name, "_TagInfo"))
    assert folder["AtlasRelease"] == (release,)
    assert float(folder["beam_energy"][0]) == energy
    assert folder["project_name"] == ("IS_SIMULATION",)
    with physlite.open(data.path_of(name)) as file:
        assert file.metadata.beam_energy == energy
        assert file.metadata.geometry_version == folder["GeoAtlas"][0]
        assert file.metadata.mc_channel_number == channel or channel is None


@pytest.mark.parametrize("name", [data.R21, data.R22, data.R24])
def test_all_folders_can_be_read(name):
    with physlite.open(data.path_of(name)) as file:
        columns = file._store.metadata.manifest.columns
        folders = [c.name for c in columns if c.type_name == "IOVMetaDataContainer_p1"]
    assert len(folders) >= 4
    for folder in folders:
        read_folder(raw(name, folder))


def test_values_of_other_types_than_strings():
    assert read_folder(raw(data.R21, "_TRIGGER_HLT_HltConfigKeys")) == {
        "MasterConfigurationKey": (2216,),
        "HltPrescaleConfigurationKey": (0,),
        "ConfigSource": ("TRIGGERDBMC",),
    }
    field = read_folder(raw(data.R21, "_GLOBAL_BField_Maps"))
    assert field["SolenoidCurrent"] == (7730.0, 7730.0, 0.0)
    assert set(read_folder(raw(data.R21, "_TRIGGER_HLT_Prescales"))["Prescale"]) == {1.0, 0.0, -1.0}


PIECES = [(read_event_format, data.R24, "EventFormatStreamDAOD_PHYSLITE"), (read_folder, data.R24, "_TagInfo")]


@pytest.mark.parametrize(("read", "name", "column"), PIECES)
def test_a_beginning_is_not_the_whole(read, name, column):
    entry = raw(name, column)
    for length in [*range(200), *range(200, len(entry), 97)]:
        with pytest.raises(CorruptDataError):
            read(entry[:length])


@given(st.sampled_from(PIECES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1))
def test_damaged_bytes_are_an_error_or_other_values(piece, changes):
    """And nothing else: no crash, no endless loop, no memory for what is not there."""
    read, name, column = piece
    entry = bytearray(raw(name, column))
    for at, value in changes:
        entry[at % len(entry)] = value
    with contextlib.suppress(CorruptDataError):
        read(bytes(entry))
