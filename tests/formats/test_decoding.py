"""The core's decoder by itself: results come in order, while others are being made; and headers can lie."""

import gc
import struct
import zlib

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite import _core
from physlite.formats.encoding import Encoding, ListOf, Primitive, Size, ToEnd
from support.decoding import decode_baskets
from support.rootfiles import stored_basket

FLOATS = Encoding(6, ListOf(Primitive("f4"))).program
LISTS = Encoding(6, ListOf(ListOf(Primitive("f4")))).program


def counted(content):
    """An entry with its byte count and version before it."""
    return (0x40000000 + len(content) + 2).to_bytes(4, "big") + b"\0\1" + content


def basket_of(entries):
    return stored_basket(b"".join(entries), np.cumsum([0] + [len(e) for e in entries]))


def floats(*items):
    return len(items).to_bytes(4, "big") + np.array(items, ">f4").tobytes()


def many(columns, baskets, events, damaged=()):
    """A plan for so many columns of lists of floats, all alike, and the bytes of their baskets."""
    good = basket_of([counted(floats(*range(i % 7))) for i in range(events)])
    bad = basket_of([counted(b"\0\0\0\x05" + floats(*range(i % 7))[4:]) for i in range(events)])
    total = columns * baskets
    first = np.tile(np.arange(baskets, dtype=np.int64) * events, columns)
    tables = _core.BasketTables(first, np.arange(total), np.arange(total), baskets * events)
    program = _core.Program(FLOATS)
    plan = tables.plan([(program, column * baskets, baskets) for column in range(columns)], 0, baskets * events)
    return plan, [bad if i in damaged else good for i in range(total)]


def native_threads():
    """All threads of the process: those of the core are unknown to Python."""
    return psutil.Process().num_threads()


@pytest.mark.parametrize("threads", [1, 3])
def test_columns_come_in_order_and_are_as_many_as_were_planned(threads):
    plan, stored = many(40, 5, 300)
    offsets = np.concatenate([[0], np.cumsum(np.tile(np.arange(300) % 7, 5))])
    found = 0
    for its_offsets, values in plan.decode(stored, threads):
        assert np.array_equal(its_offsets, offsets)
        assert len(values) == offsets[-1]
        found += 1
    assert found == 40


@pytest.mark.parametrize("threads", [1, 3])
def test_who_takes_no_more_leaves_no_thread_behind(threads):
    before = native_threads()
    plan, stored = many(60, 8, 2000)
    decoding = plan.decode(stored, threads)
    first = next(decoding)
    del decoding
    gc.collect()
    assert len(first[0]) == 8 * 2000 + 1
    assert native_threads() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_damaged_basket_is_named_and_nothing_comes_after_it(threads):
    plan, stored = many(30, 4, 300, damaged={50, 70, 119})
    decoding = plan.decode(stored, threads)
    with pytest.raises(_core.CorruptData) as caught:
        list(decoding)
    message, column, basket = caught.value.args
    assert (column, basket) == (12, 2)
    assert message == "entry 0 of the basket: a list of 5 items in 0 bytes"
    assert list(decoding) == []


def test_fewer_bytes_than_were_planned():
    plan, stored = many(2, 2, 10)
    with pytest.raises(ValueError, match="fewer pages than requests have"):
        plan.decode(stored[:-1], 1)


def test_time_is_noted_when_all_has_come():
    plan, stored = many(3, 2, 100)
    clock = np.zeros(3, np.int64)
    decoding = plan.decode(stored, 2, clock)
    for _ in range(3):
        next(decoding)
    assert clock[1] > 0
    assert clock[2] > 0


def test_time_is_noted_of_what_is_given_up():
    plan, stored = many(400, 5, 2000)
    clock = np.zeros(3, dtype=np.int64)
    decoding = plan.decode(stored, 1, clock)  # one thread, which does no more than two milliseconds at a time
    next(decoding)
    assert clock.tolist() == [0, 0, 0]
    del decoding
    assert (clock[1:] > 0).all()


def growth(number, kept_bytes, read):
    """By how many bytes the process grows for each byte that is kept of so many reads; without what it keeps itself."""
    kept = [read() for _ in range(number)]
    before = psutil.Process().memory_info().rss
    kept += [read() for _ in range(number)]
    return (psutil.Process().memory_info().rss - before) / (number * kept_bytes(kept[0]))


def in_all(buffers):
    return sum(buffer.nbytes for buffer in buffers)


def test_an_array_that_is_kept_keeps_little_of_those_beside_it():
    """They share memory, but not more than 16 times their size."""
    plan, stored = many(60, 4, 750)
    assert growth(100, in_all, lambda: next(plan.decode(stored, 1))) < 16


