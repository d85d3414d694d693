"""Nothing but decompression of the baskets or pages that columns are stored in: the limit of reading them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import physlite
from physlite import _core
from work import Work

__all__ = ["decompress", "stored_pages"]

_CHECKSUM = 8  # behind a page of an RNTuple
_OBJLEN, _KEYLEN = slice(6, 10), slice(14, 16)  # in the TKey before a basket


def decompress(path: str, names: list[str], threads: int) -> Work:
    """Decompresses each basket or page once and forgets it, with the libraries that physlite uses.

    What a reader has to do to the bytes later it need not; and as a reader's, its scratch memory stays in the cache.
    """
    # Those that are stored as they are cost nothing here, as nobody has to copy them before decoding.
    compressed = [(data, size) for data, size in stored_pages(path, names) if len(data) != size]
    pages, sizes = [data for data, _ in compressed], [size for _, size in compressed]
    return Work(lambda _: _core.decompress(pages, sizes, threads))


def stored_pages(path: str, names: list[str]) -> list[tuple[bytes, int]]:
    """Of each basket or page the bytes as stored, without key or checksum, and their number when decompressed.

    Pages that columns share come once.
    """
    content = Path(path).read_bytes()
    found = []
    with physlite.open(path) as file:
        manifest = file.manifest
    rows = [manifest.columns[i] for name in names for i in manifest.with_members(manifest.index[name])]
    pages = np.concatenate([np.arange(row.first_page, row.first_page + row.pages) for row in rows])
    offsets, first = np.unique(manifest.page_offset[pages], return_index=True)
    for offset, page in zip(offsets.tolist(), pages[first].tolist(), strict=True):
        source, at = (manifest.inline, -1 - offset) if offset < 0 else (content, offset)
        data = source[at : at + int(manifest.page_size[page])]
        if manifest.streams is None:
            key = int.from_bytes(data[_KEYLEN], "big")
            found.append((data[key:], int.from_bytes(data[_OBJLEN], "big")))
        elif (kind := int(manifest.streams.kind[page])) >= 0:
            bits = int(manifest.streams.elements[page]) * manifest.streams.kinds[kind].bits
            checksum = _CHECKSUM * bool(manifest.streams.checksum[page])
            found.append((data[: len(data) - checksum], (bits + 7) // 8))
    return found
