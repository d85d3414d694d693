"""Files as users see them."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

import awkward as ak

from physlite.exceptions import ColumnNotFoundError, EntryRangeError
from physlite.formats.filters import NameFilter, select_aliases
from physlite.formats.manifest import PARQUET, Manifest
from physlite.formats.rootfile import ClassDescription, RootFile, compression_name
from physlite.model import show as _show
from physlite.model.columns import Column, Columns
from physlite.model.naming import Collection
from physlite.model.store import ColumnStore, open_store
from physlite.storage import Cache, Mode, Openable

if TYPE_CHECKING:
    from physlite.model.links import LinkField, Target
    from physlite.model.metadata import Metadata

__all__ = ["File", "events", "open"]

# As much as uproot keeps for a file by default, in bytes instead of arrays.
DEFAULT_CACHE_BYTES = 100_000_000


class File:
    """An opened DAOD_PHYSLITE file. Made by `physlite.open`; closes at the end of a `with` block; pickles by reopening.

    Attributes:
        name: how the file was called.
        source: where its bytes come from; `source.stats` counts them.
        manifest: what is in it; can be saved and given to `physlite.open`.
        columns: its columns by name.
        threads: number of threads that decode.
    """

    def __init__(self, store: ColumnStore) -> None:
        self._store = store
        self.source = store.source
        self.manifest = store.manifest
        self.threads = store.threads
        self.columns = Columns(store.manifest)

    @property
    def name(self) -> str:
        """How the file was called."""
        return self._store.name

    @property
    def num_entries(self) -> int:
        """Number of events."""
        return self.manifest.num_entries

    @property
    def format(self) -> str:
        """How the events are stored: `TTree`, `RNTuple`, or in a file that was converted `Parquet`."""
        return self.manifest.format

    @property
    def compression(self) -> str:
        """The file's compression setting, as `zstd-5`; single columns can have another."""
        return compression_name(self.manifest.compression)

    @property
    def uuid(self) -> UUID:
        """The file's own identifier."""
        return self.manifest.uuid

    @property
    def collections(self) -> Mapping[str, Collection]:
        """The collections that `events()` has, by name."""
        return self._store.schema.collections

    @functools.cached_property
    def streamers(self) -> dict[str, ClassDescription]:
        """The classes the file describes, with their members: `file.streamers["ElementLinkBase"]`; none in Parquet."""
        return {} if self.manifest.format == PARQUET else RootFile(self.source).streamers

    @functools.cached_property
    def metadata(self) -> Metadata:
        """What the file says of itself: channel, release, runs, sums of weights.

        Raises:
            CorruptDataError: the MetaData tree is damaged.
        """
        from physlite.model.metadata import read_metadata

        return read_metadata(self._store)

    # ------------------------------------------------------------------------------------------------------- arrays

    def arrays(
        self, columns: NameFilter = None, entry_start: int | None = None, entry_stop: int | None = None
    ) -> ak.Array:
        """Columns as they are: an Awkward record array, one record an event.

        Fields are named as the columns are in the file, or as they were asked for: a column of an RNTuple answers to
        the name `AnalysisElectronsAuxDyn.pt` that it would have in a tree, and one of a tree to the other name; one of
        a static store to its full path as well. So do patterns that fit no name of the file.

        Columns that are not decoded here but read through uproot, or not at all, are taken when they are named to the
        letter; patterns, functions and None pass over them.

        Args:
            columns: a column name, a list of them, a glob pattern, `/regex/`, a function of the name, or None for all.
                A list is answered in its own order, anything else in the file's. In an RNTuple a function is asked
                about the name in a tree as well.
            entry_start: first entry; by default that of the file.
            entry_stop: behind the last entry; by default the number of entries.

        Raises:
            ColumnNotFoundError: a name or pattern chooses nothing.
            EntryRangeError: the range does not lie in the file.
            UnreadableColumnError: a column that nothing can read.
            CorruptDataError: a basket is damaged.
        """
        start, stop = self._entry_range(entry_start, entry_stop)
        columns, literal = _repeatable(columns)
        chosen = self._chosen(columns)
        # Reading those that are not decoded, where nothing else is left, says why.
        chosen = {name: i for name, i in chosen.items() if name in literal or self._is_decoded(i)} or chosen
        positions = list(dict.fromkeys(chosen.values()))
        layouts = dict(zip(positions, self._store.layouts(positions, start, stop), strict=True))
        contents = [layouts[i] for i in chosen.values()]
        return ak.Array(ak.contents.RecordArray(contents, list(chosen), length=stop - start))

    def array(self, column: str, entry_start: int | None = None, entry_stop: int | None = None) -> ak.Array:
        """One column as an Awkward Array; arguments and errors as `arrays`."""
        if not isinstance(column, str):
            msg = f"the name of a column is a string, not {column!r}: several columns are read with .arrays()"
            raise TypeError(msg)
        info = self.manifest.columns[self.columns.index(column)]
        return self.arrays([info.name], entry_start, entry_stop)[info.name]

    def select(self, columns: NameFilter = None) -> list[Column]:
        """The columns that a filter chooses, in the file's order; arguments and errors as `arrays`."""
        return [self.columns.at(i) for i in dict.fromkeys(self._chosen(columns).values())]

    def _chosen(self, columns: NameFilter) -> dict[str, int]:
        """The columns that a filter chooses: the names by which it does, and their positions."""
        aliases = self.columns.paths if callable(columns) else self.columns.aliases
        try:
            names = select_aliases(list(self.columns), columns, aliases)
        except ColumnNotFoundError as error:
            msg = f"{self.name}: {error}"
            raise ColumnNotFoundError(msg) from None
        return {alias: self.manifest.index[name] for alias, name in names.items()}

    def _is_decoded(self, column: int) -> bool:
        return bool(self.manifest.columns[column].encoding) and self.manifest.unreadable_part(column) is None

    def _entry_range(self, start: int | None, stop: int | None) -> tuple[int, int]:
        first = _entry(start, 0, "entry_start")
        last = _entry(stop, self.num_entries, "entry_stop")
        if 0 <= last < first <= self.num_entries:
            msg = f"{self.name}: entries {first} to {last} of {self.num_entries}: entry_stop is before entry_start"
            raise EntryRangeError(msg)
        if not 0 <= first <= last <= self.num_entries:
            msg = f"{self.name}: entries {first} to {last} are not in the file, which has {self.num_entries}"
            raise EntryRangeError(msg)
        return first, last

    # ------------------------------------------------------------------------------------------------------- events

    def events(
        self,
        entry_start: int | None = None,
        entry_stop: int | None = None,
        *,
        on_bad_link: Literal["raise", "none"] = "raise",
    ) -> ak.Array:
        """The events: an Awkward Array of records, one field a collection, read when it is used.

        Args:
            entry_start: first event; by default that of the file.
            entry_stop: behind the last event; by default the number of events.
            on_bad_link: what becomes of element links with an index that their target does not have, when they are
                followed: "raise" a BadLinkError, or "none", which makes them None and counts them in `bad_links`.

        Raises:
            EntryRangeError: the range does not lie in the file.
            ValueError: `on_bad_link` is neither of the two.
        """
        from physlite.model.events import EventSource  # brings vector along, which raw columns do not need

        if on_bad_link not in ("raise", "none"):
            msg = f"on_bad_link={on_bad_link!r}: it is 'raise' or 'none'"
            raise ValueError(msg)
        return EventSource(self._store, *self._entry_range(entry_start, entry_stop), on_bad_link).events()

    @property
    def links(self) -> tuple[LinkField, ...]:
        """The fields of element links that the events have."""
        return self._store.schema.links.fields

    def link_target(self, key: int) -> Target | None:
        """The container that links with this `m_persKey` point to, or None when nobody knows it."""
        from physlite.model.targets import link_target

        return link_target(self._store, key)

    @property
    def bad_links(self) -> Mapping[str, int]:
        """How many links were taken as None because their index is out of range, by `collection.field`.

        Links of an event to the same wrong place count once, however often they are followed.
        """
        return self._store.bad_links

    # ------------------------------------------------------------------------------------------------------ display

    def show(self, filter_name: NameFilter = None, *, name_width: int | None = None, stream: Any = None) -> None:
        """Prints a table of the columns that a filter chooses: name, C++ type, Awkward type, bytes.

        Args:
            filter_name: as `columns` of `arrays`.
            name_width: characters of the name that are shown; by default all.
            stream: where to print; by default the standard output.

        Raises:
            ColumnNotFoundError: the filter chooses nothing.
        """
        print(_show.table(self.select(filter_name), name_width), file=stream)

    def __repr__(self) -> str:
        return f"<File {self.name!r}: {self.num_entries} events, {len(self.columns)} columns, {self.format}>"

    def _repr_html_(self) -> str:
        return _show.html(self._store)

    # ---------------------------------------------------------------------------------------------------- life cycle

    def close(self) -> None:
        """Closes the file. Arrays read before stay; events that are not read yet no longer can be."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[File], tuple[ColumnStore]]:
        return (File, (self._store,))


def _entry(value: int | None, otherwise: int, what: str) -> int:
    try:
        return otherwise if value is None else operator.index(value)
    except TypeError:
        msg = f"{what} is an integer, not {value!r}"
        raise TypeError(msg) from None


def _repeatable(columns: NameFilter) -> tuple[NameFilter, frozenset[str]]:
    """A filter that can be used twice, and the names that may be in it to the letter."""
    if isinstance(columns, str):
        columns = [columns]
    if callable(columns) or not isinstance(columns, Iterable):
        return columns, frozenset()
    columns = list(columns)
    return columns, frozenset(name for name in columns if isinstance(name, str))


def open(  # noqa: A001  # the name users expect, as in uproot.open
    where: Openable,
    *,
    threads: int | None = None,
    manifest: Manifest | str | os.PathLike[str] | None = None,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    mode: Mode = "ranges",
    cache: Cache = None,
) -> File:
    """Opens a DAOD_PHYSLITE file.

    Args:
        where: a path (or a glob pattern that matches one file), a URL, the file's content as bytes, a binary file
            object, or a `ByteSource`.
        threads: threads that decode; by default the cores this process may use.
        manifest: a manifest of this file (or the path of a saved one), which makes parsing unnecessary.
        cache_bytes: how many bytes of decoded columns the file keeps in memory.
        mode: of a remote file, "ranges": what is needed is read when it is needed; "whole": all of it is downloaded
            when it is opened; "auto": it is when half of its bytes have been asked for. To memory, or where there is a
            cache to a scratch file in its folder.
        cache: where what is read of remote files is kept for the next time and for other processes: a folder, or a
            `storage.BlockCache`.

    Raises:
        FileNotFoundError, PermissionError: as the builtin `open`; of a URL when its server has no such file.
        CorruptDataError: not a ROOT file, or damaged.
        NotAnEventFileError: a ROOT file without events.
        UnsupportedFormatError: a version of the format that is not known here.
        StaleManifestError: the manifest belongs to another file.
        CredentialError: a server does not give the file to us.
        TransferError: a server that cannot be reached, or does not answer as it should, after all attempts.
    """
    return File(open_store(where, threads=threads, manifest=manifest, cache_bytes=cache_bytes, mode=mode, cache=cache))


def events(
    where: Openable,
    entry_start: int | None = None,
    entry_stop: int | None = None,
    *,
    threads: int | None = None,
    on_bad_link: Literal["raise", "none"] = "raise",
) -> ak.Array:
    """The events of a file: short for `physlite.open(where, threads=…).events(entry_start, entry_stop, on_bad_link=…)`.

    Args and errors are those of `open` and `File.events`.
    """
    return open(where, threads=threads).events(entry_start, entry_stop, on_bad_link=on_bad_link)
