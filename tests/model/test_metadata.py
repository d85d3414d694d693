"""What files say of themselves: facts, and sums of weights against those of the events; several files added up."""

import dataclasses
import pickle
import time
import warnings
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.exceptions import CorruptDataError, MetadataNotFoundError, MixedTagsWarning
from physlite.model.facts import Facts, read_origin
from physlite.model.metadata import Metadata
from physlite.model.store import ColumnStore
from physlite.storage import MemorySource
from support import data
from support.metadata_files import altered, numbers, text_lists, texts, twin
from support.recording import CountingSource

WITH_METADATA = (data.R21, data.R22, data.R24, data.RNTUPLE, data.SAMPLE)


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


def test_the_documentation_has_all_facts():
    for field in dataclasses.fields(Facts):
        assert field.name in Metadata.__doc__


def test_variations_go_by_index_and_by_name(file):
    metadata = file.metadata
    name = metadata.weight_names[1]
    if metadata.weight_names.count(name) == 1:
        assert metadata.sum_of_weights(name) == metadata.sum_of_weights(f" {name} ") == metadata.sum_of_weights(1)
    assert metadata.sum_of_weights(np.int64(1)) == metadata.sum_of_weights(1)
    with pytest.raises(MetadataNotFoundError, match="no weight 'nominl'; nearest: nominal"):
        metadata.sum_of_weights("nominl")
    last = len(metadata.weight_names) - 1
    for index in (5000, -1):
        with pytest.raises(
            MetadataNotFoundError,
            match=f"no sum of weights of variation {index}: there are {last + 1}, from 0 to {last}$",
        ):
            metadata.sum_of_weights(index)


@pytest.mark.parametrize("variation", [True, False, 1.0, 1.5, None, np.float64(1), np.bool_(True), [1]], ids=repr)
def test_what_is_no_variation(variation):
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        for ask in (file.metadata.sum_of, file.metadata.sum_of_weights, file.metadata.sum_of_weights_squared):
            with pytest.raises(TypeError, match="a weight variation is the index or the name of a weight, not "):
                ask(variation)


# ----------------------------------------------------------------------------------------------------- several files


@pytest.mark.parametrize("name", WITH_METADATA)
def test_files_add_up(name):
    with physlite.open(data.path_of(name)) as file, twin(data.path_of(name)) as other:
        one = file.metadata
        both = sum([one, other.metadata])
        assert both.num_events == 2 * one.num_events
        assert both.sum_of_weights(1) == 2 * one.sum_of_weights(1)
        assert both.sum_of().events == 2 * one.sum_of().events
        assert dict(both.sums) == {variation: total + total for variation, total in one.sums.items()}
        assert (both.mc_channel_number, both.weight_names) == (one.mc_channel_number, one.weight_names)
        assert both.run_numbers == one.run_numbers
        assert len(both.cut_bookkeepers) == 2 * len(one.cut_bookkeepers)
        assert both.files == (*one.files, *other.metadata.files)
        assert dict(both.tag_info) == dict(one.tag_info)


def test_a_file_does_not_add_up_with_itself(tmp_path):
    """Whatever it is called, and however much there is besides."""
    path = data.path_of(data.SAMPLE)
    (tmp_path / "copy.root").write_bytes(path.read_bytes())
    files = [path, path, tmp_path / "copy.root", MemorySource(path.read_bytes(), "memory")]
    one, again, copy, memory = (physlite.open(each).metadata for each in files)
    other, third = (twin(path, number).metadata for number in (1, 2))
    with pytest.raises(ValueError, match=r"sample\.root is added twice \(UUID 1ea2dd42-.*would count twice, take each"):
        one + again
    with pytest.raises(ValueError, match=r"sample\.root and .*copy\.root are the same file, added twice"):
        sum([other, one, third, copy])
    with pytest.raises(ValueError, match=r"memory and .*copy\.root are the same file"):
        (other + memory) + (third + copy)
    with pytest.raises(ValueError, match=r"1-sample\.root is added twice \(UUID [^)]*\), and so are 2 more: their"):
        (third + other + one) + (other + one + third)
    with pytest.raises(ValueError, match=r"1-sample\.root is added twice"):
        (one + other) + (other + third)
    with pytest.raises(ValueError, match="added twice"):
        pickle.loads(pickle.dumps(one)) + again  # noqa: S301


