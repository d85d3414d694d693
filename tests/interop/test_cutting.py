"""Links of layouts made by hand, after objects were taken away: at any depth, and those that lead nowhere."""

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.interop.choosing import output_columns
from physlite.interop.cutting import Selection
from physlite.model.events import EventSource

START, STOP = 106, 109
TARGET = "GSFTrackParticles"


def kept_track(event, track):
    return (event + track) % 2 == 0


@pytest.fixture(scope="module")
def store():
    with physlite.open(physlite.sample("tree")) as file:
        yield file._store


@pytest.fixture(scope="module")
def cut(store):
    """Every other track is taken away, of an event the odd ones and of the next the even ones."""

    def every_other(events):
        numbers = ak.local_index(events[TARGET].z0)
        first = np.arange(START, STOP)
        return (numbers + first) % 2 == 0

    return Selection(None, {TARGET: every_other}).of(EventSource(store, START, STOP).events())


@pytest.fixture(scope="module")
def column(store):
    """A column of links; which layout it has is up to the tests."""
    position = store.manifest.index["AnalysisElectronsAuxDyn.trackParticleLinks"]
    _, (column,) = output_columns(store, [position], lambda _: "")
    return column


@pytest.fixture(scope="module")
def counts(store):
    return ak.num(EventSource(store, START, STOP).events()[TARGET].z0).to_list()


@pytest.fixture(scope="module")
def key(store):
    return store.schema.links.keys[TARGET]


def links(pairs):
    keys, indices = (np.array(numbers, dtype=np.uint32) for numbers in zip(*pairs, strict=True))
    return ak.contents.RecordArray(
        [ak.contents.NumpyArray(keys), ak.contents.NumpyArray(indices)], ["m_persKey", "m_persIndex"]
    )


def moved(link, event, counts, key):
    """What becomes of a link, in plain Python."""
    its_key, index = link
    if its_key != key or index >= counts[event]:
        return link
    if not kept_track(START + event, index):
        return (0, 0)
    return (key, sum(kept_track(START + event, before) for before in range(index)))


def cases(counts, key):
    """For each event links to each track, and to what is not there: behind the last, far away, null, of another key."""
    return [
        [*((key, i) for i in range(number)), (key, number), (key, 2**32 - 1), (0, 0), (0, 3), (key + 1, 0)]
        for number in counts
    ]


def shown(layout):
    return ak.Array(layout).to_list()


def as_records(value):
    if isinstance(value, list):
        return [as_records(item) for item in value]
    return None if value is None else {"m_persKey": value[0], "m_persIndex": value[1]}


def test_the_events_have_tracks(counts):
    assert min(counts) >= 2
    assert len(set(counts)) > 1  # what is taken from the wrong event shows


def test_lists_of_links(cut, column, counts, key):
    given = cases(counts, key)
    offsets = np.cumsum([0, *map(len, given)])
    layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), links([link for its in given for link in its]))
    expected = [[moved(link, event, counts, key) for link in its] for event, its in enumerate(given)]
    assert shown(cut.of([column], [layout])[0]) == as_records(expected)


def test_links_that_can_be_missing(cut, column, counts, key):
    """As RNTuples can have them: of an event one, or none."""
    given = [(key, 1), None, (key, 0)]
    content = links([link for link in given if link is not None])
    layout = ak.contents.IndexedOptionArray(ak.index.Index64([0, -1, 1]), content)
    expected = [None if link is None else moved(link, event, counts, key) for event, link in enumerate(given)]
    assert shown(cut.of([column], [layout])[0]) == as_records(expected)


def test_missing_links_in_lists(cut, column, counts, key):
    given = [[(key, 1), None], [], [None, (key, 0), (key, 1)]]
    content = links([link for its in given for link in its if link is not None])
    items = ak.contents.IndexedOptionArray(ak.index.Index64([0, -1, -1, 1, 2]), content)
    layout = ak.contents.ListOffsetArray(ak.index.Index64([0, 2, 2, 5]), items)
    expected = [
        [None if link is None else moved(link, event, counts, key) for link in its] for event, its in enumerate(given)
    ]
    assert shown(cut.of([column], [layout])[0]) == as_records(expected)


def test_arrays_of_links(cut, column, counts, key):
    """Of each event as many."""
    given = [[(key, 0), (key, 1)], [(key, 1), (key, 1)], [(0, 0), (key, 0)]]
    layout = ak.contents.RegularArray(links([link for its in given for link in its]), 2, 3)
    expected = [[moved(link, event, counts, key) for link in its] for event, its in enumerate(given)]
    assert shown(cut.of([column], [layout])[0]) == as_records(expected)
