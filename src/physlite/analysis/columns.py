"""The columns of working points: which of them are there, and what to say of those that are not.

A working point needs columns, and a column can have had other names in other releases. What it needs is written as a
tuple of such names, one tuple for each column.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak

from physlite.analysis.releases import releases_with
from physlite.analysis.severalfiles import is_of_several_files
from physlite.exceptions import ColumnNotFoundError, SelectionError
from physlite.formats.filters import nearest
from physlite.model.source import source_of
from physlite.model.structure import record_in

__all__ = [
    "Needs",
    "all_of",
    "available",
    "columns_of",
    "decided",
    "flagged",
    "flags",
    "kind_of",
    "not_stored",
    "require",
    "there_is",
]

# Of each column that is needed, the names that it has had, the newest first.
Needs = tuple[tuple[str, ...], ...]


# Bases of all classes: of what has none of its own in the file, as `EventInfo`, or as objects in files of toys.
_NO_CLASS = ("AuxElement", "IParticle")


def kind_of(objects: ak.Array) -> str:
    """The class of objects, as `Electron`; empty for anything else."""
    return str(objects.layout.purelist_parameter("__record__") or "")


def decided(mask: Any) -> Any:
    """A mask in which what could not be compared has failed."""
    return ak.fill_none(mask, value=False, axis=-1)


def all_of(objects: ak.Array, masks: Iterable[Any]) -> Any:
    """Which objects pass all masks; all of them where there is none."""
    found = list(masks)
    return decided(functools.reduce(operator.and_, found) if found else ak.ones_like(objects["pt"], dtype=bool))


def available(objects: ak.Array, points: Mapping[str, Needs]) -> list[str]:
    """The working points whose columns the objects have, in their order."""
    return [name for name, needs in points.items() if all(_stored(objects, names) for names in needs)]


def columns_of(objects: ak.Array, what: str, name: str, points: Mapping[str, Needs], kind: str = "") -> list[str]:
    """The stored columns that a working point is made of, in the order of its needs.

    Args:
        objects: of one class.
        what: what it is a working point of, as `isolation`.
        name: of the working point.
        points: what each needs.
        kind: the class that the objects have to be of, if they are of any; without it any will do.

    Raises:
        SelectionError: no such working point, or objects of another class.
        ColumnNotFoundError: the objects lack a column of it.
    """
    found = kind_of(objects)
    if kind and found not in ("", *_NO_CLASS, kind):
        msg = f"the {what} of {kind} cannot be asked of {found}: give it {kind}, or take the function for {found}"
        raise SelectionError(msg)
    kind = kind or found
    if not isinstance(name, str) or name not in points:
        among = nearest(list(points), name) if isinstance(name, str) else ""
        msg = f"no {what} {name!r} of {kind}{among}; there are {', '.join(points)}"
        raise SelectionError(msg)
    missing = next((names for names in points[name] if not _stored(objects, names)), None)
    if missing is not None:
        instead = ", ".join(available(objects, points))
        remedy = there_is(objects, f"what it takes for {instead}" if instead else f"no {what} at all")
        raise not_stored(objects, missing, f"{what} {name!r}", remedy, kind)
    return [_stored(objects, names) for names in points[name]]


def there_is(objects: ak.Array, what: str) -> str:
    """Says what some objects have, or have not; they are named by their collection where that is known."""
    source = source_of(objects)
    record = record_in(objects.layout.array if isinstance(objects, ak.Record) else objects.layout)
    names = source.known_objects(record)[0] if source is not None and record is not None else ()
    return f"in {', '.join(names) or 'these objects'} there is {what}"


def require(objects: ak.Array, names: tuple[str, ...], needed_by: str, remedy: str, kind: str = "") -> str:
    """The first of these columns that the objects have.

    Args:
        objects: of one class.
        names: of the same thing in several releases.
        needed_by: what it is for.
        remedy: what to do without it, or what there is instead.
        kind: the class of the objects where their records have no name.

    Raises:
        ColumnNotFoundError: they have none of them.
    """
    found = _stored(objects, names)
    if not found:
        raise not_stored(objects, names, needed_by, remedy, kind or kind_of(objects))
    return found


def not_stored(
    objects: ak.Array, names: tuple[str, ...], needed_by: str, remedy: str, kind: str
) -> ColumnNotFoundError:
    """The error that says of a column which releases have it, and what to do; the arguments are those of `require`."""
    source = source_of(objects)
    where = f"{source.store.name}: " if source is not None else ""
    if source is not None and is_of_several_files(objects):
        where = f"objects of several files in one array ({source.store.name} and others): "
        remedy = "not all of these files have it, ask before the arrays are concatenated"
    return ColumnNotFoundError(
        f"{where}no {' or '.join(names)} of {kind}, which {needed_by} needs; {releases_with(kind, names)}; {remedy}"
    )


def flags(table: Mapping[str, str]) -> dict[str, Needs]:
    """What working points need that are one flag each."""
    return {name: ((column,),) for name, column in table.items()}


def flagged(objects: ak.Array, what: str, name: str, table: Mapping[str, str], kind: str = "") -> Any:
    """Whether the flag of a working point is set, which is a column of its own; its arguments are as for `columns_of`.

    Raises:
        SelectionError, ColumnNotFoundError: as `columns_of`.
    """
    (column,) = columns_of(objects, what, name, flags(table), kind)
    return decided(objects[column] == 1)


def _stored(objects: ak.Array, names: Iterable[str]) -> str:
    fields = ak.fields(objects)
    return next((name for name in names if name in fields), "")
