"""Choosing columns by name."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from physlite.exceptions import ColumnNotFoundError

__all__ = ["NameFilter", "nearest", "select"]

NameFilter = str | Iterable[str] | Callable[[str], bool] | None

_SLASHED = re.compile(r"^/(?P<pattern>.*)/(?P<flags>[ims]*)$", re.DOTALL)
_GLOB = re.compile(r"[*?\[]")


def select(names: Sequence[str], wanted: NameFilter) -> list[str]:
    """The names that a filter chooses, in their own order.

    A string is, whichever comes first: a name to the letter; `/regex/` or `/regex/i`, searched for; a glob pattern
    (`AnalysisElectrons*.pt`) when any name matches it; a regular expression, searched for. An iterable of strings
    chooses what any of them does, a function the names for which it is true, None everything.

    Raises:
        ColumnNotFoundError: a string chooses nothing. The message offers the nearest names.
    """
    if wanted is None:
        return list(names)
    if callable(wanted):
        return [name for name in names if wanted(name)]
    chosen: set[str] = set()
    for pattern in [wanted] if isinstance(wanted, str) else wanted:
        found = _match(names, pattern)
        if not found:
            msg = f"no column matches {pattern!r}{nearest(names, pattern)}"
            raise ColumnNotFoundError(msg)
        chosen.update(found)
    return [name for name in names if name in chosen]


def _match(names: Sequence[str], pattern: str) -> list[str]:
    if pattern in names:
        return [pattern]
    slashed = _SLASHED.match(pattern)
    if slashed:
        flags = sum(getattr(re, flag.upper()) for flag in set(slashed["flags"]))
        try:
            search = re.compile(slashed["pattern"], flags).search
        except re.error as error:
            msg = f"no column matches {pattern!r}: it is not a regular expression ({error})"
            raise ColumnNotFoundError(msg) from None
        return [name for name in names if search(name)]
    if _GLOB.search(pattern):
        found = fnmatch.filter(names, pattern)
        if found:
            return found
    try:
        search = re.compile(pattern).search
    except re.error:
        return []
    # A bare word is a misspelt name rather than an expression: it must not match in the middle of others.
    if re.fullmatch(r"[\w.:/\-]*", pattern):
        return []
    return [name for name in names if search(name)]


def nearest(names: Iterable[str], name: str) -> str:
    """The end of an error message: the names most like this one."""
    names = list(names)
    lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    return f"; nearest: {', '.join(lower[c] for c in close)}" if close else f" ({len(names)} columns; try .show())"
