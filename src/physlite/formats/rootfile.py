"""The outermost structure of a ROOT file: header, top directory, keys, class descriptions."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from physlite import _core
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.storage import ByteSource, Range

__all__ = ["HEADER_BYTES", "ClassDescription", "Key", "Member", "RootFile", "compression_name", "naming", "read_head"]

# Longer than any file header (75 bytes) and any directory record (60 bytes).
HEADER_BYTES = 100
_DIRECTORY_BYTES = 60

_ALGORITHMS = {0: "zlib", 1: "zlib", 2: "lzma", 3: "old", 4: "lz4", 5: "zstd"}


def compression_name(setting: int) -> str:
    """Name of ROOT's compression setting, as `zstd-5` for 505."""
    algorithm, level = divmod(setting, 100)
    return f"{_ALGORITHMS.get(algorithm, algorithm)}-{level}" if level else "none"


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Turns errors of the core into ours, with `what` (file, object) in front."""
    try:
        yield
    except _core.CorruptData as error:
        msg = f"{what}: {error.args[0]}; the file is damaged, copy it again"
        raise CorruptDataError(msg) from None
    except _core.Unsupported as error:
        msg = f"{what}: not supported: {error.args[0]}"
        raise UnsupportedFormatError(msg) from None


_OBJECT_BYTES = slice(6, 10)  # in a key: how many bytes its object has


@dataclass(frozen=True)
class Key:
    """An object in the file's top directory."""

    name: str
    cycle: int
    class_name: str
    title: str
    offset: int
    total_bytes: int
    key_bytes: int


@dataclass(frozen=True)
class Member:
    """A member (or base class) of a class, as its TStreamerElement describes it."""

    element_class: str
    name: str
    title: str
    type: int
    array_length: int
    type_name: str
    base_version: int


@dataclass(frozen=True)
class ClassDescription:
    """A TStreamerInfo: how a version of a class was written."""

    name: str
    version: int
    checksum: int
    members: tuple[Member, ...]

    def show(self) -> str:
        """The class as text, a line a member."""
        lines = [f"{self.name} (v{self.version}, checksum {self.checksum:#010x})"]
        for m in self.members:
            kind = "base class" if m.element_class == "TStreamerBase" else m.type_name
            lines.append(f"    {m.name}: {kind}" + (f"  // {m.title}" if m.title else ""))
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.show()


def read_head(source: ByteSource) -> memoryview:
    """The first bytes of a file, whatever it is.

    Raises:
        CorruptDataError: the file is empty.
    """
    size = source.size()
    if size == 0:
        msg = f"{source.name}: the file is empty"
        raise CorruptDataError(msg)
    (head,) = source.fetch([Range(0, min(size, HEADER_BYTES))])
    return head


class RootFile:
    """Header and keys of a ROOT file.

    Args:
        source: its bytes.
        head: what `read_head` has read of them, if it has.

    Raises:
        CorruptDataError: the bytes are not a ROOT file, or it is cut short or damaged.
    """

    def __init__(self, source: ByteSource, head: memoryview | None = None) -> None:
        self.source = source
        self.name = source.name
        size = source.size()
        head = read_head(source) if head is None else head
        if bytes(head[:4]) != b"root":
            msg = f"{self.name}: not a ROOT file{_guess(bytes(head))}"
            raise CorruptDataError(msg)
        with naming(self.name):
            header = _core.file_header(head)
            self.uuid = UUID(bytes=header["uuid"])
            self.compression = header["compression"]
            self._streamers_at = Range(header["streamers_offset"], header["streamers_bytes"])
            if header["end"] > size:
                msg = f"{self.name}: truncated: {size} bytes of {header['end']} are there; copy the file again"
                raise CorruptDataError(msg)
            at = header["begin"] + header["name_bytes"]
            (record,) = source.fetch([Range(at, max(min(_DIRECTORY_BYTES, size - at), 0))])
            offset, count = _core.directory(record)
            if count == 0:
                msg = f"{self.name}: never closed: it has no table of contents (its writer crashed, or still runs)"
                raise CorruptDataError(msg)
            (keys,) = source.fetch([Range(offset, count)])
            self.keys = [Key(*k) for k in _core.keys(keys)]

    def key(self, name: str) -> Key | None:
        """The key of this name with the highest cycle, or None."""
        found = [k for k in self.keys if k.name == name]
        return max(found, key=lambda k: k.cycle, default=None)

    def object(self, key: Key, most: int | None = None) -> bytes:
        """The decompressed object behind a key.

        Raises:
            CorruptDataError: it is damaged, or has more bytes than `most`.
        """
        (data,) = self.source.fetch([Range(key.offset, key.total_bytes)])
        size = int.from_bytes(data[_OBJECT_BYTES], "big")
        if most is not None and size > most:
            what = f"{self.name}, object {key.name};{key.cycle}"
            msg = f"{what}: it has {size} bytes, more than {most}; the file is damaged, copy it again"
            raise CorruptDataError(msg)
        with naming(f"{self.name}, object {key.name};{key.cycle}"):
            return _core.object(data)

    @functools.cached_property
    def streamers(self) -> dict[str, ClassDescription]:
        """The classes that the file describes, each in its highest version."""
        if self._streamers_at.size == 0:
            return {}
        (data,) = self.source.fetch([self._streamers_at])
        out: dict[str, ClassDescription] = {}
        with naming(f"{self.name}, class descriptions"):
            key_bytes = int.from_bytes(data[14:16], "big")
            for name, version, checksum, elements in _core.streamers(_core.object(data), key_bytes):
                known = out.get(name)
                if known is None or known.version < version:
                    members = tuple(Member(*e) for e in elements)
                    out[name] = ClassDescription(name, version, checksum, members)
        return out


def _guess(head: bytes) -> str:
    """What a file that is not ROOT may be instead."""
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return " but an HTML page: the download probably returned a login or error page"
    if text.startswith((b"<?xml", b"<error")):
        return " but XML: the server probably answered with an error"
    if head.startswith(b"version https://git-lfs"):
        return " but a Git LFS pointer: run git lfs pull"
    if head.startswith(b"\x1f\x8b"):
        return " but gzip: unpack it first"
    if head.isascii() and head.decode("ascii").isprintable():
        return f" but text, beginning with {head[:30].decode('ascii')!r}"
    return f" (it begins with {head[:4].hex(' ')}, not with 'root')"
