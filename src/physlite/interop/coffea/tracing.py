"""Arrays without values, of which Awkward finds out what an operation makes, or what it reads.

dask-awkward plans with them, and asks their classes for properties and methods. So they have a class of their own for
each kind of object of a file, on which the names of links are properties, and following looks at types alone.

`coffea.nanoevents.trace` makes such arrays itself, of attributes of the events.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import awkward as ak
from coffea.nanoevents.util import quote

from physlite.model.accessors import Accessor, accessors
from physlite.model.schema import Schema
from physlite.model.store import ColumnStore

__all__ = ["typetracer", "what_traces"]


class _Known(property):
    """A property whose value does not depend on those of the events."""

    def _dask_get(self, meta: ak.Array, *_: Any) -> Any:
        """What dask-awkward calls instead of planning to compute it."""
        return self.__get__(meta)


def typetracer(schema: Schema, given: Mapping[str, Any]) -> ak.Array:
    """Events of a file without values, with what was given for their metadata."""
    behavior = _behavior(schema)
    events = ak.behavior["*", "Events"]
    behavior["*", "Events"] = type("EventsArray", (events,), {"metadata": _Known(lambda _: given)})
    return _traced(schema.form, behavior)


def _traced(form: ak.forms.Form, behavior: Mapping[Any, Any]) -> ak.Array:
    layout = form.length_zero_array(highlevel=False).to_typetracer(forget_length=True)
    return ak.Array(layout, behavior=behavior)


def _behavior(schema: Schema) -> dict[Any, Any]:
    """The classes of arrays of objects, with the names of all links that objects of the class have in this file."""

    def follow(objects: ak.Array, field: str) -> ak.Array:
        return _follow(schema, objects, field)

    names: defaultdict[str, dict[str, Accessor]] = defaultdict(dict)
    for collection in schema.collections.values():
        names[collection.record].update(accessors(collection.record, collection.fields))
    if "Muon" in names:  # the kind of its link is that of the others that can stand for it
        names["Muon"] |= dict.fromkeys(("trackParticle", "primaryTrackParticle"), Accessor("combinedTrackParticleLink"))
    return {
        ("*", record): type(
            f"{record}Array",
            (ak.behavior["*", record],),
            {"follow": follow} | {name: property(_getter(follow, accessor)) for name, accessor in found.items()},
        )
        for record, found in names.items()
    }


def _getter(follow: Callable[[ak.Array, str], ak.Array], accessor: Accessor) -> Callable[[ak.Array], ak.Array]:
    def get(objects: ak.Array) -> ak.Array:
        targets = follow(objects, accessor.field)
        return ak.firsts(targets, axis=targets.ndim - 1) if accessor.first else targets

    return get


def _follow(schema: Schema, objects: ak.Array, field: str) -> ak.Array:
    """What following links makes of objects without values.

    Raises:
        AttributeError: there is no such field.
        NotImplementedError: the class of the targets depends on the values of the links.
    """
    record = objects.layout.purelist_parameter("__record__") or ""
    if field not in objects.layout.fields:
        msg = f"no field {field!r} of links of {record}s"
        raise AttributeError(msg)
    target = schema.links.declared_target(record, field)
    names = tuple(schema.links.collections_of(target))
    if not names:
        msg = f"{record}.{field}: what these links lead to is known when they are read: take another mode than 'dask'"
        raise NotImplementedError(msg)
    form = schema.objects_form(names[0]) if len(names) == 1 else schema.merged_form(target, names)
    return _traced(_followed(objects.layout.form, field, form), objects.behavior)


def _followed(form: ak.forms.Form, field: str, target: ak.forms.Form) -> ak.forms.Form:
    """The form of objects with the targets of a field of theirs in the place of the links."""
    if form.is_record:
        if "m_persKey" in form.fields:
            return ak.forms.IndexedOptionForm("i64", target)
        return _followed(form.content(field), field, target)
    inner = _followed(form.content, field, target)
    if form.is_option:
        return ak.forms.IndexedOptionForm.simplified("i64", inner)
    return inner if form.is_indexed else form.copy(content=inner)


def what_traces(store: ColumnStore) -> Mapping[str, Any]:
    """The attributes of events by which coffea finds out which columns a function reads.

    The last part of a buffer's key has the name of its column where that is what reading it takes.
    """
    names = [column.name for column in store.manifest.columns]

    def buffer_key(form_key: str, attribute: str, form: Any) -> str:  # noqa: ARG001  # as coffea calls it
        column, _, _ = form_key.removeprefix("#").partition("@")
        read = f"{names[int(column)]},!load" if form_key.startswith("#") else form_key
        return "/".join(map(quote, (form_key, attribute, read)))

    return MappingProxyType({"@form": _form(store.schema), "@buffer_key": buffer_key})


@functools.lru_cache(maxsize=16)  # as many as there are schemas
def _form(schema: Schema) -> dict[str, Any]:
    form: dict[str, Any] = schema.form.to_dict()
    return form
