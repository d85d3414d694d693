"""Files as users see them."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from uuid import UUID

import awkward as ak
from numpy.typing import NDArray

from physlite.exceptions import (
    ColumnNotFoundError,
    EntryRangeError,
    NotAnEventFileError,
    PhysliteError,
    UnsupportedFormatError,
)
from physlite.formats import ttree
from physlite.formats.cache import BufferCache
from physlite.formats.filters import NameFilter, nearest, select
from physlite.formats.manifest import Manifest
from physlite.formats.reader import ColumnReader, default_threads
from physlite.formats.rootfile import ClassDescription, RootFile, compression_name
from physlite.model import show as _show
from physlite.model.events import EventSource
from physlite.model.naming import Collection
from physlite.model.schema import Schema, schema_of
from physlite.storage import ByteSource, open_source

__all__ = ["Column", "Columns", "File", "Openable", "events", "open"]

Openable = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | ByteSource

EVENT_TREE = "CollectionTree"
EVENT_NTUPLE = "EventData"

# As much as uproot keeps for a file by default, in bytes instead of arrays.
DEFAULT_CACHE_BYTES = 100_000_000


@dataclass(frozen=True)
class Column:
    """One column of a file.

    `type` is Awkward's type of an entry; `uncompressed_bytes` and `compressed_bytes` are those of all its baskets;
    `problem` says why it cannot be read, or is empty.
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
        return f"<Column {self.name}: {self.type}>"


