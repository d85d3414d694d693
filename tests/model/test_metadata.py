"""What files say of themselves: facts, and sums of weights against uproot and against the events themselves."""

import pickle
import struct
import warnings
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite.exceptions import CorruptDataError, MetadataNotFoundError, UnsupportedFormatError
from physlite.model.metadata import CutBookkeeper, sums_of
from physlite.model.store import ColumnStore
from support import data, slow_decoder
from support.patching import patched
from support.recording import RecordingSource
from support.rootfiles import stored_basket

MEMBERS = ("name", "cycle", "inputStream", "nAcceptedEvents", "sumOfEventWeights", "sumOfEventWeightsSquared")
WITH_METADATA = (data.R21, data.R22, data.R24, data.SAMPLE)


@pytest.fixture(scope="module", params=WITH_METADATA)
def file(request):
    return physlite.open(data.path_of(request.param))


def test_facts():
    with physlite.open(data.path_of(data.R21)) as file:
        found = file.metadata
        assert (found.num_events, found.is_simulation, found.mc_channel_number) == (40, True, 410470)
        assert found.run_numbers == (310000,)
        assert found.generators == "Powheg+Pythia8+EvtGen"
        assert (found.release, found.ami_tag) == (
            "AthDerivation-21.2.108.0",
            "r10724_r10724_r10724_r10724_r10724_r10726",
        )
        assert (found.beam_energy, found.beam_type) == (6.5e6, "collisions")
        assert found.data_type == "StreamDAOD_PHYSLITE"
        assert found.weight_names[0] == "nominal"
        assert not [name for name in found.weight_names if name != name.strip()]
        assert found.tag_info["AtlasRelease"] == "AthDerivation-21.2.108.0"
    with physlite.open(data.path_of(data.R22)) as file:
        assert file.metadata.release == "Athena-23.0.13"
        assert file.metadata.data_type == "StreamDAOD_PHYSLITE"
    with physlite.open(data.path_of(data.R24)) as file:
        assert (file.metadata.mc_channel_number, file.metadata.run_numbers) == (601229, (410000,))


@pytest.mark.parametrize(
    ("name", "nominal", "number"), [(data.R21, 29465.34912109375, 217), (data.R24, 39095.759765625, 194)]
)
def test_sums_of_weights_as_uproot_reads_them(name, nominal, number):
    with physlite.open(data.path_of(name)) as file:
        metadata = file.metadata
        assert metadata.sum_of_weights() == nominal
        assert len(metadata.sums) == len(metadata.weight_names) == number
        tree = uproot.open(data.path_of(name))["MetaData"]
        for variation, total in metadata.sums.items():
            old = name == data.R21
            store = "CutBookkeepersAux." if old or variation == 0 else f"CutBookkeepers_weight_{variation}Aux."
            suffix = f"_NonNominalMCWeight_{variation}" if old and variation else ""
            columns = {member: tree[f"{store}/{store}{member}"].array()[0].tolist() for member in MEMBERS}
            rows = [
                (cycle, n, w, w2)
                for step, cycle, stream, n, w, w2 in zip(*columns.values(), strict=True)
                if step == f"AllExecutedEvents{suffix}" and stream == "StreamAOD"
            ]
            assert (total.events, total.weights, total.weights_squared) == max(rows)[1:]


def test_sums_of_stores_streamed_whole_as_the_slow_decoder_reads_them():
    """Release 22's bookkeepers, of which uproot reads nothing."""
    path = data.path_of(data.R22)
    content = path.read_bytes()
    with physlite.open(path) as file:
        manifest = file._store.metadata.manifest
        description = file.streamers["xAOD::CutBookkeeperAuxContainer_v1"]
        members = [(m.name, m.type_name) for m in description.members if m.element_class != "TStreamerBase"]
        found = file.metadata.sums
        assert list(found) == list(range(217))
        for variation, total in found.items():
            store = f"CutBookkeepers_weight_{variation}Aux." if variation else "CutBookkeepersAux."
            (entry,) = slow_decoder.entries(content, manifest, manifest.index[store])
            columns = slow_decoder.object_members(entry, members)
            rows = [
                (cycle, n, w, w2)
                for step, cycle, stream, n, w, w2 in zip(*(columns[member] for member in MEMBERS), strict=True)
                if step == "AllExecutedEvents" and stream == "StreamAOD"
            ]
            assert (total.events, total.weights, total.weights_squared) == max(rows)[1:]
        assert found[0].weights == 73516.11938476562


