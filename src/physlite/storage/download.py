"""Remote files to local ones."""

from __future__ import annotations

import errno
import os
import secrets
import zlib
from pathlib import Path
from typing import NamedTuple

from physlite.exceptions import CorruptDataError
from physlite.storage._source import ByteSource
from physlite.storage.redaction import short_name
from physlite.storage.whole import blocks

__all__ = ["Download", "download", "put_in_place", "require_free"]


class Download(NamedTuple):
    """A file that was downloaded: where it is, its bytes, and their adler32 checksum."""

    path: Path
    bytes: int
    adler32: int


def download(source: ByteSource, to: str | os.PathLike[str]) -> Download:
    """Writes a file to a path, or into a folder under its own name; it is there as a whole, or not at all.

    Raises:
        CorruptDataError: the checksum that the catalogue has is another one.
        FileExistsError: there is a file of this name.
        OSError: the file cannot be read or written.
    """
    path = Path(to)
    if path.is_dir():
        path /= short_name(source.name)
    elif str(os.fspath(to)).endswith(os.sep):  # which a Path does not keep
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(to))
    require_free(path)
    size = source.size()
    checksum = 1
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with part.open("xb") as file:
        try:
            for block in blocks(source, size):
                checksum = zlib.adler32(block, checksum)
                file.write(block)
            _check(source, checksum)
            file.flush()
            put_in_place(part, path)
        finally:
            part.unlink(missing_ok=True)
    return Download(path, size, checksum)


def _check(source: ByteSource, checksum: int) -> None:
    expected = getattr(source, "adler32", None)  # of sources that have it from a catalogue
    if expected is not None and checksum != expected:
        msg = f"{source.name}: its adler32 is {checksum:08x} where {expected:08x} is known: the file is damaged"
        raise CorruptDataError(msg)


def require_free(path: Path) -> None:
    """Raises FileExistsError for a file that is there already, and FileNotFoundError where its folder is not."""
    if os.path.lexists(path):
        raise _taken(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))


def put_in_place(part: Path, path: Path) -> None:
    """Gives a file its name; raises FileExistsError when there is one of that name by now."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # as on FAT, and in folders of other machines
        if os.path.lexists(path):
            raise _taken(path) from None
        part.rename(path)


def _taken(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "there is such a file already: remove it first, or name another", str(path))
