"""From what a user calls a file to a ByteSource."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from physlite.exceptions import UnsupportedFormatError
from physlite.storage._source import ByteSource
from physlite.storage.fileobject import FileObjectSource
from physlite.storage.local import LocalSource
from physlite.storage.memory import MemorySource

__all__ = ["Openable", "open_source"]

Openable = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | ByteSource

_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")


def open_source(where: Openable) -> ByteSource:
    """Opens a path, a pattern that matches one file, a `file://` URL, bytes, a binary file object, or a ByteSource.

    Raises:
        FileNotFoundError: no such file; the message names similar files in the same directory.
        ValueError: a pattern that matches several files.
        UnsupportedFormatError: a URL of another kind.
        TypeError: something else altogether.
    """
    if isinstance(where, bytes | bytearray | memoryview):
        return MemorySource(where)
    if isinstance(where, str):
        match = _SCHEME.match(where)
        if match and match["scheme"].lower() != "file":
            msg = f"{where.split('?')[0]}: cannot read {match['scheme']}:// yet; copy the file here first"
            raise UnsupportedFormatError(msg)
        return _open_local(_path_of_url(where[match.end() :]) if match else _expand(where))
    if isinstance(where, os.PathLike):
        return _open_local(where)
    if isinstance(where, ByteSource):
        return where
    if hasattr(where, "read"):
        return FileObjectSource(where)
    msg = f"cannot open a {type(where).__name__}: give a path, bytes, or a file opened with mode 'rb'"
    raise TypeError(msg)


def _path_of_url(rest: str) -> str:
    """The path of a URL, of what is behind its `file://`, as `Path.as_uri` makes them."""
    return unquote(rest.removeprefix("localhost"))


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