def test_sums_of_weights_are_those_of_the_events(file):
    """The events of these files were not skimmed. Sums of a few single-precision numbers are exact in doubles."""
    weights = ak.to_numpy(file.events().EventInfo.mcEventWeights).astype(np.float64)
    metadata = file.metadata
    assert [metadata.sum_of_weights(k) for k in range(weights.shape[1])] == pytest.approx(
        weights.sum(axis=0).tolist(), rel=1e-12
    )
    assert metadata.sum_of_weights(0) == weights[:, 0].sum()
    assert metadata.sum_of_weights_squared(0) == pytest.approx((weights[:, 0] ** 2).sum(), rel=1e-12)
    assert metadata.sum_of(0).events == len(weights)


def test_decoys_do_not_count():
    """Other streams, lower cycles, incomplete bookkeepers."""
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        metadata = file.metadata
        rows = [row for row in metadata.cut_bookkeepers if row.name == "AllExecutedEvents"]
        assert [(row.stream, row.cycle) for row in rows] == [("StreamEVGEN", 0), ("StreamAOD", 4), ("StreamAOD", 5)]
        assert metadata.sum_of_weights() == rows[2].sum_of_weights == 1230299.0
        kernel = next(row for row in metadata.cut_bookkeepers if row.name == "PHYSLITEKernel")
        assert kernel.accepted_events == 2000


def row(name="AllExecutedEvents", *, cycle=1, stream="StreamAOD", events=1, container="CutBookkeepers"):
    return CutBookkeeper(container, name, cycle, stream, events, 2.0 * events, 4.0 * events)


@pytest.mark.parametrize(
    ("rows", "events"),
    [
        ([], {}),
        ([row(stream="StreamEVGEN"), row("PHYSLITEKernel")], {}),
        ([row(cycle=2, events=5), row(cycle=10, events=6), row(cycle=9, events=7)], {0: 6}),
        # A derivation of a derivation: the events before the first one count.
        ([row(cycle=1, events=5), row(cycle=2, events=4, stream="StreamDAOD_PHYS")], {0: 5}),
        ([row(cycle=2, events=4, stream="StreamDAOD_PHYS"), row(cycle=3, events=9, stream="StreamRDO")], {0: 4}),
        # Variations of another cycle are of other events.
        ([row(events=5), row("AllExecutedEvents_NonNominalMCWeight_3", events=6)], {0: 5, 3: 6}),
        ([row(events=5), row("AllExecutedEvents_NonNominalMCWeight_3", events=6, cycle=0)], {0: 5}),
        ([row(events=5), row(container="CutBookkeepers_weight_12", events=6)], {0: 5, 12: 6}),
        ([row(events=5), row(container="CutBookkeepers_weight_12", events=6, stream="StreamRDO")], {0: 5}),
        ([row(events=5), row(container="IncompleteCutBookkeepers", events=6)], {0: 5}),
        (
            [row(events=5), row("AllExecutedEvents_NonNominalMCWeight_x"), row(f"AllExecutedEvents_{'9' * 9999}")],
            {0: 5},
        ),
        ([row(events=5), row(events=6)], {0: 11}),
    ],
)
def test_the_rows_that_count(rows, events):
    sums = sums_of(rows)
    assert {variation: total.events for variation, total in sums.items()} == events
    assert all(
        (total.weights, total.weights_squared) == (2 * total.events, 4 * total.events) for total in sums.values()
    )