def test_of_a_basket_that_is_emptier_than_expected_little_is_kept():
    """Room is made for as many items as there are on average."""
    basket = basket_of([counted(floats())] * 20_000 + [counted(floats(*range(10)))] * 10_000)
    first, nowhere = np.zeros(1, np.int64), np.zeros(1, np.int64)
    tables = _core.BasketTables(np.tile(first, 40), np.tile(nowhere, 40), np.tile(nowhere, 40), 30_000)
    program = _core.Program(FLOATS)

    def read():
        plan = tables.plan([(program, i, 1) for i in range(40)], 0, 10_000)
        offsets, values = next(plan.decode([basket] * 40, 1))
        assert len(values) == 0
        return [offsets[:1].copy(), values]

    assert growth(300, lambda _: 80_000, read) < 1


def test_a_program_that_is_none():
    with pytest.raises(_core.CorruptData, match="a column program"):
        _core.Program(np.array([0, 99], np.int64))


@pytest.mark.parametrize(
    ("program", "entries", "message"),
    [
        (FLOATS, [counted(floats(1, 2)), counted(b"\0\0\0\1" + floats(1, 2)[4:])], "entry 1 .*4 bytes more"),
        (FLOATS, [counted(floats(1, 2)), counted(floats(1))[:-1]], "entry 1 "),
        (FLOATS, [b"\x40\0\0", counted(floats(1))], "entry 0 .*shorter"),
        (FLOATS, [b"\0" + counted(floats(1))[1:]], "entry 0 .*byte count"),
        (LISTS, [counted(b"\0\0\0\2" + floats(1) + b"\0\0\0\x09")], "a list of 9 items in 0 bytes"),
        (LISTS, [counted(b"\0\0\0\1" + floats(1) + b"\0\0\0\0")], "4 bytes more than its content needs"),
        (LISTS, [counted(b"\x10\0\0\0" + floats(1))], "items in 8 bytes|begins behind the end"),
        (Encoding(0, Size()).program, [counted(b"\0\0\0\3"), b"\0\0"], "entry 1 "),
        (Encoding(0, ToEnd(Primitive("f4"))).program, [b"1234", b"12345678", b"12"], "entry 2 .*2 bytes more"),
    ],
)  # fmt: skip
def test_entries_that_contradict_their_sizes(program, entries, message):
    with pytest.raises(_core.CorruptData, match=message):
        decode_baskets(program, [basket_of(entries)], [0, len(entries)], 0, len(entries))


def test_what_is_damaged_in_entries_that_nobody_wants_is_no_error():
    entries = [counted(floats(1)), counted(floats(2, 3)), counted(b"\0\0\0\7" + floats(4)[4:])]
    offsets, values = decode_baskets(FLOATS, [basket_of(entries)], [0, 3], 0, 2)
    assert offsets.tolist() == [0, 1, 3]
    assert values.tolist() == [1, 2, 3]


lists = st.lists(
    st.lists(st.lists(st.floats(width=32, allow_nan=False), max_size=12), max_size=5), min_size=1, max_size=12
)


@given(lists, st.data())
def test_any_entries_of_lists_of_lists(events, data):
    entries = [counted(len(e).to_bytes(4, "big") + b"".join(floats(*x) for x in e)) for e in events]
    start = data.draw(st.integers(0, len(events)))
    stop = data.draw(st.integers(start, len(events)))
    outer, inner, values = decode_baskets(LISTS, [basket_of(entries)], [0, len(events)], start, stop)
    wanted = events[start:stop]
    assert outer.tolist() == np.cumsum([0] + [len(e) for e in wanted]).tolist()
    assert inner.tolist() == np.cumsum([0] + [len(x) for e in wanted for x in e]).tolist()
    assert values.tolist() == [v for e in wanted for x in e for v in x]


def test_baskets_that_claim_so_much_that_the_sum_of_it_is_small_again():
    """In 64 bits; an honest basket before them would be written where there is no room."""
    number, block = 1 << 24, 1 << 23

    def compressed(algorithm, payload):
        return algorithm + b"\x08" + len(payload).to_bytes(3, "little") + block.to_bytes(3, "little") + payload

    def claiming(payload, size, entries):
        key = struct.pack(">IHIIHH", 48 + len(payload), 4, size, 0, 48, 0) + bytes(11)
        return key + struct.pack(">HQIIB", 3, 0, entries, 48 + size, 0) + payload

    honest = claiming(compressed(b"ZL", zlib.compress(b"A" * block, 1)) * (8 * number // block), 8 * number, 1)
    lie = compressed(b"ZS", bytes(block // 32768 + 1)) * ((1 << 30) // block)
    entries = [1, *[1 << 30] * 127, (1 << 30) - 1]
    baskets = [honest, *(claiming(lie, 1 << 30, number) for number in entries[1:])]
    first = np.cumsum([0, *entries]).tolist()
    with pytest.raises(_core.CorruptData):
        decode_baskets(np.array([0, 2, number, 1, 8], np.int64), baskets, first, 0, first[-1])