def test_files_without_uuid_are_told_apart_by_name():
    path = data.path_of(data.SAMPLE)
    one, other = (twin(path, 0, name).metadata for name in ("a", "b"))
    assert (one + other).num_events == 4000
    with pytest.raises(ValueError, match="a is added twice"):
        one + one


def test_different_channels_do_not_add_up():
    with (
        physlite.open(data.path_of(data.R21)) as a,
        physlite.open(data.path_of(data.R24)) as b,
        pytest.raises(ValueError, match=r"mc_channel_number 410470, .*601229: they do not add up"),
    ):
        a.metadata + b.metadata


def test_files_with_other_tags_add_up_with_a_warning():
    """The same channel, in another release."""
    tags = (
        r"21\.2.* has the AMI tag r10724_r10724_r10724_r10724_r10724_r10726, "
        r".*22\.2.* has r13145_r13145_r13145_r13145_r13146: their sums are added, but the same events may be "
    )
    with physlite.open(data.path_of(data.R21)) as a, physlite.open(data.path_of(data.R22)) as b:
        with pytest.warns(MixedTagsWarning, match=tags) as caught:
            total = a.metadata + b.metadata
        assert [warning.filename for warning in caught] == [__file__]
        assert (total.mc_channel_number, total.release, total.ami_tag) == (410470, None, None)
        assert total.sum_of_weights() == a.metadata.sum_of_weights() + b.metadata.sum_of_weights()


def test_a_tag_is_warned_of_when_it_comes_in():
    """And not for each pair of files, nor for files that do not say their tag."""

    def tagged(number, tag):
        one = twin(data.path_of(data.SAMPLE), number).metadata
        return replace(one, ami_tag=tag, _ami_tags={tag: one.files[0]} if tag else {})

    files = [tagged(i + 1, tag) for i, tag in enumerate(["r1", None, "r1", "r2", "r1", "r2", None, "r3"])]
    with pytest.warns(MixedTagsWarning) as caught:
        total = sum(files)
    texts_of = [str(warning.message).partition(": their")[0] for warning in caught]
    assert texts_of == [
        "1-sample.root has the AMI tag r1, 4-sample.root has r2",
        "1-sample.root has the AMI tag r1, 8-sample.root has r3",
    ]
    assert total.num_events == 8 * 2000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sum(files[:3])
        total + tagged(9, "r2")
        tagged(9, "r2") + total


def test_the_channel_is_remembered_behind_files_that_do_not_say_it():
    with twin(data.path_of(data.R21), 1) as a, twin(data.path_of(data.R21), 2) as s:
        b = physlite.open(data.path_of(data.R24))
        silent = replace(s.metadata, mc_channel_number=None, _firsts={})
        for total in (a.metadata + silent, silent + a.metadata):
            assert total.mc_channel_number is None
            with pytest.raises(ValueError, match=r"21\.2.* has mc_channel_number 410470, .*24\.0.* has 601229"):
                total + b.metadata


WEIGHTS = "TruthMetaDataAux.weightNames"


@pytest.mark.parametrize("number", [217, 218])
def test_weights_of_different_names_have_the_nominal_sum_in_common(number):
    """As many of them, or more."""
    names = [f"{i:03}" for i in range(number)]
    with physlite.open(data.path_of(data.R21)) as a, altered({WEIGHTS: [text_lists([names])]}, number=1) as b:
        assert b.metadata.weight_names == tuple(names)
        total = a.metadata + b.metadata
        assert total.weight_names == ()
        assert total.sum_of_weights() == 2 * a.metadata.sum_of_weights()
        assert list(total.sums) == [0]
        with pytest.raises(
            MetadataNotFoundError,
            match=r"and 1 other file: no sum of weights of variation 1: weights of different names",
        ):
            total.sum_of_weights(1)


