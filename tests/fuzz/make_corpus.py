"""Writes the fuzzer's corpus: headers, key lists, trees, streamer lists and baskets of real files, in small pieces.

    python tests/fuzz/make_corpus.py OUTPUT FILE.root ...

Needs physlite, cramjam and xxhash. The format of the output is described in fuzz.cpp.
"""

from __future__ import annotations

import lzma
import struct
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cramjam
import numpy as np
import xxhash

from physlite import _core
from physlite.formats import rntuple, ttree
from physlite.formats.encoding import value_number
from physlite.formats.rootfile import Key, RootFile
from physlite.storage import MemorySource, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from physlite.formats.manifest import Manifest

# Numbers of the targets, as in fuzz.cpp.
FILE_HEADER, DIRECTORY, KEYS, OBJECT, STREAMERS, TREE, BASKET, CODE, BLOCKS, EMBEDDED = range(10)
ANCHOR, ENVELOPE, SCHEMA, PAGE_LIST, NTUPLE_PAGE = range(10, 15)

SMALL_TREE = 20_000
LARGE_TREE = 1_200_000
LARGE_TREES = 3
SMALL_BASKET = 20_000
BASKETS_A_KIND = 4
COMPRESSED_ANEW = 60

# Types of an RNTuple's columns that hold offsets.
INDICES = (0x0E, 0x0F, 0x1A, 0x1B)

LINK = (10, 2, 1, 6, 1, 6)
# Programs to try on a basket, the stricter first: see program.hpp for what the integers mean.
PROGRAMS: list[list[int]] = [
    [6, 3, 1, 9],
    [6, 3, 1, 5],
    [6, 3, 1, 6],
    [6, 3, 1, 10],
    [6, 3, 1, 8],
    [6, 3, 1, 1],
    [6, 3, 1, 3],
    [6, 3, 3, 1, 9],
    [6, 3, 3, 1, 8],
    [6, 3, 3, 1, 2],
    [6, 3, 3, 1, 4],
    [6, 3, 3, 3, 1, 8],
    [6, 3, 3, 3, 1, 2],
    [6, 3, 3, 5, 20, 2, 1, 6, 1, 6],
    [6, 3, 5, 20, 2, 1, 6, 1, 6],
    [0, 7, 5, 20, 2, 1, 6, 1, 6],
    [6, 3, 6],
    [6, 3, 3, 6],
    [6, 4, 6],
    [0, 5, *LINK],
    [12, 1, 6],
    [12, 3, 1, 6],
    [0, 1, 9],
    [0, 1, 10],
    [0, 1, 1],
    [10, 1, 0],
    [0, 6],
    [0, 4, 1, 6],
    [0, 4, 1, 9],
    [0, 4, 8, 9, 0, struct.unpack("<q", struct.pack("<d", 100.0))[0], 16],
    [0, 4, 9, 9, 12],
    [0, 4, 1, 11],
    [0, 4, 2, 3, 1, 1],
    [0, 4, 1, 0],
]


def vector_of_one(item: bytes) -> bytes:
    """A streamed vector: byte count, version, count, the item."""
    return struct.pack(">IHI", 0x40000000 | (6 + len(item)), 9, 1) + item


# Operations that no basket of the files needs, with the bytes of an entry, and whether a table of offsets follows.
F8_10 = struct.unpack("<q", struct.pack("<d", 10.0))[0]
WORDS = bytes(range(48))
STRINGS = b"\x03abc\x00" + b"\xff\x00\x00\x01\x00" + bytes(256)
MADE_UP: list[tuple[list[int], bytes, bool]] = [
    ([0, 2, 3, 2, 4, 1, 9], WORDS, False),
    ([0, 2, 3, 6], STRINGS, True),
    ([0, 8, 9, 0, F8_10, 16], WORDS[:4], False),
    ([0, 4, 8, 10, 0, F8_10, 32], WORDS, True),
    ([0, 9, 10, 12], WORDS[:3], False),
    ([0, 4, 9, 9, 16], WORDS, True),
    ([0, 4, 1, 11], WORDS, True),
    ([0, 4, 1, 0], WORDS, True),
    ([0, 5, 2, 3, 1, 2, 1, 4, 1, 8], WORDS[:13], False),
    ([0, 4, 5, 1, 2, 6, 3, 1, 10], b"\x07\x02ab\x00\x00\x00\x01" + WORDS[:8] + b"\x07\x00" + bytes(4), True),
    ([6, 3, 2, 3, 6], vector_of_one(STRINGS), True),
    ([0, 7, 5, 0, 2, 3, 1, 9, 6], vector_of_one(bytes(4) + b"\x02xy"), True),
]
MADE_UP_ENTRIES = 5


