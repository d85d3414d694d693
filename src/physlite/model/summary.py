"""What takes how much space in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import awkward as ak
import numpy as np

from physlite.formats.manifest import HOLDS_NOTHING, IN_ITS_MEMBERS, PLACES, Manifest, ManifestColumn
from physlite.model.file import File
from physlite.model.naming import container_of

__all__ = ["CollectionSummary", "Size", "Summary", "summarize"]


@dataclass(frozen=True)
class Size:
    """Bytes of some columns, in the file and decompressed."""

    compressed: int
    uncompressed: int

    @classmethod
    def of(cls, columns: Iterable[ManifestColumn]) -> Size:
        """The sum of columns. Each counts its own baskets alone, so parts and wholes may both be among them."""
        columns = list(columns)
        return cls(sum(c.compressed_bytes for c in columns), sum(c.uncompressed_bytes for c in columns))


@dataclass(frozen=True)
class CollectionSummary:
    """One collection.

    Attributes:
        name: as in `events`.
        class_name: its C++ class; empty where the file has no interface object for it.
        fields: number of fields.
        objects: number of objects in all events; None where the file does not keep it.
        size: of its columns, those included that are no fields.
    """

    name: str
    class_name: str
    fields: int
    objects: int | None
    size: Size


@dataclass(frozen=True)
class Summary:
    """A file in numbers.

    Attributes:
        size: of all columns.
        shared_bytes: in the file, how much of the size is counted again: an RNTuple stores pages that are equal once.
        outside: of the columns that belong to no collection.
        collections: the collections, largest first.
        unreadable: names of the columns that nothing can read, so that their values are lost.
        without_values: names of the columns that have none of their own, so that nothing is lost: interfaces and base
            classes of C++, and stores whose members are columns themselves.
    """

    size: Size
    shared_bytes: int
    outside: Size
    collections: tuple[CollectionSummary, ...]
    unreadable: tuple[str, ...]
    without_values: tuple[str, ...]


def summarize(file: File) -> Summary:
    """Adds up a file's columns by collection. Reads the size records of the collections, no other column."""
    columns = file.manifest.named
    by_container: dict[str, list[ManifestColumn]] = {}
    for column in columns:
        by_container.setdefault(container_of(column.name), []).append(column)
    objects = _count_objects(file)
    empty = {c.name for c in columns if c.problem.startswith((HOLDS_NOTHING, IN_ITS_MEMBERS))}
    collections = [
        CollectionSummary(
            c.name, c.class_name, len(c.fields), objects.get(c.name), Size.of(by_container.pop(c.container))
        )
        for c in file.collections.values()
    ]
    return Summary(
        size=Size.of(columns),
        shared_bytes=_shared_bytes(file.manifest),
        outside=Size.of(c for left_over in by_container.values() for c in left_over),
        collections=tuple(sorted(collections, key=lambda c: c.size.compressed, reverse=True)),
        unreadable=tuple(c.name for c in columns if c.problem and c.name not in empty),
        without_values=tuple(c.name for c in columns if c.name in empty),
    )


def _shared_bytes(manifest: Manifest) -> int:
    if manifest.streams is None:
        return 0
    stored = manifest.streams.kind >= 0
    for column in manifest.columns:
        if column.encoding == PLACES:
            stored[column.first_page : column.first_page + column.pages] = False
    offset, size = manifest.page_offset[stored], manifest.page_size[stored]
    _, first = np.unique(offset, return_index=True)
    return int(size.sum() - size[first].sum())


def _count_objects(file: File) -> dict[str, int]:
    """The number of objects of each collection that has a size record."""
    names = {
        c.name: file.manifest.columns[c.size_column].name
        for c in file.collections.values()
        if c.size_column is not None
    }
    sizes = file.arrays(list(names.values()))
    return {name: int(ak.sum(sizes[column])) for name, column in names.items()}
