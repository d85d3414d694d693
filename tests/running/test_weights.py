"""Sums of weights of a dataset, from the files that were processed."""

from uuid import UUID

import pytest

import physlite
from physlite.exceptions import MetadataNotFoundError
from physlite.model.bookkeepers import WeightSum
from physlite.model.store import open_store
from physlite.running.weights import FileWeights, channels, total_weights, weights_of
from support import data

ONE = FileWeights("one.root", (0, 0, "1"), (410470,), WeightSum(10, 0.1, 1.0))
TWO = FileWeights("two.root", (0, 0, "2"), (410470,), WeightSum(20, 0.2, 2.0))
THREE = FileWeights("three.root", (0, 0, "3"), (410470,), WeightSum(30, 0.3, 3.0))
OTHER = FileWeights("other.root", (0, 0, "4"), (700320,), WeightSum(40, 0.4, 4.0))
OF_DATA = FileWeights("data.root", (0, 0, "5"), (), None, "data.root: it is of data, which has no weights")


def of_file(name):
    store = open_store(data.path_of(name), threads=1, manifest=None, cache_bytes=0)
    try:
        return weights_of(store)
    finally:
        store.close()


def refusal(*files):
    """What is said when sums are wanted that are not there, in one line."""
    with pytest.raises(MetadataNotFoundError) as raised:
        total_weights("ttbar", files)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", [data.SAMPLE, data.SAMPLE_RNTUPLE, data.R22, data.RNTUPLE])
def test_of_a_file(name):
    with physlite.open(data.path_of(name)) as file:
        assert of_file(name).sum == file.metadata.sum_of()
        assert of_file(name).channels == (file.metadata.mc_channel_number,)
        assert of_file(name).problem == ""
        assert of_file(name).tag == file.metadata.ami_tag
        assert not of_file(name).is_data


def test_of_a_file_without_metadata():
    """That is no error before somebody wants them."""
    path = data.path_of(data.TREE_ONLY)
    problem = f"{path}: it has no MetaData tree, where sums of weights are"
    assert of_file(data.TREE_ONLY) == FileWeights(str(path), of_file(data.TREE_ONLY).identity, (700322,), None, problem)
    assert refusal(ONE._replace(channels=(700322,)), of_file(data.TREE_ONLY)) == (
        f"dataset ttbar: no sum of weights: {problem}"
    )


def test_of_files_that_were_made_of_one():
    """The sums of their originals, each once; copies count as often as they are there, as their events do."""

    def skim(number, *originals):
        made_of = tuple(str(UUID(int=original)) for original in originals)
        return FileWeights(f"{number}", (number, 1, ""), (), WeightSum(number, 1.0 * number, 0.0), originals=made_of)

    def events(*files):
        return total_weights("ttbar", files).events

    original, half, other_half = skim(1), skim(2, 1), skim(4, 1)
    assert events(half, other_half) == 2
    assert events(half, original) == 2  # the same number, as files are; the first has it
    assert events(original, original) == 2
    assert events(half, other_half, half) == 4
    of_both, of_one, of_other = skim(8, 1, 16), skim(32, 16), skim(64, 17)
    assert events(half, of_both, of_one, of_other) == 8 + 64
    assert events(of_both, skim(128, 16, 17)) == 8 + 128  # what cannot be told apart


def test_of_a_dataset():
    """In the order of the files, so that the bits are always the same."""
    assert total_weights("ttbar", [ONE]) == ONE.sum
    assert total_weights("ttbar", [ONE, TWO, THREE]) == WeightSum(60, (0.1 + 0.2) + 0.3, 6.0)
    assert total_weights("ttbar", [THREE, TWO, ONE]) == WeightSum(60, (0.3 + 0.2) + 0.1, 6.0)
    assert total_weights("ttbar", (file for file in (ONE, TWO))).events == 30


def test_channels():
    assert channels([OF_DATA]) == {}
    assert channels([ONE, TWO, OF_DATA, OTHER]) == {410470: "one.root", 700320: "other.root"}


def test_different_channels_do_not_add_up():
    said = "dataset ttbar: one.root is of channel 410470, other.root of 700320: their weights do not add up"
    assert refusal(ONE, TWO, OTHER) == said
    merged = ONE._replace(channels=(410470, 700320))
    assert refusal(merged) == said.replace("other.root", "one.root")


def test_data_have_none():
    said = "dataset ttbar: no sum of weights: data.root: it is of data, which has no weights"
    assert refusal(OF_DATA) == said
    assert refusal(ONE, OF_DATA) == said


def test_nothing_was_processed():
    assert refusal() == "dataset ttbar: no sum of weights: none of its files was processed"
