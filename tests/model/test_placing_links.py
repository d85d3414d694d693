"""The core's part of following links, against plain Python; and arguments that contradict each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite import _core

KEYS = [0, 7, 9]

sizes = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@st.composite
def links(draw):
    """Sizes of the target container's events, runs of links with their events, and whether each link is its own run."""
    targets = draw(sizes)
    alone = draw(st.booleans())
    number = st.just(1) if alone else st.integers(0, 3)
    runs = [
        (
            draw(st.integers(0, len(targets) - 1)),
            [(draw(st.sampled_from(KEYS)), draw(st.integers(0, 5) | st.just(2**32 - 1))) for _ in range(draw(number))],
        )
        for _ in range(draw(st.integers(0, 6)))
    ]
    return targets, runs, alone


@given(links(), st.integers(0, 2**40), st.integers(0, 100))
def test_placing_as_in_plain_python(example, first, begin):
    targets, runs, alone = example
    offsets = np.cumsum([0, *targets])
    expected = []
    bad = 0
    for event, run in runs:
        for key, index in run:
            if key != 7:
                expected.append(-5)
            elif index < targets[event]:
                expected.append(begin + int(offsets[event]) + index)
            else:
                expected.append(-1)
                bad += 1
    flat = [link for _, run in runs for link in run]
    keys, indices = (np.array([link[i] for link in flat], dtype=np.uint32) for i in (0, 1))
    events = np.array([event + first for event, _ in runs], dtype=np.int64)
    ends = None if alone else np.cumsum([0, *(len(run) for _, run in runs)])
    out = np.full(len(flat), -5, dtype=np.int64)
    assert _core.place_links(events, first, ends, None, keys, indices, 7, offsets, begin, False, out, 1) == bad
    assert out.tolist() == expected
    cleared = np.empty(len(flat), dtype=np.int64)
    _core.place_links(events, first, ends, None, keys, indices, 7, offsets, begin, True, cleared, 1)
    assert cleared.tolist() == [-1 if place == -5 else place for place in expected]
    assert _core.distinct_keys(keys) == list(dict.fromkeys(key for key, _ in flat if key))


def test_runs_are_events_when_nothing_else_is_said():
    keys = np.full(3, 7, dtype=np.uint32)
    out = np.zeros(3, dtype=np.int64)
    indices, targets = np.array([1, 0, 0], np.uint32), np.array([0, 2, 5, 6])
    _core.place_links(None, 0, np.array([0, 2, 2, 3]), None, keys, indices, 7, targets, 0, False, out, 1)
    assert out.tolist() == [1, 0, 5]


def test_runs_can_be_lists_of_lists():
    """Three events: of two lists of links, of none, of one."""
    keys = np.full(4, 7, dtype=np.uint32)
    out = np.zeros(4, dtype=np.int64)
    lists, groups = np.array([0, 1, 3, 4]), np.array([0, 2, 2, 3])
    indices, targets = np.array([1, 0, 1, 0], np.uint32), np.array([0, 2, 5, 6])
    _core.place_links(None, 0, lists, groups, keys, indices, 7, targets, 0, False, out, 1)
    assert out.tolist() == [1, 0, 1, 5]
    for wrong in ([0, 2, 2, 4], [0, 2, 2, -1]):
        with pytest.raises(IndexError, match="groups of links that are not there"):
            _core.place_links(None, 0, lists, np.array(wrong), keys, indices, 7, targets, 0, False, out, 1)


@pytest.mark.parametrize("threads", [2, 3, 64])
def test_many_threads_place_as_one_does(threads):
    random = np.random.default_rng(threads)
    lists = np.cumsum([0, *random.integers(0, 3, 100_000)])
    groups = np.cumsum([0, *random.integers(0, 3, 99_000)])
    groups = np.append(groups[groups < len(lists)], len(lists) - 1)
    sizes = random.integers(0, 5, len(groups) - 1)
    targets = np.cumsum([0, *sizes])
    keys = random.choice(np.array(KEYS, dtype=np.uint32), lists[-1])
    indices = random.integers(0, 5, lists[-1], dtype=np.uint32)
    ways = {
        "events": (random.permutation(len(sizes)).repeat(9)[: len(keys)], None, None),
        "lists": (None, lists, groups),
    }
    for events, ends, of_events in ways.values():
        count = len(keys) if events is None else min(len(keys), len(events))
        found = []
        for number in (1, threads):
            out = np.full(count, -7, dtype=np.int64)
            bad = _core.place_links(
                events, 0, ends, of_events, keys[:count], indices[:count], 7, targets, 3, False, out, number
            )
            found.append((bad, out.tolist()))
        assert found[0] == found[1]
        assert 0 < found[0][0] < count
    with pytest.raises(IndexError, match="an event that is not there"):
        _core.place_links(
            None, 0, lists, groups, keys, indices, 7, targets[:-1], 3, False, np.zeros(len(keys), np.int64), threads
        )


@pytest.mark.parametrize(
    ("events", "offsets", "targets", "message"),
    [
        ([0, 5], None, [0, 1], "an event that is not there"),
        ([0, -1], None, [0, 1], "an event that is not there"),
        ([0], None, [0, 1], "more links than events"),
        (None, [0, 3], [0, 1], "not in order"),
        (None, [0, 1], [0, 1], "behind the last run"),
        (None, [0, 2, 1], [0, 1, 1], "not in order"),
        (None, None, [0, 1], "an event that is not there"),
        (None, None, [], "different lengths"),
        ([], None, [0, 1, 2], "more links than events"),
        ([], [0, 2], [0, 1, 2], "more links than events"),
        (None, [], [0, 1, 2], "offsets without a first"),
        (None, None, [0, -1, 3], "targets that are not in order"),
        (None, None, [-4, 1, 3], "targets that are not in order"),
    ],
)
def test_arguments_that_contradict_each_other(events, offsets, targets, message):
    def numbers(values):
        return None if values is None else np.array(values, dtype=np.int64)

    links = np.array([7, 7], dtype=np.uint32)
    with pytest.raises(IndexError, match=message):
        _core.place_links(
            numbers(events),
            0,
            numbers(offsets),
            None,
            links,
            links * 0,
            7,
            numbers(targets),
            0,
            False,
            np.zeros(2, dtype=np.int64),
            1,
        )
