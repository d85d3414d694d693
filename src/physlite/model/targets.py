"""The containers that the links of a file point to, with what the file itself tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from physlite.model.eventformat import event_format
from physlite.model.links import Target
from physlite.model.store import ColumnStore

__all__ = ["link_target"]

# What tables in opened files tell, read when a link needs them, which few do.
_told: WeakKeyDictionary[ColumnStore, Mapping[int, Target]] = WeakKeyDictionary()


def link_target(store: ColumnStore, key: int) -> Target | None:
    """The container that links with this key point to, or None when neither we nor the file's own table know it.

    Raises:
        CorruptDataError: the file's own table was needed, and is damaged.
    """
    links = store.schema.links
    if key in links.targets:
        return links.targets[key]
    told = _told.get(store)
    if told is None:
        told = links.told_by([*(event_format(store.metadata) if store.metadata else []), *store.written_containers])
        _told[store] = told
    return told.get(key)