class Corpus:
    def __init__(self) -> None:
        self.items: list[bytes] = []
        self.seen: set[bytes] = set()
        self.counts: Counter[int] = Counter()

    def add(
        self,
        target: int,
        data: bytes,
        param: int = 0,
        code: list[int] | None = None,
        entries: int = 0,
        other: bytes = b"",
    ) -> None:
        code = code or []
        head = struct.pack("<BIqQI", target, param, entries, 0, len(code)) + struct.pack(f"<{len(code)}q", *code)
        item = head + struct.pack("<I", len(data)) + data + struct.pack("<I", len(other)) + other
        if item not in self.seen:
            self.seen.add(item)
            self.items.append(item)
            self.counts[target] += 1

    def write(self, path: Path) -> None:
        path.write_bytes(b"PLFUZZ1\n" + struct.pack("<I", len(self.items)) + b"".join(self.items))


def blocks(data: bytes, algorithm: str, block_bytes: int = 0xFFFFFF) -> bytes:
    """The data as ROOT's compressed blocks."""
    out = b""
    for at in range(0, len(data), block_bytes):
        piece = data[at : at + block_bytes]
        if algorithm == "ZL":
            packed = zlib.compress(piece)
        elif algorithm == "XZ":
            # A small dictionary: allocating the preset's would take longer than decompressing.
            filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 4096}]
            packed = lzma.compress(piece, check=lzma.CHECK_CRC32, filters=filters)
        elif algorithm == "ZS":
            packed = bytes(cramjam.zstd.compress(piece, 5))
        else:
            packed = bytes(cramjam.lz4.compress_block(piece, store_size=False))
            packed = xxhash.xxh64_digest(packed) + packed
        out += algorithm.encode() + b"\x01" + len(packed).to_bytes(3, "little") + len(piece).to_bytes(3, "little")
        out += packed
    return out


def key_bytes_of(page: bytes) -> int:
    return int.from_bytes(page[14:16], "big")


def with_payload(page: bytes, payload: bytes) -> bytes:
    """The key of the page, with another form of the same object behind it."""
    key_bytes = key_bytes_of(page)
    return (key_bytes + len(payload)).to_bytes(4, "big") + page[4:key_bytes] + payload


def embedded(page: bytes, content: bytes) -> bytes:
    """The basket as it stands inside of a tree object: key, table of offsets, and the buffer with the key's bytes."""
    key_bytes = key_bytes_of(page)
    last = int.from_bytes(page[key_bytes - 5 : key_bytes - 1], "big")
    data = content[: last - key_bytes]
    table = content[len(data) :]
    flag = 11 if table else 12
    return page[: key_bytes - 1] + bytes([flag]) + table + bytes(key_bytes) + data


def made_up_basket(entry: bytes, has_table: bool) -> bytes:
    """An uncompressed basket that holds the entry a few times."""
    key_bytes = 48
    data = entry * MADE_UP_ENTRIES
    table = b""
    if has_table:
        offsets = [key_bytes + i * len(entry) for i in range(MADE_UP_ENTRIES)]
        table = struct.pack(f">{len(offsets) + 1}I", len(offsets), *offsets)
    size = len(data) + len(table)
    key = struct.pack(">IHIIHHIIBBB", key_bytes + size, 4, size, 0, key_bytes, 1, 0, 0, 0, 0, 0)
    return key + struct.pack(">HIIIIB", 3, 0, 0, MADE_UP_ENTRIES, key_bytes + len(data), 0) + data + table


