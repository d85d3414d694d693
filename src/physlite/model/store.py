"""A file's columns, read by position and remembered: what both `File` and the events stand on."""

from __future__ import annotations

import functools
import operator
import os
import pickle
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError
from physlite.formats import ttree
from physlite.formats.cache import BufferCache
from physlite.formats.counts import number_of_items
from physlite.formats.detect import read_event_manifest
from physlite.formats.encoding import Indexes
from physlite.formats.manifest import PARQUET, Manifest
from physlite.formats.notes import read_json
from physlite.formats.reader import ColumnReader, default_threads
from physlite.formats.rootfile import RootFile
from physlite.formats.verifying import verified
from physlite.model.schema import Schema, schema_of
from physlite.storage import ByteSource, Cache, Mode, Openable, open_source

__all__ = ["ColumnStore", "open_store"]

# Name that ATLAS gives it (APR::MetaDataSvc's container prefix); files merged by hadd can have several cycles.
METADATA_TREE = "MetaData"

Buffers = list[NDArray[Any]]
T = TypeVar("T")


class Observer(Protocol):
    """Is told of what is read."""

    def reading(self, columns: Sequence[int]) -> AbstractContextManager[None]:
        """These columns are being read while this lasts."""


class ColumnStore:
    """The columns of one file, with a bounded memory of what was decoded last. Pickles by reopening.

    Columns are named by their position in the manifest.

    Attributes:
        observer: who is told of what is read, if anybody.
    """

    def __init__(self, source: ByteSource, manifest: Manifest, threads: int, cache_bytes: int) -> None:
        self.source = source
        self.manifest = manifest
        self.threads = threads
        self.observer: Observer | None = None
        self._reader = ColumnReader(manifest, source, threads)
        self._cache = BufferCache(cache_bytes)
        self._unknown_keys: set[int] = set()
        self._complete: dict[str, frozenset[int]] = {}
        self._bad_links: dict[str, NDArray[np.int64]] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """How the file was called."""
        return self.source.name

    @property
    def identity(self) -> tuple[int, int, str]:
        """The same for a file opened twice, wherever it was opened from: its UUID and size.

        ROOT can write files without a UUID, which are told apart by their names then.
        """
        return self.manifest.uuid.int, self.manifest.file_bytes, "" if self.manifest.uuid.int else self.name

    @functools.cached_property
    def schema(self) -> Schema:
        """What the events look like; shared by files with the same columns."""
        return schema_of(self.manifest)

    @functools.cached_property
    def _root(self) -> RootFile:
        return RootFile(self.source)

    @functools.cached_property
    def metadata(self) -> ColumnStore | None:
        """The columns of the file's MetaData tree, which has one entry (several after hadd); None without such a tree.

        Raises:
            CorruptDataError, UnsupportedFormatError: the tree is damaged, or of a kind that is not known here.
        """
        if self.manifest.format == PARQUET:
            from physlite.formats.parquet import read_metadata_tree  # which other files do without

            manifest = read_metadata_tree(self.source)
            return None if manifest is None else ColumnStore(self.source, manifest, self.threads, cache_bytes=0)
        key = self._root.key(METADATA_TREE)
        if key is not None and key.class_name == "TTree":
            return ColumnStore(self.source, ttree.read_manifest(self._root, key), self.threads, cache_bytes=0)
        from physlite.formats import rootnotes  # as above

        written = rootnotes.read_metadata_tree(self._root)
        return None if written is None else ColumnStore(self.source, written, self.threads, cache_bytes=0)

    @functools.cached_property
    def written_containers(self) -> tuple[tuple[str, str, int], ...]:
        """Name, class and key of the containers that links led to in the file that was converted to this one.

        Raises:
            CorruptDataError: they were, and cannot be read.
        """
        if self.manifest.format != PARQUET:
            from physlite.formats import rootnotes  # as above

            return rootnotes.read_containers(self._root)
        from physlite.formats.parquet import read_notes  # as above

        return tuple((name, class_name, key) for name, class_name, key in read_notes(self.source).containers)

    @functools.cached_property
    def converted_from(self) -> frozenset[str]:
        """The UUIDs of the files that were converted to this one; none of a file that production wrote.

        Raises:
            CorruptDataError: they were written, and cannot be read.
        """
        if self.manifest.format == PARQUET:
            from physlite.formats.parquet import read_facts_text  # as above

            text = read_facts_text(self.source)
        else:
            from physlite.formats import rootnotes  # as above

            text = rootnotes.read_facts_text(self._root)
        try:
            told: list[Any] = read_json(text, "facts").get("originals", [])
            return frozenset(str(UUID(each)) for each in told)
        except (CorruptDataError, ValueError, AttributeError, TypeError) as error:
            msg = f"{self.name}: what it says of its originals cannot be read ({error}): copy or convert it again"
            raise CorruptDataError(msg) from None

    @property
    def originals(self) -> frozenset[str]:
        """The UUIDs of the files that were converted to this one, or that of this one; none where it has none.

        Raises:
            CorruptDataError: they were written, and cannot be read.
        """
        own = self.manifest.uuid
        return self.converted_from or (frozenset({str(own)}) if own.int else frozenset())

    def buffers(self, columns: Sequence[int], start: int, stop: int) -> list[Buffers]:
        """Decoded buffers of columns that have an encoding: offsets and values, outermost first; read-only.

        Raises:
            CorruptDataError, UnreadableColumnError, OSError: as `ColumnReader.buffers`.
        """
        found = dict(self._each(columns, start, stop))
        return [found[i] for i in columns]

    def _each(self, columns: Sequence[int], start: int, stop: int) -> Generator[tuple[int, Buffers]]:
        """Columns and their buffers, first what is in the cache; others while those after them are still decoded."""
        missing = []
        for i in dict.fromkeys(columns):
            known = self._cache.get((i, start, stop))
            if known is None:
                missing.append(i)
            else:
                yield i, known
        with self._observed(missing), closing(self._reader.each(missing, start, stop)) as arriving:
            for i, buffers in zip(missing, arriving, strict=True):
                for buffer in buffers:
                    buffer.flags.writeable = False  # arrays share it
                self._cache.put((i, start, stop), buffers)
                yield i, buffers

    def layouts(self, columns: Sequence[int], start: int, stop: int) -> list[ak.contents.Content]:
        """Awkward layouts of columns, whichever way they can be read.

        Raises:
            CorruptDataError, UnreadableColumnError, OSError: as `ColumnReader.buffers`.
        """
        native = [i for i in columns if self.manifest.columns[i].encoding]
        indexes = Indexes()
        with closing(self._each(native, start, stop)) as arriving:
            ready = {i: self.manifest.require_encoding(i).layout(buffers, indexes) for i, buffers in arriving}
        return [ready[i] if i in ready else self._through_uproot(i, start, stop) for i in columns]

    def _through_uproot(self, column: int, start: int, stop: int) -> ak.contents.Content:
        with self._observed([column]):
            return self._reader.through_uproot(column, start, stop)

    def _observed(self, columns: Sequence[int]) -> AbstractContextManager[None]:
        return self.observer.reading(columns) if self.observer is not None and columns else nullcontext()

    @property
    def clock(self) -> NDArray[np.int64]:
        """As `ColumnReader.clock`."""
        return self._reader.clock

    def is_first_unknown_key(self, key: int) -> bool:
        """Whether a link key that nobody knows is the first of this file. Remembers it."""
        with self._lock:
            first = not self._unknown_keys
            self._unknown_keys.add(key)
        return first

    @property
    def bad_links(self) -> Mapping[str, int]:
        """How many links of each name were taken as None because their index is out of range."""
        with self._lock:
            return {name: len(links) for name, links in self._bad_links.items()}

    def note_bad_links(self, name: str, links: NDArray[np.int64]) -> None:
        """Remembers links, a row of entry, key and index each, that were taken as None; each counts once."""
        with self._lock:
            known = self._bad_links.get(name)
            self._bad_links[name] = np.unique(links if known is None else np.concatenate([known, links]), axis=0)

    def raw(self, column: int, entry: int) -> bytes:
        """The bytes of one entry of a column, whether or not they can be decoded; errors as `ColumnReader.raw`."""
        return self._reader.raw(column, entry)

    def object(self, column: int, decode: Callable[[bytes], T], entry: int = 0) -> T:
        """What `decode` makes of the bytes of one entry of a column.

        Raises:
            CorruptDataError: `decode` finds them damaged; the message names file and column.
            EntryRangeError, OSError: as `ColumnReader.raw`.
        """
        content = self.raw(column, entry)
        try:
            return decode(content)
        except CorruptDataError as error:
            raise self.damaged(self.manifest.columns[column].name, error) from None

    def damaged(self, column: str, error: CorruptDataError) -> CorruptDataError:
        """The error with the names of file, tree and column, and what to do."""
        return CorruptDataError(
            f"{self.name}: {self.manifest.tree}, {column}: {error}; the file is damaged, copy it again"
        )

    def complete_columns(self, name: str) -> frozenset[int]:
        """The columns of a collection that are stored for all of its objects, as far as sizes in the file tell.

        A column can lack the objects of some events: those that have it then differ from the others in their number.
        """
        known = self._complete.get(name)
        if known is None:
            found = frozenset(self.largest_columns(name))
            known = found if len(found) > 1 else frozenset()  # a single one agrees with nothing but itself
            self._complete[name] = known
        return known

    def largest_columns(self, name: str) -> list[int]:
        """The columns of a collection with the most objects, as far as sizes tell; nothing where they tell nothing."""
        columns = self.schema.collections[name].fields.values()
        items = {i: n for i in columns if (n := number_of_items(self.manifest, i)) is not None}
        return [i for i, n in items.items() if n == max(items.values())]

    def is_incomplete(self, column: int, name: str) -> bool:
        """Whether a column of a collection is known to lack some of its objects."""
        complete = self.complete_columns(name)
        return bool(complete) and column not in complete and number_of_items(self.manifest, column) is not None

    def stored_bytes(self, column: int) -> int:
        """Bytes that reading a column takes from the file."""
        return sum(int(self.manifest.pages(i).size.sum()) for i in self.manifest.with_members(column))

    def close(self) -> None:
        """Forgets what was decoded and closes the source."""
        self._cache.clear()
        self.source.close()

    def opener(self) -> Callable[[], ColumnStore]:
        """A function that opens this file again, on whichever machine it is called, and not before."""
        where = _Pickled(pickle.dumps(self.source)) if self.source.reopens else self.source
        return functools.partial(_reopen, where, self.threads, self._cache.limit_bytes)

    def __reduce__(self) -> tuple[Callable[..., ColumnStore], tuple[()]]:
        return (self.opener(), ())


