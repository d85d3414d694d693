"""The manifest of an RNTuple: its fields as columns, and the pages of what they are made of.

A field of the top level is a column, and so is each member of the static stores of xAOD, `xTrigDecisionAux:.smk`. The
arrays that a column consists of (offsets of lists, values) are its *streams*; in the manifest they are columns without
a name, the members of the column that they are of, in the order of its encoding. Columns answer to the names that they
have in a tree too. Format: ROOT's "RNTuple Binary Format Specification" 1.0.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.collecting import without_cycle_collection
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.manifest import Manifest, ManifestColumn
from physlite.formats.ntuplepages import NtuplePages, PageKinds, Streams, StreamTables
from physlite.formats.rootfile import Key, RootFile, naming
from physlite.storage import Range

__all__ = ["read_manifest"]


def read_manifest(file: RootFile, key: Key) -> Manifest:
    """Reads what describes the ntuple behind `key`; reads no page.

    Raises:
        CorruptDataError: it is damaged.
        UnsupportedFormatError: it has features of the format that are not known here.
    """
    with naming(f"{file.name}, ntuple {key.name}"):
        header, footer, limit = _core.ntuple_anchor(file.object(key))
        most = limit or sys.maxsize  # uproot writes 0
        described, rest = _envelopes(file, [header, footer], most)
        checksum, extension, groups = _core.ntuple_footer(rest)
        with without_cycle_collection():
            schema = _schema(described, extension)
        if checksum != schema.checksum:
            msg = "a footer that belongs to another header"
            raise _core.CorruptData(msg)
        lists = [
            _core.ntuple_pages(content, clusters, len(schema.kinds.of_column), checksum)
            for content, (clusters, _) in zip(_envelopes(file, [link for _, link in groups], most), groups, strict=True)
        ]
    clusters = _clusters(file.name, [cluster for pages in lists for cluster in pages["clusters"]])
    with without_cycle_collection():
        return _manifest(file, key.name, schema, clusters, NtuplePages(lists, schema.kinds, most))


def _envelopes(file: RootFile, links: Sequence[tuple[int, int, int]], most: int) -> list[bytes]:
    if any(size > most for _, size, _ in links):
        msg = "it is described by more than one record of the file"
        raise _core.Unsupported(msg)
    stored = file.source.fetch([Range(offset, size) for offset, size, _ in links])
    return [_core.envelope(data, uncompressed) for data, (_, _, uncompressed) in zip(stored, links, strict=True)]


def _clusters(name: str, clusters: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """First entries of the clusters, and the number of entries."""
    ends = [0]
    for first, entries in clusters:
        if first != ends[-1] or entries < 0:
            msg = f"{name}: a cluster begins with entry {first}, where {ends[-1]} are before it; copy the file again"
            raise CorruptDataError(msg)
        ends.append(first + entries)
    if ends[-1] >= 1 << 56:
        msg = f"{name}: an ntuple of {ends[-1]} entries; copy the file again"
        raise CorruptDataError(msg)
    return np.array(ends, dtype=np.int64)


def _as_in_a_tree(name: str) -> str:
    """`AnalysisElectronsAuxDyn.pt` for `AnalysisElectronsAuxDyn:pt`: programs name columns so."""
    return name.replace(":.", ".").replace(":", ".")


class _Draft(NamedTuple):
    """A column, before its streams have places; `streams`: how many it has."""

    name: str
    type_name: str
    encoding: str
    problem: str
    streams: int


class _Schema(NamedTuple):
    """What a header says: its checksum, how columns are stored, and what is read of them."""

    checksum: int
    kinds: PageKinds
    drafts: Sequence[_Draft]
    streams: Streams


# Projected fields share the columns of others: how many do, where there are many clusters too, has to be bounded.
_MOST_SHARED = 8
_MANY_CELLS = 1 << 22

# What is worth keeping: that of 1,800 columns has 180 kB.
_LARGE_HEADER = 4 << 20


def _read_schema(header: bytes, extension: bytes) -> _Schema:
    its = _core.ntuple_schema(header, extension)
    return _Schema(
        its["checksum"],
        PageKinds.of(its["kinds"], its["kind"]),
        list(starmap(_Draft, its["columns"])),
        Streams(
            its["codes"], its["column"], its["representations"], its["parent"], its["factor"], its["child"],
            its["child_factor"],
        ),
    )  # fmt: skip


_known_schema = functools.lru_cache(maxsize=4)(_read_schema)


def _schema(header: bytes, extension: bytes) -> _Schema:
    """What a header says. Files of the same kind have the same, of which the last ones are kept."""
    is_large = len(header) + len(extension) > _LARGE_HEADER
    return _read_schema(header, extension) if is_large else _known_schema(header, extension)


def _manifest(file: RootFile, name: str, schema: _Schema, clusters: NDArray[np.int64], pages: NtuplePages) -> Manifest:
    drafts, streams = schema.drafts, schema.streams
    columns = len(schema.kinds.of_column)
    if len(streams) > _MOST_SHARED * columns and len(streams) * len(clusters) > _MANY_CELLS:
        msg = f"{file.name}, ntuple {name}: {len(streams)} parts of fields share {columns} columns: no file has as many"
        raise UnsupportedFormatError(msg)
    tables = pages.of(streams, clusters)
    if tables.faults:
        drafts, streams = _without_faults(drafts, streams, tables.faults)
        tables = pages.of(streams, clusters)
    return Manifest(
        format="RNTuple",
        tree=name,
        uuid=file.uuid,
        file_bytes=file.source.size(),
        compression=file.compression,
        num_entries=int(clusters[-1]),
        clusters=clusters,
        columns=(*_columns(drafts, tables), *tables.rows),
        page_first_entry=tables.first,
        page_offset=tables.offset,
        page_size=tables.size,
        streams=tables.pages,
    )


def _columns(drafts: Sequence[_Draft], tables: StreamTables) -> Iterator[ManifestColumn]:
    # Sums over all streams before each, so that those of a column are differences.
    uncompressed = list(accumulate((row.uncompressed_bytes for row in tables.rows), initial=0))
    compressed = list(accumulate((row.compressed_bytes for row in tables.rows), initial=0))
    first = 0
    for name, type_name, encoding, problem, streams in drafts:
        last = first + streams
        yield ManifestColumn(
            name, _as_in_a_tree(name), "", type_name, encoding, problem,
            tuple(range(len(drafts) + first, len(drafts) + last)), tables.rows[last - 1].compression if streams else 0,
            uncompressed[last] - uncompressed[first], compressed[last] - compressed[first], 0, 0,
        )  # fmt: skip
        first = last


def _without_faults(
    drafts: Sequence[_Draft], streams: Streams, faults: Mapping[int, str]
) -> tuple[list[_Draft], Streams]:
    """The columns, and the streams of those that can be read."""
    kept: list[_Draft] = []
    its: list[int] = []
    first = 0
    for draft in drafts:
        own = range(first, first + draft.streams)
        problem = next((faults[i] for i in own if i in faults), "")
        if problem:
            kept.append(draft._replace(encoding="", problem=problem, streams=0))
        else:
            kept.append(draft)
            its += own
        first += draft.streams
    return kept, streams.only(np.array(its, dtype=np.int64))
