"""The MetaData trees of files as one that holds its own pages: what a file that is written takes along of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import ConversionError
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
        self._trees: list[Manifest] = []
        self._first = ""
        self._without = ""
        self._places: dict[bytes, int] = {}
        self._size = 0

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
            self._first = self._first or file.name
        if self._without and self._first:
            msg = f"{self._without}: it has no MetaData tree, {self._first} has one: convert them one by one"
            raise ConversionError(msg)
        if tree is None:
            return
        if self._trees and (differing := _difference(self._trees[0], tree.manifest)):
            msg = f"{file.name}: MetaData column {differing} is not as in {self._first}: convert them one by one"
            raise ConversionError(msg)
        self._trees.append(replace(tree.manifest, page_offset=self._kept(tree), inline=b""))

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

    def manifest(self) -> Manifest | None:
        """The manifest, or None where no file has such a tree."""
        if not self._trees:
            return None
        manifests = self._trees
        first = manifests[0]
        entries = np.cumsum([0, *(m.num_entries for m in manifests)])
        columns, first_entry, offset, size, total = [], [], [], [], 0
        for i, column in enumerate(first.columns):
            for manifest, entry in zip(manifests, entries, strict=False):
                its = manifest.columns[i]
                span = slice(its.first_page, its.first_page + its.pages)
                first_entry.append(manifest.page_first_entry[span] + entry)
                offset.append(manifest.page_offset[span])
                size.append(manifest.page_size[span])
            same = [m.columns[i] for m in manifests]
            pages = sum(c.pages for c in same)
            columns.append(
                column._replace(
                    first_page=total,
                    pages=pages,
                    compressed_bytes=sum(c.compressed_bytes for c in same),
                    uncompressed_bytes=sum(c.uncompressed_bytes for c in same),
                )
            )
            total += pages
        clusters = [m.clusters[:-1] + entry for m, entry in zip(manifests, entries, strict=False)]
        return replace(
            first,
            num_entries=int(entries[-1]),
            clusters=np.concatenate([*clusters, entries[-1:]]),
            columns=tuple(columns),
            page_first_entry=np.concatenate(first_entry),
            page_offset=np.concatenate(offset),
            page_size=np.concatenate(size),
            inline=b"".join(self._places),
        )


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
