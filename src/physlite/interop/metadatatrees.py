"""The MetaData trees of files as one that holds its own pages: what a file that is written takes along of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import ConversionError
from physlite.formats import notes
from physlite.formats.basketkeys import without_place
from physlite.formats.manifest import Manifest
from physlite.formats.notes import pack_manifest
from physlite.model.store import ColumnStore
from physlite.storage import Range

__all__ = ["MergedTrees", "packed_tree"]


class MergedTrees:
    """The MetaData trees of files as a single one with the entries of all, as hadd would merge them.

    All of its pages are in the manifest; nothing of them is decoded, so that what cannot be decoded is there too. Of
    pages that are the same in several files, as those of the trigger menu mostly are, there is one.
    """

    def __init__(self) -> None:
        self._first: Manifest | None = None
        self._named = ""  # the file of which it is
        self._without = ""
        self._places: dict[bytes, int] = {}
        self._size = 0
        # Of each tree what is of its own.
        self._clusters: list[NDArray[np.int64]] = []
        self._pages: list[NDArray[np.int64]] = []
        self._totals: list[
            NDArray[np.int64]
        ] = []  # of each column: how many pages it has, bytes stored, bytes unpacked

    def add(self, file: ColumnStore) -> None:
        """Adds that of a file, or that it has none.

        Raises:
            ConversionError: others have one and this has not, or the other way round, or their columns differ.
            CorruptDataError, OSError: the tree is damaged, or cannot be read.
        """
        tree = file.metadata
        if tree is None:
            self._without = self._without or file.name
        else:
            self._named = self._named or file.name
        if self._without and self._named:
            msg = f"{self._without}: it has no MetaData tree, {self._named} has one: convert them one by one"
            raise ConversionError(msg)
        if tree is None:
            return
        manifest = tree.manifest
        if self._first is None:
            self._first = manifest
        elif differing := _difference(self._first, manifest):
            msg = f"{file.name}: MetaData column {differing} is not as in {self._named}: convert them one by one"
            raise ConversionError(msg)
        of_column, its = _pages_of_columns(manifest)
        places = self._kept(tree)[its]
        if self._size >= notes.MOST_METADATA:
            msg = (
                f"{file.name}: with it the MetaData trees are too large to be read again: convert fewer files at a time"
            )
            raise ConversionError(msg)
        pages = [of_column, manifest.page_first_entry[its], places, manifest.page_size[its]]
        self._pages.append(np.array(pages))
        self._clusters.append(manifest.clusters)
        totals = [(c.pages, c.compressed_bytes, c.uncompressed_bytes) for c in manifest.columns]
        self._totals.append(np.array(totals, dtype=np.int64))

    def _kept(self, tree: ColumnStore) -> NDArray[np.int64]:
        """Where the pages of a tree are in those of all, as `page_offset` says it."""
        offsets, sizes = tree.manifest.page_offset.tolist(), tree.manifest.page_size.tolist()
        stored = [Range(at, size) for at, size in zip(offsets, sizes, strict=True) if at >= 0 and size]
        fetched = iter(tree.source.fetch(stored) if stored else [])
        inline = tree.manifest.inline
        found = []
        for at, size in zip(offsets, sizes, strict=True):
            begin = max(-1 - at, 0)
            page = without_place(bytes(next(fetched)) if size and at >= 0 else inline[begin : begin + size])
            place = self._places.setdefault(page, self._size)
            if place == self._size:
                self._size += size
            found.append(-1 - place)
        return np.array(found, dtype=np.int64)

    def manifest(self, wanted: Sequence[int]) -> Manifest | None:
        """The manifest of the trees of some of the files, by their numbers, or None where no file has such a tree."""
        if self._first is None:
            return None
        totals = np.sum([self._totals[i] for i in wanted], axis=0)
        starts = np.cumsum(totals[:, 0]) - totals[:, 0]
        columns = tuple(
            column._replace(first_page=at, pages=pages, compressed_bytes=stored, uncompressed_bytes=unpacked)
            for column, at, (pages, stored, unpacked) in zip(
                self._first.columns, starts.tolist(), totals.tolist(), strict=True
            )
        )
        ends = np.cumsum([0, *(self._clusters[i][-1] for i in wanted)])
        pages = np.concatenate([self._pages[i] for i in wanted], axis=1)
        pages[1] += np.repeat(ends[:-1], [self._pages[i].shape[1] for i in wanted])
        # The pages of the first column come first, of all trees in their order.
        _, first_entry, offset, size = pages[:, np.argsort(pages[0], kind="stable")]
        return replace(
            self._first,
            num_entries=int(ends[-1]),
            clusters=np.concatenate(
                [*(self._clusters[i][:-1] + end for i, end in zip(wanted, ends, strict=False)), ends[-1:]]
            ),
            columns=columns,
            page_first_entry=first_entry,
            page_offset=offset,
            page_size=size,
            inline=b"".join(self._places),
        )


def _pages_of_columns(tree: Manifest) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For the pages of all columns, one behind the other, the column and the place among those of the tree.

    Several columns can have the same pages.
    """
    first, pages = np.array([(column.first_page, column.pages) for column in tree.columns], dtype=np.int64).T
    of_column = np.repeat(np.arange(len(pages)), pages)
    return of_column, np.arange(len(of_column)) + np.repeat(first - np.cumsum(pages) + pages, pages)


def packed_tree(tree: Manifest | None, who: str) -> bytes:
    """What `MergedTrees` has made of files, as a text; empty for None.

    Raises:
        ConversionError: it is too large to be read again; `who` tells of what files.
    """
    if tree is None:
        return b""
    try:
        return pack_manifest(tree)
    except ConversionError as error:
        msg = f"{who}: in all there are {error}: convert fewer files at a time"
        raise ConversionError(msg) from None


def _difference(one: Manifest, other: Manifest) -> str:
    """The name of a column that is not the same in both; empty when all are."""

    def known(manifest: Manifest) -> Iterable[tuple[object, ...]]:
        return [(c.name, c.path, c.type_name, c.encoding, c.members, bool(c.pages)) for c in manifest.columns]

    for mine, theirs in zip(known(one), known(other), strict=False):
        if mine != theirs:
            return str(theirs[0])
    if len(one.columns) != len(other.columns):
        longer = max((one, other), key=lambda m: len(m.columns))
        return longer.columns[min(len(one.columns), len(other.columns))].name
    return ""