class Columns(Mapping[str, Column]):
    """The columns of a file by name. Static stores also answer to their full path, `X/X.field`."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def __getitem__(self, name: str) -> Column:
        return self.at(self.index(name))

    def index(self, name: str) -> int:
        """Position of a column in the manifest.

        Raises:
            ColumnNotFoundError: there is none of this name; the message offers the nearest names.
        """
        found = self._manifest.index.get(name)
        if found is None:
            msg = f"no column {name!r}{nearest(list(self), str(name))}"
            raise ColumnNotFoundError(msg)
        return found

    def at(self, index: int) -> Column:
        """The column at a position in the manifest."""
        info = self._manifest.columns[index]
        encoding = self._manifest.encoding(index)
        parts = [self._manifest.columns[i] for i in self._manifest.with_members(index)]
        problem = next((p.problem for p in (info, *parts) if p.problem), "")
        kind = "through uproot" if encoding is None else encoding.type
        return Column(
            name=info.name,
            path=info.path,
            title=info.title,
            type_name=info.type_name,
            type="unreadable" if problem else kind,
            num_entries=self._manifest.num_entries,
            baskets=sum(p.pages for p in parts),
            compression=compression_name(info.compression),
            compressed_bytes=sum(p.compressed_bytes for p in parts),
            uncompressed_bytes=sum(p.uncompressed_bytes for p in parts),
            problem=problem,
        )

    def __contains__(self, name: object) -> bool:
        return name in self._manifest.index

    def __iter__(self) -> Iterator[str]:
        return (column.name for column in self._manifest.columns)

    def __len__(self) -> int:
        return len(self._manifest.columns)

    def __repr__(self) -> str:
        return f"<{len(self)} columns>"


class File:
    """An opened DAOD_PHYSLITE file. Made by `physlite.open`; closes at the end of a `with` block; pickles by reopening.

    Attributes:
        name: how the file was called.
        source: where its bytes come from; `source.stats` counts them.
        manifest: what is in it; can be saved and given to `physlite.open`.
        columns: its columns by name.
        threads: number of threads that decode.
    """

    def __init__(self, source: ByteSource, manifest: Manifest, *, threads: int, cache_bytes: int) -> None:
        self.source = source
        self.manifest = manifest
        self.threads = threads
        self.columns = Columns(manifest)
        self._reader = ColumnReader(manifest, source, threads)
        self._cache = BufferCache(cache_bytes)

    @property
    def name(self) -> str:
        """How the file was called."""
        return self.source.name

    @property
    def num_entries(self) -> int:
        """Number of events."""
        return self.manifest.num_entries

    @property
    def format(self) -> str:
        """`TTree`."""
        return self.manifest.format

    @property
    def compression(self) -> str:
        """The file's compression setting, as `zstd-5`; single columns can have another."""
        return compression_name(self.manifest.compression)

    @property
    def uuid(self) -> UUID:
        """The file's own identifier."""
        return self.manifest.uuid

    @functools.cached_property
    def schema(self) -> Schema:
        """What the events look like; shared by files with the same columns."""
        return schema_of(self.manifest)

    @property
    def collections(self) -> Mapping[str, Collection]:
        """The collections that `events()` has, by name."""
        return self.schema.collections

    @functools.cached_property
    def streamers(self) -> dict[str, ClassDescription]:
        """The classes the file describes, with their members: `file.streamers["ElementLinkBase"]`."""
        return RootFile(self.source).streamers

    # ------------------------------------------------------------------------------------------------------- arrays

    def arrays(
        self, columns: NameFilter = None, entry_start: int | None = None, entry_stop: int | None = None
    ) -> ak.Array:
        """Columns as they are: an Awkward record array, one record an event, fields named as the columns.

        Args:
            columns: a column name, a list of them, a glob pattern, `/regex/`, a function of the name, or None for all.
            entry_start: first entry; by default that of the file.
            entry_stop: behind the last entry; by default the number of entries.

        Raises:
            ColumnNotFoundError: a name or pattern chooses nothing.
            EntryRangeError: the range does not lie in the file.
            UnreadableColumnError: a column that nothing can read.
            CorruptDataError: a basket is damaged.
        """
        start, stop = self._entry_range(entry_start, entry_stop)
        chosen = self.find(columns)
        native = [i for i in chosen if self.manifest.columns[i].encoding]
        ready = dict(zip(native, self._buffers(native, start, stop), strict=True))
        others = [i for i in chosen if i not in ready]
        layouts = dict(zip(others, self._reader.layouts(others, start, stop), strict=True))
        for i in native:
            encoding = self.manifest.encoding(i)
            assert encoding is not None  # noqa: S101  # that is what native means
            layouts[i] = encoding.layout(ready[i])
        names = [self.manifest.columns[i].name for i in chosen]
        return ak.Array(ak.contents.RecordArray([layouts[i] for i in chosen], names, length=stop - start))

    def array(self, column: str, entry_start: int | None = None, entry_stop: int | None = None) -> ak.Array:
        """One column as an Awkward Array; arguments and errors as `arrays`."""
        info = self.manifest.columns[self.columns.index(column)]
        return self.arrays([info.name], entry_start, entry_stop)[info.name]

    def find(self, columns: NameFilter) -> list[int]:
        """Positions of the columns that a filter chooses."""
        if isinstance(columns, str):
            columns = [columns]
        if columns is not None and not callable(columns):
            # Full paths are names too, but patterns are matched with the short ones.
            columns = [self.columns.at(self.columns.index(c)).name if c in self.columns else c for c in columns]
        try:
            return [self.manifest.index[name] for name in select(list(self.columns), columns)]
        except ColumnNotFoundError as error:
            msg = f"{self.name}: {error}"
            raise ColumnNotFoundError(msg) from None

    def _entry_range(self, start: int | None, stop: int | None) -> tuple[int, int]:
        first = 0 if start is None else start
        last = self.num_entries if stop is None else stop
        if not 0 <= first <= last <= self.num_entries:
            msg = f"{self.name}: entries {first} to {last} are not in the file, which has {self.num_entries}"
            raise EntryRangeError(msg)
        return first, last

    # ------------------------------------------------------------------------------------------------------- events

    def events(self, entry_start: int | None = None, entry_stop: int | None = None) -> ak.Array:
        """The events: an Awkward Array of records, one field a collection, read when it is used.

        Args:
            entry_start: first event; by default that of the file.
            entry_stop: behind the last event; by default the number of events.

        Raises:
            EntryRangeError: the range does not lie in the file.
        """
        return EventSource(self, *self._entry_range(entry_start, entry_stop)).events()

    # ------------------------------------------------------------------------------------------ reading, with memory

    def buffers(self, column: int, start: int, stop: int) -> list[NDArray[Any]]:
        """Decoded buffers of a column (by position): offsets and values, outermost first."""
        return self._buffers([column], start, stop)[0]

    def _buffers(self, columns: Sequence[int], start: int, stop: int) -> list[list[NDArray[Any]]]:
        found = {i: self._cache.get((i, start, stop)) for i in columns}
        missing = [i for i, buffers in found.items() if buffers is None]
        for i, buffers in zip(missing, self._reader.buffers(missing, start, stop), strict=True):
            for buffer in buffers:
                buffer.flags.writeable = False  # arrays share it
            self._cache.put((i, start, stop), buffers)
            found[i] = buffers
        return [found[i] or [] for i in columns]

    def stored_bytes(self, column: int) -> int:
        """Bytes that reading a column (by position) takes from the file."""
        return sum(int(self.manifest.pages(i).size.sum()) for i in self.manifest.with_members(column))

    # ------------------------------------------------------------------------------------------------------ display

    def show(self, filter_name: NameFilter = None, *, name_width: int = 50, stream: Any = None) -> None:
        """Prints a table of the columns that a filter chooses: name, C++ type, Awkward type, bytes.

        Args:
            filter_name: as `columns` of `arrays`.
            name_width: characters of the name that are shown.
            stream: where to print; by default the standard output.

        Raises:
            ColumnNotFoundError: the filter chooses nothing.
        """
        print(_show.table([self.columns.at(i) for i in self.find(filter_name)], name_width), file=stream)

    def __repr__(self) -> str:
        return f"<File {self.name!r}: {self.num_entries} events, {len(self.columns)} columns, {self.format}>"

    def _repr_html_(self) -> str:
        return _show.html(self)

    # ---------------------------------------------------------------------------------------------------- life cycle

    def close(self) -> None:
        """Closes the file. Arrays read before stay; events that are not read yet no longer can be."""
        self._cache.clear()
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def opener(self) -> Callable[[], File]:
        """A function that opens this file again, on whichever machine it is called."""
        return functools.partial(open, self.source, threads=self.threads, cache_bytes=self._cache.limit_bytes)

    def __reduce__(self) -> tuple[Callable[..., File], tuple[()]]:
        return (self.opener(), ())


