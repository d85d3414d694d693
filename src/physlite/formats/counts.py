"""How many items the lists of a column hold in all, told by the sizes of its baskets without reading any."""

from __future__ import annotations

from physlite.formats.encoding import Encoding, Fixed, ListOf, Primitive, ToEnd
from physlite.formats.manifest import Manifest

__all__ = ["number_of_items"]

# What TTree counts as the bytes of a basket: the key (26 bytes, three strings with a byte for their length, of which
# one is "TBasket"), the basket's own members (19), and the offsets of its entries (4 each, and 16 more).
_BASKET_BYTES = 26 + 3 + len("TBasket") + 19 + 16
_ENTRY_BYTES = 4
_LENGTH_BYTES = 4  # of a list

# TFile::kStartBigFile: keys from here on are longer.
_WIDE_FROM = 2_000_000_000


def number_of_items(manifest: Manifest, column: int) -> int | None:
    """The number of items in all lists of a column of plain lists; None where it does not follow from sizes."""
    info = manifest.columns[column]
    if manifest.items is not None:
        items = int(manifest.items[column])
        return items if items >= 0 else None
    if manifest.streams is not None:
        return _items_of_stream(manifest, column)
    item_bytes = _item_bytes(manifest.encoding(column))
    if item_bytes is None or not info.pages:
        return None
    if int(manifest.pages(column).offset.max()) >= _WIDE_FROM:
        return None
    header, size = item_bytes
    branch = info.path.rpartition("/")[2]
    fixed = info.pages * (_BASKET_BYTES + len(branch) + len(manifest.tree))
    items, rest = divmod(info.uncompressed_bytes - fixed - (header + _ENTRY_BYTES) * manifest.num_entries, size)
    return items if items >= 0 and not rest else None


def _items_of_stream(manifest: Manifest, column: int) -> int | None:
    """In an RNTuple the numbers of elements are known, whatever they are."""
    encoding = manifest.encoding(column)
    if manifest.streams is None or encoding is None or not isinstance(encoding.node, ListOf):
        return None
    item = encoding.node.item
    per_item = item.number if isinstance(item, Fixed) else 1
    _, first_of_item, *_ = manifest.columns[column].members
    return int(manifest.streams.starts[first_of_item - len(manifest.named), -1]) // per_item


def _item_bytes(encoding: Encoding | None) -> tuple[int, int] | None:
    """Bytes of a list's header and of each of its items; None for columns that are no lists of numbers."""
    if encoding is None or not isinstance(encoding.node, ListOf | ToEnd):
        return None
    if not isinstance(encoding.node.item, Primitive):
        return None
    length = _LENGTH_BYTES if isinstance(encoding.node, ListOf) else 0
    return encoding.header + length, encoding.node.item.stored_bytes