def key_lists(file: bytes, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Directories and their lists of keys, from the record at the offset on."""
    directory = file[offset : offset + 60]
    keys_offset, keys_bytes = _core.directory(directory)
    listing = file[keys_offset : keys_offset + keys_bytes]
    yield directory, listing
    for key in _core.keys(listing):
        if key[2] in ("TDirectory", "TDirectoryFile"):
            yield from key_lists(file, key[4] + key[6])


def program_of(page: bytes, entries: int, known: list[int] | None) -> list[int] | None:
    nowhere = np.zeros(1, np.int64)
    basket = _core.BasketTables(nowhere, nowhere, nowhere, entries)
    for code in [known, *PROGRAMS] if known else PROGRAMS:
        try:
            plan = basket.plan([(_core.Program(np.array(code, np.int64)), 0, 1)], 0, entries)
            list(plan.decode([page], 1))
        except (ValueError, NotImplementedError):
            continue
        return code
    return None


def programs_of_tree(root: RootFile, key: Key) -> dict[int, list[int]]:
    """The programs that the package decodes columns with, by the number of their first basket."""
    manifest = ttree.read_manifest(root, key)
    encodings = {c.first_page: manifest.encoding(i) for i, c in enumerate(manifest.columns) if not c.members}
    return {page: encoding.program.tolist() for page, encoding in encodings.items() if encoding}


def add_baskets(
    corpus: Corpus,
    file: bytes,
    tree: bytes,
    key_bytes: int,
    programs: dict[int, list[int]],
    kinds: Counter[tuple[object, ...]],
) -> None:
    scanned = _core.scan_tree(tree, key_bytes)
    first_entry = scanned["basket_first_entry"]
    for branch in scanned["branches"]:
        class_name, branch_entries, begin, count = branch[3], branch[11], branch[14], branch[15]
        kind_of_branch = (class_name, branch[6], branch[7])
        if count == 0 or kinds[kind_of_branch] >= 3 * BASKETS_A_KIND:
            continue
        kinds[kind_of_branch] += 1
        for i in range(begin, min(begin + 2, begin + count)):
            end = int(first_entry[i + 1]) if i + 1 < begin + count else branch_entries
            entries = end - int(first_entry[i])
            offset, size = int(scanned["basket_offset"][i]), int(scanned["basket_bytes"][i])
            page = file[offset : offset + size] if offset >= 0 else scanned["embedded"][-1 - offset :][:size]
            if size == 0 or int.from_bytes(page[6:10], "big") > SMALL_BASKET:
                continue
            code = program_of(page, entries, programs.get(begin))
            if code is None:
                continue
            kind = (class_name, *code)
            kinds[kind] += 1
            if kinds[kind] > BASKETS_A_KIND:
                continue
            corpus.add(BASKET, page, code=code, entries=entries)
            corpus.add(CODE, b"", code=code)
            content = _core.object(page)
            corpus.add(EMBEDDED, embedded(page, content), code=code, entries=entries)
            if corpus.counts[BLOCKS] < 4 * COMPRESSED_ANEW:
                for algorithm in ("ZL", "XZ", "ZS", "L4"):
                    packed = blocks(content, algorithm, max(len(content) // 3, 200))
                    corpus.add(BLOCKS, packed, param=len(content))
                    if len(packed) != len(content):
                        corpus.add(BASKET, with_payload(page, packed), code=code, entries=entries)


def add_ntuple(corpus: Corpus, root: RootFile, key: Key, kinds: Counter[tuple[object, ...]]) -> None:
    """The anchor, all envelopes, and some pages of each kind."""
    anchor = root.object(key)
    corpus.add(ANCHOR, anchor)
    header, footer, _ = _core.ntuple_anchor(anchor)

    def envelope(link: tuple[int, int, int]) -> bytes:
        offset, size, uncompressed = link
        (stored,) = root.source.fetch([Range(offset, size)])
        if size < SMALL_TREE:
            corpus.add(ENVELOPE, bytes(stored), param=uncompressed)
        return _core.envelope(stored, uncompressed)

    parts = envelope(header), envelope(footer)
    _, extension, groups = _core.ntuple_footer(parts[1])
    columns = _core.ntuple_schema(parts[0], extension)["kind"]
    if len(parts[0]) < LARGE_TREE:
        corpus.add(SCHEMA, parts[0], other=parts[1])
    for clusters, link in groups:
        corpus.add(PAGE_LIST, envelope(link), param=clusters, entries=len(columns))
    add_pages(corpus, rntuple.read_manifest(root, key), root, kinds)


def add_pages(corpus: Corpus, manifest: Manifest, root: RootFile, kinds: Counter[tuple[object, ...]]) -> None:
    streams = manifest.streams
    assert streams is not None
    for row in manifest.columns[len(manifest.named) :]:
        is_list = row.encoding in ("i8", "n") and row.pages > 0
        for i in range(row.first_page, row.first_page + row.pages):
            if streams.kind[i] < 0 or manifest.page_size[i] > SMALL_BASKET:
                continue
            kind = streams.kinds[streams.kind[i]]
            value = {"n": "i8", "places": "i8", "alternatives": "i1"}.get(row.encoding, row.encoding)
            is_compressed = manifest.page_size[i] < streams.elements[i] * kind.bits // 8
            name = (*kind, value, is_compressed)
            kinds[name] += 1
            if kinds[name] > BASKETS_A_KIND:
                continue
            (stored,) = root.source.fetch([Range(int(manifest.page_offset[i]), int(manifest.page_size[i]))])
            bounds = struct.unpack("<2q", struct.pack("<2d", kind.low, kind.high))
            code = [kind.type, kind.bits, value_number(value), int(streams.elements[i]), int(streams.checksum[i])]
            is_index = is_list and kind.type in INDICES
            corpus.add(NTUPLE_PAGE, bytes(stored), code=[*code, int(is_index), *bounds])


def add_file(corpus: Corpus, path: Path, kinds: Counter[tuple[object, ...]]) -> None:
    file = path.read_bytes()
    corpus.add(FILE_HEADER, file[:100])
    header = _core.file_header(file[:100])
    root = RootFile(MemorySource(file, str(path)))
    large_trees = 0
    for directory, listing in key_lists(file, header["begin"] + header["name_bytes"]):
        corpus.add(DIRECTORY, directory)
        corpus.add(KEYS, listing)
        for key in (Key(*k) for k in _core.keys(listing)):
            if key.class_name == "ROOT::RNTuple":
                add_ntuple(corpus, root, key, kinds)
            if key.class_name != "TTree":
                continue
            record = file[key.offset : key.offset + key.total_bytes]
            tree = _core.object(record)
            if len(record) < SMALL_TREE:
                corpus.add(OBJECT, record)
            if len(tree) <= SMALL_TREE:
                corpus.add(TREE, tree, param=key.key_bytes)
            elif len(tree) <= LARGE_TREE and large_trees < LARGE_TREES:
                large_trees += 1
                corpus.add(TREE, tree, param=key.key_bytes)
            add_baskets(corpus, file, tree, key.key_bytes, programs_of_tree(root, key), kinds)
    begin = header["streamers_offset"]
    record = file[begin : begin + header["streamers_bytes"]]
    corpus.add(OBJECT, record)
    corpus.add(STREAMERS, _core.object(record), param=key_bytes_of(record))


def main() -> None:
    output, *paths = map(Path, sys.argv[1:])
    corpus = Corpus()
    kinds: Counter[tuple[object, ...]] = Counter()
    for path in paths:
        add_file(corpus, path, kinds)
    for code, entry, has_table in MADE_UP:
        corpus.add(CODE, b"", code=code)
        corpus.add(BASKET, made_up_basket(entry, has_table), code=code, entries=MADE_UP_ENTRIES)
    corpus.write(output)
    counts = dict(sorted(corpus.counts.items()))
    sys.stdout.write(f"{len(corpus.items)} items, {output.stat().st_size} bytes; by target: {counts}\n")


if __name__ == "__main__":
    main()
