"""What was read of remote files, kept on the local disk for the next time and for other processes."""

from __future__ import annotations

import bisect
import contextlib
import fcntl
import hashlib
import json
import mmap
import operator
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from physlite.storage._source import Range

__all__ = ["BlockCache", "CachedFile", "Version"]

DEFAULT_LIMIT = 20_000_000_000

_MAGIC = b"physlite blocks\n"
_COUNT = struct.Struct("<q")
_RANGE = struct.Struct("<qq")
_MOST_RANGES = 1 << 20
_FULL = 0.9  # of the limit, to which the cache is emptied when it is over


class Version(NamedTuple):
    """Which version of a file: its size, and what its server says of it."""

    size: int
    tag: str


class BlockCache:
    """A folder of bounded size; what was used longest ago goes first. Several processes may use it at the same time.

    What is kept is as secret as the files it is of: the folder is for its owner only.

    Args:
        folder: where it is; made when it is not there.
        limit_bytes: the most that it takes on the disk.
    """

    def __init__(self, folder: str | os.PathLike[str], limit_bytes: int = DEFAULT_LIMIT) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.limit_bytes = limit_bytes

    def file(self, key: str) -> CachedFile:
        """What there is of the file that is known by `key`."""
        return CachedFile(self, self.folder / hashlib.sha256(key.encode()).hexdigest()[:32])

    def used_bytes(self) -> int:
        """Bytes that it takes now."""
        return sum(size for _, size, _ in self._blocks())

    def _blocks(self) -> list[tuple[float, int, Path]]:
        """When each was last used, its size, and where it is."""
        out = []
        for path in self.folder.glob("*/*.blocks"):
            with contextlib.suppress(OSError):  # somebody else has removed it
                status = path.stat()
                out.append((status.st_mtime, status.st_size, path))
        return out

    def make_room(self, needed: int) -> None:
        """Removes what was used longest ago until so many bytes fit."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            blocks = sorted(self._blocks())
            used = sum(size for _, size, _ in blocks)
            if used + needed <= self.limit_bytes:
                return
            for _, size, path in blocks:
                if used + needed <= _FULL * self.limit_bytes:
                    return
                with contextlib.suppress(OSError):
                    path.unlink()
                used -= size

    def __repr__(self) -> str:
        return f"BlockCache({str(self.folder)!r}, limit_bytes={self.limit_bytes})"


class _Extent(NamedTuple):
    """Bytes `start` ≤ i < `stop` of a file, and the memory that they are in."""

    start: int
    stop: int
    view: memoryview


class CachedFile:
    """What is kept of one file; its version is that of all blocks."""

    def __init__(self, cache: BlockCache, folder: Path) -> None:
        self._cache = cache
        self._folder = folder
        self._blocks: set[str] = set()
        self._extents: list[_Extent] = []  # sorted by their beginnings
        self._longest = 0
        self.version = self._read_version()
        if self.version is not None:
            self._look()

    def find(self, wanted: Range) -> memoryview | None:
        """The bytes of a range, or None."""
        start, stop = wanted.offset, wanted.offset + wanted.size
        which = bisect.bisect_right(self._extents, start, key=operator.itemgetter(0)) - 1
        while which >= 0 and self._extents[which].start + self._longest >= stop:
            extent = self._extents[which]
            if extent.stop >= stop:
                return extent.view[start - extent.start : stop - extent.start]
            which -= 1
        return None

    def add(self, version: Version, ranges: Sequence[Range], views: Sequence[memoryview]) -> None:
        """Keeps ranges, if there is room on the disk; what there was of another version is removed before."""
        if version != self.version:
            self._start(version)
        head = _MAGIC + _COUNT.pack(len(ranges)) + b"".join(_RANGE.pack(*r) for r in ranges)
        needed = len(head) + sum(r.size for r in ranges)
        if needed > self._cache.limit_bytes:
            return
        try:
            self._cache.make_room(needed)
            with self._written(".blocks") as file:
                file.write(head)
                for view in views:
                    file.write(view)
        except OSError:  # a full disk, a folder that was removed: it is only a cache
            return
        self._look()

    def used(self) -> None:
        """Notes that it was used."""
        for name in self._blocks:
            with contextlib.suppress(OSError):
                os.utime(self._folder / name)

    def _start(self, version: Version) -> None:
        self._blocks.clear()
        self._extents.clear()
        self._longest = 0
        self.version = version
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._cache.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.mkdir(exist_ok=True, mode=0o700)
            with self._written(".json", "version") as file:
                file.write(json.dumps(version._asdict()).encode())

    @contextlib.contextmanager
    def _written(self, suffix: str, name: str | None = None) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
        """A file that is there as a whole, or not at all."""
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
            path = Path(file.name)
            try:
                yield file
                file.flush()
                path.rename(path.with_name(name + suffix) if name else path.with_suffix(suffix))
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def _read_version(self) -> Version | None:
        try:
            found = json.loads((self._folder / "version.json").read_bytes())
            return Version(int(found["size"]), str(found["tag"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _look(self) -> None:
        """Finds the blocks that this and other processes have added."""
        found: list[_Extent] = []
        for path in self._folder.glob("*.blocks"):
            if path.name not in self._blocks:
                self._blocks.add(path.name)
                with contextlib.suppress(OSError, ValueError, struct.error):
                    found += _read_block(path)
        self._extents = sorted(self._extents + found, key=operator.itemgetter(0))
        self._longest = max((e.stop - e.start for e in self._extents), default=0)


def _read_block(path: Path) -> list[_Extent]:
    """Raises ValueError or struct.error for what is none."""
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    at = len(_MAGIC)
    (count,) = _COUNT.unpack_from(content, at)
    if content[:at] != _MAGIC or not 0 <= count <= _MOST_RANGES:
        msg = "no block"
        raise ValueError(msg)
    ranges = [Range(*_RANGE.unpack_from(content, at + _COUNT.size + i * _RANGE.size)) for i in range(count)]
    at += _COUNT.size + count * _RANGE.size
    if any(r.offset < 0 or r.size < 0 for r in ranges) or at + sum(r.size for r in ranges) != len(content):
        msg = "a block that is cut short"
        raise ValueError(msg)
    out = []
    for offset, size in ranges:
        out.append(_Extent(offset, offset + size, content[at : at + size]))
        at += size
    return out
