"""What files say of themselves: facts, and sums of weights against uproot and against the events themselves."""

import warnings

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite.exceptions import MetadataNotFoundError
from support import data
from support.patching import patched
from support.recording import RecordingSource

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
        assert file.metadata.release == "Athena-23.0.13"  # from TagInfo: the store of FileMetaData is streamed whole
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
    source = RecordingSource(data.path_of(data.R24))
    with physlite.open(source) as file:
        metadata = file.metadata
        before = len(source.take())
        assert before < 60
        metadata.sum_of_weights(100)
        assert len(source.take()) >= 6 * 194
        metadata.sum_of_weights(7)
        assert source.take() == []


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
