"""Remote files with a cache on the local disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from physlite.exceptions import CorruptDataError, FileChangedError
from physlite.storage._source import Range, check_ranges
from physlite.storage.blockcache import BlockCache, Version
from physlite.storage.layers import Layer, RemoteSource
from physlite.storage.perprocess import PerProcess
from physlite.storage.planning import both_ends
from physlite.storage.privatefiles import own_folder

__all__ = ["CachedSource"]

T = TypeVar("T")


class CachedSource(Layer):
    """A remote file of which a cache keeps what was read.

    What the cache has is not asked for again, and nobody is asked whether it still holds: with the first bytes that
    have to be read, another version of the file is noticed, and what was kept is not found any more. Files of which
    their server says nothing but the size are not cached.

    Raises:
        CredentialError: the folder of the cache is somebody else's.
        OSError: it cannot be made.
    """

    def __init__(self, source: RemoteSource, cache: BlockCache) -> None:
        super().__init__(source)
        self._cache = cache
        own_folder(cache.folder)
        self._kept = cache.file(source.key)
        self._lock = PerProcess(threading.Lock)
        self._gave = False
        self._changed = False

    @property
    def known_size(self) -> int | None:
        """Bytes in the file, as the cache or an answer has told."""
        if self.inner.known_size is not None:
            return self.inner.known_size
        return None if self._kept.version is None else self._kept.version.size

    def size(self) -> int:
        """Bytes in the file.

        Raises:
            OSError: as of the remote file.
        """
        known = self.known_size
        if known is None:
            return self.inner.size()
        self._gave = True
        return known

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes, from the cache if it has them.

        Raises:
            FileChangedError, OSError, CorruptDataError: as `fetch`.
        """
        size = self.known_size
        if size is not None:
            parts = both_ends(size, head, tail)
            if all(self._kept.find(part) is not None for part in parts):
                return list(zip((part.offset for part in parts), self.fetch(parts), strict=True))
        # What is known of the size may be of a file that was replaced.
        found = self._ask(lambda: self.inner.ends(head, tail))
        self._keep([Range(start, len(view)) for start, view in found], [view for _, view in found])
        return found

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of what the cache has, and of what is read.

        Raises:
            FileChangedError: the file is not the one that was cached and partly handed out; now and each further time.
            CorruptDataError: a range does not lie in the file.
            OSError: as of the remote file.
        """
        self._check()
        version = self._kept.version
        size = self.known_size
        if size is not None:
            check_ranges(self.name, ranges, size)
        found = {i: view for i, r in enumerate(ranges) if (view := self._kept.find(r)) is not None}
        with self._lock.get():
            if self._kept.version != version:  # as another thread has learnt, perhaps between two that were found
                found = {}
            self._gave = self._gave or bool(found)
        missing = [r for i, r in enumerate(ranges) if i not in found]
        if missing:
            views = self._ask(lambda: self.inner.fetch(missing))
            self._keep(missing, views)
            rest = iter(views)
            found |= {i: next(rest) for i in range(len(ranges)) if i not in found}
        self._check()
        return [found[i] for i in range(len(ranges))]

    def _ask(self, read: Callable[[], T]) -> T:
        """Reads from the remote file."""
        try:
            return read()
        except (FileChangedError, CorruptDataError):  # what is kept is of a file that is not there any more
            with self._lock.get():
                self._changed = self._changed or self._gave
            self._kept.drop()
            raise

    def _check(self) -> None:
        if self._changed:
            msg = f"{self.name}: the file was replaced since parts of it were cached; open it again"
            raise FileChangedError(msg)

    def _keep(self, ranges: Sequence[Range], views: Sequence[memoryview]) -> None:
        version = Version(self.inner.size(), self.inner.tag)
        with self._lock.get():
            old = self._kept.version
            if old not in (None, version):
                self._changed = self._changed or self._gave
            self._kept.use(version if version.tag else None)
        if version.tag:  # without one, another file of the same size is the same to us
            self._kept.add(version, ranges, views)
        elif old is not None:
            self._kept.drop()
        self._check()

    def forget(self) -> bool:
        """Drops what was kept. Whoever calls this has used nothing of it yet."""
        with self._lock.get():
            had = self._kept.version is not None or self._changed
            self._gave = self._changed = False
        self._kept.drop()
        return had

    def close(self) -> None:
        """Closes the remote file."""
        self._kept.used()
        self.inner.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (CachedSource, (self.inner, self._cache))
