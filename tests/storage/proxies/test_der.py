"""DER from files, which may be anything."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.storage.proxies.der import GENERALIZED_TIME, OCTET_STRING, SEQUENCE, Element, read_der
from support.proxies import der


def test_elements_within_elements():
    sequence = read_der(der(SEQUENCE, der(OCTET_STRING, b"first"), der(SEQUENCE), der(OCTET_STRING, b"x" * 300)))
    assert [element.tag for element in sequence.children()] == [OCTET_STRING, SEQUENCE, OCTET_STRING]
    assert sequence.child(0, OCTET_STRING).text() == "first"
    assert sequence.child(1, SEQUENCE).children() == []
    assert sequence.child(2, OCTET_STRING).content == b"x" * 300


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "ends in the middle"),
        (b"\x04", "ends in the middle"),
        (b"\x04\x02a", "ends in the middle"),
        (b"\x04\x82\x01", "ends in the middle"),
        (b"\x04\x84\xff\xff\xff\xff", "ends in the middle"),
        (b"\x04\x85\x00\x00\x00\x00\x00", "a length of 5 bytes"),
        (b"\x30\x80\x00\x00", "a length of 0 bytes"),
        (b"\x1f\x81\x01\x00", "a long tag"),
        (b"\x04\x01ab", "1 bytes behind the end"),
    ],
)
def test_what_is_not_an_element(data, problem):
    with pytest.raises(ValueError, match=problem):
        read_der(data)


def test_what_is_another_element():
    sequence = read_der(der(SEQUENCE, der(OCTET_STRING)))
    with pytest.raises(ValueError, match="tag 0x04 where 0x30 should be"):
        sequence.child(0, SEQUENCE)
    with pytest.raises(ValueError, match="1 elements, of which number 1 is needed"):
        sequence.child(1, SEQUENCE)


def test_times():
    assert Element(GENERALIZED_TIME, b"20260131235959Z").time() == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [b"", b"20260131235959", b"20261331235959Z", b"202601312359Z", b"20260131235959+0100", b"2026-1-31T2359Z"]
)
def test_what_is_not_a_time(text):
    with pytest.raises(ValueError, match="time"):
        Element(GENERALIZED_TIME, text).time()


@given(st.binary(max_size=60))
def test_any_bytes(data):
    """All that is read was there, and nothing is read twice."""
    try:
        elements = Element(SEQUENCE, data).children()
    except ValueError:
        return
    assert sum(len(element.content) + 2 for element in elements) <= len(data)
