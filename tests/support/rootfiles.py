"""Small ROOT files: written by uproot, taken apart, changed, and put together again."""

from __future__ import annotations

import io
import struct

import numpy as np
import uproot

from support.slow_decoder import decompressed

TREE = "CollectionTree"

ALGORITHMS = {"zlib": uproot.ZLIB(4), "lzma": uproot.LZMA(4), "lz4": uproot.LZ4(4), "zstd": uproot.ZSTD(4)}


def write_tree(path, batches, compression=ALGORITHMS["zlib"], tree=TREE):
    """A file of one tree, each batch (a dict of arrays) a basket."""
    with uproot.recreate(path, compression=compression) as file:
        first, *rest = batches
        file.mktree(tree, {name: np.asarray(array).dtype for name, array in first.items()})
        for batch in (first, *rest):
            file[tree].extend(batch)
    return path


def three_baskets(path, compression=ALGORITHMS["zlib"]):
    """Columns `pt` (float32) and `number` (int64) of 3 × 100 entries; `pt` repeats itself, so it compresses."""
    numbers = np.arange(300)
    batches = [
        {"pt": np.float32(n[:100] % 7), "number": np.int64(n[:100] % 11)} for n in np.split(numbers, 3)
    ]  # fmt: skip
    return write_tree(path, batches, compression)


class Key:
    """A key: the head of each record of a file."""

    def __init__(self, data, at):
        self.at = at
        self.total, self.version, self.size, _, self.bytes, self.cycle = struct.unpack_from(">iHiIHH", data, at)
        self.wide = self.version > 1000
        (self.seek,) = struct.unpack_from(">q" if self.wide else ">I", data, at + 18)
        at += 34 if self.wide else 26
        self.class_name, self.name, self.title = "", "", ""
        for part in ("class_name", "name", "title"):
            length = data[at]
            setattr(self, part, data[at + 1 : at + 1 + length].decode())
            at += 1 + length


class RootBytes:
    """A file (under 2 GB) as bytes that can be changed."""

    def __init__(self, content):
        self.data = bytearray(content)
        (self.begin,) = struct.unpack_from(">I", self.data, 8)
        (name_bytes,) = struct.unpack_from(">I", self.data, 28)
        self.directory = self.begin + name_bytes
        (at,) = struct.unpack_from(">I", self.data, self.directory + 26)
        self.key_list = Key(self.data, at)
        at += self.key_list.bytes
        (count,) = struct.unpack_from(">I", self.data, at)
        at += 4
        self.keys = []
        for _ in range(count):
            self.keys.append(Key(self.data, at))
            at += self.keys[-1].bytes

    def key(self, name=TREE):
        return max((k for k in self.keys if k.name == name), key=lambda k: k.cycle)

    def object(self, name=TREE):
        """A decompressed object."""
        key = self.key(name)
        record = self.data[key.seek : key.seek + key.total]
        return bytearray(decompressed(record[key.bytes :], key.size))

    def replace(self, new, name=TREE):
        """Puts an uncompressed object at the end of the file, and the key to it."""
        key = self.key(name)
        where = len(self.data)
        head = bytearray(self.data[key.seek : key.seek + key.bytes])
        self.data += head + new
        for at in (where, key.at):
            struct.pack_into(">i", self.data, at, key.bytes + len(new))
            struct.pack_into(">i", self.data, at + 6, len(new))
            struct.pack_into(">q" if key.wide else ">I", self.data, at + 18, where)
        struct.pack_into(">I", self.data, 12, len(self.data))
        return bytes(self.data)


def tree_object_with(content, change, name=TREE):
    """The file with another tree object: `change` gets the object as a bytearray, and changes it."""
    file = RootBytes(content)
    new = file.object(name)
    change(new)
    return file.replace(new, name)


def basket(manifest, column, number):
    """Offset and size of a basket."""
    pages = manifest.pages(manifest.index[column])
    return int(pages.offset[number]), int(pages.size[number])


def key_bytes(content, offset):
    return struct.unpack_from(">H", content, offset + 14)[0]


SHIFT = 2**32 + 2**29


def beyond_4_gib(path, small):
    """Writes a sparse copy of a small file, with everything but the first record `SHIFT` bytes further on.

    As ROOT does it past 2 GB: eight-byte offsets in the header, the directory, and the keys.
    """
    content = small.read_bytes()
    file = RootBytes(content)
    tree_key = file.key()
    tree = file.object()
    with uproot.open(io.BytesIO(content)) as opened:
        offsets = [int(x) for branch in opened[TREE].values() for x in branch.member("fBasketSeek") if x]
    for offset in offsets:
        at = tree.find(struct.pack(">q", offset))
        assert at >= 0
        struct.pack_into(">q", tree, at, offset + SHIFT)

    def wide_key(name, class_name, title, size, seek):
        text = b"".join(bytes([len(t)]) + t.encode() for t in (class_name, name, title))
        length = 34 + len(text)
        return struct.pack(">iHiIHHqq", length + size, 1004, size, 0, length, 1, seek, file.begin) + text

    end = len(content) + SHIFT
    tree_record = wide_key(tree_key.name, "TTree", tree_key.title, len(tree), end) + tree
    keys_at = end + len(tree_record)
    entry = wide_key(tree_key.name, "TTree", tree_key.title, len(tree), end)
    listing = struct.pack(">I", 1) + entry
    key_list = wide_key("small.root", "TFile", "", len(listing), keys_at) + listing
    total = keys_at + len(key_list)

    name_bytes = file.directory - file.begin
    header = b"root" + struct.pack(
        ">IIQQIIIBIQIH", 1_000_000 + 62206, file.begin, total, 0, 0, 0, name_bytes, 8, 101, 0, 0, 1
    )  # fmt: skip
    header += bytes(16)
    directory = struct.pack(">HIIII", 1005, 0, 0, len(key_list), name_bytes)
    directory += struct.pack(">QQQ", file.begin, 0, keys_at)
    with path.open("wb") as out:
        out.write(header.ljust(file.begin, b"\0"))
        out.write(content[file.begin : file.directory] + directory)
        out.seek(SHIFT)
        out.write(content)
        out.seek(end)
        out.write(tree_record + key_list)
    return path


def stored_basket(content, starts):
    """An uncompressed basket as on file: `starts` are the first bytes of its entries, and the end of the last."""
    key = 48
    entries = len(starts) - 1
    table = struct.pack(f">{entries + 2}i", entries + 1, *(key + int(at) for at in starts[:-1]), 0)
    size = len(content) + len(table)
    head = struct.pack(">iHiIHH", key + size, 4, size, 0, key, 0) + bytes(11)
    members = struct.pack(">HIiIIB", 3, 0, 0, entries, key + len(content), 0)
    return head + members + content + table