def test_very_many_files_add_up():
    """In little more than the time that looking at each takes."""
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        one = file.metadata
        (part,) = one._parts.values()
        several = [
            replace(
                one,
                _parts={(1, i, ""): replace(part, originals=frozenset({str(i)}))},
                _originals={str(i): part.name},
            )
            for i in range(3000)
        ]
        begin = time.process_time()
        total = sum(several)
        seconds = time.process_time() - begin
        assert total.num_events == 3000 * 2000
        assert total.sum_of_weights() == 3000 * 1230299.0
        assert len(total.files) == 3000
        assert seconds < 3


def test_metadata_pickle(file):
    (part,) = file.metadata._parts.values()
    metadata = sum([file.metadata, replace(file.metadata, _parts={(1, 1, ""): part}, _originals={})])
    expected = dict(metadata.sums)
    again = pickle.loads(pickle.dumps(metadata))  # noqa: S301
    assert repr(again) == repr(metadata)
    assert again.weight_names == metadata.weight_names
    assert dict(again.sums) == expected
    assert dict(again.tag_info) == dict(metadata.tag_info)


# ------------------------------------------------------------------------------------------------- what files lack


def test_a_file_without_metadata():
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        found = file.metadata
        assert (found.num_events, found.is_simulation, found.mc_channel_number) == (100, True, 700322)
        assert found.run_numbers == (300000,)
        assert found.release is None
        for ask in (found.sum_of_weights, lambda: found.sums, lambda: found.tag_info, lambda: found.cut_bookkeepers):
            with pytest.raises(MetadataNotFoundError, match=r"collectiontree_only.*no MetaData tree"):
                ask()
        assert "700322" in repr(found)
        assert "sum of weights" not in repr(found)


def test_facts_of_events_that_are_no_integers():
    """Where such columns are something else, it is not known what."""
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        manifest = file._store.manifest
        floats = manifest.index["EventInfoAuxDyn.averageInteractionsPerCrossing"]
        columns = list(manifest.columns)
        for name in ("mcChannelNumber", "runNumber", "eventTypeBitmask"):
            column = manifest.index[f"EventInfoAuxDyn.{name}"]
            columns[column] = columns[floats]._replace(name=f"EventInfoAuxDyn.{name}")
        store = ColumnStore(file._store.source, replace(manifest, columns=tuple(columns)), 1, 0)
        found = physlite.File(store).metadata
        assert (found.is_simulation, found.mc_channel_number, found.run_numbers) == (None, None, ())


def test_a_file_in_which_samples_are_mixed():
    """By Athena, which leaves one entry with all of them."""
    channels = {"TruthMetaDataAux.mcChannelNumber": [numbers("I", [410470, 410471])]}
    with (
        altered(channels) as mixed,
        altered({"TruthMetaDataAux.mcChannelNumber": [numbers("I", [410470] * 2)]}) as same,
    ):
        assert mixed.metadata.mc_channel_number is None
        assert same.metadata.mc_channel_number == 410470
    with altered({WEIGHTS: [text_lists([["a", "b"], ["a", "c"]])], "FileMetaDataAuxDyn.generatorsInfo": None,
                  "TruthMetaDataAux.generators": [texts(["Powheg", "Sherpa"])]}) as mixed:  # fmt: skip
        assert (mixed.metadata.weight_names, mixed.metadata.generators) == ((), None)
    with altered({WEIGHTS: [text_lists([["a", "b"], [" a ", "b"]])]}) as same:
        assert same.metadata.weight_names == ("a", "b")


