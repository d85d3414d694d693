"""Events in the mode "dask": an array of dask-awkward, of a partition for each file or range of entries.

Of dask-awkward is relied on that `from_map` makes arrays of a function of partitions and a typetracer, and that it asks
classes of Awkward Arrays for their properties and methods. No columns are chosen beforehand: what a task does not use
is not read.
"""

from __future__ import annotations

import functools
import glob
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import awkward as ak
from coffea.nanoevents import NanoEventsFactory
from dask.sizeof import sizeof

from physlite.interop.coffea.inputs import Input, inputs_of
from physlite.interop.coffea.opening import open_columns
from physlite.interop.coffea.tracing import typetracer
from physlite.model.behaviors import AuxElementArray, EventsArray, LorentzVector
from physlite.model.events import EventSource

__all__ = ["make_dask_factory"]


class _Part(NamedTuple):
    """Entries of a file; None: to its end, wherever that is."""

    path: Any
    tree: str | None
    start: int
    stop: int | None


class DaskFactory(NanoEventsFactory):
    """Makes an array of dask-awkward. It shares nothing with its base class but the names of what users call."""

    def __init__(self, parts: list[_Part], given: Mapping[str, Any], threads: int) -> None:
        self._parts = parts
        self._given = given
        self._threads = threads

    def events(self) -> Any:
        """The events, of which nothing is read but what the first file has."""
        import dask_awkward
        from dask.base import tokenize

        first = self._parts[0]
        schema = open_columns(first.path, first.tree, self._threads).schema
        return dask_awkward.from_map(
            functools.partial(_events_of, dict(self._given), self._threads),
            self._parts,
            label="physlite",
            token=tokenize(self._parts, dict(self._given), self._threads),
            meta=typetracer(schema, self._given),
            divisions=_divisions(self._parts),
        )

    def __len__(self) -> int:
        """Number of events, where all ranges of entries are known."""
        divisions = _divisions(self._parts)
        if divisions is None:
            msg = "how many events there are is not known before the files are opened: take len(events)"
            raise TypeError(msg)
        return divisions[-1]

    def __reduce__(self) -> tuple[type[DaskFactory], tuple[Any, ...]]:
        return DaskFactory, (self._parts, dict(self._given), self._threads)


def make_dask_factory(file: Any, options: Mapping[str, Any]) -> DaskFactory:
    """What `NanoEventsFactory.from_root` returns in the mode "dask"; `options` are its arguments.

    Raises:
        ValueError: no files, or a report of errors is asked for, which there is not.
        NotAnEventFileError, FileNotFoundError, CorruptDataError, OSError: as `physlite.open`.
    """
    uproot_options = options.get("uproot_options") or {}
    if uproot_options.get("allow_read_errors_with_report"):
        msg = "allow_read_errors_with_report: a read error is raised here; physlite.run can leave files out"
        raise ValueError(msg)
    threads = uproot_options.get("num_workers", 1)
    tree, steps = options.get("treepath"), options.get("steps_per_file")
    found = inputs_of(file, tree if isinstance(tree, str) else None)
    number = steps if isinstance(steps, int) else None
    parts = [part for one in found for path in _paths(one.path) for part in _parts(one._replace(path=path), number)]
    if not parts:
        msg = f"no files: {file!r} matches none"
        raise ValueError(msg)
    return DaskFactory(parts, options.get("metadata") or {}, threads)


def _paths(path: Any) -> list[Any]:
    """The files that a pattern matches; anything else as it is."""
    is_pattern = isinstance(path, str) and "://" not in path and glob.has_magic(path)
    return sorted(glob.glob(path)) if is_pattern else [path]  # noqa: PTH207  # absolute patterns, too


def _parts(one: Input, number: int | None) -> Iterator[_Part]:
    """The parts of a file: the steps that were given, or so many that are about as large."""
    if one.steps is not None:
        yield from (_Part(one.path, one.tree, *step) for step in one.steps)
    elif number is None:
        yield _Part(one.path, one.tree, 0, None)
    else:
        entries = open_columns(one.path, one.tree, 1).manifest.num_entries
        ends = [entries * i // number for i in range(number + 1)]
        yield from (_Part(one.path, one.tree, *step) for step in itertools.pairwise(ends))


def _divisions(parts: list[_Part]) -> tuple[int, ...] | None:
    """Where the parts begin and end in the whole, or None when that is not known."""
    lengths = [part.stop - part.start for part in parts if part.stop is not None]
    return (0, *itertools.accumulate(lengths)) if len(lengths) == len(parts) else None


def _events_of(given: Mapping[str, Any], threads: int, part: _Part) -> ak.Array:
    """The events of a part, where they are needed."""
    store = open_columns(part.path, part.tree, threads)
    stop = store.manifest.num_entries if part.stop is None else part.stop
    return EventSource(store, part.start, stop, given=given).events()


def _bytes_in_memory(array: Any) -> int:
    """What workers of Dask take an array for. What is not read takes no memory, and has no size for Awkward."""
    size = array.nbytes
    return size if isinstance(size, int) else 0


sizeof.register((EventsArray, AuxElementArray, LorentzVector), _bytes_in_memory)  # type: ignore[no-untyped-call]
