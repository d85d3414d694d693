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


def placed(content, anchor_at, header, footer, most=1 << 30):
    """The file with these two envelopes, uncompressed behind all else, as those that its anchor names."""
    at = len(content)
    data = bytearray(content) + header + footer
    links = (at, len(header), len(header), at + len(header), len(footer), len(footer))
    anchor = struct.pack(">HHHHQQQQQQQ", 1, 0, 0, 0, *links, most)
    begin = anchor_at + 6
    data[begin : begin + len(anchor)] = anchor
    data[begin + len(anchor) : begin + len(anchor) + 8] = struct.pack(">Q", _checksum(anchor))
    data[12:16] = struct.pack(">I", len(data))  # where ROOT left the end of the file
    return bytes(data)


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
        links = [link for _, link in _core.ntuple_footer(parts[1])[2]]
        lists = [envelope(link) for link in links]
        at = content.index(stored, key.offset)
        return cls(content, at, parts[0][:-8], parts[1][:-8], [each[:-8] for each in lists], links)

    @property
    def fields(self):
        """The names of the fields that the header describes, in their order."""
        at = 8 + 8  # the envelope's own, flags of features
        for _ in range(3):  # name, description, who wrote it
            at += 4 + struct.unpack_from("<I", self.header, at)[0]
        number = struct.unpack_from("<I", self.header, at + 8)[0]
        at += 8 + 4
        names = []
        for _ in range(number):
            # A field: its frame, versions, parent, role and flags, then the name.
            size, length = (
                struct.unpack_from("<q", self.header, at)[0],
                struct.unpack_from("<I", self.header, at + 24)[0],
            )
            names.append(self.header[at + 28 : at + 28 + length].decode())
            at += size
        return names

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
        return placed(data, self.anchor_at, header, footer)

    @staticmethod
    def _whole(content, anchor_at, which):
        header, footer, _ = _core.ntuple_anchor(content[anchor_at : anchor_at + 78])
        offset, size, uncompressed = (header, footer)[which]
        return _core.envelope(content[offset : offset + size], uncompressed)[:-8]


# ---------------------------------------------------------------------------------------------------- later versions

_MORE = b"\xab" * 5


def from_a_later_version(envelopes):
    """The same with bytes that nobody knows at the end of all frames and envelopes, as a later version may add them."""
    return Envelopes(
        envelopes.content,
        envelopes.anchor_at,
        _header(envelopes.header),
        _footer(envelopes.footer),
        [_page_list(pages) for pages in envelopes.lists],
        envelopes.links,
    )


def _envelope(payload):
    """With its length, that of a checksum included."""
    return payload[:2] + struct.pack("<Q", len(payload) + 8)[:6] + payload[8:]


def _frame(payload, at):
    """Where a frame's contents begin, how many items it has (None: a record), and where it ends."""
    (size,) = struct.unpack_from("<q", payload, at)
    if size >= 0:
        return at + 8, None, at + size
    return at + 12, struct.unpack_from("<I", payload, at + 8)[0], at - size


def _longer(payload, at, inside=None):
    """A frame with more at its end, its items changed by `inside`; and where it ended."""
    begin, items, end = _frame(payload, at)
    if items is None:
        content = (payload[begin:end] if inside is None else inside(payload[begin:end])) + _MORE
        return struct.pack("<q", 8 + len(content)) + content, end
    content = b""
    for _ in range(items if inside is not None else 0):
        item, begin = inside(payload, begin)
        content += item
    content += payload[begin:end] + _MORE
    return struct.pack("<qI", -(12 + len(content)), items) + content, end


def _records(payload, at):
    return _longer(payload, at, _longer)


def _description(payload):
    """Fields, columns, aliases, and extra information on types."""
    out, at = b"", 0
    for _ in range(4):
        frame, at = _records(payload, at)
        out += frame
    return out + payload[at:]


def _header(payload):
    at = 16
    for _ in range(3):
        at += 4 + struct.unpack_from("<I", payload, at)[0]
    return _envelope(payload[:at] + _description(payload[at:]) + _MORE)


def _footer(payload):
    extension, at = _longer(payload, 24, _description)
    groups, at = _records(payload, at)
    return _envelope(payload[:24] + extension + groups + payload[at:] + _MORE)


def _page_list(payload):
    summaries, at = _records(payload, 16)

    def columns(content, begin):
        return _longer(content, begin, _longer)

    pages, at = _longer(payload, at, columns)
    return _envelope(payload[:16] + summaries + pages + payload[at:] + _MORE)
