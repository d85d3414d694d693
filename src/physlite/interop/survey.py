"""What conversions know of their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from physlite.formats.manifest import Manifest
from physlite.model.metadata import Metadata
from physlite.model.store import ColumnStore

__all__ = ["Survey"]


class Survey(NamedTuple):
    """What is known of files before their events are read.

    Attributes:
        first: the first one, of which what it holds is known; it may be closed.
        num_files: how many there are.
        num_entries: events in all of them.
        stored_bytes: of the columns that are wanted, in the files.
        entry_bytes: what an event has of them in memory, in the file where that is most.
        problems: by the names of columns that cannot be read in one of the files, why.
        incomplete: the names of columns that lack objects of their collection in a file, as far as sizes tell.
        metadata: what the files say of themselves, added up, with their sums of weights.
        metadata_tree: their MetaData trees as one, with all of its pages; None where they have none. Of files that were
            made of one it has one, so that sums of weights count once.
        containers: name and class of all containers that links lead to, by their key.
    """

    first: ColumnStore
    num_files: int
    num_entries: int
    stored_bytes: int
    entry_bytes: float
    problems: Mapping[str, str]
    incomplete: frozenset[str]
    metadata: Metadata
    metadata_tree: Manifest | None
    containers: Mapping[int, tuple[str, str]]

    @property
    def who(self) -> str:
        """The files as errors name them."""
        others = self.num_files - 1
        return self.first.name + (f" and {others} other file{'s' * (others > 1)}" if others else "")
