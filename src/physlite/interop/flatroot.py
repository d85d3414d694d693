"""ROOT files with a flat tree of events, for those who know neither physlite nor the event data model.

The tree is `Events`; names of branches are those of `physlite.interop.flatcolumns`. What the files say of themselves is
JSON in the text `physlite.facts`, and the collections by their keys in the text `physlite`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import BadLinkError, ConversionError, UnsupportedFormatError
from physlite.formats.notes import FACTS, NOTES
from physlite.formats.rootnotes import containers_text
from physlite.interop.facts import facts_text
from physlite.interop.flatcolumns import Branch, Targets, Values, branches, flat_name, flat_problem, values
from physlite.interop.grouping import Grouping
from physlite.interop.rootcompression import root_compression
from physlite.interop.writing import Chunk, Output, OutputColumn
from physlite.model.naming import short_container

if TYPE_CHECKING:
    import uproot

__all__ = ["TREE", "FlatRootWriter"]

TREE = "Events"


class _Planned(NamedTuple):
    """A branch with its name, and the group of those whose lists are as long; no group for numbers."""

    name: str
    branch: Branch
    group: str


class FlatRootWriter:
    """Writes a flat tree; see `Writer`."""

    keeps_metadata_tree = False

    def __init__(self, output: Output) -> None:
        import uproot

        if output.links != "keys":
            msg = f"links={output.links!r}: in a flat tree links are written as indices in any case: leave that out"
            raise UnsupportedFormatError(msg)
        self._output = output
        self._grouping = Grouping(output)
        self._entries = 0
        schema = output.inputs.first.schema
        written = {column.collection for column in output.columns if column.collection}
        self._lists = {name for name in written if schema.collections[name].is_list}
        self._plan = self._planned(output.columns)
        # Of each collection a column that has all of its objects: others tell nothing of how many there are.
        whole = {
            column.collection: i
            for i, (column, its) in enumerate(zip(output.columns, self._plan, strict=True))
            if any(planned.group == flat_name(column.collection) for planned in its)
        }
        self._targets = {key: (name, whole[name]) for name, key in schema.links.keys.items() if key and name in whole}
        compression = root_compression(output.compression)
        # Where a tree has more baskets than it was made for, uproot writes all that describes it anew.
        baskets = int(output.inputs.num_entries / self._grouping.least) + 2
        self._file: uproot.WritableDirectory = uproot.recreate(output.path, compression=compression)
        self._tree = self._file.mktree(
            TREE, self._types(), counter_name=_counter, field_name=_field, initial_basket_capacity=baskets
        )

    @staticmethod
    def problem_of(column: OutputColumn) -> str:
        """Why a column cannot be written; empty when it can."""
        return flat_problem(column.encoding.node)

    def write(self, chunk: Chunk) -> None:
        """Adds events, and writes baskets that are full."""
        for group in self._grouping.add(chunk):
            self._extend(group)

    def close(self) -> None:
        """Writes what is left, and what is known of the events."""
        for group in self._grouping.rest():
            self._extend(group)
        self._file[NOTES] = containers_text(self._output.containers)
        self._file[FACTS] = facts_text(self._output.inputs.metadata, self._entries)
        self._file.close()

    def abort(self) -> None:
        """Closes the file as it is."""
        with suppress(Exception):  # whatever state it is in
            self._file.close()

    # ----------------------------------------------------------------------------------------------------------- tree

    def _planned(self, columns: tuple[OutputColumn, ...]) -> list[list[_Planned]]:
        """The branches of each column, with names that are different from one another."""
        taken: set[str] = set()
        plan: list[list[_Planned]] = []
        for column in columns:
            name = flat_name("_".join(filter(None, (column.collection, column.field))) or column.name)
            parts = [] if column.info.encoding == "n" else list(branches(column.encoding.node))
            while any(name + part.suffix in taken for part in parts):
                name += "_"
            taken |= {name + part.suffix for part in parts}
            of_objects = column.collection in self._lists and column.name not in self._output.inputs.incomplete
            plan.append(
                [
                    _Planned(name + part.suffix, part, _group(column, name + part.suffix, part, of_objects=of_objects))
                    for part in parts
                ]
            )
        groups = {planned.group for its in plan for planned in its}
        for column, its in zip(columns, plan, strict=True):
            name = flat_name(short_container(column.name))
            # How many objects there are is known with their fields; where there are none, the interface object says it.
            if column.info.encoding == "n" and name not in groups and _counter(name) not in taken:
                its += [_Planned(_counter(name), part, "") for part in branches(column.encoding.node)]
        return plan

    def _types(self) -> dict[str, Any]:
        """What `mktree` takes: numbers, lists of numbers, and lists of records, which share their numbers."""
        types: dict[str, Any] = {}
        groups: dict[str, list[_Planned]] = {}
        for planned in (planned for its in self._plan for planned in its):
            if not planned.group:
                types[planned.name] = planned.branch.dtype
            elif planned.group == planned.name:
                types[planned.name] = ak.types.ListType(ak.types.NumpyType(str(planned.branch.dtype)))
            else:
                groups.setdefault(planned.group, []).append(planned)
        for group, its in groups.items():
            fields = [ak.types.NumpyType(str(planned.branch.dtype)) for planned in its]
            names = [planned.name.removeprefix(f"{group}_") for planned in its]
            types[group] = ak.types.ListType(ak.types.RecordType(fields, names))
        return types

    def _extend(self, chunk: Chunk) -> None:
        columns: dict[str, Any] = {}
        groups: dict[str, tuple[str, NDArray[np.int64], dict[str, Any]]] = {}
        targets = Targets(
            {key: np.asarray(ak.num(chunk.layouts[i], axis=1)) for key, (_, i) in self._targets.items()},
            {key: name for key, (name, _) in self._targets.items()},
            self._entries,
        )
        for column, its, layout in zip(self._output.columns, self._plan, chunk.layouts, strict=True):
            if not its:
                continue
            for planned, (offsets, numbers) in zip(its, self._values(column, layout, targets), strict=True):
                if offsets is None:
                    columns[planned.name] = numbers
                elif planned.group == planned.name:
                    columns[planned.name] = _lists(offsets, ak.contents.NumpyArray(numbers))
                else:
                    first, shared, fields = groups.setdefault(planned.group, (column.name, offsets, {}))
                    if not np.array_equal(shared, offsets):
                        raise _different(self._output.inputs.who, first, column.name)
                    fields[planned.name.removeprefix(f"{planned.group}_")] = ak.contents.NumpyArray(numbers)
        for group, (_, offsets, fields) in groups.items():
            record = ak.contents.RecordArray(list(fields.values()), list(fields), int(offsets[-1]))
            columns[group] = _lists(offsets, record)
        self._tree.extend(columns)
        self._entries += chunk.num_entries

    def _values(self, column: OutputColumn, layout: Content, targets: Targets) -> Iterator[Values]:
        try:
            yield from values(column.encoding.node, layout, targets)
        except BadLinkError as error:
            msg = (
                f"{self._output.inputs.who}: column {column.name}, of the events to write {error}; leave out "
                "the column (columns=) or the event (select=)"
            )
            raise BadLinkError(msg) from None


def _group(column: OutputColumn, name: str, branch: Branch, *, of_objects: bool) -> str:
    """Branches with a number for each object of a collection share how many these are; others are by themselves."""
    if branch.depth == 0:
        return ""
    return flat_name(column.collection) if branch.depth == 1 and of_objects else name


def _lists(offsets: NDArray[np.int64], content: ak.contents.Content) -> ak.Array:
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), content))


def _different(file: str, one: str, other: str) -> ConversionError:
    msg = (
        f"{file}: columns {one} and {other} have different numbers of objects: one was not stored for all of them; "
        "leave it out (columns=)"
    )
    return ConversionError(msg)


def _counter(name: str) -> str:
    return f"n{name}"


def _field(collection: str, name: str) -> str:
    return f"{collection}_{name}" if collection else name
