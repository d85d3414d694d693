"""What was read of remote files, kept on the local disk for the next time and for other processes."""

from __future__ import annotations

import bisect
import contextlib
import fcntl
import hashlib
import json
import operator
import os
import stat
import struct
import tempfile
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from physlite.storage._source import Range
from physlite.storage.perprocess import PerProcess
from physlite.storage.privatefiles import own_folder

__all__ = ["BlockCache", "CachedFile", "Version"]

DEFAULT_LIMIT = 20_000_000_000

_MAGIC = b"physlite blocks2"
_HEAD = struct.Struct("<qI")  # how many ranges, and the CRC-32 of them and of the bytes behind them
_RANGE = struct.Struct("<qq")
_MOST_RANGES = 1 << 20
_FULL = 0.9  # of the limit, to which the cache is emptied when it is over
_UNSEEN = 64  # blocks that are added before it is counted again what others have added
_DAY = 86_400.0  # seconds after which what a process has begun to write and not finished is removed
_OURS = "[0-9a-f]" * 32  # names of folders; what else lies beside them is left alone


class Version(NamedTuple):
    """Which version of a file: its size, and what its server says of it."""

    size: int
    tag: str


class BlockCache:
    """A folder of bounded size; what was used longest ago goes first. Several processes may use it at the same time.

    What is kept is as secret as the files it is of: it is in folders for their owner only.

    Args:
        folder: where it is; made when it is not there.
        limit_bytes: the most that it takes on the disk, but for what several processes add at the same moment.
    """

    def __init__(self, folder: str | os.PathLike[str], limit_bytes: int = DEFAULT_LIMIT) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.limit_bytes = limit_bytes
        self._used: int | None = None  # as far as this process knows
        self._unseen = 0
        self._counting = PerProcess(threading.Lock)

    def file(self, key: str) -> CachedFile:
        """What there is of the file that is known by `key`."""
        return CachedFile(self, self.folder / _name(key))

    def used_bytes(self) -> int:
        """Bytes that it takes now."""
        return sum(size for _, size, _ in self._files())

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each was last used, its size, and where it is; without what was begun and never finished."""
        out = []
        patterns = ("version.json", "*.part", f"{_OURS}/*.blocks", f"{_OURS}/*.part")
        for path in (path for pattern in patterns for path in self.folder.glob(f"{_OURS}/{pattern}")):
            with contextlib.suppress(OSError):  # somebody else has removed it
                status = path.stat()
                if path.suffix == ".part" and time.time() - status.st_mtime > _DAY:
                    path.unlink()
                elif stat.S_ISREG(status.st_mode):
                    out.append((status.st_mtime, status.st_size, path))
        return out

    def make_room(self, needed: int) -> None:
        """Removes what was used longest ago until so many bytes fit, and counts them as used."""
        own_folder(self.folder)
        with self._counting.get():
            self._unseen += 1
            if self._used is None or self._unseen > _UNSEEN or self._used + needed > self.limit_bytes:
                with self._locked():
                    self._used, self._unseen = self._emptied(needed), 0
            self._used += needed

    def _emptied(self, needed: int) -> int:
        """Bytes that are used behind that."""
        files = sorted(self._files())
        used = sum(size for _, size, _ in files)
        if used + needed <= self.limit_bytes:
            return used
        for _, size, path in files:
            if used + needed <= _FULL * self.limit_bytes:
                break
            if path.suffix != ".part":
                with contextlib.suppress(OSError):
                    path.unlink()
                used -= size
        return used

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.folder / "lock", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def __reduce__(self) -> tuple[type[BlockCache], tuple[Path, int]]:
        return BlockCache, (self.folder, self.limit_bytes)

    def __repr__(self) -> str:
        return f"BlockCache({str(self.folder)!r}, limit_bytes={self.limit_bytes})"


class _Extent(NamedTuple):
    """Bytes `start` ≤ i < `stop` of a file, and where they are in a block."""

    start: int
    stop: int
    block: Path
    at: int


class CachedFile:
    """What is kept of one file: of the version that was seen last. May be used by several threads."""

    def __init__(self, cache: BlockCache, folder: Path) -> None:
        self._cache = cache
        self._folder = folder
        self._lock = PerProcess(threading.Lock)
        self._use(self._read_version())
        self._is_noted = self.version is not None

    def find(self, wanted: Range) -> memoryview | None:
        """The bytes of a range, or None."""
        start, stop = wanted.offset, wanted.offset + wanted.size
        with self._lock.get():
            extents, longest = self._extents, self._longest
        which = bisect.bisect_right(extents, start, key=operator.itemgetter(0)) - 1
        while which >= 0 and extents[which].start + longest >= stop:
            extent = extents[which]
            if extent.stop >= stop and (found := self._read(extent, start, wanted.size)) is not None:
                return found
            which -= 1
        return None

    def add(self, version: Version, ranges: Sequence[Range], views: Sequence[memoryview]) -> None:
        """Keeps ranges, if there is room on the disk. What there is of another version is not found from then on."""
        self.use(version)
        table = b"".join(_RANGE.pack(*r) for r in ranges)
        checksum = zlib.crc32(table)
        for view in views:
            checksum = zlib.crc32(view, checksum)
        head = _MAGIC + _HEAD.pack(len(ranges), checksum) + table
        needed = len(head) + sum(r.size for r in ranges)
        if needed > self._cache.limit_bytes:
            return
        # A full disk, a folder that was removed or is somebody else's: it is only a cache.
        with contextlib.suppress(OSError):
            self._cache.make_room(needed)
            own_folder(self._folder)
            self._note(version)
            block = _put(own_folder(self._place(version)), ".blocks", [head, *views])
            with self._lock.get():
                if version == self.version:
                    self._know(_extents(block, ranges, len(head)))

    def use(self, version: Version | None) -> None:
        """Finds blocks of this version from now on, of None nothing. The next process will, once there is a block."""
        with self._lock.get():
            if version != self.version:
                self._use(version)
                self._is_noted = False

    def drop(self) -> None:
        """Forgets the version, so that nothing is found until it is known again."""
        with self._lock.get():
            self._use(None)
        with contextlib.suppress(OSError):
            (self._folder / "version.json").unlink()

    def used(self) -> None:
        """Notes that what was found was used."""
        with self._lock.get():
            sound = list(self._sound)
        for path in (*sound, self._folder / "version.json"):
            with contextlib.suppress(OSError):
                os.utime(path)

    def _use(self, version: Version | None) -> None:
        self.version = version
        self._sound: set[Path] = set()
        self._extents: list[_Extent] = []  # sorted by their beginnings
        self._longest = 0
        if version is None:
            return
        found: list[_Extent] = []
        for block in self._place(version).glob("*.blocks"):
            with contextlib.suppress(OSError, ValueError, struct.error):
                found += _extents_of(block)
        self._know(found)

    def _know(self, found: Sequence[_Extent]) -> None:
        self._extents = sorted([*self._extents, *found], key=operator.itemgetter(0))
        self._longest = max((self._longest, *(e.stop - e.start for e in found)))

    def _note(self, version: Version) -> None:
        """Tells the next process which version there is, if that has not been done; the note outlives the blocks."""
        path = self._folder / "version.json"
        if self._is_noted and path.exists():
            os.utime(path)
        else:
            _put(self._folder, ".json", [json.dumps(version._asdict()).encode()], path.stem)
            self._is_noted = True

    def _place(self, version: Version) -> Path:
        return self._folder / _name(f"{version.size} {version.tag}")

    def _read_version(self) -> Version | None:
        try:
            with (self._folder / "version.json").open("rb") as file:
                if os.fstat(file.fileno()).st_uid != os.geteuid():
                    return None
                found = json.load(file)
            return Version(int(found["size"]), str(found["tag"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _read(self, extent: _Extent, start: int, size: int) -> memoryview | None:
        """Bytes of a block, all of which is checked when it is used for the first time."""
        at = extent.at + start - extent.start
        try:
            with extent.block.open("rb") as file:
                if extent.block not in self._sound:
                    content = memoryview(file.read())
                    _, checksum = _HEAD.unpack_from(content, len(_MAGIC))
                    if zlib.crc32(content[len(_MAGIC) + _HEAD.size :]) != checksum:
                        extent.block.unlink()
                        return None
                    self._sound.add(extent.block)
                    return content[at : at + size]
                file.seek(at)
                found = memoryview(file.read(size))
        except (OSError, struct.error):  # somebody has removed it
            return None
        return found if len(found) == size else None


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _put(folder: Path, suffix: str, parts: Iterable[bytes | memoryview], name: str | None = None) -> Path:
    """A file that is there as a whole, or not at all."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            file.writelines(parts)
            file.flush()
            return part.rename(part.with_name(f"{name or part.stem}{suffix}"))
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _extents_of(block: Path) -> list[_Extent]:
    """Raises ValueError or struct.error for what is no block."""
    at = len(_MAGIC) + _HEAD.size
    with block.open("rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(at)
        count, _ = _HEAD.unpack_from(head, len(_MAGIC))
        if status.st_uid != os.geteuid() or head[: len(_MAGIC)] != _MAGIC or not 0 <= count <= _MOST_RANGES:
            msg = "no block"
            raise ValueError(msg)
        ranges = [Range(*r) for r in _RANGE.iter_unpack(file.read(count * _RANGE.size))]
    at += count * _RANGE.size
    sizes = sum(r.size for r in ranges)
    if len(ranges) != count or any(r.offset < 0 or r.size < 0 for r in ranges) or at + sizes != status.st_size:
        msg = "a block that is cut short"
        raise ValueError(msg)
    return _extents(block, ranges, at)


def _extents(block: Path, ranges: Sequence[Range], at: int) -> list[_Extent]:
    """Those of a block in which the bytes begin at `at`."""
    out = []
    for offset, size in ranges:
        out.append(_Extent(offset, offset + size, block, at))
        at += size
    return out