def test_variations_go_by_index_and_by_name(file):
    metadata = file.metadata
    name = metadata.weight_names[1]
    if metadata.weight_names.count(name) == 1:
        assert metadata.sum_of_weights(name) == metadata.sum_of_weights(f" {name} ") == metadata.sum_of_weights(1)
    with pytest.raises(MetadataNotFoundError, match="no weight 'nominl'; nearest: nominal"):
        metadata.sum_of_weights("nominl")
    with pytest.raises(MetadataNotFoundError, match="no sum of weights of variation 5000"):
        metadata.sum_of_weights(5000)


def test_files_add_up(file):
    one = file.metadata
    both = sum([one, one])
    assert both.num_events == 2 * one.num_events
    assert both.sum_of_weights(1) == 2 * one.sum_of_weights(1)
    assert both.sum_of().events == 2 * one.sum_of().events
    assert (both.mc_channel_number, both.weight_names) == (one.mc_channel_number, one.weight_names)
    assert both.run_numbers == one.run_numbers
    assert len(both.cut_bookkeepers) == 2 * len(one.cut_bookkeepers)
    assert both.files == one.files * 2
    assert dict(both.tag_info) == dict(one.tag_info)


def test_different_channels_do_not_add_up():
    with physlite.open(data.path_of(data.R21)) as a, physlite.open(data.path_of(data.R24)) as b:
        with pytest.raises(ValueError, match=r"mc_channel_number 410470, .*601229: they do not add up"):
            a.metadata + b.metadata
        with physlite.open(data.path_of(data.R22)) as c:  # the same channel, in another release
            total = a.metadata + c.metadata
            assert (total.mc_channel_number, total.release) == (410470, None)
            assert total.sum_of_weights() == a.metadata.sum_of_weights() + c.metadata.sum_of_weights()


def test_the_channel_is_remembered_behind_files_that_do_not_say_it():
    with physlite.open(data.path_of(data.R21)) as a, physlite.open(data.path_of(data.R24)) as b:
        silent = a.metadata._facts
        silent = type(a.metadata)(a.metadata._parts, replace(silent, mc_channel_number=None), {})
        for total in (a.metadata + silent, silent + a.metadata):
            assert total.mc_channel_number is None
            with pytest.raises(ValueError, match=r"21\.2.* has mc_channel_number 410470, .*24\.0.* has 601229"):
                total + b.metadata


def test_weights_of_different_names_have_the_nominal_sum_in_common():
    values = struct.pack(">IHII", 0x40000000 | 200, 9, 1, 217) + b"".join(b"\x03%03d" % i for i in range(217))
    renamed = {
        "TruthMetaDataAux.weightNames": [values[:0] + struct.pack(">I", 0x40000000 | len(values) - 4) + values[4:]]
    }
    with physlite.open(data.path_of(data.R21)) as a, altered(renamed) as b:
        assert b.metadata.weight_names[:2] == ("000", "001")
        total = a.metadata + b.metadata
        assert total.weight_names == ()
        assert total.sum_of_weights() == 2 * a.metadata.sum_of_weights()
        with pytest.raises(MetadataNotFoundError, match=r"and 1 other file: no sum of weights of variation 1"):
            total.sum_of_weights(1)


def test_very_many_files_add_up():
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        total = sum(file.metadata for _ in range(3000))
        assert total.num_events == 3000 * 2000
        assert total.sum_of_weights() == 3000 * 1230299.0
        assert len(total.files) == 3000


def test_metadata_pickle(file):
    metadata = sum([file.metadata, file.metadata])
    expected = dict(metadata.sums)
    again = pickle.loads(pickle.dumps(metadata))  # noqa: S301
    assert repr(again) == repr(metadata)
    assert dict(again.sums) == expected
    assert dict(again.tag_info) == dict(metadata.tag_info)


def test_a_file_without_metadata():
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        found = file.metadata
        assert (found.num_events, found.is_simulation, found.mc_channel_number) == (100, True, 700322)
        assert found.run_numbers == (300000,)
        assert found.release is None
        for ask in (found.sum_of_weights, lambda: found.tag_info, lambda: found.cut_bookkeepers):
            with pytest.raises(MetadataNotFoundError, match=r"collectiontree_only.*no MetaData tree"):
                ask()
        assert "700322" in repr(found)


