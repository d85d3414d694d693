"""Versions that have to fit where code is sent to another process: what is compiled or pickled differs between them."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import socket
from collections.abc import Iterable, Mapping

from physlite.exceptions import CodeError

__all__ = ["Versions", "check_versions", "versions"]

Versions = tuple[tuple[str, str], ...]

# Bytecode and pickles depend on these. What else is told is for whoever looks for the reason of a difference.
_MATTERING = ("python", "physlite", "awkward", "numpy", "hist", "boost-histogram", "cloudpickle")
_TOLD = ("vector", "coffea", "dask", "distributed")


@functools.cache
def versions() -> Versions:
    """Names and versions of Python and of the packages that matter, as far as they are installed here."""
    found = [("python", platform.python_version())]
    for name in (*_MATTERING[1:], *_TOLD):
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def check_versions(theirs: Mapping[str, str] | Iterable[tuple[str, str]], where: str) -> None:
    """Compares the versions of another process with those here: of what both have, major and minor.

    Args:
        theirs: what `versions()` gives there.
        where: the name of that machine, or of the process; for the message.

    Raises:
        CodeError: they differ where that matters.
    """
    other = dict(theirs)
    for name, mine in versions():
        there = other.get(name)
        if name in _MATTERING and there is not None and _series(there) != _series(mine):
            here = socket.gethostname()
            msg = f"{name} is {mine} on {here}, but {there} on {where}: install the same version on both"
            raise CodeError(msg)


def _series(version: str) -> list[str]:
    return version.split(".")[:2]
