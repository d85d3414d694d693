"""Files of this machine: what a path, a folder or a pattern stands for, and what is there instead of what is not."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

from physlite.exceptions import DatasetNotFoundError
from physlite.storage.transports import scheme_of

__all__ = ["LocalFile", "absolute", "local_files", "near", "without_root"]

# `.root`, `.pool.root`, and what the grid appends to them.
_ROOT = re.compile(r"(\.pool)?\.root(\.\d+)?$")
_LOOKED_AT = 10_000  # names in a folder, for what is similar among them
_SHOWN = 3


class LocalFile(NamedTuple):
    """A file that is there.

    Attributes:
        path: where.
        bytes: its size.
        inode: its number, the same for all its names.
    """

    path: str
    bytes: int
    inode: int


def absolute(text: str, folder: str) -> str:
    """A path or pattern from the root, with `~` expanded; a URL as it is, but that of a local file as its path.

    Args:
        text: what is asked for.
        folder: where relative paths begin.
    """
    scheme, is_chain = scheme_of(text)
    if scheme == "file" and not is_chain:
        return unquote(text.partition("://")[2].removeprefix("localhost"))
    if scheme and not (is_chain and os.path.lexists(os.path.join(folder, text))):  # noqa: PTH118
        return text
    path = os.path.join(folder, os.path.expanduser(text))  # noqa: PTH111, PTH118  # ten times as fast, for each file
    head, up, tail = f"{path}/".rpartition("/../")
    if not up:
        return os.path.normpath(path)
    # Behind a link to a folder, `..` is not where the text alone says.
    return path if glob.has_magic(head) else os.path.normpath(os.path.join(os.path.realpath(f"{head}/.."), tail))  # noqa: PTH118


def without_root(name: str) -> str:
    """The name of a file without `.root`, `.pool.root.1`, and so on."""
    return _ROOT.sub("", name)


def local_files(path: str) -> list[LocalFile]:
    """The file at a path; those below a folder that are named as ROOT files are; those that match a pattern, sorted.

    Hidden files and folders are left out, links are followed, and of folders that match a pattern what is below them.

    Raises:
        DatasetNotFoundError: there is none; the message says what is near.
        OSError: a folder that cannot be read.
    """
    is_pattern = glob.has_magic(path) and not os.path.lexists(path)
    matches = glob.iglob(path, recursive=True) if is_pattern else [path]  # noqa: PTH207  # Path.glob takes no absolute patterns
    found = {file.path: file for match in matches for file in _at(match)}
    if not found:
        what = f"no file matches {path!r}" if is_pattern else f"no file below {path!r} ends in .root or .root.1"
        msg = what + near(path if is_pattern else os.path.join(path, "*"))  # noqa: PTH118
        raise DatasetNotFoundError(msg)
    return [found[name] for name in sorted(found)]


def _at(path: str) -> Iterator[LocalFile]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        msg = f"no such file {path!r}{near(path)}"
        raise DatasetNotFoundError(msg) from None
    if stat.S_ISDIR(status.st_mode):
        for name in _below(path):
            yield from _at(name)
    else:
        yield LocalFile(path, status.st_size, status.st_ino)


def _below(top: str) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()  # folders: links may lead in circles

    def is_new(folder: str) -> bool:
        status = os.stat(folder)  # noqa: PTH116
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return False
        seen.add(identity)
        return True

    is_new(top)
    for parent, folders, names in os.walk(top, followlinks=True, onerror=_raise):
        inner = (name for name in sorted(folders) if not name.startswith("."))
        folders[:] = [name for name in inner if is_new(os.path.join(parent, name))]  # noqa: PTH118
        for name in names:
            if _ROOT.search(name) and not name.startswith("."):
                yield os.path.join(parent, name)  # noqa: PTH118


def _raise(error: OSError) -> None:
    """Files that are not seen would not be missed."""
    raise error


def near(path: str) -> str:
    """What is said of a path or pattern, from the root, that leads nowhere: what is meant, is similar, or is there."""
    import difflib

    hint = _meant(path)
    if hint:
        return f" ({hint})"
    folder, missing = os.path.split(path.rstrip("/"))
    while not os.path.isdir(folder):  # noqa: PTH112
        folder, missing = os.path.split(folder)
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in islice(entries, _LOOKED_AT) if not entry.name.startswith("."))
    similar = difflib.get_close_matches(missing, names, n=_SHOWN)
    if similar:
        return f" (similar: {', '.join(os.path.join(folder, name) for name in similar)})"  # noqa: PTH118
    if not names:
        return f" ({folder} is empty)"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({folder} has {', '.join(names[:_SHOWN])}{more})"


def _meant(path: str) -> str:
    if os.path.islink(path):  # noqa: PTH114
        return f"a link to {os.readlink(path)}, which is not there"  # noqa: PTH115
    if re.search(r"/[a-z][a-z0-9]+:/", path):
        return "a URL is a string, and has two slashes behind its colon"
    head, colon, tail = path.rpartition(":")
    if colon and os.path.exists(head):  # noqa: PTH110
        return f"the tree is found without its name: leave out ':{tail}'"
    return f"a name in Rucio is written rucio://{os.path.basename(path)}" if colon else ""  # noqa: PTH119
