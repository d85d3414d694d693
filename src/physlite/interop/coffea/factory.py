"""A factory of events as coffea has them, on a file that is opened here."""

from __future__ import annotations

import functools
import re
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import awkward as ak
from coffea.nanoevents import NanoEventsFactory
from coffea.nanoevents.util import tuple_to_key

from physlite.exceptions import UnreadableColumnError
from physlite.formats.manifest import Manifest
from physlite.interop.coffea.inputs import inputs_of
from physlite.interop.coffea.opening import open_columns
from physlite.interop.coffea.tracing import what_traces
from physlite.model.columns import Columns
from physlite.model.events import EventSource
from physlite.model.file import DEFAULT_CACHE_BYTES, File
from physlite.model.store import ColumnStore

__all__ = ["EventsFactory", "make_factory"]

# Branches within those of links, which are read as one.
_LINK_MEMBER = re.compile(r"\.m_pers(?:Key|Index)$")

_MODES = ("virtual", "eager", "dask")


class _Accessed(str):  # noqa: SLOT000  # strings that have attributes
    """A column that was read: its name, all that coffea 2025.7 notes; what newer ones note is in attributes."""

    branch: str
    buffer_key: str


class _AccessLog:
    """Notes columns when they are read: an observer of a store."""

    def __init__(self, manifest: Manifest, log: list[Any], where: str) -> None:
        self._manifest = manifest
        self._log = log
        self._where = where

    @contextmanager
    def reading(self, columns: Sequence[int]) -> Iterator[None]:
        """Columns that are being read."""
        for column in columns:
            name = self._manifest.columns[column].name
            noted = _Accessed(name)
            noted.branch, noted.buffer_key = name, f"{self._where}/{tuple_to_key(('data', name))}"
            self._log.append(noted)
        yield


class EventsFactory(NanoEventsFactory):
    """Makes the events of a range of entries of a file. Pickles by opening the file again.

    It shares nothing with its base class but the names of what users call.
    """

    def __init__(
        self,
        store: ColumnStore,
        start: int,
        stop: int,
        given: Mapping[str, Any] = MappingProxyType({}),
        *,
        reads_all: bool = False,
        access_log: list[Any] | None = None,
        buffer_cache: Any = None,
    ) -> None:
        self._store = store
        self._range = start, stop
        self._given = given
        self._reads_all = reads_all
        self._log = access_log
        self._cache = buffer_cache
        self._made: Callable[[], ak.Array | None] = lambda: None
        if access_log is not None:
            where = tuple_to_key((str(store.manifest.uuid), store.manifest.tree, f"{start}-{stop}"))
            store.observer = _AccessLog(store.manifest, access_log, where)

    def events(self) -> ak.Array:
        """The events: the same array, as long as somebody has it."""
        events = self._made()
        if events is None:
            events = EventSource(self._store, *self._range, given=self._given).events()
            events = ak.Array(events, attrs={**events.attrs, **what_traces(self._store)})
            if self._reads_all:
                self.read(i for c in self._store.schema.collections.values() for i in c.fields.values())
                with suppress(UnreadableColumnError):  # raised again where somebody uses the column
                    ak.materialize(events)
            self._made = weakref.ref(events)
        return events

    def read(self, columns: Iterable[int]) -> None:
        """Reads columns of all these events at once, as far as they are decoded here."""
        manifest = self._store.manifest
        found = [i for i in columns if manifest.columns[i].encoding and manifest.unreadable_part(i) is None]
        self._store.buffers(found, *self._range)

    @property
    def access_log(self) -> list[Any] | None:
        """The list in which columns are noted when they are read, if there is one."""
        return self._log

    @property
    def file_handle(self) -> File:
        """The file."""
        return File(self._store)

    @property
    def buffer_cache(self) -> Any:
        """What was given as such; columns are kept here, as `physlite.open` has it."""
        return self._cache

    def __len__(self) -> int:
        start, stop = self._range
        return stop - start

    def __reduce__(self) -> tuple[Callable[..., EventsFactory], tuple[Any, ...]]:
        made = functools.partial(EventsFactory, reads_all=self._reads_all)
        return made, (self._store, *self._range, dict(self._given))


def make_factory(file: Any, options: Mapping[str, Any]) -> NanoEventsFactory:
    """What `NanoEventsFactory.from_root` returns for schemas that are ours; `options` are its arguments.

    Raises:
        ValueError: a mode that is none; or several files, of which only the mode "dask" makes one array.
        ImportError: the mode "dask" without dask-awkward.
        NotAnEventFileError: no DAOD_PHYSLITE, or a tree that is not that of the events.
        FileNotFoundError, CorruptDataError, OSError: as `physlite.open`.
    """
    mode = options.get("mode", "virtual")
    if mode not in _MODES:
        msg = f"mode={mode!r}: it is one of {', '.join(map(repr, _MODES))}"
        raise ValueError(msg)
    if mode == "dask":
        try:
            import dask_awkward  # noqa: F401  # says what is missing
        except ImportError as error:
            if error.name != "dask_awkward":
                raise
            msg = (
                "mode='dask' makes an array of dask-awkward, which is not there: pip install dask-awkward, in an "
                "environment of its own where Dask is newer than 2025.3"
            )
            raise ImportError(msg, name=error.name) from error
        from physlite.interop.coffea.daskarrays import make_dask_factory

        return make_dask_factory(file, options)
    found = list(inputs_of(file, _text(options.get("treepath"))))
    if len(found) != 1:
        msg = f"from_root makes events of one file, not of {len(found)}: take mode='dask', or physlite.run"
        raise ValueError(msg)
    preload, reads_all = options.get("preload"), mode == "eager"
    threads = (options.get("uproot_options") or {}).get("num_workers", 1)
    # What is read ahead is kept, whatever its size.
    kept = DEFAULT_CACHE_BYTES if preload is None and not reads_all else sys.maxsize
    store = open_columns(found[0].path, found[0].tree, threads, kept)
    factory = EventsFactory(
        store,
        *_clamped(options.get("entry_start"), options.get("entry_stop"), store.manifest.num_entries),
        options.get("metadata") or {},
        reads_all=reads_all,
        access_log=options.get("access_log"),
        buffer_cache=options.get("buffer_cache"),
    )
    if preload is not None:
        factory.read(_chosen(Columns(store.manifest), preload))
    return factory


def _text(value: Any) -> str | None:
    """The name of a tree; uproot has an object of its own for none."""
    return value if isinstance(value, str) else None


def _clamped(start: int | None, stop: int | None, entries: int) -> tuple[int, int]:
    """A range of entries as coffea takes it: what is outside of the file is left out."""
    first = 0 if start is None else min(max(start, 0), entries)
    last = entries if stop is None else min(stop, entries)
    return first, max(first, last)


def _chosen(columns: Columns, preload: Callable[[Any], bool] | Iterable[str]) -> list[int]:
    """The columns that are read ahead: those with one of these names, or of which a function says so.

    The function is asked about columns, which have a `name` as the branches that coffea asks about. Names that the file
    does not have are passed over, as there.
    """
    if callable(preload):
        return [columns.index(name) for name in columns if preload(columns[name])]
    names = {_LINK_MEMBER.sub("", name) for name in preload}
    return [columns.index(name) for name in names if name in columns]
