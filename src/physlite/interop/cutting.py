"""Columns of chosen events and objects, and the links among them.

Links are written as Athena writes them when a container has been thinned (SG::DataProxyHolder::thin in
Control/AthLinks, src/DataProxyHolder.cxx): with the new index, or with key and index 0 where the object is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import starmap
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import AnalysisError, ConversionError, PhysliteError
from physlite.interop.writing import OutputColumn
from physlite.model.naming import container_of, is_link
from physlite.model.source import source_of
from physlite.model.store import ColumnStore
from physlite.model.targets import link_target

__all__ = ["Cut", "Mask", "Selection"]

_THIN = "thin={'Jets': hard_jets}"
_HINT = ", as `ak.num(events.Electrons) >= 2` or `events.Jets.pt > 25_000` gives: return that, not what it chooses"
_LONG_TYPE = 60  # characters

# What tells which events, or which of the objects of a collection, are kept.
Mask = Callable[[ak.Array], Any]

Bools = NDArray[np.bool_]
Offsets = NDArray[np.int64]


class Selection:
    """Which events and objects of a file are kept.

    Args:
        select: a function of events, one bool for each; None keeps all.
        thin: by the names of collections functions of events, one bool for each object.

    Raises:
        TypeError: something else.
    """

    def __init__(self, select: Mask | None, thin: Mapping[str, Mask]) -> None:
        if not isinstance(thin, Mapping):
            msg = f"thin= is of type {type(thin).__name__}: give functions by the names of collections, as {_THIN}"
            raise TypeError(msg)
        functions = {} if select is None else {"select=": select}
        for name, function in {**functions, **{f"thin[{name!r}]": each for name, each in thin.items()}}.items():
            if not callable(function):
                msg = f"{name} is of type {type(function).__name__}: give a function of events that returns a mask"
                raise TypeError(msg)
        self._select = select
        self._thin = thin

    def __bool__(self) -> bool:
        return self._select is not None or bool(self._thin)

    def of(self, events: ak.Array) -> Cut:
        """What is kept of some events of a file.

        Raises:
            ConversionError: a function gives no mask that fits the events.
            AnalysisError: a function fails.
        """
        source = source_of(events)
        assert source is not None  # noqa: S101  # they are as in the file
        where = f"{source.store.name}, events {source.start} to {source.stop}"
        kept = np.ones(len(events), dtype=np.bool_)
        if self._select is not None:
            with _naming(f"{where}: select") as who:
                kept = _event_mask(self._select(events), len(events), who)
        thinned = {}
        for name, function in self._thin.items():
            offsets = source.collection_offsets(name)
            with _naming(f"{where}: thin[{name!r}]") as who:
                thinned[name] = _Thinned(offsets, _object_mask(function(events), offsets, who))
        return Cut(source.store, kept, thinned)


@contextmanager
def _naming(who: str) -> Iterator[str]:
    """What a function raises, with its name and the events that it was called with."""
    try:
        yield who
    except (PhysliteError, OSError):
        raise
    except Exception as error:
        msg = f"{who}: a mask cannot be had: {type(error).__name__}: {error}"
        raise AnalysisError(msg) from error


def _event_mask(found: Any, number: int, who: str) -> Bools:
    _require_something(found, who)
    mask = found if isinstance(found, ak.Array) else ak.Array(np.asarray(found))
    if mask.ndim != 1 or len(mask) != number or not _is_bool(mask):
        msg = f"{who} gives {_what(mask)}: a mask has one bool for each of the {number} events{_HINT}"
        raise ConversionError(msg)
    return np.asarray(ak.to_numpy(ak.fill_none(mask, value=False, axis=0)), dtype=np.bool_)


def _object_mask(found: Any, offsets: Offsets, who: str) -> Bools:
    _require_something(found, who)
    number = len(offsets) - 1
    if not isinstance(found, ak.Array) or found.ndim != 2 or len(found) != number or not _is_bool(found):  # noqa: PLR2004
        what = _what(found) if isinstance(found, ak.Array) else type(found).__name__
        msg = (
            f"{who} gives {what}: a mask has for each of the {number} events a list of bools, one for each object"
            f"{_HINT}"
        )
        raise ConversionError(msg)
    mask = ak.fill_none(ak.fill_none(found, value=False, axis=1), value=[], axis=0)
    counts = ak.to_numpy(ak.num(mask, axis=1))
    if not np.array_equal(counts, np.diff(offsets)):
        event = int(np.flatnonzero(counts != np.diff(offsets))[0])
        msg = (
            f"{who} gives {counts[event]} bools in event {event} of these, which has {np.diff(offsets)[event]} objects"
        )
        raise ConversionError(msg)
    return np.asarray(ak.to_numpy(ak.flatten(mask)), dtype=np.bool_)


def _what(array: ak.Array) -> str:
    """An array in some words: types of events fill pages."""
    if ak.fields(array):
        return f"{len(array)} {'events' if array.ndim == 1 else 'lists of objects'}"
    text = str(array.type)
    return text if len(text) <= _LONG_TYPE else f"{text[:_LONG_TYPE]} …"


def _require_something(found: Any, who: str) -> None:
    if found is None:
        msg = f"{who} gives None: end the function with `return` and the mask"
        raise ConversionError(msg)


def _is_bool(mask: ak.Array) -> bool:
    """Whether its values are bools; an empty array may be of no type at all."""
    layout = mask.layout
    while layout.is_list or layout.is_option or layout.is_indexed:
        layout = layout.content
    return bool(layout.is_unknown or (layout.is_numpy and layout.dtype == np.bool_))


class _Thinned:
    """The objects of a collection that are kept.

    Attributes:
        offsets: where each event's objects begin.
        kept: of each object whether it is kept.
        index: of each object its index among those of its event that are kept; -1 for others.
    """

    def __init__(self, offsets: Offsets, kept: Bools) -> None:
        self.offsets = offsets
        self.kept = kept
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        first = np.repeat(before[offsets[:-1]], np.diff(offsets))
        self.index = np.where(kept, before[:-1] - first, -1)
        self.counts = before[offsets[1:]] - before[offsets[:-1]]

    def are_in(self, layout: Content) -> bool:
        """Whether a column has as many objects in each event."""
        return np.array_equal(np.asarray(layout.offsets.data), self.offsets)


def _is_of_objects(column: OutputColumn, layout: Content) -> bool:
    return bool(layout.is_list and column.encoding.is_list)


class Cut:
    """What is kept of some events of a file.

    Attributes:
        num_entries: how many events are kept.
    """

    def __init__(self, store: ColumnStore, kept: Bools, thinned: Mapping[str, _Thinned]) -> None:
        self._store = store
        self._kept = kept
        self._thinned = thinned
        self._containers = {store.schema.collections[name].container: name for name in thinned}
        self.num_entries = int(np.count_nonzero(kept))

    def of(self, columns: Sequence[OutputColumn], layouts: Sequence[Content]) -> tuple[Content, ...]:
        """Columns of all events as they are of those that are kept, packed.

        Raises:
            ConversionError: some do not have the objects that are kept; the message names them all.
        """
        thinned = [self._thinned_of(column) for column in columns]
        its = list(zip(columns, layouts, thinned, strict=True))
        lacking = [
            column.name
            for column, layout, objects in its
            if objects is not None and _is_of_objects(column, layout) and not objects.are_in(layout)
        ]
        if lacking:
            msg = (
                f"{self._store.name}: not stored for all of the objects that are to be thinned: {', '.join(lacking)}; "
                "leave out what is not, columns=lambda name: name not in […]"
            )
            raise ConversionError(msg)
        return tuple(starmap(self._column, its))

    def _thinned_of(self, column: OutputColumn) -> _Thinned | None:
        name = self._containers.get(container_of(column.name))
        return None if name is None else self._thinned[name]

    def _column(self, column: OutputColumn, layout: Content, thinned: _Thinned | None) -> Content:
        if is_link(column.info.encoding) and self._thinned:
            layout = self._relinked(layout, np.arange(len(layout)))
        if thinned is not None and column.info.encoding == "n":
            layout = ak.contents.NumpyArray(thinned.counts.astype(np.uint32))
        if not _is_of_objects(column, layout):
            return layout if self._kept.all() else layout[np.flatnonzero(self._kept)].to_packed()
        return self._list(layout, thinned)

    def _list(self, layout: Content, thinned: _Thinned | None) -> Content:
        counts = np.diff(np.asarray(layout.offsets.data))
        objects = np.repeat(self._kept, counts)
        if thinned is not None:
            objects &= thinned.kept
            counts = thinned.counts
        if objects.all() and self._kept.all():
            return layout
        kept = np.concatenate([[0], np.cumsum(counts[self._kept], dtype=np.int64)])
        content = layout.content[np.flatnonzero(objects)].to_packed()
        return ak.contents.ListOffsetArray(ak.index.Index64(kept), content, parameters=layout.parameters)

    # ------------------------------------------------------------------------------------------------------- links

    def _relinked(self, layout: Content, event: NDArray[np.int64]) -> Content:
        """Links, of these events, with indices among the objects that are kept; null where their target is not."""
        if layout.is_record:
            keys, indices = (
                np.asarray(layout.content(name).data)[: len(layout)] for name in ("m_persKey", "m_persIndex")
            )
            numbers = [ak.contents.NumpyArray(values) for values in self._moved(keys, indices, event)]
            return ak.contents.RecordArray(numbers, layout.fields, len(layout), parameters=layout.parameters)
        if layout.is_option:
            valid = np.asarray(layout.mask_as_bool(valid_when=True))
            place = np.where(valid, np.cumsum(valid) - 1, -1)
            content = self._relinked(layout.project().to_packed(), event[valid])
            return ak.contents.IndexedOptionArray(ak.index.Index64(place), content, parameters=layout.parameters)
        if layout.is_regular:
            content = self._relinked(layout.content[: len(layout) * layout.size], np.repeat(event, layout.size))
        else:
            content = self._relinked(layout.content, np.repeat(event, np.diff(np.asarray(layout.offsets.data))))
        return layout.copy(content=content)

    def _moved(
        self, keys: NDArray[np.uint32], indices: NDArray[np.uint32], event: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        for key in np.unique(keys).tolist():
            target = link_target(self._store, key) if key else None
            thinned = self._thinned.get((target and target.collection) or "")
            if thinned is None:
                continue
            its = np.flatnonzero(keys == key)
            first, size = thinned.offsets[event[its]], np.diff(thinned.offsets)[event[its]]
            its, first = its[indices[its] < size], first[indices[its] < size]  # others lead nowhere, and go on doing so
            index = thinned.index[first + indices[its]]
            keys, indices = keys.copy(), indices.copy()
            keys[its] = np.where(index < 0, 0, key)
            indices[its] = np.where(index < 0, 0, index)
        return keys, indices
