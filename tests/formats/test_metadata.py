"""Decoders of metadata objects, against hashes computed otherwise, against other places in the file, and on damage."""

import contextlib
import functools
import struct

import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError, EntryRangeError
from physlite.formats.metadata import event_format_rows, read_event_format, read_file_texts, read_folder
from physlite.model.storegate import CLASS_IDS
from support import data, slow_decoder, slow_links

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
    for row in rows:
        assert slow_links.storegate_key(row.name, CLASS_IDS[row.class_name]) == row.key
    names = {row.name for row in rows}
    assert {"AnalysisElectrons", "InDetTrackParticles"} <= names


def test_a_table_of_columns_of_different_length():
    with pytest.raises(CorruptDataError, match="an EventFormat of 2 names, 1 classes and 2 keys"):
        event_format_rows(["a", "b"], ["A"], [1, 2])


@pytest.mark.parametrize(
    ("name", "release", "energy", "channel"),
    [
        (data.R21, "AthDerivation-21.2.108.0", 6.5e6, 410470),
        (data.R22, "Athena-23.0.13", 6.5e6, 410470),
        (data.R24, "Athena-24.0.2", 6.8e6, 601229),
    ],
)
def test_the_attributes_of_tag_info(name, release, energy, channel):
    ((_, folder),) = read_folder(raw(name, "_TagInfo"))
    assert folder["AtlasRelease"] == release
    assert float(folder["beam_energy"]) == energy
    assert folder["project_name"] == "IS_SIMULATION"
    with physlite.open(data.path_of(name)) as file:
        assert file.metadata.beam_energy == energy
        assert file.metadata.geometry_version == folder["GeoAtlas"]
        assert file.metadata.mc_channel_number == channel


@pytest.mark.parametrize("name", [data.R21, data.R22, data.R24])
def test_all_folders_can_be_read(name):
    with physlite.open(data.path_of(name)) as file:
        columns = file._store.metadata.manifest.columns
        folders = [c.name for c in columns if c.type_name == "IOVMetaDataContainer_p1"]
    assert len(folders) >= 4
    for folder in folders:
        read_folder(raw(name, folder))


def test_values_of_other_types_than_strings():
    ((_, keys),) = read_folder(raw(data.R21, "_TRIGGER_HLT_HltConfigKeys"))
    assert keys == {"MasterConfigurationKey": 2216, "HltPrescaleConfigurationKey": 0, "ConfigSource": "TRIGGERDBMC"}
    field = read_folder(raw(data.R21, "_GLOBAL_BField_Maps"))
    assert [(each.channel, each.attributes["SolenoidCurrent"]) for each in field] == [
        (1, 7730.0),
        (2, 7730.0),
        (3, 0.0),
    ]
    prescales = [each.attributes["Prescale"] for each in read_folder(raw(data.R21, "_TRIGGER_HLT_Prescales"))]
    assert len(prescales) == 4241
    assert set(prescales) == {1.0, 0.0, -1.0}


def test_a_folder_agrees_with_the_trigger_menu():
    """What the conditions folder says of chains is in the trigger menu too, which uproot reads."""
    folder = read_folder(raw(data.R21, "_TRIGGER_HLT_Menu"))
    menu = {each.attributes["ChainName"]: each.attributes["ChainCounter"] for each in folder}
    with physlite.open(data.path_of(data.R21)) as file:
        assert len(menu) == len(file._store.metadata.object(_column(file, "_TRIGGER_HLT_Menu"), read_folder)) == 4241
    with uproot.open(data.path_of(data.R21)) as file:
        store = file["MetaData"]["TriggerMenuAux."]
        names, ids = (store[f"TriggerMenuAux.{what}"].array()[0].to_list() for what in ("chainNames", "chainIds"))
    assert any(dict(zip(*each, strict=True)) == menu for each in zip(names, ids, strict=True))


def test_payloads_that_differ_in_their_attributes():
    folder = read_folder(raw(data.R22, "_Generation_Parameters"))
    names = ["HepMCWeightNames", "HepMCWeightSvcVersion"]
    assert [(each.channel, list(each.attributes)) for each in folder] == [
        (310000, names),
        (410470, names[:1]),
        (310000, names),
    ]


def test_texts_of_file_metadata_streamed_whole():
    assert read_file_texts(raw(data.R22, "FileMetaDataAux.")) == ("Athena-23.0.13", "StreamDAOD_PHYSLITE")


def _counted(content):
    return struct.pack(">I", 0x40000000 | len(content)) + content


def _memberwise(content):
    return _counted(struct.pack(">HHI", 0x4009, 0, 1) + content)


def _vector(code, values):
    return _counted(struct.pack(f">HI{len(values)}{code}", 9, len(values), *values))


