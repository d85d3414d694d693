"""Decompression alone: what it takes, and what it refuses."""

import struct
import zlib

import pytest

import physlite
from physlite import _core
from support.rootfiles import ALGORITHMS, basket, key_bytes, three_baskets


def block(content):
    """A zlib block behind ROOT's header."""
    stored = zlib.compress(content)
    return b"ZL\x08" + len(stored).to_bytes(3, "little") + len(content).to_bytes(3, "little") + stored


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("compression", list(ALGORITHMS.values()), ids=list(ALGORITHMS))
def test_each_compression(tmp_path, compression, threads):
    content = three_baskets(tmp_path / "three.root", compression).read_bytes()
    with physlite.open(tmp_path / "three.root") as file:
        places = [basket(file.manifest, name, i) for name in ("pt", "number") for i in range(3)]
    pages = [memoryview(content)[offset + key_bytes(content, offset) : offset + size] for offset, size in places]
    sizes = [struct.unpack_from(">I", content, offset + 6)[0] for offset, _ in places]
    assert all(len(page) < size for page, size in zip(pages, sizes, strict=True))
    _core.decompress(pages, sizes, threads)
    for wrong in (sizes[4] - 1, sizes[4] + 1, 0):
        with pytest.raises(_core.CorruptData) as error:
            _core.decompress(pages, [*sizes[:4], wrong, *sizes[5:]], threads)
        assert error.value.args[1:] == (0, 4)
    damaged = bytearray(pages[4])
    damaged[12:] = bytes(len(damaged) - 12)
    with pytest.raises(_core.CorruptData) as error:
        _core.decompress([*pages[:4], damaged, *pages[5:]], sizes, threads)
    assert error.value.args[1:] == (0, 4)


@pytest.mark.parametrize("threads", [1, 4])
def test_several_blocks_and_many_pages(threads):
    page = block(bytes(100_000)) + block(b"abc")
    _core.decompress([page] * 50, [100_003] * 50, threads)
    _core.decompress([], [], threads)


@pytest.mark.parametrize("page", [block(b"abc")[:-1], block(b"abc") + b"x", b"ZL", b"QQ" + block(b"abc")[2:]])
def test_blocks_that_are_none(page):
    with pytest.raises(_core.CorruptData):
        _core.decompress([page], [3], 1)


def test_a_method_that_nobody_has_any_more():
    with pytest.raises(_core.Unsupported, match="CS"):
        _core.decompress([b"CS" + block(b"abc")[2:]], [3], 1)


def test_pages_without_sizes():
    with pytest.raises(ValueError, match="sizes"):
        _core.decompress([block(b"abc")], [], 1)
