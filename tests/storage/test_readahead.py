"""Which bytes come along with those that are asked for, and that they are the right ones."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.exceptions import CorruptDataError, FileChangedError
from physlite.storage import ByteSource, Range
from physlite.storage._source import SourceStats
from physlite.storage.readahead import HEAD, TAIL, ReadAhead
from support.servers.faults import random_content

CONTENT = random_content(6_000_000, 13)


class Far:
    """A file that is far away: each call is a round trip, and is noted."""

    name, reopens, remote, key, tag = "far", True, True, "far", ""

    def __init__(self, content, *, known=False):
        self.content = content
        self.known_size = len(content) if known else None
        self.stats = SourceStats()
        self.fetched = []
        self.closed = False

    def size(self):
        return len(self.content)

    def ends(self, head, tail):
        self.known_size = len(self.content)
        self.stats.requests += 1
        size = len(self.content)
        return [
            (at, memoryview(self.content)[at:stop]) for at, stop in ((0, min(head, size)), (max(size - tail, 0), size))
        ]

    def fetch(self, ranges):
        self.stats.count(ranges)
        self.fetched.append(list(ranges))
        return [memoryview(self.content)[r.offset : r.offset + r.size] for r in ranges]

    def close(self):
        self.closed = True


def opened(content=CONTENT):
    """A source that has read both ends."""
    far = Far(content)
    source = ReadAhead(far)
    assert source.size() == len(content)
    return source, far


def expect(source, ranges):
    """Reads ranges and compares each byte."""
    assert [bytes(view) for view in source.fetch(ranges)] == [CONTENT[r.offset : r.offset + r.size] for r in ranges]


def test_both_ends_come_with_the_size():
    source, far = opened()
    assert isinstance(source, ByteSource)
    assert far.stats.requests == 1
    size = len(CONTENT)
    expect(source, [Range(0, HEAD), Range(100, 1), Range(size - TAIL, TAIL), Range(size - 1, 1), Range(size, 0)])
    assert source.size() == size
    assert far.stats.requests == 1


def test_what_is_small_comes_with_what_is_around_it():
    source, far = opened()
    expect(source, [Range(1_000_000, 100)])
    assert far.fetched == [[Range(1_000_000 - (16 << 10), (16 << 10) + 100 + (48 << 10))]]
    expect(source, [Range(1_000_000 - (16 << 10), 10), Range(1_000_100, 48 << 10)])
    assert len(far.fetched) == 1
    expect(source, [Range(1_000_100, (48 << 10) + 1)])  # a byte more
    assert len(far.fetched) == 2


def test_only_what_is_not_there_is_asked_for():
    source, far = opened()
    expect(source, [Range(0, 10), Range(1_000_000, 200_000), Range(5_999_000, 1000)])
    assert far.fetched == [[Range(1_000_000, 200_000)]]


@pytest.mark.parametrize(
    "ranges",
    [[Range(1_000_000, (64 << 10) + 1)], [Range(1_000_000 + 1000 * i, 10) for i in range(5)]],
    ids=["large", "many"],
)
def test_what_is_large_or_many_is_read_as_it_is(ranges):
    source, far = opened()
    expect(source, ranges)
    expect(source, ranges)
    assert far.fetched == [ranges, ranges]  # and not kept


def test_windows_lie_in_the_file():
    source, far = opened(CONTENT[: HEAD + TAIL + 2000])
    assert source.fetch([Range(HEAD + 500, 10)])[0] == CONTENT[HEAD + 500 : HEAD + 510]
    assert far.fetched == [[Range(HEAD + 500 - (16 << 10), (64 << 10) + 10)]]
    short = Far(CONTENT[:1000], known=True)  # as with a manifest, which tells the size
    assert ReadAhead(short).fetch([Range(990, 5)])[0] == CONTENT[990:995]
    assert short.fetched == [[Range(0, 1000)]]


def test_no_more_is_kept_than_said():
    source, far = opened()
    for i in range(200):
        expect(source, [Range(100_000 + 25_000 * i, 10)])
    assert sum(map(len, source._windows.values())) <= 4 << 20
    before = len(far.fetched)
    expect(source, [Range(100_000 + 25_000 * 199, 10)])
    assert len(far.fetched) == before
    expect(source, [Range(100_000, 10)])  # the oldest has gone
    assert len(far.fetched) == before + 1


def test_before_the_size_is_known_ranges_are_read_as_they_are():
    """With a manifest nothing is asked before the data are."""
    far = Far(CONTENT)
    expect(ReadAhead(far), [Range(1_000_000, 10)])
    assert far.fetched == [[Range(1_000_000, 10)]]


SEEDS = st.tuples(st.floats(0, 1), st.integers(0, 1000) | st.integers(0, 200_000))


@given(
    size=st.sampled_from([1, 1000, HEAD + TAIL, 2_000_000, 6_000_000]),
    calls=st.lists(st.lists(SEEDS, max_size=8), max_size=8),
)
def test_each_byte_is_right(size, calls):
    source, far = opened(CONTENT[:size])
    for call in calls:
        asked = [Range(int(at * (size - n)), n) for at, most in call for n in [min(most, size)]]
        expect(source, asked)
    assert all(r.offset >= 0 and r.offset + r.size <= size for ranges in far.fetched for r in ranges)
    assert len(far.fetched) <= len(calls)


def test_ranges_outside_of_the_file_are_refused_before_anybody_is_asked():
    source, far = opened()
    with pytest.raises(CorruptDataError, match="truncated or damaged"):
        source.fetch([Range(6_000_000, 1)])
    assert not far.fetched


@pytest.mark.parametrize("error", [FileChangedError, CorruptDataError])
@pytest.mark.parametrize("call", ["ends", "fetch"])
def test_nothing_is_remembered_of_a_file_that_was_replaced(monkeypatch, call, error):
    def refuse(*_):
        raise error

    far = Far(CONTENT, known=True)
    source = ReadAhead(far)
    expect(source, [Range(1_000_000, 10)])
    monkeypatch.setattr(far, call, refuse)
    with pytest.raises(error):
        source.size() if call == "ends" else source.fetch([Range(3_000_000, 10)])
    monkeypatch.undo()
    expect(source, [Range(1_000_000, 10)])
    assert len(far.fetched) == 2


def test_closed_and_pickled():
    source, far = opened()
    again = pickle.loads(pickle.dumps(source))  # noqa: S301  # from this line
    assert again.size() == len(CONTENT)
    expect(source, [Range(1_000_000, 10)])
    source.close()
    assert far.closed
    assert not source._windows