@pytest.mark.parametrize(
    ("project", "is_simulation"),
    [("IS_SIMULATION", True), ("data22_13p6TeV", False), ("valid1", True), ("", True)],
)
def test_data_are_known_by_their_project(project, is_simulation, monkeypatch):
    """And where that is neither of the two, by what the events say, which are simulated in this file."""
    with physlite.open(data.path_of(data.R24)) as file:
        monkeypatch.setattr("physlite.model.facts.read_tags", lambda *_: {"project_name": project})
        assert file.metadata.is_simulation is is_simulation


@pytest.mark.parametrize(("project", "channels"), [("IS_SIMULATION", ()), ("data22_13p6TeV", None), ("", ())])
def test_the_origin_of_a_file_without_events(project, channels, monkeypatch):
    """As skims of data can be: nothing but the project says what it is of."""
    with altered({"TruthMetaDataAux.mcChannelNumber": None}) as file:
        monkeypatch.setattr("physlite.model.facts.read_tags", lambda *_: {"project_name": project})
        empty = ColumnStore(file._store.source, replace(file._store.manifest, columns=()), 1, 0)
        empty.metadata = file._store.metadata
        assert read_origin(empty)[0] == channels


def test_a_store_of_another_class_with_the_name_of_file_metadata():
    """As EventInfoAux. is in release 22: it has no texts, and is no reason to read nothing."""
    with altered({"FileMetaDataAux.": [b"\x40\0\0\x02\0\x01"]}, name=data.R22) as file:
        tree = file._store.metadata
        columns = list(tree.manifest.columns)
        stub = tree.manifest.index["FileMetaDataAux."]
        columns[stub] = columns[stub]._replace(type_name="xAOD::AuxInfoBase")
        file._store.metadata = ColumnStore(tree.source, replace(tree.manifest, columns=tuple(columns)), 1, 0)
        found = file.metadata
        assert (found.data_type, found.release, found.mc_channel_number) == (None, "Athena-23.0.13", 410470)


def test_more_entries_than_files_can_be_merged():
    """Which would be counted for ever: nothing that is read of them needs bytes in the file."""
    with physlite.open(data.path_of(data.R21)) as file:
        tree = file._store.metadata
        file._store.metadata = ColumnStore(tree.source, replace(tree.manifest, num_entries=100_001, columns=()), 1, 0)
        with pytest.raises(CorruptDataError, match=r"21\.2.*: a MetaData tree of 100001 entries"):
            _ = file.metadata


def test_facts_do_not_read_the_bookkeepers():
    """Which are read when they are asked for, all in one request, and once."""
    source = CountingSource(data.path_of(data.R24))
    with physlite.open(source) as file:
        assert file._store.metadata is not None
        source.requests.clear()
        metadata = file.metadata
        assert len(source.requests) <= 3  # values, /TagInfo, and what is asked of the events
        assert sum(source.requests) < 20
        source.requests.clear()
        metadata.sum_of_weights(100)
        assert source.requests == [6 * 194]
        assert len(metadata.cut_bookkeepers) >= 194
        metadata.sum_of_weights(7)
        assert source.requests == [6 * 194]


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
        assert [row for row in found.rows() if row[0] != "sum of weights"] == [
            row for row in expected.rows() if row[0] != "sum of weights"
        ]
    channels = [numbers("I", [410470]), numbers("I", [410471])]
    with altered({"TruthMetaDataAux.mcChannelNumber": channels}, entries=2) as mixed:
        assert mixed.metadata.mc_channel_number is None


def test_merged_files_with_weights_of_different_names_have_the_nominal_sum_in_common():
    """As files that are added up."""
    names = [f"{i:03}" for i in range(217)]
    with physlite.open(data.path_of(data.R21)) as one:
        first = text_lists([one.metadata.weight_names])
        nominal = one.metadata.sum_of_weights()
    with altered({WEIGHTS: [first, text_lists([names])]}, entries=2) as merged:
        assert merged.metadata.weight_names == ()
        assert merged.metadata.sum_of_weights() == 2 * nominal
        assert list(merged.metadata.sums) == [0]
        with pytest.raises(MetadataNotFoundError, match="of variation 1: weights of different names, of which only"):
            merged.metadata.sum_of_weights(1)
        with pytest.raises(
            MetadataNotFoundError, match=r"weights of different names, of which only .* 'nominal' cannot"
        ):
            merged.metadata.sum_of_weights("nominal")


