"""From what a user calls a file to a ByteSource."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from physlite.storage._source import ByteSource
from physlite.storage.fileobject import FileObjectSource
from physlite.storage.memory import MemorySource
from physlite.storage.paths import expand, open_path
from physlite.storage.transports import open_url, scheme_of

if TYPE_CHECKING:
    from physlite.storage.blockcache import BlockCache
    from physlite.storage.layers import RemoteSource

__all__ = ["Cache", "Mode", "Openable", "open_bare", "open_source", "take_everything"]

Mode = Literal["ranges", "whole", "auto"]
Cache: TypeAlias = "BlockCache | str | os.PathLike[str] | None"
Openable = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | ByteSource


def open_source(where: Openable, *, mode: Mode = "ranges", cache: Cache = None) -> ByteSource:
    """Opens a path, a pattern that matches one file, a URL, bytes, a binary file object, or a ByteSource.

    Nothing is asked of servers before the first bytes are.

    Args:
        where: what to open.
        mode: of a remote file, "ranges": what is needed is read when it is needed; "whole": all of it is downloaded
            with the first bytes that are needed; "auto": when half of its bytes have been asked for. To memory, or
            where there is a cache to a scratch file in its folder.
        cache: where what is read of remote files is kept for the next time: a folder, or a BlockCache.

    Raises:
        FileNotFoundError: no such file; the message names similar files in the same directory.
        ValueError: a pattern that matches several files.
        UnsupportedFormatError: a URL of another kind.
        ImportError: a URL of a kind that needs a package which is not installed; the message names it.
        TypeError: something else altogether.
    """
    source = open_bare(where)
    return _near(cast("RemoteSource", source), mode, cache) if source.remote else source


def open_bare(where: Openable) -> ByteSource:
    """As `open_source`, without what spares round trips.

    Raises:
        FileNotFoundError, ValueError, UnsupportedFormatError, ImportError, TypeError: as `open_source`.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        return MemorySource(where)
    if isinstance(where, str):
        scheme, is_chain = scheme_of(where)
        if not scheme or (is_chain and Path(where).exists()):
            return open_path(expand(where))
        return _open_rucio(where) if scheme == "rucio" else open_url(where)
    if isinstance(where, os.PathLike):
        return open_path(where)
    if isinstance(where, ByteSource):
        return where
    if hasattr(where, "read"):
        return FileObjectSource(where)
    msg = f"cannot open a {type(where).__name__}: give a path, bytes, or a file opened with mode 'rb'"
    raise TypeError(msg)


def _open_rucio(name: str) -> ByteSource:
    from physlite.storage.rucio.source import RucioSource

    return RucioSource(name)


def _near(source: RemoteSource, mode: Mode, cache: Cache) -> ByteSource:
    """A remote source with all that spares round trips."""
    from physlite.storage.readahead import ReadAhead

    if mode not in get_args(Mode):
        msg = f"mode={mode!r}: it is one of {', '.join(map(repr, get_args(Mode)))}"
        raise ValueError(msg)
    if isinstance(source, ReadAhead):  # from a pickle
        return source
    kept = None
    if cache is not None:
        from physlite.storage.blockcache import BlockCache

        kept = cache if isinstance(cache, BlockCache) else BlockCache(cache)
    if mode == "whole":
        take_everything(source)
    if mode != "ranges":
        from physlite.storage.whole import WholeSource

        source = WholeSource(source, mode, None if kept is None else kept.folder)
    if mode != "whole" and kept is not None:
        from physlite.storage.cached import CachedSource

        source = CachedSource(source, kept)
    return ReadAhead(source)


def take_everything(source: ByteSource) -> None:
    """Tells a source that all of its file is wanted, so that it takes one from a server that gives no parts."""
    take = getattr(source, "take_everything", None)
    if take is not None:
        take()
