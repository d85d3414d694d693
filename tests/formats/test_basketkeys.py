"""Baskets of the same content, from different files, are the same bytes without what their keys say of the place."""

import struct

import pytest

from physlite.formats.basketkeys import without_place


def basket(content=b"content", date=1, places=(2, 100), version=4, class_name="TBasket"):
    """As TKey::Streamer writes it; its members are those of TBasket, which do not matter here."""
    numbers = struct.pack(">qq" if version > 1000 else ">ii", *places)
    texts = b"".join(bytes([len(text)]) + text.encode() for text in (class_name, "pt", "MetaData"))
    key_bytes = 18 + len(numbers) + len(texts)
    head = struct.pack(">ihiIHH", key_bytes + len(content), version, len(content), date, key_bytes, 1)
    return head + numbers + texts + content


@pytest.mark.parametrize("version", [4, 1004])
def test_what_is_of_the_place_is_gone(version):
    one = without_place(basket(version=version))
    assert one == basket(date=0, places=(0, 0), version=version)
    assert one == without_place(basket(date=7, places=(8, 9), version=version))
    assert one != without_place(basket(b"CONTENT", version=version))


@pytest.mark.parametrize(
    "other", [b"", basket()[:17], basket()[:-1], basket() + b"x", basket(class_name="TKey"), bytes(range(200))]
)
def test_what_is_no_basket_stays_as_it_is(other):
    assert without_place(other) == other
