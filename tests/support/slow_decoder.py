"""A second oracle: baskets decoded one value at a time, in plain Python, after the description of the format.

It shares nothing with the package, and knows no speed. A `vector<T>` has ten bytes of header, a link inside a vector
twenty, and so on.
"""

from __future__ import annotations

import lzma
import re
import struct
import zlib

import cramjam

NUMBERS = {
    "bool": ">?", "char": ">b", "signed char": ">b", "unsigned char": ">B", "short": ">h", "unsigned short": ">H",
    "int": ">i", "unsigned int": ">I", "long": ">q", "long long": ">q", "unsigned long": ">Q",
    "unsigned long long": ">Q", "ULong64_t": ">Q", "float": ">f", "double": ">d",
}  # fmt: skip


class Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    def take(self, count):
        out = self.data[self.at : self.at + count]
        assert len(out) == count, f"{count} bytes at {self.at} of {len(self.data)}"
        self.at += count
        return out

    def unpack(self, code):
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def string(self):
        length = self.unpack(">B")
        return self.take(self.unpack(">I") if length == 255 else length)

    def rest(self):
        return len(self.data) - self.at


def decompressed(payload, size):
    """An object behind its key: as it is, or in blocks of nine bytes of header and compressed content."""
    if len(payload) == size:
        return bytes(payload)
    blocks, out = Bytes(payload), b""
    while blocks.rest():
        algorithm, _, packed, unpacked = (blocks.take(n) for n in (2, 1, 3, 3))
        data = blocks.take(int.from_bytes(packed, "little"))
        if algorithm == b"ZL":
            part = zlib.decompress(data)
        elif algorithm == b"XZ":
            part = lzma.decompress(data)
        elif algorithm == b"ZS":
            part = bytes(cramjam.zstd.decompress(data))
        else:
            assert algorithm == b"L4"
            part = bytes(cramjam.lz4.decompress_block(data[8:], output_len=int.from_bytes(unpacked, "little")))
        assert len(part) == int.from_bytes(unpacked, "little")
        out += part
    assert len(out) == size
    return out


def basket_entries(page, fixed_size=None):
    """The bytes of each entry of a basket; those without offsets have entries of a fixed size."""
    key = Bytes(page)
    total, version, size = key.unpack(">I"), key.unpack(">H"), key.unpack(">I")
    key.take(4)
    key_bytes = key.unpack(">H")
    key.take(2 + (16 if version > 1000 else 8))
    assert key.string() in (b"TBasket", b"")
    key.string(), key.string(), key.take(6)
    if key.unpack(">i") < 0:
        key.take(1)
    entries, last = key.unpack(">I"), key.unpack(">I")
    content = decompressed(page[key_bytes:total], size)
    data, table = content[: last - key_bytes], Bytes(content[last - key_bytes :])
    if not table.rest():
        width = fixed_size or (len(data) // entries if entries else 0)
        starts = [i * width for i in range(entries)]
    else:
        table.take(4)
        starts = [table.unpack(">I") - key_bytes for _ in range(entries)]
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def normalized(type_name):
    name = re.sub(r"\s*([<>,])\s*", r"\1", type_name.replace("std::", ""))
    return name.strip()


def inner(type_name, data):
    """A value inside a container."""
    if type_name in NUMBERS:
        return data.unpack(NUMBERS[type_name])
    if type_name == "string":
        return data.string().decode()
    if type_name.startswith("ElementLink<"):
        return link(data, 20)
    container, argument = re.fullmatch(r"(vector|set)<(.*)>", type_name).groups()
    assert container in ("vector", "set")
    return [inner(argument, data) for _ in range(data.unpack(">I"))]


def link(data, header):
    data.take(header)
    return {"m_persKey": data.unpack(">I"), "m_persIndex": data.unpack(">I")}


def vector_of_links(data):
    """Object by object, or, where a bit of the version says so, first all keys and then all indices."""
    data.take(4)
    if not data.unpack(">H") & 0x4000:
        return [link(data, 20) for _ in range(data.unpack(">I"))]
    data.take(2 + 4)
    n = data.unpack(">I")
    keys = [data.unpack(">I") for _ in range(n)]
    return [{"m_persKey": key, "m_persIndex": data.unpack(">I")} for key in keys]


def entry_value(type_name, entry):
    """One entry of a branch of this type."""
    name, data = normalized(type_name), Bytes(entry)
    value = _entry_value(name, data)
    assert data.rest() == 0, f"{data.rest()} bytes are left of an entry of {type_name}"
    return value


def _entry_value(name, data):
    if name in NUMBERS:
        return data.unpack(NUMBERS[name])
    if name == "string":
        return data.string().decode()
    if name.startswith("vector<ElementLink<"):
        return vector_of_links(data)
    if name.startswith("ElementLink<"):
        return link(data, 10)
    if name.startswith(("vector<", "set<")):
        assert data.unpack(">I") & 0x3FFFFFFF == len(data.data) - 4
        data.take(2)
        return inner(name, data)
    if name.startswith("DataVector<") or "MissingET" in name:
        data.take(4 + 2 + 2 + 4)
        n = data.unpack(">I")
        data.take(data.rest())
        return n
    item, *sizes = re.split(r"[\[\]]+", name.rstrip("]"))
    if item == "string":
        data.take(6)
        out = []
        while data.rest():
            out.append(data.string().decode())
        return out
    code = NUMBERS[item]
    if sizes == [""]:  # to the end
        return [data.unpack(code) for _ in range(data.rest() // struct.calcsize(code))]
    (size,) = map(int, sizes)
    return [data.unpack(code) for _ in range(size)]


def object_members(entry, members):
    """An object streamed whole: its one base class, which says how long it is, then its members by name and type."""
    data, out = Bytes(entry), {}
    data.take(data.unpack(">I") & 0x3FFFFFFF)
    for name, type_name in members:
        kind = normalized(type_name)
        if kind in NUMBERS:
            out[name] = data.unpack(NUMBERS[kind])
        else:
            size = int.from_bytes(data.data[data.at : data.at + 4]) & 0x3FFFFFFF
            out[name] = entry_value(kind, data.take(size + 4))
    assert data.rest() == 0
    return out


def entries(file, manifest, column, page_limit=None):
    """The bytes of the entries of a column, or of its first pages. `file`: the content of the whole file."""
    pages = manifest.pages(column)
    out = []
    for offset, size in list(zip(pages.offset.tolist(), pages.size.tolist(), strict=True))[:page_limit]:
        out += basket_entries(file[offset : offset + size] if offset >= 0 else manifest.inline[-1 - offset :][:size])
    return out


def column_values(file, manifest, column, page_limit=None):
    """The entries of a column, or of its first pages, as Python values."""
    type_name = manifest.columns[column].type_name
    return [entry_value(type_name, entry) for entry in entries(file, manifest, column, page_limit)]