class _Pickled(NamedTuple):
    """A source that is not opened yet."""

    content: bytes


def _reopen(where: _Pickled | ByteSource, threads: int, cache_bytes: int) -> ColumnStore:
    source = pickle.loads(where.content) if isinstance(where, _Pickled) else where  # noqa: S301  # from a pickle
    return open_store(source, threads=threads, manifest=None, cache_bytes=cache_bytes)


def open_store(
    where: Openable,
    *,
    threads: int | None,
    manifest: Manifest | str | os.PathLike[str] | None,
    cache_bytes: int,
    mode: Mode = "ranges",
    cache: Cache = None,
) -> ColumnStore:
    """Opens a file; arguments and errors are those of `physlite.open`."""
    if threads is not None and operator.index(threads) < 1:
        msg = f"threads={threads}: at least one thread is needed"
        raise ValueError(msg)
    source = open_source(where, mode=mode, cache=cache)
    try:
        if manifest is None:
            manifest = read_event_manifest(source)
        else:
            manifest = manifest if isinstance(manifest, Manifest) else Manifest.load(manifest)
            source = verified(source, manifest)
    except BaseException:
        if not isinstance(where, ByteSource):  # what the caller opened is the caller's
            source.close()
        raise
    return ColumnStore(source, manifest, threads or default_threads(), cache_bytes)
