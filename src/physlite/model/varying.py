"""Events with other values of some fields, as systematic variations have them; links lead to these values too."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import awkward as ak

from physlite.exceptions import PhysliteError
from physlite.model.objects import HIDDEN
from physlite.model.overlay import Changes
from physlite.model.source import SOURCE, source_of
from physlite.model.structure import record_in

__all__ = ["varied"]


def varied(events: ak.Array, changes: Mapping[str, Mapping[str, Any]], variation: str = "") -> ak.Array:
    """Events in which fields of collections have other values, or are new; all else is that of the events.

    What was read of the events is not read again, and what was not read yet is read once for both.

    Args:
        events: of a file, chosen or not; their collections can have been changed.
        changes: new values by collection and field: an array in the structure of the collection, one with a number for
            each event, or a number.
        variation: what this is called, for messages.

    Raises:
        FieldNotFoundError: there is no such collection.
        ValueError: the array does not know its file, or the values do not fit the objects.
    """
    source = source_of(events)
    if source is None:
        msg = "these events do not know their file any more: vary them before they are made anew"
        raise ValueError(msg)
    where = f"variation {variation!r}, " if variation else ""
    out = copy.copy(events)
    for name, fields in changes.items():
        if record_in(events[name].layout) is None:
            msg = f"{where}{name}: these are no objects of one class with fields: vary collections"
            raise ValueError(msg)
        for field, values in fields.items():
            try:
                out[name, field] = values
            except PhysliteError:  # of the file
                raise
            except ValueError as error:
                msg = (
                    f"{where}{name}.{field}: {ak.count(values, axis=None)} values for {len(values)} events do not fit "
                    f"the objects of {len(events)} events: give one for each object, for each event, or for all"
                )
                raise ValueError(msg) from error
    changed = {name: [*fields] for name, fields in changes.items() if fields}
    out.attrs = {**events.attrs, SOURCE: source.varied(_targets(out, changed))}
    return out


def _targets(events: ak.Array, changed: Mapping[str, list[str]]) -> dict[str, list[Changes]]:
    """What has changed of objects, by the collections of the file that they are of."""
    source = source_of(events)
    found: dict[str, list[Changes]] = {}
    for name, fields in changed.items():
        objects = events[name]
        record = record_in(objects.layout)
        if source is None or record is None or not set(HIDDEN) <= set(record.fields):
            continue
        changes = Changes(ak.Array(objects[[*fields, *HIDDEN]].layout))
        for collection in source.known_objects(record)[0] or (name,):
            if collection in source.store.schema.collections:
                found.setdefault(collection, []).append(changes)
    return found