def test_facts_do_not_read_the_bookkeepers():
    """Which are read when they are asked for, all in one request, and once."""
    requests = []

    class CountingSource(RecordingSource):
        def fetch(self, ranges):
            requests.append(len(ranges))
            return super().fetch(ranges)

    with physlite.open(CountingSource(data.path_of(data.R24))) as file:
        assert file._store.metadata is not None
        requests.clear()
        metadata = file.metadata
        assert len(requests) <= 3  # values, /TagInfo, and what is asked of the events
        assert sum(requests) < 20
        requests.clear()
        metadata.sum_of_weights(100)
        assert requests == [6 * 194]
        assert len(metadata.cut_bookkeepers) >= 194
        metadata.sum_of_weights(7)
        assert requests == [6 * 194]


def altered(columns, entries=1, name=data.R21):
    """The file, opened, with other bytes in the entries of some columns of its MetaData tree; None takes a column away.

    What else the metadata are read from is repeated in each entry.
    """
    file = physlite.open(data.path_of(name))
    tree = file._store.metadata
    manifest = tree.manifest
    changed = list(manifest.columns)
    first_entry, offsets, sizes, inline = [], [], [], manifest.inline
    for i, column in enumerate(manifest.columns):
        if columns.get(column.name, ...) is None or column.name == "FileMetaDataAuxDyn.beamEnergy":
            changed[i] = column._replace(name=f"no {column.name}", path=f"no {column.path}")
        elif column.name in columns or (entries > 1 and column.pages and "[" not in column.type_name):
            try:
                content = columns.get(column.name) or [tree.raw(i, 0)] * entries
            except CorruptDataError:  # numbers, whose entries have no bounds
                continue
            page = stored_basket(b"".join(content), np.cumsum([0, *map(len, content)]))
            changed[i] = column._replace(first_page=len(manifest.page_offset) + len(offsets), pages=1)
            first_entry.append(0)
            offsets.append(-1 - len(inline))
            sizes.append(len(page))
            inline += page
    new = replace(
        manifest,
        num_entries=entries,
        columns=tuple(changed),
        page_first_entry=np.append(manifest.page_first_entry, np.array(first_entry, np.int64)),
        page_offset=np.append(manifest.page_offset, np.array(offsets, np.int64)),
        page_size=np.append(manifest.page_size, np.array(sizes, np.int64)),
        inline=inline,
    )
    file._store.metadata = ColumnStore(tree.source, new, 1, 0)
    return file


def numbers(code, values):
    content = struct.pack(f">HI{len(values)}{code}", 9, len(values), *values)
    return struct.pack(">I", 0x40000000 | len(content)) + content


def texts(values):
    content = struct.pack(">HI", 9, len(values)) + b"".join(bytes([len(v)]) + v.encode() for v in values)
    return struct.pack(">I", 0x40000000 | len(content)) + content


def test_entries_of_merged_files_add_up():
    """As hadd leaves them: an entry for each file."""
    with physlite.open(data.path_of(data.R21)) as one, altered({}, entries=3) as three:
        expected, found = one.metadata, three.metadata
        assert found.sum_of_weights() == 3 * expected.sum_of_weights()
        assert found.sum_of(216).events == 120
        assert len(found.cut_bookkeepers) == 3 * len(expected.cut_bookkeepers)
        assert found.weight_names == expected.weight_names
        assert dict(found.tag_info) == dict(expected.tag_info)
        assert found.num_events == 40  # those that are in the file
        assert repr(found) == repr(expected)
    channels = [numbers("I", [410470]), numbers("I", [410471])]
    with altered({"TruthMetaDataAux.mcChannelNumber": channels}, entries=2) as mixed:
        assert mixed.metadata.mc_channel_number is None


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"CutBookkeepersAux.cycle": None}, MetadataNotFoundError, "no CutBookkeepers in its MetaData tree"),
        ({"CutBookkeepersAux.name": None}, MetadataNotFoundError, "no CutBookkeepersAux.name that can be read"),
        ({"CutBookkeepersAux.cycle": [numbers("i", [1, 2])]}, CorruptDataError, "columns of CutBookkeepersAux. differ"),
        ({"CutBookkeepersAux.name": [texts(["x"] * 400)]}, CorruptDataError, "columns of CutBookkeepersAux. differ"),
        ({"CutBookkeepersAux.name": [b"\x40\0\0"]}, CorruptDataError, "column CutBookkeepersAux.name"),
    ],
)
def test_damaged_bookkeepers(columns, error, message):
    with altered(columns) as file:
        assert file.metadata.mc_channel_number == 410470
        with pytest.raises(error, match=rf"21\.2.*{message}"):
            file.metadata.sum_of_weights()