def test_files_with_sums_of_other_weights_do_not_add_up():
    """Although they say that their weights have the same names."""
    with physlite.open(data.path_of(data.R21)) as one:
        rows = one.metadata.cut_bookkeepers
        last = next(i for i, row in enumerate(rows) if row.name == "AllExecutedEvents_NonNominalMCWeight_216")
        step = [row.name for row in rows]
        step[last] = "another"
        with altered({"CutBookkeepersAux.name": [texts(step)]}, number=1) as other:
            total = one.metadata + other.metadata
            with pytest.raises(
                MetadataNotFoundError, match=r"of 217 weight variations, 1-.*21\.2.* of 216: they do not"
            ):
                total.sum_of_weights(1)
            assert total.sum_of_weights() == 2 * one.metadata.sum_of_weights()


def test_a_damaged_folder_is_named():
    with (
        altered({"_TagInfo": [b"\x40\0\0\x0b\0\x09"]}) as file,
        pytest.raises(CorruptDataError, match=r"21\.2.*: MetaData, _TagInfo: 11 bytes wanted at byte 4 of 6; the file"),
    ):
        _ = file.metadata


def test_repr(file):
    metadata = file.metadata
    assert str(metadata.mc_channel_number) in repr(metadata)
    assert f"<td style='text-align:left'>{metadata.release}</td>" in metadata._repr_html_()
    total = metadata.sum_of()
    assert f"\nsum of weights  {total.weights:.10g} of {total.events} events\n" in repr(metadata).replace(",", "")
    assert f">{total.weights:.10g} of {total.events:,} events</td>" in metadata._repr_html_()


def test_a_repr_needs_no_sums():
    """Nor an open file."""
    with altered({"CutBookkeepersAux.cycle": None}) as without, altered({"CutBookkeepersAux.name": [b"@"]}) as damaged:
        for file in (without, damaged):
            assert "410470" in repr(file.metadata)
            assert "sum of weights" not in repr(file.metadata) + file.metadata._repr_html_()
    for where in (data.path_of(data.R21), MemorySource(data.path_of(data.R21).read_bytes())):
        with physlite.open(where) as file:
            closed = file.metadata
        assert "410470" in repr(closed)
        assert "410470" in closed._repr_html_()
    with physlite.open(data.path_of(data.R21)) as file:
        known = file.metadata
        known.sum_of_weights()
    assert "sum of weights  29465.34912 of 40 events" in repr(known)


def test_metadata_are_of_files():
    """Two files that say the same of themselves are two."""
    first, second = physlite.open(data.path_of(data.R21)).metadata, twin(data.path_of(data.R21)).metadata
    assert first == physlite.open(data.path_of(data.R21)).metadata
    assert first != second
    assert len({first, second, physlite.open(data.path_of(data.R21)).metadata}) == 2
    assert sum({first, second}).sum_of_weights() == 2 * first.sum_of_weights()


def test_files_of_several_channels():
    """They add up with none that has others."""
    channel = "TruthMetaDataAux.mcChannelNumber"
    both = altered({channel: [numbers("I", [1]), numbers("I", [2])]}, entries=2, number=5)
    again = altered({channel: [numbers("I", [2]), numbers("I", [1])]}, entries=2, number=7)
    other = altered({channel: [numbers("I", [1])]}, number=6)
    assert both.metadata.mc_channel_number is None
    assert both.metadata.mc_channel_numbers == (1, 2)
    assert (both.metadata + again.metadata).mc_channel_numbers == (1, 2)
    with pytest.raises(ValueError, match=r"has mc_channel_number 1 and 2, .* has 1: they do not add up"):
        _ = both.metadata + other.metadata
