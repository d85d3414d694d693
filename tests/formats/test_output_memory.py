"""Output arrays are reserved from what the first baskets hold, grow when later ones hold more, and use memory again."""

import gc

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.formats.encoding import Encoding, ListOf, Primitive
from support.decoding import decode_baskets
from support.rootfiles import stored_basket


def basket_of(lists):
    """A stored basket of a vector<vector<float>>, an event an item."""
    entries = [
        b"\x40\0\0\0\0\0"
        + len(event).to_bytes(4, "big")
        + b"".join(len(x).to_bytes(4, "big") + np.array(x, ">f4").tobytes() for x in event)
        for event in lists
    ]
    entries = [(0x40000000 + len(e) - 4).to_bytes(4, "big") + e[4:] for e in entries]
    return stored_basket(b"".join(entries), np.cumsum([0] + [len(e) for e in entries]))


def decode(baskets, start, stop, threads):
    encoding = Encoding(6, ListOf(ListOf(Primitive("f4"))))
    first = np.cumsum([0] + [len(events) for events in baskets]).tolist()
    pages = [basket_of(events) for events in baskets]
    buffers = decode_baskets(encoding.program, pages, first, start, stop, threads)
    return ak.Array(encoding.layout(buffers))


events = st.lists(st.lists(st.floats(width=32, allow_nan=False), max_size=9), max_size=4)


@given(st.lists(st.lists(events, min_size=1, max_size=5), min_size=1, max_size=6), st.data(), st.sampled_from([1, 3]))
def test_baskets_that_are_not_alike(baskets, data, threads):
    everything = [event for basket in baskets for event in basket]
    start = data.draw(st.integers(0, len(everything)))
    stop = data.draw(st.integers(start, len(everything)))
    assert decode(baskets, start, stop, threads).to_list() == everything[start:stop]


@pytest.mark.parametrize("threads", [1, 4])
def test_large_baskets_after_empty_ones(threads):
    """What the first basket is like says nothing about the others: growing must keep what is written."""
    large = [[[float(i), 0.5] * 1000] * 3 for i in range(30)]
    baskets = [[[]] * 30, [[[1.0]]] * 30, *[large] * 8, [[]] * 1]
    assert decode(baskets, 0, 301, threads).to_list() == [event for basket in baskets for event in basket]


@pytest.mark.usefixtures("nothing_else_collected")
def test_memory_in_use_is_not_used_again():
    """Arrays that somebody still holds do not change, whatever is read, freed and read again beside them."""
    kept = []
    for i in range(40):
        big = [[[float(i)] * (20_000 + 1000 * (i % 7))]] * 2
        array = decode([big, big], 0, 4, 2)
        if i % 3 == 0:
            kept.append((i, array))
        del array
        gc.collect()
    for i, array in kept:
        assert ak.all(array == i)
        assert ak.num(array, axis=2).to_list() == [[20_000 + 1000 * (i % 7)]] * 4
