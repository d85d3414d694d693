"""From what a user calls a file to a ByteSource."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args
from urllib.parse import unquote

from physlite.exceptions import UnsupportedFormatError
from physlite.storage._source import ByteSource
from physlite.storage.fileobject import FileObjectSource
from physlite.storage.local import LocalSource
from physlite.storage.memory import MemorySource
from physlite.storage.redaction import redacted

if TYPE_CHECKING:
    from physlite.storage.blockcache import BlockCache
    from physlite.storage.readahead import RemoteSource

__all__ = ["Cache", "Mode", "Openable", "open_bare", "open_source", "take_everything"]

Mode = Literal["ranges", "whole", "auto"]
Cache: TypeAlias = "BlockCache | str | os.PathLike[str] | None"
Openable = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | ByteSource

# Of a URL, or of several that are chained as fsspec does it: simplecache::ssh://host/file.
_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?P<mark>://|::)")


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
        match = _SCHEME.match(where)
        if match is None or (match["mark"] == "::" and Path(where).exists()):
            return _open_local(_expand(where))
        return _OPENERS.get(match["scheme"].lower(), _open_other)(where)
    if isinstance(where, os.PathLike):
        return _open_local(where)
    if isinstance(where, ByteSource):
        return where
    if hasattr(where, "read"):
        return FileObjectSource(where)
    msg = f"cannot open a {type(where).__name__}: give a path, bytes, or a file opened with mode 'rb'"
    raise TypeError(msg)


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


def _open_file_url(url: str) -> ByteSource:
    """A URL as `Path.as_uri` makes them."""
    return _open_local(unquote(url.partition("://")[2].removeprefix("localhost")))


def _open_rucio(url: str) -> ByteSource:
    from physlite.storage.rucio.source import RucioSource

    return RucioSource(url)


def _open_web(url: str) -> ByteSource:
    from physlite.storage.http.source import HttpSource  # brings aiohttp along

    return HttpSource(url)


def _open_xrootd(url: str) -> ByteSource:
    from physlite.storage.xrootd import XrootdSource

    return XrootdSource(url)


def _open_other(url: str) -> ByteSource:
    """What fsspec knows."""
    from fsspec import available_protocols

    scheme = re.split(r"://|::", url)[0]
    known = available_protocols()
    if scheme not in known:
        others = ", ".join(name for name in known if name not in _OPENERS)
        msg = f"{redacted(url)}: cannot read {scheme}://, but {', '.join(_OPENERS)}, and through fsspec {others}"
        raise UnsupportedFormatError(msg)
    from physlite.storage.filesystem import FsspecSource

    return FsspecSource(url)


_OPENERS: dict[str, Callable[[str], ByteSource]] = {
    "file": _open_file_url,
    "http": _open_web,
    "https": _open_web,
    "dav": _open_web,
    "davs": _open_web,
    "rucio": _open_rucio,
    "root": _open_xrootd,
    "roots": _open_xrootd,
    "xroot": _open_xrootd,
    "xroots": _open_xrootd,
}


def _expand(path: str) -> str:
    """A glob pattern to the file it matches."""
    if not glob.has_magic(path) or Path(path).exists():
        return path
    found = sorted(glob.glob(str(Path(path).expanduser())))  # noqa: PTH207  # Path.glob takes no absolute patterns
    if not found:
        msg = f"no file matches {path!r}"
        raise FileNotFoundError(msg)
    if len(found) > 1:
        msg = f"{path!r} matches {len(found)} files ({found[0]}, …): open them one at a time"
        raise ValueError(msg)
    return found[0]


def _open_local(path: str | os.PathLike[str]) -> LocalSource:
    expanded = Path(path).expanduser()
    try:
        return LocalSource(expanded)
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, "no such file" + _similar(expanded), str(path)) from None


def _similar(path: Path) -> str:
    import difflib

    if not path.parent.is_dir():
        return f" (there is no directory {path.parent})"
    names: list[Any] = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3)
    return f" (similar: {', '.join(names)})" if names else ""
