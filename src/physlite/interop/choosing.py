"""Which columns of a file are converted, and whether those of other files fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from physlite.exceptions import ColumnNotFoundError, ConversionError
from physlite.formats.filters import NameFilter, select, select_aliases
from physlite.formats.manifest import HOLDS_NOTHING, IN_ITS_MEMBERS, Manifest, ManifestColumn
from physlite.interop.writing import OutputColumn
from physlite.model.columns import Columns
from physlite.model.naming import container_of
from physlite.model.store import ColumnStore

__all__ = ["chosen_columns", "left_out", "output_columns", "positions_in", "problem_of_column"]

_LINK = re.compile(r"ElementLink<.+>")


def chosen_columns(file: ColumnStore, columns: NameFilter, collections: NameFilter) -> list[int]:
    """The positions of the columns to convert, in the file's order.

    Whoever takes columns of a container gets the column of its interface object too, which says of what class it is.
    A member of a group that is put together from several columns brings the others along.

    Args:
        file: the file.
        columns: as of `File.arrays`; None chooses none, unless `collections` is None as well.
        collections: names or patterns of collections, all of whose columns are wanted.

    Raises:
        ColumnNotFoundError: something chooses nothing.
    """
    manifest = file.manifest
    wanted = set(range(len(manifest.named)))
    if columns is not None or collections is not None:
        wanted = _of_columns(file, columns) | _of_collections(file, collections)
        containers = {container_of(manifest.columns[i].name) for i in wanted}
        wanted |= {i for i, column in enumerate(manifest.named) if column.name in containers}
    groups = {member: i for i, column in enumerate(manifest.named) for member in _members(manifest, i)}
    wanted |= {groups[i] for i in wanted if i in groups}
    wanted |= {member for i in wanted for member in _members(manifest, i)}
    return sorted(wanted)


def _members(manifest: Manifest, column: int) -> tuple[int, ...]:
    """The columns that this one is put together from, where these are columns themselves."""
    return () if manifest.streams is not None else manifest.columns[column].members


def _of_columns(file: ColumnStore, wanted: NameFilter) -> set[int]:
    if wanted is None:
        return set()
    names = Columns(file.manifest)
    try:
        found = select_aliases(list(names), wanted, names.paths if callable(wanted) else names.aliases)
    except ColumnNotFoundError as error:
        msg = f"{file.name}: {error}"
        raise ColumnNotFoundError(msg) from None
    return {file.manifest.index[name] for name in found.values()}


def _of_collections(file: ColumnStore, wanted: NameFilter) -> set[int]:
    if wanted is None:
        return set()
    known = file.schema.collections
    try:
        names = select(list(known), wanted, "collection", f"there are {', '.join(list(known)[:5])} …")
    except ColumnNotFoundError as error:
        msg = f"{file.name}: {error}"
        raise ColumnNotFoundError(msg) from None
    containers = {known[name].container for name in names}
    return {i for i, column in enumerate(file.manifest.named) if container_of(column.name) in containers}


def output_columns(
    file: ColumnStore, chosen: Sequence[int], problem_of: Callable[[OutputColumn], str]
) -> tuple[list[ManifestColumn], list[OutputColumn]]:
    """What is to be told of chosen columns, and those of them that have values to write; see `Output`.

    `problem_of` says why a format cannot have a column, or is empty.
    """
    manifest = file.manifest
    places = {position: row for row, position in enumerate(chosen)}
    members = {member for i in chosen for member in _members(manifest, i)}
    rows, columns = [], []
    for i in chosen:
        problem = problem_of_column(manifest, i)
        its = tuple(places[member] for member in _members(manifest, i))
        rows.append(manifest.columns[i]._replace(members=its, problem=problem))
        encoding = manifest.encoding(i)
        if problem or encoding is None or i in members:
            continue
        collection = file.schema.collection_of.get(i)
        name = "" if collection is None else collection.name
        fields = {} if collection is None or collection.whole is not None else collection.fields
        field = next((field for field, position in fields.items() if position == i), "")
        column = OutputColumn(places[i], manifest.columns[i], encoding, name, field)
        if problem := problem_of(column):
            rows[-1] = rows[-1]._replace(problem=problem)
        else:
            columns.append(column)
    return rows, columns


def problem_of_column(manifest: Manifest, column: int) -> str:
    """Why a column has no values here; empty when it has."""
    part = manifest.unreadable_part(column)
    if part is not None:
        return part.problem
    info = manifest.columns[column]
    return "" if info.encoding else f"physlite does not decode its type, {info.type_name}"


def left_out(rows: Iterable[ManifestColumn]) -> dict[str, str]:
    """Of the columns that hold something which is not converted why, by their names."""
    return {
        row.name: row.problem
        for row in rows
        if row.problem and not row.problem.startswith((HOLDS_NOTHING, IN_ITS_MEMBERS))
    }


def positions_in(file: ColumnStore, first: ColumnStore, columns: Iterable[OutputColumn]) -> list[int]:
    """Where the columns of the first file are in another one.

    Raises:
        ConversionError: a column is missing there, or of another type.
    """
    places = [file.manifest.index.get(column.info.path, file.manifest.index.get(column.name)) for column in columns]
    if missing := [column.name for column, place in zip(columns, places, strict=True) if place is None]:
        more = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        msg = (
            f"{file.name}: it has no column {missing[0]}{more}, {first.name} has {'them' if more else 'one'}: convert "
            "what both have (columns=)"
        )
        raise ConversionError(msg)
    found = []
    for column, position in zip(columns, places, strict=True):
        assert position is not None  # noqa: S101  # as was seen
        its = file.manifest.columns[position]
        encoding = file.manifest.encoding(position)
        same_values = encoding is not None and encoding.form() == column.encoding.form()
        if not same_values or _link_type(its.type_name) != _link_type(column.info.type_name):
            msg = (
                f"{file.name}: column {column.name} is of type {its.type_name} ({its.encoding}), in {first.name} of "
                f"{column.info.type_name} ({column.info.encoding}): they do not fit into one file, convert them apart"
            )
            raise ConversionError(msg)
        found.append(position)
    return found


def _link_type(type_name: str) -> str:
    """The part of a C++ type that says where links lead; trees and RNTuples have other names for what is around it."""
    found = _LINK.search(type_name.replace(" ", ""))
    return found[0] if found else ""
