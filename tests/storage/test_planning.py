"""From ranges to the spans that are asked for, and back: each byte is right, and no more is read than said."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physlite.storage import Range
from physlite.storage.pieces import allocate, grouped
from physlite.storage.planning import coalesce, scatter
from support.servers.faults import random_content

CONTENT = random_content(100_000, 11)

# Anywhere, and near to each other.
RANGES = st.lists(st.builds(Range, st.integers(0, 90_000) | st.integers(0, 3000), st.integers(0, 5000)), max_size=60)


def gaps(spans):
    return [b.offset - (a.offset + a.size) for a, b in pairwise(spans)]


def covered(ranges):
    """For each byte whether it is in one of the ranges."""
    out = np.zeros(len(CONTENT), bool)
    for offset, size in ranges:
        out[offset : offset + size] = True
    return out


@given(ranges=RANGES, gap=st.integers(0, 20_000), enough=st.integers(1, 40))
@example(ranges=[], gap=0, enough=1)
@example(ranges=[Range(5, 0)], gap=0, enough=1)
@example(ranges=[Range(5, 3), Range(5, 3), Range(4, 6), Range(8, 2)], gap=0, enough=1)
def test_each_byte_is_right(ranges, gap, enough):
    spans = coalesce(ranges, gap, enough)
    memory = [memoryview(CONTENT)[span.offset : span.offset + span.size] for span in spans]
    assert [bytes(view) for view in scatter(ranges, spans, memory)] == [CONTENT[o : o + n] for o, n in ranges]


@given(ranges=RANGES, gap=st.integers(0, 20_000), enough=st.integers(1, 40))
def test_nothing_is_read_for_nothing(ranges, gap, enough):
    """Spans are in order and apart, end where ranges do, and between ranges bring gaps of the permitted size only."""
    spans = coalesce(ranges, gap, enough)
    apart = coalesce(ranges, 0)
    wanted, read = covered(ranges), covered(spans)
    assert np.array_equal(covered(apart), wanted)
    assert not np.any(wanted & ~read)
    assert all(between > 0 for between in gaps(spans))
    assert {span.offset for span in spans} <= {span.offset for span in apart}
    assert {sum(span) for span in spans} <= {sum(span) for span in apart}
    assert all(between <= gap for between in gaps(apart) if between not in gaps(spans))


@given(ranges=RANGES, gap=st.integers(0, 20_000), enough=st.integers(1, 40))
def test_as_many_spans_as_can_be_read_at_once(ranges, gap, enough):
    """The smallest gaps are closed, up to `gap`, until `enough` spans are left; those below 1 kB in any case."""
    spans, apart = coalesce(ranges, gap, enough), coalesce(ranges, 0)
    closed = sorted(gaps(apart))[: len(apart) - len(spans)]
    left = gaps(spans)
    if len(spans) > enough:
        assert all(between > gap for between in left)
    if len(spans) < min(enough, len(apart)):
        assert all(between <= 1024 or between == max(closed) for between in closed)
    if closed and left:
        assert max(closed) < min(left)


def test_ten_thousand_ranges_take_no_time():
    rng = np.random.default_rng(3)
    ranges = [Range(int(at), 2000) for at in rng.integers(0, 10**10, 10_000)]
    begin = time.perf_counter()
    spans = coalesce(ranges, 64 << 10, 32)
    memory = [memoryview(b"")] * len(spans)
    scatter(ranges, spans, memory)
    assert time.perf_counter() - begin < 1  # 0.05 s, on a busy machine
    assert len(spans) < 10_000


# -------------------------------------------------------------------------------------------------------------- pieces


@given(ranges=RANGES, largest=st.integers(1, 5000), requests=st.integers(1, 10), most=st.integers(1, 50))
def test_pieces_fill_the_spans(ranges, largest, requests, most):
    spans = coalesce(ranges, 1000)
    memory, pieces = allocate(spans, largest)
    groups = grouped(pieces, requests, most) if pieces else []
    assert [piece for group in groups for piece in group] == pieces
    for piece in pieces:
        assert 0 < len(piece.view) <= largest
        piece.take(piece.start, CONTENT[piece.start : piece.stop])
        assert piece.is_complete
    assert [bytes(view) for view in memory] == [CONTENT[span.offset : span.offset + span.size] for span in spans]


@given(
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=60), requests=st.integers(1, 10), most=st.integers(1, 50)
)
def test_groups_are_about_equal(sizes, requests, most):
    _, pieces = allocate([Range(10_000 * i, size) for i, size in enumerate(sizes)], 5000)
    groups = grouped(pieces, requests, most)
    assert all(1 <= len(group) <= most for group in groups)
    assert len(groups) <= requests + len(pieces) // most + 1
    if most >= len(pieces):
        share = sum(sizes) / requests
        assert all(sum(len(piece.view) for piece in group) < share + max(sizes) + 1 for group in groups)


@pytest.mark.parametrize("at", [0, 7, 99])
def test_a_piece_takes_what_comes_next_in_it(at):
    _, (piece,) = allocate([Range(100, 100)], 100)
    piece.take(100, CONTENT[100 : 100 + at])
    assert (piece.done, piece.missing) == (at, (100 + at, 200))
    piece.take(101 + at, CONTENT[101 + at : 300])  # not the next bytes
    assert piece.done == at
    piece.take(50, CONTENT[50:300])
    assert piece.is_complete
    assert bytes(piece.view) == CONTENT[100:200]