def _folder(spans, indices, numbers, types=()):
    """A folder of one attribute `n`, of type int: `spans` of its lists, and the place of each value."""
    lists = struct.pack(f">I{3 * len(spans)}I", len(spans), *(s[i] for i in range(3) for s in spans))
    lists += _counted(bytes(22)) * len(spans)
    lists += _counted(struct.pack(">H", 9) + bytes(len(spans)))
    content = struct.pack(">HI", 0, 1)
    content += _memberwise(struct.pack(">I", 1) + _memberwise(lists) + bytes(8 + 8 + 1))
    content += _memberwise(struct.pack(f">I{2 * len(indices)}H", len(indices), *[5] * len(indices), *indices))
    for kind in "?bBhHiIqQqQfd":
        content += _vector(kind, numbers if kind == "i" else ())
    content += _vector("B", ()) + _vector("q", ()) * 2
    content += _counted(struct.pack(">HIBc", 9, 1, 1, b"n")) + _vector("I", types)
    return _counted(b"\0\x09\0") * 2 + _counted(content)


def test_more_values_than_places_have_numbers():
    """Places have 16 bits: after 65535 comes 0 again."""
    many = 2 * 65536 + 10
    indices = [i % 65536 for i in range(many)]
    ((channel, attributes),) = read_folder(_folder([(7, many - 1, many)], indices, range(many)))
    assert (channel, attributes) == (7, {"n": many - 1})
    lists = read_folder(_folder([(i, i, i + 1) for i in range(many)], indices, range(many)))
    assert [each.attributes["n"] for each in lists] == list(range(many))


@pytest.mark.parametrize(
    ("spans", "indices", "types", "message"),
    [
        ([(0, 0, 3)], [0, 1], (), "attributes 0 to 3 of 2"),
        ([(0, 1, 0)], [0, 1], (), "attributes 1 to 0 of 2"),
        ([(0, 0, 2), (1, 0, 2)], [0, 1], (), "attributes 0 to 2 of 2, after those before 2"),
        ([(0, 0, 2)], [0, 2], (), "an attribute of name 0, type 5, place 2"),
        ([(0, 0, 2)], [0, 0], (), "an attribute of name 0, type 5, place 65536"),
        ([(0, 0, 2)], [0, 1], (5,), "lists the types of its attributes apart"),
    ],
)
def test_folders_that_contradict_themselves(spans, indices, types, message):
    """Lists that overlap would make much of little: they are refused."""
    with pytest.raises(CorruptDataError, match=message):
        read_folder(_folder(spans, indices, [10, 20], types))


# ---------------------------------------------------------------------------------------------------------- raw bytes


def _column(file, name):
    return file._store.metadata.manifest.index[name]


@pytest.mark.parametrize("name", [data.R21, data.R22, data.SAMPLE])
def test_raw_bytes_are_those_of_the_slow_decoder(name):
    path = data.path_of(name)
    with physlite.open(path) as file:
        column = file.manifest.index["AnalysisElectronsAuxDyn.pt"]
        expected = slow_decoder.entries(path.read_bytes(), file.manifest, column)
        assert [file._store.raw(column, i) for i in range(len(expected))] == expected


def test_raw_bytes_of_entries_that_are_not_there():
    with physlite.open(data.path_of(data.R21)) as file:
        tree = file._store.metadata
        for entry in (-1, 1, 10**9):
            with pytest.raises(EntryRangeError, match=rf"_TagInfo has no entry {entry} of its own, it has 1"):
                tree.raw(_column(file, "_TagInfo"), entry)


def test_damage_is_named():
    def fail(_):
        raise CorruptDataError("3 bytes wanted")

    with (
        physlite.open(data.path_of(data.R21)) as file,
        pytest.raises(
            CorruptDataError, match=r"21\.2.*: MetaData, _TagInfo: 3 bytes wanted; the file is damaged, copy"
        ),
    ):
        file._store.metadata.object(_column(file, "_TagInfo"), fail)


# ------------------------------------------------------------------------------------------------------------- damage


PIECES = [
    (read_event_format, data.R24, "EventFormatStreamDAOD_PHYSLITE"),
    (read_folder, data.R24, "_TagInfo"),
    (read_folder, data.R22, "_Generation_Parameters"),
]


@pytest.mark.parametrize(("read", "name", "column"), PIECES)
def test_a_beginning_is_not_the_whole(read, name, column):
    entry = raw(name, column)
    for length in [*range(200), *range(200, len(entry), 97)]:
        with pytest.raises(CorruptDataError):
            read(entry[:length])


@pytest.mark.parametrize(("read", "name", "column"), PIECES)
def test_objects_say_how_long_they_are(read, name, column):
    entry = raw(name, column)
    with pytest.raises(CorruptDataError, match="no byte count at byte 0"):
        read(bytes([entry[0] & 0xBF]) + entry[1:])


@given(st.sampled_from(PIECES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1))
def test_damaged_bytes_are_an_error_or_other_values(piece, changes):
    """And nothing else: no crash, no endless loop, no memory for what is not there."""
    read, name, column = piece
    entry = bytearray(raw(name, column))
    for at, value in changes:
        entry[at % len(entry)] = value
    with contextlib.suppress(CorruptDataError):
        read(bytes(entry))