def test_bookkeepers_of_another_type():
    with altered({}) as file:
        tree = file._store.metadata
        index = tree.manifest.index
        columns = list(tree.manifest.columns)
        columns[index["CutBookkeepersAux.cycle"]] = columns[index["CutBookkeepersAux.name"]]._replace(
            name="CutBookkeepersAux.cycle"
        )
        file._store.metadata = ColumnStore(tree.source, replace(tree.manifest, columns=tuple(columns)), 1, 0)
        with pytest.raises(
            UnsupportedFormatError, match=r"CutBookkeepersAux\.cycle in the MetaData tree is not of the"
        ):
            file.metadata.sum_of_weights()


def test_a_damaged_folder_is_named():
    with (
        altered({"_TagInfo": [b"\x40\0\0\x0b\0\x09"]}) as file,
        pytest.raises(CorruptDataError, match=r"21\.2.*: MetaData, _TagInfo: 11 bytes wanted at byte 4 of 6; the file"),
    ):
        _ = file.metadata


def test_a_table_of_containers_in_columns():
    """As old releases wrote it: its members are branches."""
    with altered({}) as file:
        tree = file._store.metadata
        expected = tree.event_format()
        assert len(expected) == 1079
        donors = {
            "CutBookkeepersAux.name": ("m_branchNames", texts([row.name for row in expected])),
            "CutBookkeepersAux.inputStream": ("m_classNames", texts([row.class_name for row in expected])),
            "CutBookkeepersAux.cutLogic": ("m_branchHashes", numbers("I", [row.key for row in expected])),
        }
    for cut, error in ((0, None), (1, CorruptDataError)):
        bytes_of = {name: [content] for name, (_, content) in donors.items()}
        if cut:
            bytes_of["CutBookkeepersAux.cutLogic"] = [numbers("I", [row.key for row in expected[cut:]])]
        with altered(bytes_of | {"EventFormat": None}) as file:
            tree = file._store.metadata
            columns = [
                c._replace(name=donors[c.name][0], path=f"EventFormat/{donors[c.name][0]}") if c.name in donors else c
                for c in tree.manifest.columns
                if not c.name.startswith("no ")
            ]
            split = ColumnStore(tree.source, replace(tree.manifest, columns=tuple(columns)), 1, 0)
            if error:
                with pytest.raises(
                    error, match="EventFormat: an EventFormat of 1079 names, 1079 classes and 1078 keys"
                ):
                    split.event_format()
            else:
                assert split.event_format() == expected


def test_repr(file):
    metadata = file.metadata
    assert str(metadata.mc_channel_number) in repr(metadata)
    assert f"<td style='text-align:left'>{metadata.release}</td>" in metadata._repr_html_()


def test_links_to_containers_that_only_the_file_knows():
    """A trigger container that PHYSLITE does not keep: its key is in the file's own table, so there is no warning."""

    def change(values):
        next(event for event in values if event)[0] = 568657021

    with patched(data.path_of(data.R21), "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persKey", change) as file:
        assert file.link_target(568657021).container == "HLT_xAOD__TrigMissingETContainer_EFJetEtSum"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            z0 = file.events().Muons.inDetTrackParticle.z0
        assert ak.sum(ak.is_none(z0, axis=1)) == 1
