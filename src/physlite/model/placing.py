"""Where the targets of flat element links are among the objects of their containers."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite import _core
from physlite.collecting import without_cycle_collection
from physlite.model.merging import MergedObjects
from physlite.model.objects import first_event_id, split_event
from physlite.model.source import Source

__all__ = ["Links", "Runs", "covering"]

# Key of the buffer that says where targets are.
_INDEX = "@"

# Called with links, the key and the name of a collection, when some have an index that it does not have.
OnBad = Callable[["Links", int, str], None]


class Runs(NamedTuple):
    """Which events links are of: they come in runs of one event each. See LinkRuns in the core."""

    events: NDArray[np.int64] | None = None
    offsets: NDArray[np.int64] | None = None
    groups: NDArray[np.int64] | None = None

    def entries(self, first: int, number: int) -> NDArray[np.int64]:
        """The event of each of so many links, counted from the one with the number `first`."""
        ends = self.offsets
        if ends is not None and self.groups is not None:
            ends = ends[self.groups]
        runs = number if ends is None else len(ends) - 1
        entries = np.arange(runs, dtype=np.int64) if self.events is None else self.events - first
        return entries if ends is None else np.repeat(entries, np.diff(ends))


class Links(NamedTuple):
    """Flat links of some entries of a file."""

    source: Source
    runs: Runs
    keys: NDArray[np.uint32]
    indices: NDArray[np.uint32]

    @property
    def first(self) -> int:
        """The number of the first event."""
        return first_event_id(self.source.token, self.source.start)

    def targets(self, objects: MergedObjects, used: Mapping[int, str], on_bad: OnBad) -> Content:
        """Records of the targets, None where a link leads to none of the objects; `used` are collections by key.

        Where they lie is found out when one of their columns is read: it tells how many there are as well.
        """
        form = ak.forms.IndexedOptionForm("i64", objects.form, form_key=_INDEX)
        index_buffer: Any = {f"{_INDEX}-index": lambda: self.positions(objects, used, on_bad)}
        buffers: ChainMap[str, Any] = ChainMap(index_buffer, objects.buffers)  # type: ignore[arg-type]  # only read
        with without_cycle_collection():
            layout = ak.from_buffers(form, len(self.keys), buffers, highlevel=False)
        if objects.names:
            self.source.remember_objects(layout.content, objects.names, objects.stored)
        return layout

    def positions(self, objects: MergedObjects, used: Mapping[int, str], on_bad: OnBad) -> NDArray[np.int64]:
        """Where the targets are among objects; -1 for links to none of them."""
        wanted = {key: name for key, name in used.items() if name in objects.begins}
        if not wanted:
            return np.full(len(self.keys), -1, dtype=np.int64)
        position = _core.empty_places(len(self.keys))
        for number, (key, name) in enumerate(wanted.items()):
            if self._place(name, key, objects.begins[name], position, clear=number == 0):
                on_bad(self, key, name)
        return position

    def _place(self, name: str, key: int, begin: int, out: NDArray[np.int64], *, clear: bool) -> int:
        """Writes the positions of the targets in a collection; returns how many have an index out of range.

        `clear`: writes -1 for links that lead elsewhere.
        """
        targets = self.source.collection_offsets(name)
        return _core.place_links(
            self.runs.events, self.first, self.runs.offsets, self.runs.groups, self.keys, self.indices, key, targets,
            begin, clear, out, self.source.store.threads,
        )  # fmt: skip


def covering(source: Source, event: NDArray[np.int64], what: str, remedy: str) -> Source:
    """The source itself, or one of the same file with all the events that objects are of.

    Raises:
        ValueError: they are of several files; the message speaks of `what` (of the objects) and the `remedy`.
    """
    if len(event) == 0:
        return source
    (token, low), (other, high) = split_event(int(event.min())), split_event(int(event.max()))
    if token != source.token or other != source.token:
        msg = (
            f"{what} from several files in one array ({source.store.name} and others): {remedy} before the arrays are "
            "concatenated, or made a field of others"
        )
        raise ValueError(msg)
    if source.start <= low and high < source.stop:
        return source
    return source.of_range(low, high + 1)
