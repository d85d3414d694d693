"""ROOT files that are written: their header, table of contents, and what is put into them, one object after the other.

uproot writes ROOT files too, but of an RNTuple neither the names of C++ classes, by which collections and links are
known, nor split pages, without which a file is larger by a seventh to a third. Here is the frame that its pages need.
Layouts: ROOT's io/doc/TFile. Offsets are written with 8 bytes everywhere, as ROOT does beyond 2 GB, so that a file may
grow to any size.
"""

from __future__ import annotations

import struct
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from uproot.compression import Compression, compress

__all__ = ["RootContainer"]

# Versions of classes; 8 bytes of offset are told by what is added to them.
_BIG_FILE = 1_000_000
_BIG = 1000
_FILE_VERSION = 62400
_KEY_VERSION = 4 + _BIG
_DIRECTORY_VERSION = 5 + _BIG
_FREE_VERSION = 1 + _BIG
_UUID_VERSION = 1

_HEADER = struct.Struct(">4siiqqiiiBiqiH16s")
_KEY = struct.Struct(">ihiIhhqq")
_DIRECTORY = struct.Struct(">hIIiiqqqH16s")
_FREE = struct.Struct(">HQQ")

_BEGIN = 100  # where ROOT has the first key
_OFFSET_BYTES = 8
_LONG_STRING = 255
_BYTE_COUNT = 0x40000000
_NOT_DELETED = 0x02000000  # TObject::kNotDeleted, of every object in memory
_FREE_TO = 1 << 62  # what is behind the end of the file is free


class _Key(NamedTuple):
    """What describes an object, before the object and again in the table of contents."""

    class_name: str
    name: str
    title: str
    offset: int
    stored: int
    uncompressed: int

    @property
    def size(self) -> int:
        return _KEY.size + sum(len(_text(text)) for text in (self.class_name, self.name, self.title))

    def pack(self, time: int) -> bytes:
        parent = 0 if self.offset == _BEGIN else _BEGIN
        numbers = _KEY.pack(
            self.size + self.stored, _KEY_VERSION, self.uncompressed, time, self.size, 1, self.offset, parent
        )
        return numbers + _text(self.class_name) + _text(self.name) + _text(self.title)


class RootContainer:
    """A ROOT file that is being written; not readable before `close`.

    Args:
        path: of the file, which is made anew.
        compression: of all objects that are not compressed by who brings them; None for none.
    """

    def __init__(self, path: Path, compression: Compression | None) -> None:
        self.compression = compression
        self._uuid = uuid.uuid4().bytes
        self._time = _root_time(datetime.now().astimezone())
        self._name = path.name
        self._keys: list[_Key] = []
        self._file: BinaryIO = path.open("wb")
        self._file.write(bytes(_BEGIN))
        self._end = _BEGIN
        named = _text(self._name) + _text("")
        self._name_bytes = _Key("TFile", self._name, "", _BEGIN, 0, 0).size + len(named)
        self._put("TFile", self._name, "", named + bytes(_DIRECTORY.size), compressed=False)

    def blob(self, content: bytes | memoryview) -> int:
        """Adds bytes that something else refers to by where they are; returns that."""
        key = self._put("RBlob", "", "", content, compressed=False)
        return key.offset + key.size

    def add(self, class_name: str, name: str, content: bytes, title: str = "", *, compressed: bool = True) -> None:
        """Adds an object, as its class is streamed, to the table of contents."""
        self._keys.append(self._put(class_name, name, title, content, compressed=compressed))

    def add_text(self, name: str, text: str) -> None:
        """Adds a text, as a TObjString."""
        content = struct.pack(">HII", 1, 0, _NOT_DELETED) + _text(text)
        self.add("TObjString", name, _streamed(1, content), "Collectable string class")

    def close(self) -> None:
        """Writes the table of contents and the header; the file is complete then."""
        # An empty list: what describes the classes here, ROOT brings along.
        streamers = self._put("TList", "StreamerInfo", "Doubly linked list", _streamed(5, _EMPTY_LIST))
        table = struct.pack(">i", len(self._keys)) + b"".join(key.pack(self._time) for key in self._keys)
        keys = self._put("TFile", self._name, "", table, compressed=False)
        # The last record is of what is free, which is what lies behind it.
        free = _Key("TFile", self._name, "", self._end, _FREE.size, _FREE.size)
        end = self._end + free.size + _FREE.size
        self._file.write(free.pack(self._time) + _FREE.pack(_FREE_VERSION, end, _FREE_TO))
        self._file.seek(0)
        self._file.write(
            _HEADER.pack(
                b"root", _FILE_VERSION + _BIG_FILE, _BEGIN, end, free.offset, free.size + _FREE.size, 1,
                self._name_bytes, _OFFSET_BYTES, self.compression.code if self.compression else 0, streamers.offset,
                streamers.size + streamers.stored, _UUID_VERSION, self._uuid,
            )
        )  # fmt: skip
        self._file.seek(_BEGIN + self._name_bytes)
        self._file.write(
            _DIRECTORY.pack(
                _DIRECTORY_VERSION, self._time, self._time, keys.size + keys.stored, self._name_bytes, _BEGIN, 0,
                keys.offset, _UUID_VERSION, self._uuid,
            )
        )  # fmt: skip
        self._file.close()

    def abort(self) -> None:
        """Closes the file as it is."""
        with suppress(OSError):  # of what was to be written still, on a disk that is full
            self._file.close()

    def _put(
        self, class_name: str, name: str, title: str, content: bytes | memoryview, *, compressed: bool = True
    ) -> _Key:
        stored = compress(content, self.compression) if compressed else content
        key = _Key(class_name, name, title, self._end, len(stored), len(content))
        self._file.write(key.pack(self._time))
        self._file.write(stored)
        self._end += key.size + key.stored
        return key


def _text(text: str) -> bytes:
    """A TString: its length in a byte, or where it is longer in four behind a marker."""
    content = text.encode()
    if len(content) < _LONG_STRING:
        return bytes([len(content)]) + content
    return struct.pack(">BI", _LONG_STRING, len(content)) + content


def _streamed(version: int, content: bytes) -> bytes:
    """An object with its byte count and the version of its class."""
    return struct.pack(">IH", _BYTE_COUNT | len(content) + 2, version) + content


_EMPTY_LIST = struct.pack(">HII", 1, 0, _NOT_DELETED) + _text("") + struct.pack(">i", 0)


def _root_time(time: datetime) -> int:
    """As TDatime packs it."""
    date = (time.year - 1995) << 26 | time.month << 22 | time.day << 17
    return date | time.hour << 12 | time.minute << 6 | time.second
