"""RNTuple files taken apart: their envelopes, changed and put back with checksums that fit."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import xxhash

from physlite import _core
from physlite.formats.rootfile import RootFile
from physlite.storage import MemorySource, Range


def _checksum(content):
    return xxhash.xxh3_64_intdigest(content)


def sealed(payload):
    """An envelope with the checksum of what is in it."""
    return bytes(payload) + struct.pack("<Q", _checksum(bytes(payload)))


@dataclass
class Envelopes:
    """The envelopes of the ntuple of a file, decompressed, without their checksums."""

    content: bytes
    anchor_at: int = 0
    header: bytes = b""
    footer: bytes = b""
    lists: list[bytes] = field(default_factory=list)
    links: list[tuple[int, int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, path, name="EventData"):
        content = path.read_bytes()
        root = RootFile(MemorySource(content))
        key = root.key(name)
        stored = root.object(key)
        header, footer, _ = _core.ntuple_anchor(stored)

        def envelope(link):
            offset, size, uncompressed = link
            (data,) = root.source.fetch([Range(offset, size)])
            return _core.envelope(data, uncompressed)

        parts = [envelope(header), envelope(footer)]
        schema = _core.ntuple_schema(*parts)
        links = [link for *_, link in schema["groups"]]
        lists = [envelope(link) for link in links]
        at = content.index(stored, key.offset)
        return cls(content, at, parts[0][:-8], parts[1][:-8], [each[:-8] for each in lists], links)

    def file(self):
        """The file with these envelopes, uncompressed behind all others: they refer to each other as they should."""
        data = bytearray(self.content)
        header = sealed(self.header)
        old = _checksum(Envelopes._whole(self.content, self.anchor_at, 0))
        footer = bytearray(self.footer)
        for payload, (offset, size, uncompressed) in zip(self.lists, self.links, strict=True):
            pages = sealed(payload.replace(struct.pack("<Q", old), header[-8:], 1))
            link = struct.pack("<QiQ", uncompressed, size, offset)
            footer = footer.replace(link, struct.pack("<QiQ", len(pages), len(pages), len(data)), 1)
            data += pages
        footer = sealed(footer.replace(struct.pack("<Q", old), header[-8:], 1))
        at = len(data)
        data += header + footer
        anchor = struct.pack(
            ">HHHHQQQQQQQ",
            1,
            0,
            0,
            0,
            at,
            len(header),
            len(header),
            at + len(header),
            len(footer),
            len(footer),
            1 << 30,
        )
        begin = self.anchor_at + 6
        data[begin : begin + len(anchor)] = anchor
        data[begin + len(anchor) : begin + len(anchor) + 8] = struct.pack(">Q", _checksum(anchor))
        data[12:16] = struct.pack(">I", len(data))  # where ROOT left the end of the file
        return bytes(data)

    @staticmethod
    def _whole(content, anchor_at, which):
        header, footer, _ = _core.ntuple_anchor(content[anchor_at : anchor_at + 78])
        offset, size, uncompressed = (header, footer)[which]
        return _core.envelope(content[offset : offset + size], uncompressed)[:-8]
