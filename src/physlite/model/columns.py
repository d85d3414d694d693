"""The columns of a file as users see them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from physlite.exceptions import ColumnNotFoundError
from physlite.formats.encoding import Encoding
from physlite.formats.filters import nearest
from physlite.formats.manifest import HOLDS_NOTHING, IN_ITS_MEMBERS, PLACES, Manifest
from physlite.formats.rootfile import compression_name

__all__ = ["Column", "Columns"]


@dataclass(frozen=True)
class Column:
    """One column of a file.

    `type` is Awkward's type of an entry, or says that there is nothing to read; `baskets` are those of a tree or pages
    of an RNTuple, `uncompressed_bytes` and `compressed_bytes` their bytes; `problem` says why the column cannot be
    read, or is empty.
    """

    name: str
    path: str
    title: str
    type_name: str
    type: str
    num_entries: int
    baskets: int
    compression: str
    compressed_bytes: int
    uncompressed_bytes: int
    problem: str

    def __repr__(self) -> str:
        return f"<Column {self.name!r}: {self.type}>"


def _type(encoding: Encoding | None, problem: str) -> str:
    if problem.startswith(HOLDS_NOTHING):
        return "no values"
    if problem.startswith(IN_ITS_MEMBERS):
        return "in its members"
    if problem:
        return "unreadable"
    return "through uproot" if encoding is None else encoding.type


def _in_ntuple(name: str) -> str:
    """What an RNTuple calls a column of a tree: AnalysisElectronsAuxDyn:pt, xTrigDecisionAux:.smk."""
    store, dot, member = name.partition(".")
    if not dot or ":" in store:  # it is one
        return name
    return f"{store}:{member}" if store.endswith("Dyn") else f"{store}:.{member}"


class Columns(Mapping[str, Column]):
    """The columns of a file by name; they answer to their `aliases` too."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def __getitem__(self, name: str) -> Column:
        return self.at(self.index(name))

    def index(self, name: str) -> int:
        """Position of a column in the manifest.

        Raises:
            ColumnNotFoundError: there is none of this name; the message offers the nearest names.
        """
        index = self._manifest.index
        found = index.get(name)
        if found is None and name in self.aliases:
            found = index[self.aliases[name]]
        if found is None:
            msg = f"no column {name!r}{nearest(self, str(name), f' ({len(self)} columns; try .show())')}"
            raise ColumnNotFoundError(msg)
        return found

    def at(self, index: int) -> Column:
        """The column at a position in the manifest."""
        info = self._manifest.columns[index]
        encoding = self._manifest.encoding(index)
        parts = [self._manifest.columns[i] for i in self._manifest.with_members(index)]
        unreadable = self._manifest.unreadable_part(index)
        return Column(
            name=info.name,
            path=info.path,
            title=info.title,
            type_name=info.type_name,
            type=_type(encoding, "" if unreadable is None else unreadable.problem),
            num_entries=self._manifest.num_entries,
            baskets=sum(p.pages for p in parts if p.encoding != PLACES),
            compression=compression_name(info.compression),
            compressed_bytes=sum(p.compressed_bytes for p in parts),
            uncompressed_bytes=sum(p.uncompressed_bytes for p in parts),
            problem="" if unreadable is None else unreadable.problem,
        )

    def __contains__(self, name: object) -> bool:
        return name in self._manifest.index or name in self.aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    @functools.cached_property
    def paths(self) -> dict[str, str]:
        """Full paths of columns and their names, where they differ; the paths of an RNTuple are the names in a tree."""
        return {column.path: column.name for column in self._manifest.named if column.path != column.name}

    @functools.cached_property
    def aliases(self) -> dict[str, str]:
        """Other names of columns, and theirs: `paths`, and those that an RNTuple or a tree would have."""
        return {_in_ntuple(name): name for name in self._names} | self.paths

    @functools.cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self._manifest.named)

    def __len__(self) -> int:
        return len(self._manifest.named)

    def __repr__(self) -> str:
        return f"<{len(self)} columns>"
