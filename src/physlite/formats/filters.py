"""Choosing columns, and other things with names, by their names."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from physlite.exceptions import ColumnNotFoundError

__all__ = ["NameFilter", "nearest", "select", "select_aliases"]

NameFilter = str | Iterable[str] | Callable[[str], bool] | None

_SLASHED = re.compile(r"^/(?P<pattern>.*)/(?P<flags>[ims]*)$", re.DOTALL)
_GLOB = re.compile(r"[*?\[]")
# What only a regular expression has. Without it a pattern that fits nothing is a misspelt glob or name.
_REGEX_ONLY = re.compile(r"[()|^$\\+]")


def select(
    names: Sequence[str],
    wanted: NameFilter,
    what: str = "column",
    hint: str = "try .show()",
) -> list[str]:
    r"""The names that a filter chooses.

    A string is, whichever comes first: a name to the letter; `/regex/` or `/regex/i`, searched for; a regular
    expression, searched for, when it has any of `( ) | ^ $ + \`; a glob pattern (`AnalysisElectrons*.pt`). An iterable
    of strings chooses what any of them does, in their order; a function the names for which it is true; None all.
    Messages speak of `what` (one of the things) and give a `hint` where no name is near.

    Raises:
        ColumnNotFoundError: nothing is chosen. The message offers the nearest names.
        TypeError: the filter is of another type.
    """
    return list(dict.fromkeys(select_aliases(names, wanted, {}, what, hint).values()))


def select_aliases(
    names: Sequence[str],
    wanted: NameFilter,
    aliases: Mapping[str, str],
    what: str = "column",
    hint: str = "try .show()",
) -> dict[str, str]:
    """The same where things have other names as well: the name by which each was chosen, and its own.

    A string that no name fits is tried with the `aliases`, which map to names; a function is asked about both.
    """
    if wanted is None:
        return {name: name for name in names}
    if callable(wanted):
        others = {name: alias for alias, name in aliases.items()}
        chosen = {}
        for name in names:
            if wanted(name):
                chosen[name] = name
            elif name in others and wanted(others[name]):
                chosen[others[name]] = name
        if not chosen:
            msg = f"the function chooses none of the {len(names)} {what}s"
            raise ColumnNotFoundError(msg)
        return chosen
    patterns = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(patterns, Iterable):
        msg = f"{what}s are chosen by names, patterns or a function, not by {wanted!r}"
        raise TypeError(msg)
    known = frozenset(names)
    chosen = {}
    for pattern in patterns:
        literal = isinstance(pattern, str) and pattern in known
        chosen.update({pattern: pattern} if literal else _required(names, pattern, what, hint, aliases))
    return chosen


def _required(names: Sequence[str], pattern: str, what: str, hint: str, aliases: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(pattern, str):
        msg = f"the name or pattern of a {what} is a string, not {pattern!r}"
        raise TypeError(msg)
    try:
        found = {name: name for name in _match(names, pattern)}
        found = found or {alias: aliases[alias] for alias in _match(list(aliases), pattern)}
    except re.error as error:
        msg = f"no {what} matches {pattern!r}: it is not a regular expression ({error})"
        raise ColumnNotFoundError(msg) from None
    if not found:
        msg = f"no {what} matches {pattern!r}{nearest(names, pattern, f' ({len(names)} {what}s; {hint})')}"
        raise ColumnNotFoundError(msg)
    return found


def _match(names: Sequence[str], pattern: str) -> list[str]:
    if pattern in names:
        return [pattern]
    slashed = _SLASHED.match(pattern)
    if slashed is None and not _REGEX_ONLY.search(pattern):
        return fnmatch.filter(names, pattern) if _GLOB.search(pattern) else []
    flags = sum(getattr(re, flag.upper()) for flag in set(slashed["flags"])) if slashed else 0
    search = re.compile(slashed["pattern"] if slashed else pattern, flags).search
    return [name for name in names if search(name)]


def nearest(names: Iterable[str], name: str, otherwise: str = "") -> str:
    """The end of an error message: the names most like this one, or `otherwise` where none is."""
    lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    return f"; nearest: {', '.join(lower[c] for c in close)}" if close else otherwise
