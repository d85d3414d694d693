"""Converting files of events: chosen columns, events and objects of one or several files to another format."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from physlite.exceptions import ConversionError, PhysliteError, UnsupportedFormatError
from physlite.formats.filters import NameFilter, nearest
from physlite.formats.manifest import ManifestColumn
from physlite.interop.choosing import chosen_columns, left_out, output_columns, positions_in
from physlite.interop.cutting import Mask, Selection
from physlite.interop.inputs import Inputs, entry_bytes, survey
from physlite.interop.survey import Survey
from physlite.interop.writing import Chunk, LinkStyle, Output, OutputColumn, Writer, writer_format
from physlite.model.events import EventSource
from physlite.model.store import ColumnStore
from physlite.storage import Openable
from physlite.storage.download import put_in_place, require_free
from physlite.storage.progress import progress
from physlite.storage.redaction import redacted_url, short_name
from physlite.storage.workers import Workers

__all__ = ["MEMORY", "Converted", "convert"]

# What a conversion may take beside what Python and the libraries do.
MEMORY = 1_000_000_000

# Of the memory, what the events of a chunk have: while one is written, the next is read and cut, and what is written
# exists as it was read, as the format has it, and compressed.
_CHUNKS = 15
# Of the memory, what the events of a group have where the user says how many these are: they are collected, put
# together and written, while chunks are read.
_GROUPS = 10
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+")
# Offsets of lists have 31 bits in some formats, also of lists of bytes.
_MOST_CHUNK = 1 << 29


class Converted(NamedTuple):
    """What became of a conversion.

    Attributes:
        path: the file that was written.
        num_entries: events in it.
        read_entries: events in the files that were read.
        num_columns: columns with values.
        bytes: of the file.
        left_out: columns that hold something which could not be converted, and why.
    """

    path: Path
    num_entries: int
    read_entries: int
    num_columns: int
    bytes: int
    left_out: Mapping[str, str]


def convert(
    where: Openable | Sequence[Openable],
    out: str | os.PathLike[str],
    *,
    columns: NameFilter = None,
    collections: NameFilter = None,
    select: Mask | None = None,
    thin: Mapping[str, Mask] = MappingProxyType({}),
    format: str | None = None,  # noqa: A002  # what it is called by who asks for one
    links: LinkStyle = "keys",
    compression: str = "zstd",
    group_entries: int | None = None,
    memory: int = MEMORY,
    threads: int | None = None,
) -> Converted:
    """Writes events of one or several files to a file of another format; it is there as a whole, or not at all.

    Each column is written as it is. Where objects are left out, links are written anew: those to an object that is not
    there become null, and those to others have its new index. The metadata are those of the input: sums of weights are
    of all events before any selection, so also of those that are left out here.

    Args:
        where: what to read, as `physlite.open` takes it, or a list of such. Files in a list must have the same columns.
        out: what to write; its suffix says in which format: `.parquet`, or `.root`, which is an RNTuple.
        columns: the columns that are wanted, as of `File.arrays`; by default all.
        collections: names or patterns of collections of which all columns are wanted, beside those of `columns`.
        select: a function of events that gives one bool for each: events to keep. It is called with some thousands of
            events at a time.
        thin: by the names of collections functions of events that give one bool for each object: objects to keep.
        format: the format, where the suffix does not tell it: "parquet", "rntuple", or "flat", a ROOT file with a tree
            of numbers and lists of them.
        links: "keys": element links are written as they are, `m_persKey` and `m_persIndex`. "resolved", in Parquet:
            with the name of the container in place of its key.
        compression: the algorithm, and behind a hyphen its level: "zstd", "zstd-9", "lz4", "none"; "gzip-6" in Parquet
            only, "zlib-1" and "lzma-7" in ROOT files only.
        group_entries: events that are stored together (in row groups, clusters, baskets); by default as many as have
            some ten MB. They are in memory together, so that they may have a tenth of `memory` at most.
        memory: bytes that this may take beside what Python and the libraries do.
        threads: threads that decode; by default the cores this process may use.

    Returns:
        What was written, and what could not be.

    Raises:
        FileExistsError: there is a file of the name of `out` already.
        ColumnNotFoundError: no column or collection of such a name.
        ConversionError: files that do not fit into one, masks that do not fit the events, or groups of events that do
            not fit into the memory; the message names the largest that do.
        AnalysisError: `select` or a function of `thin` fails.
        TypeError: `select` or what is in `thin` is no function, or a number is none.
        UnsupportedFormatError: a format or a compression that cannot be written, a suffix that is that of another
            format, or a URL to write to.
        ImportError: the format needs a package that is not installed; the message names it.
        BadLinkError: a link has an index that its collection does not have, which no flat tree can say.
        CorruptDataError, OSError: a file is damaged, or cannot be read or written.
    """
    path = _local(out)
    writer_class = writer_format(path, format).load()
    require_free(path)
    if links not in ("keys", "resolved"):
        msg = f"links={links!r}: it is 'keys' or 'resolved'"
        raise ValueError(msg)
    _require_number("memory", memory, "bytes, as 500_000_000")
    if group_entries is not None:
        _require_number("group_entries", group_entries, "events")
    selection = Selection(select, thin)
    # What functions have read is there for the conversion, as far as there is room.
    with Inputs(where, threads, memory // 20 if selection else 0) as inputs:
        first = next(iter(inputs))
        chosen = chosen_columns(first, columns, collections)
        rows, wanted = output_columns(first, chosen, writer_class.problem_of)
        _require_collections(first, thin, wanted)
        known = survey(inputs, wanted, thin, with_trees=writer_class.keeps_metadata_tree)
        its_columns = _writable(rows, wanted, known, thin)
        if not its_columns:
            msg = f"{known.who}: none of the columns has values that can be written here: choose others (columns=)"
            raise ConversionError(msg)
        if group_entries is not None:
            _require_room(known, group_entries, memory)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        output = Output(
            path=part,
            columns=tuple(its_columns),
            rows=tuple(rows),
            inputs=known,
            links=links,
            compression=compression,
            group_entries=group_entries,
            chunk_bytes=min(memory // _CHUNKS, _MOST_CHUNK),
            memory=memory,
        )
        try:
            with _naming_file(path, part):
                writer = writer_class(output)
            with _Writing(writer, part, path) as writing:
                _convert(output, inputs, selection, writing)
            put_in_place(part, path)
        finally:
            part.unlink(missing_ok=True)
    return Converted(
        path, writing.num_entries, known.num_entries, len(its_columns), path.stat().st_size, left_out(rows)
    )


def _local(out: str | os.PathLike[str]) -> Path:
    """Where to write; a URL that was made a path has lost a slash."""
    text = os.fspath(out)
    if found := _URL.match(text):
        url = f"{found['scheme']}://{text[found.end() :]}"
        msg = f"{redacted_url(url)}: outputs are local files: write to a path, and copy the file then"
        raise UnsupportedFormatError(msg)
    return Path(text)


def _require_number(name: str, number: Any, of_what: str) -> None:
    """Raises TypeError for what is no whole number, ValueError for less than one."""
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        msg = f"{name}={number!r}: it is a whole number of {of_what}"
        raise TypeError(msg)
    if number < 1:
        msg = f"{name}={number}: it is a positive number of {of_what}"
        raise ValueError(msg)


class _Writing:
    """A writer at work in a thread of its own, one chunk behind: the next one is read meanwhile.

    Args:
        writer: of the file.
        part: as the file is called while it is written.
        path: as it will be called, and is in errors.
    """

    def __init__(self, writer: Writer, part: Path, path: Path) -> None:
        self._writer = writer
        self._part = part
        self._path = path
        self._worker = Workers(1, "physlite-convert")
        self._pending: Future[None] | None = None
        self.num_entries = 0

    def write(self, chunk: Chunk) -> None:
        """Has a chunk written when the one before is; raises what that has raised."""
        if self._pending is not None:
            self._pending.result()
        self.num_entries += chunk.num_entries
        self._pending = self._worker.submit(self._write, chunk)

    def _write(self, chunk: Chunk) -> None:
        with _naming_file(self._path, self._part):
            self._writer.write(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            try:
                if kind is None and self._pending is not None:
                    self._pending.result()
            finally:
                self._worker.end(_nothing)
                self._worker.join()  # a writer has one call at a time
            if kind is None:
                with _naming_file(self._path, self._part):
                    self._writer.close()
        except BaseException:
            self._writer.abort()
            raise
        if kind is not None:
            self._writer.abort()


@contextmanager
def _naming_file(path: Path, part: Path) -> Iterator[None]:
    """What the operating system says of a file that is written, as of a full disk, with the name of the file."""
    try:
        yield
    except OSError as error:
        if isinstance(error, PhysliteError) or error.filename not in (None, str(part)):
            raise
        if error.errno is None:
            first_line = str(error).strip().partition("\n")[0]
            msg = f"{path}: {first_line}"
            raise OSError(msg) from error
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error  # Arrow adds sentences of its own


def _nothing() -> None:
    """What is to be done when all is written."""


def _convert(output: Output, inputs: Inputs, selection: Selection, writing: _Writing) -> None:
    """Reads all files in chunks, and has them written."""
    known = output.inputs
    done = [0]
    what = f"converting {short_name(known.first.name)}"
    with progress(what, lambda: done[0] * known.stored_bytes // max(known.num_entries, 1), known.stored_bytes):
        for store in inputs:
            its = positions_in(store, known.first, output.columns)
            size = output.chunk_bytes / max(entry_bytes(store, its), 1.0)
            for start, stop in _ranges(store.manifest.clusters.tolist(), size):
                writing.write(_chunk(store, its, output.columns, selection, (start, stop)))
                done[0] += stop - start


def _chunk(
    store: ColumnStore,
    positions: Sequence[int],
    columns: Sequence[OutputColumn],
    selection: Selection,
    entries: tuple[int, int],
) -> Chunk:
    """The columns of what is kept of some events."""
    start, stop = entries
    if not selection:
        return Chunk(stop - start, tuple(store.layouts(positions, start, stop)))
    cut = selection.of(EventSource(store, start, stop).events())
    if not cut.num_entries:
        start = stop = 0  # nothing need be read of what is not kept
        return Chunk(0, tuple(column.encoding.form().length_zero_array(highlevel=False) for column in columns))
    layouts = store.layouts(positions, start, stop)
    return Chunk(cut.num_entries, cut.of(columns, layouts))


def _ranges(clusters: Sequence[int], size: float) -> Iterator[tuple[int, int]]:
    """Entry ranges of at most `size` entries, which begin and end with clusters where these are not larger.

    What is in a cluster is decompressed together, so that ranges within one decompress it again and again.
    """
    most = max(int(size), 1)
    start = 0
    for i, end in enumerate(clusters[1:], 1):
        is_last = i == len(clusters) - 1
        if not is_last and clusters[i + 1] - start <= most:
            continue
        while start < end:
            parts = -(-(end - start) // most)
            stop = start + -(-(end - start) // parts)
            yield start, stop
            start = stop


def _require_room(known: Survey, group_entries: int, memory: int) -> None:
    """Raises ConversionError for groups of more events than there is room for."""
    largest = max(int(memory / _GROUPS / known.entry_bytes), 1)
    entries = min(group_entries, known.num_entries)
    size = int(entries * known.entry_bytes)
    if entries > largest:
        msg = (
            f"{known.who}: group_entries={group_entries}: {entries} events have some {size} bytes, too "
            f"many for memory={memory}: store {largest} together at most, or allow more memory"
        )
        raise ConversionError(msg)


def _require_collections(first: ColumnStore, thin: Mapping[str, Mask], columns: Sequence[OutputColumn]) -> None:
    """Raises ConversionError for collections that cannot be thinned."""
    known = first.schema.collections
    written = {column.collection for column in columns}
    for name in thin:
        if name not in known:
            msg = f"{first.name}: no collection {name!r} to thin{nearest(known, name)}"
        elif not known[name].is_list:
            msg = f"{first.name}: {name} is one object an event, and cannot be thinned: select chooses events"
        elif name not in written:
            msg = (
                f"{first.name}: {name} is to be thinned, but not among the columns that are converted: add it to these"
            )
        else:
            continue
        raise ConversionError(msg)


def _writable(
    rows: list[ManifestColumn], columns: list[OutputColumn], known: Survey, thin: Mapping[str, Mask]
) -> list[OutputColumn]:
    """The columns that can be written, of all files; of others `rows` says why not."""
    kept = []
    for column in columns:
        problem = known.problems.get(column.name, "")
        if not problem and column.collection in thin and column.name in known.incomplete:
            problem = f"it was not stored for all {column.collection}, which are thinned: nothing tells which it has"
        if problem:
            rows[column.row] = rows[column.row]._replace(problem=problem)
        else:
            kept.append(column)
    return kept
