"""Files of this machine, by their names: patterns, and what is said when there is none."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any

from physlite.storage.local import LocalSource

__all__ = ["expand", "open_path"]

_URL = re.compile(r"[a-z][a-z0-9]+:/")


def expand(path: str) -> str:
    """A glob pattern to the file it matches.

    Raises:
        FileNotFoundError: it matches none.
        ValueError: it matches several.
    """
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


def open_path(path: str | os.PathLike[str]) -> LocalSource:
    """Opens a file.

    Raises:
        FileNotFoundError: there is none; the message names similar files in the same directory.
        PermissionError, IsADirectoryError: as the builtin `open`.
    """
    expanded = Path(path).expanduser()
    try:
        return LocalSource(expanded)
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, "no such file" + _similar(expanded), str(path)) from None


def _similar(path: Path) -> str:
    import difflib

    if _URL.match(str(path)):
        return " (a URL is a string, and has two slashes behind its colon)"
    if not path.parent.is_dir():
        return f" (there is no directory {path.parent})"
    names: list[Any] = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3)
    return f" (similar: {', '.join(names)})" if names else ""
