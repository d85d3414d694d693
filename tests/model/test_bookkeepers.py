"""The rows of bookkeepers that count, against uproot and the slow decoder, and on damage."""

from dataclasses import replace

import pytest
import uproot

import physlite
from physlite.exceptions import CorruptDataError, MetadataNotFoundError, UnsupportedFormatError
from physlite.model.bookkeepers import CutBookkeeper, sums_of
from physlite.model.store import ColumnStore
from support import data, slow_decoder
from support.metadata_files import altered, numbers, texts
from support.recording import CountingSource

MEMBERS = ("name", "cycle", "inputStream", "nAcceptedEvents", "sumOfEventWeights", "sumOfEventWeightsSquared")


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
        # The nominal sum stands in one place, and a variation has one name.
        ([row(events=5), row(container="CutBookkeepers_weight_0", events=6)], {0: 5}),
        ([row(events=5), row("AllExecutedEvents_NonNominalMCWeight_0", events=6)], {0: 5}),
        (
            [row(events=5), row(container="CutBookkeepers_weight_1"), row(container="CutBookkeepers_weight_01")],
            {0: 5, 1: 1},
        ),
        (
            [row(events=5), row("AllExecutedEvents_NonNominalMCWeight_3", container="CutBookkeepers_weight_12")],
            {0: 5},
        ),
        ([row(container="CutBookkeepers_weight_12")], {}),
    ],
)
def test_the_rows_that_count(rows, events):
    sums = sums_of(rows)
    assert {variation: total.events for variation, total in sums.items()} == events
    assert all(
        (total.weights, total.weights_squared) == (2 * total.events, 4 * total.events) for total in sums.values()
    )


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


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("CutBookkeepersAux.cycle", "CutBookkeepersAux.name"),
        ("CutBookkeepersAux.name", "CutBookkeepersAux.cycle"),
        ("CutBookkeepersAux.name", "TriggerMenuAux.chainIds"),  # numbers of as many lists as texts have
    ],
)
def test_bookkeepers_of_another_type(column, other):
    with altered({}) as file:
        tree = file._store.metadata
        index = tree.manifest.index
        columns = list(tree.manifest.columns)
        columns[index[column]] = columns[index[other]]._replace(name=column)
        file._store.metadata = ColumnStore(tree.source, replace(tree.manifest, columns=tuple(columns)), 1, 0)
        with pytest.raises(UnsupportedFormatError, match=f"{column} in the MetaData tree is not of the type"):
            file.metadata.sum_of_weights()


def test_the_nominal_sum_needs_one_container():
    """And is the same as among the others."""
    source = CountingSource(data.path_of(data.R24))
    with physlite.open(source) as file:
        metadata = file.metadata
        source.requests.clear()
        nominal = metadata.sum_of()
        assert source.requests == [6]
        assert metadata.sums[0] == nominal
