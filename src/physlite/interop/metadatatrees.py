"""The MetaData trees of files as one that holds its own pages: what a file that is written takes along of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from physlite.exceptions import ConversionError
from physlite.formats.manifest import Manifest
from physlite.formats.parquet import pack_manifest
from physlite.model.store import ColumnStore
from physlite.storage import Range

__all__ = ["merged_trees", "packed_tree"]


def merged_trees(files: Sequence[ColumnStore]) -> Manifest | None:
    """The MetaData trees of files as a single one with the entries of all, as hadd would merge them.

    All of its pages are in the manifest; nothing of them is decoded, so that what cannot be decoded is there too.

    Returns:
        The manifest, or None where no file has such a tree.

    Raises:
        ConversionError: some have one and others do not, or their columns differ.
        CorruptDataError, OSError: a tree is damaged, or cannot be read.
    """
    trees = {file.name: _inlined(file.metadata) for file in files if file.metadata is not None}
    without = next((file.name for file in files if file.metadata is None), None)
    if not trees:
        return None
    if without is not None:
        msg = f"{without}: it has no MetaData tree, {next(iter(trees))} has one: convert them one by one"
        raise ConversionError(msg)
    return _joined(trees) if len(trees) > 1 else next(iter(trees.values()))


def packed_tree(tree: Manifest | None, files: Sequence[ColumnStore]) -> bytes:
    """What `merged_trees` has made of files, as a text; empty for None.

    Raises:
        ConversionError: it is too large to be read again.
    """
    if tree is None:
        return b""
    try:
        return pack_manifest(tree)
    except ConversionError as error:
        msg = f"{files[0].name}: in all {len(files)} files there are {error}: convert fewer files at a time"
        raise ConversionError(msg) from None


def _inlined(tree: ColumnStore) -> Manifest:
    """The manifest of a tree with all of its pages."""
    manifest = tree.manifest
    stored = np.flatnonzero((manifest.page_offset >= 0) & (manifest.page_size > 0))
    ranges = [Range(int(manifest.page_offset[i]), int(manifest.page_size[i])) for i in stored]
    pages = tree.source.fetch(ranges) if ranges else []
    offset = manifest.page_offset.copy()
    starts = len(manifest.inline) + np.cumsum([0, *(len(page) for page in pages[:-1])], dtype=np.int64)
    offset[stored] = -1 - starts[: len(stored)]
    offset[offset >= 0] = -1  # pages without bytes are everywhere
    return replace(manifest, page_offset=offset, inline=b"".join([manifest.inline, *pages]))


def _joined(trees: dict[str, Manifest]) -> Manifest:
    (first_name, first), *others = trees.items()
    for name, tree in others:
        if differing := _difference(first, tree):
            msg = f"{name}: MetaData column {differing} is not as in {first_name}: convert them one by one"
            raise ConversionError(msg)
    manifests = list(trees.values())
    entries = np.cumsum([0, *(m.num_entries for m in manifests)])
    starts = np.cumsum([0, *(len(m.inline) for m in manifests)])
    columns, first_entry, offset, size, total = [], [], [], [], 0
    for i, column in enumerate(first.columns):
        for manifest, entry, start in zip(manifests, entries, starts, strict=False):
            its = manifest.columns[i]
            span = slice(its.first_page, its.first_page + its.pages)
            first_entry.append(manifest.page_first_entry[span] + entry)
            offset.append(manifest.page_offset[span] - start)
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
        inline=b"".join(m.inline for m in manifests),
    )


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