def open(  # noqa: A001  # the name users expect, as in uproot.open
    where: Openable,
    *,
    threads: int | None = None,
    manifest: Manifest | str | os.PathLike[str] | None = None,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> File:
    """Opens a DAOD_PHYSLITE file.

    Args:
        where: a path (or a glob pattern that matches one file), a `file://` URL, the file's content as bytes, a binary
            file object, or a `ByteSource`.
        threads: threads that decode; by default the cores this process may use.
        manifest: a manifest of this file (or the path of a saved one), which makes parsing unnecessary.
        cache_bytes: how many bytes of decoded columns the file keeps in memory.

    Raises:
        FileNotFoundError, PermissionError: as the builtin `open`.
        CorruptDataError: not a ROOT file, or damaged.
        NotAnEventFileError: a ROOT file without events.
        UnsupportedFormatError: a version of the format that is not known here.
        StaleManifestError: the manifest belongs to another file.
    """
    if threads is not None and threads < 1:
        msg = f"threads={threads}: at least one thread is needed"
        raise ValueError(msg)
    source = open_source(_expand(where))
    try:
        root = RootFile(source)
        if manifest is None:
            manifest = _read_manifest(root)
        else:
            manifest = manifest if isinstance(manifest, Manifest) else Manifest.load(manifest)
            manifest.require_file(source.name, root.uuid, source.size())
    except PhysliteError:
        source.close()
        raise
    return File(source, manifest, threads=threads or default_threads(), cache_bytes=cache_bytes)


def events(where: Openable, *, threads: int | None = None) -> ak.Array:
    """The events of a file: short for `physlite.open(where).events()`."""
    return open(where, threads=threads).events()


def _expand(where: Openable) -> Openable:
    """A glob pattern to the file it matches."""
    if not isinstance(where, str) or "://" in where or not glob.has_magic(where) or Path(where).exists():
        return where
    found = sorted(glob.glob(str(Path(where).expanduser())))  # noqa: PTH207  # Path.glob takes no absolute patterns
    if not found:
        msg = f"no file matches {where!r}"
        raise FileNotFoundError(msg)
    if len(found) > 1:
        msg = f"{where!r} matches {len(found)} files ({found[0]}, …): open them one at a time"
        raise ValueError(msg)
    return found[0]


def _read_manifest(root: RootFile) -> Manifest:
    key = root.key(EVENT_TREE)
    if key is not None and key.class_name == "TTree":
        return ttree.read_manifest(root, key)
    if root.key(EVENT_NTUPLE) is not None:
        msg = f"{root.name}: its events are an RNTuple ('{EVENT_NTUPLE}'), which cannot be read yet"
        raise UnsupportedFormatError(msg)
    trees = sorted({k.name for k in root.keys if k.class_name in ("TTree", "ROOT::RNTuple", "TNtuple")})
    what = f"it has the trees {', '.join(trees)}" if trees else "it has no tree at all"
    msg = f"{root.name}: not a DAOD_PHYSLITE file: there is no tree '{EVENT_TREE}'; {what}"
    raise NotAnEventFileError(msg)
