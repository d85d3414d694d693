"""Nothing but decompression of the pages that columns of an RNTuple are stored in: the limit of reading them."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import physlite

__all__ = ["decompress"]

_HEADER = 9  # of a block, as ROOT has it: method, version, and both sizes in 3 bytes each
_CHECKSUM = 8


def decompress(path: Path, names: list[str]) -> Callable[[], None]:
    """A function that decompresses each page once, to a place of its own, with the libraries that physlite uses."""
    blocks = list(_blocks(path, names))
    out = ctypes.create_string_buffer(sum(size for *_, size in blocks))
    by_method = {b"ZS": _zstd(), b"ZL": _deflate()}
    calls = []
    at = ctypes.addressof(out)
    for method, data, size in blocks:
        calls.append((by_method[method], at, data, size))
        at += size

    def run() -> None:
        for call, to, data, size in calls:
            call(to, data, size)

    run.keeps = out  # type: ignore[attr-defined]  # the memory behind the addresses
    return run


def _blocks(path: Path, names: list[str]) -> Iterator[tuple[bytes, bytes, int]]:
    """Method, compressed bytes and size of all blocks; pages that columns share come once."""
    content = path.read_bytes()
    with physlite.open(path) as file:
        manifest = file.manifest
        assert manifest.streams is not None
        rows = [manifest.columns[i] for name in names for i in manifest.columns[manifest.index[name]].members]
        pages = np.concatenate([np.arange(r.first_page, r.first_page + r.pages) for r in rows])
        offsets, first = np.unique(manifest.page_offset[pages], return_index=True)
        for offset, page in zip(offsets.tolist(), pages[first].tolist(), strict=True):
            kind = manifest.streams.kinds[manifest.streams.kind[page]]
            size = int(manifest.page_size[page]) - _CHECKSUM * bool(manifest.streams.checksum[page])
            if size == (int(manifest.streams.elements[page]) * kind.bits + 7) // 8:
                continue  # not compressed
            data = content[offset : offset + size]
            while data:
                stored, unpacked = (int.from_bytes(data[i : i + 3], "little") for i in (3, 6))
                yield data[:2], data[_HEADER : _HEADER + stored], unpacked
                data = data[_HEADER + stored :]


_Call = Callable[[int, bytes, int], None]


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
