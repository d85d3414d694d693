"""Nothing but decompression of the baskets or pages that columns are stored in: the limit of reading them."""

from __future__ import annotations

import ctypes
import ctypes.util
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

import physlite
from physlite.formats.manifest import Manifest

__all__ = ["decompress"]

_HEADER = 9  # of a block, as ROOT has it: method, version, and both sizes in 3 bytes each
_CHECKSUM = 8  # behind a page of an RNTuple, and before the data of an LZ4 block
_OBJLEN, _KEYLEN = slice(6, 10), slice(14, 16)  # in the TKey before a basket


class _Block(NamedTuple):
    """What is decompressed in one go: method (none: copied), stored bytes, and their size when decompressed."""

    method: bytes
    data: bytes
    size: int


def decompress(path: str, names: list[str], threads: int) -> Callable[[], None]:
    """A function that decompresses each block once, to a place of its own, with the libraries that physlite uses."""
    blocks = list(_blocks(Path(path), names))
    out = ctypes.create_string_buffer(sum(block.size for block in blocks))
    ends = np.cumsum([block.size for block in blocks])
    starts = ctypes.addressof(out) + ends - [block.size for block in blocks]
    work = list(zip(blocks, starts.tolist(), strict=True))
    # Shares of about the same size, some for each thread.
    share = np.searchsorted(ends, np.linspace(0, ends[-1], 8 * threads + 1)[1:-1]) if threads > 1 else []
    shares = [work[a:b] for a, b in zip([0, *share], [*share, len(work)], strict=True)]

    def run() -> None:
        if threads > 1:
            list(pool.map(_decompress, shares))
        else:
            _decompress(work)

    pool = ThreadPoolExecutor(threads)
    run.keeps = out  # type: ignore[attr-defined]  # the memory behind the addresses
    return run


def _blocks(path: Path, names: list[str]) -> Iterator[_Block]:
    """All blocks; pages that columns share come once."""
    content = path.read_bytes()
    with physlite.open(path) as file:
        for data, size in _pages(file.manifest, content, names):
            if len(data) == size:
                yield _Block(b"", data, size)
                continue
            at = 0
            while at < len(data):
                stored, unpacked = (int.from_bytes(data[at + i : at + i + 3], "little") for i in (3, 6))
                begin, end = at + _HEADER, at + _HEADER + stored
                yield _Block(data[at : at + 2], data[begin:end], unpacked)
                at = end


def _pages(manifest: Manifest, content: bytes, names: list[str]) -> Iterator[tuple[bytes, int]]:
    """Of each basket or page the bytes as stored and their size when decompressed."""
    rows = [manifest.columns[i] for name in names for i in manifest.with_members(manifest.index[name])]
    pages = np.concatenate([np.arange(r.first_page, r.first_page + r.pages) for r in rows])
    offsets, first = np.unique(manifest.page_offset[pages], return_index=True)
    for offset, page in zip(offsets.tolist(), pages[first].tolist(), strict=True):
        source, at = (manifest.inline, -1 - offset) if offset < 0 else (content, offset)
        data = source[at : at + int(manifest.page_size[page])]
        if manifest.streams is None:
            key = int.from_bytes(data[_KEYLEN], "big")
            yield data[key:], int.from_bytes(data[_OBJLEN], "big")
        elif (kind := int(manifest.streams.kind[page])) >= 0:
            bits = int(manifest.streams.elements[page]) * manifest.streams.kinds[kind].bits
            yield data[: len(data) - _CHECKSUM * bool(manifest.streams.checksum[page])], (bits + 7) // 8


def _decompress(work: list[tuple[_Block, int]]) -> None:
    methods = _methods()
    for (method, data, size), to in work:
        methods[method](to, data, size)


_Call = Callable[[int, bytes, int], None]
_local = threading.local()


def _methods() -> dict[bytes, _Call]:
    """How blocks are decompressed, by their method; each thread has a state of its own."""
    if not hasattr(_local, "methods"):
        _local.methods = {b"": _copy, b"ZS": _zstd(), b"ZL": _deflate(), b"XZ": _lzma(), b"L4": _lz4()}
    methods: dict[bytes, _Call] = _local.methods
    return methods


def _copy(to: int, data: bytes, size: int) -> None:
    ctypes.memmove(to, data, size)


def _library(name: str) -> ctypes.CDLL:
    found = ctypes.util.find_library(name)
    if found is None:
        msg = f"lib{name} is not installed"
        raise OSError(msg)
    return ctypes.CDLL(found)


def _zstd() -> _Call:
    library = _library("zstd")
    library.ZSTD_createDCtx.restype = ctypes.c_void_p
    function = library.ZSTD_decompressDCtx
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    context = library.ZSTD_createDCtx()

    def call(to: int, data: bytes, size: int) -> None:
        assert function(context, to, size, data, len(data)) == size

    return call


def _deflate() -> _Call:
    library = _library("deflate")
    library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    function = library.libdeflate_zlib_decompress
    function.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    context = library.libdeflate_alloc_decompressor()

    def call(to: int, data: bytes, size: int) -> None:
        assert function(context, data, len(data), to, size, None) == 0

    return call


def _lzma() -> _Call:
    function = _library("lzma").lzma_stream_buffer_decode
    number = ctypes.POINTER(ctypes.c_size_t)
    function.argtypes = [
        ctypes.POINTER(ctypes.c_uint64), ctypes.c_uint32, ctypes.c_void_p,
        ctypes.c_char_p, number, ctypes.c_size_t, ctypes.c_void_p, number, ctypes.c_size_t,
    ]  # fmt: skip
    memory = ctypes.c_uint64(2**63)

    def call(to: int, data: bytes, size: int) -> None:
        read, written = ctypes.c_size_t(0), ctypes.c_size_t(0)
        state = function(memory, 0, None, data, read, len(data), to, written, size)
        assert (state, written.value) == (0, size)

    return call


def _lz4() -> _Call:
    function = _library("lz4").LZ4_decompress_safe
    function.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]

    def call(to: int, data: bytes, size: int) -> None:
        assert function(data[_CHECKSUM:], to, len(data) - _CHECKSUM, size) == size

    return call
