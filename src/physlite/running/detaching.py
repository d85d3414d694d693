"""Results of an analysis, without the files that they are of."""

from __future__ import annotations

import copy
from collections.abc import MutableMapping
from typing import Any

import awkward as ak

from physlite.model.objects import HIDDEN
from physlite.model.source import SOURCE
from physlite.running.members import is_dataclass, members, with_members

__all__ = ["detached"]


def detached(value: Any) -> Any:
    """The same value with its Awkward Arrays read and compact; they keep what they can do by themselves.

    What a file is needed for, as following links, they cannot do any more: the file is closed behind its last events.
    Arrays are found in mappings, lists, tuples and dataclasses.
    """
    if isinstance(value, ak.Array | ak.Record):
        return _detached_array(value)
    if type(value) is dict:
        return {key: detached(item) for key, item in value.items()}
    if isinstance(value, MutableMapping):  # accumulators of coffea, defaultdicts
        return _detached_mapping(value)
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(detached(item) for item in value)
    if isinstance(value, tuple):
        return type(value)(*(detached(item) for item in value))
    if is_dataclass(value):
        changed = {name: new for name, old in members(value).items() if (new := detached(old)) is not old}
        return with_members(value, changed) if changed else value
    return value


def _detached_mapping(value: MutableMapping[Any, Any]) -> MutableMapping[Any, Any]:
    changed = {key: new for key, old in value.items() if (new := detached(old)) is not old}
    if not changed:
        return value
    out = copy.copy(value)
    for key, item in changed.items():
        out[key] = item
    return out


def _detached_array(array: ak.Array | ak.Record) -> ak.Array | ak.Record:
    record = isinstance(array, ak.Record)
    layout = array.layout.array[array.layout.at : array.layout.at + 1] if record else array.layout
    # Before they are read: nobody wants the hidden fields.
    layout = ak.to_packed(ak.materialize(ak.transform(_without_hidden, layout, highlevel=False)), highlevel=False)
    attrs = {name: what for name, what in array.attrs.items() if name != SOURCE}
    found = ak.Array(layout, behavior=array.behavior, attrs=attrs)
    return found[0] if record else found


def _without_hidden(layout: ak.contents.Content, **_: Any) -> ak.contents.Content | None:
    if not layout.is_record or layout.is_tuple or not any(name in layout.fields for name in HIDDEN):
        return None
    kept = [(name, content) for name, content in zip(layout.fields, layout.contents, strict=True) if name not in HIDDEN]
    contents = [ak.transform(_without_hidden, content[: layout.length], highlevel=False) for _, content in kept]
    return ak.contents.RecordArray(
        contents, [name for name, _ in kept], length=layout.length, parameters=layout.parameters
    )
