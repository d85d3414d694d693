"""Columns of objects behind one another, and the form of objects of several collections as one array."""

from __future__ import annotations

from collections.abc import Mapping

import awkward as ak
import numpy as np
from awkward.contents import Content

from physlite.model.naming import computed_components
from physlite.model.objects import HIDDEN

__all__ = ["join", "merged_form", "with_gaps"]


def merged_form(forms: Mapping[str, ak.forms.Form], record: str) -> ak.forms.Form:
    """The form of objects of several collections as one array, by their own forms; form keys are `<field>@<number>`.

    Components of the momentum that only some of them store are left out where they can be computed for all.
    """
    empty = {name: form.length_zero_array(highlevel=False) for name, form in forms.items()}
    fields = dict.fromkeys(field for objects in empty.values() for field in objects.fields)
    computed = computed_components(record, (objects.fields for objects in empty.values()))
    fields = {field: None for field in fields if field not in computed}
    joined = {field: join([_part_of(objects, field) for objects in empty.values()]) for field in fields}
    columns = {
        field: content.form_with_key(f"{field}@{{id}}")
        for field, content in joined.items()
        if not (content.is_union or (content.is_option and content.content.is_union))
    } or _bare_fields(record)
    return ak.forms.RecordForm(list(columns.values()), list(columns), parameters={"__record__": record})


def _bare_fields(record: str) -> dict[str, ak.forms.Form]:
    """The fields of objects that are not there: what all particles have, so that an expression of it can be made."""
    names = ("pt", "eta", "phi", "m") if record == "IParticle" else ()
    forms: dict[str, ak.forms.Form] = {n: ak.forms.NumpyForm("float32", form_key=f"{n}@0") for n in names}
    return forms | {n: ak.forms.NumpyForm("int64", form_key=f"{n}@0") for n in HIDDEN}


def _part_of(objects: Content, field: str) -> Content | int:
    """A column of objects; where they have no such column, their number."""
    return objects.content(field)[: len(objects)] if field in objects.fields else len(objects)


def join(parts: list[Content | int]) -> Content:
    """Columns behind one another, with None for objects without this column."""
    present = [part for part in parts if not isinstance(part, int)]
    joined = ak.to_packed(ak.concatenate(present, highlevel=False), highlevel=False)
    if len(present) == len(parts):
        return joined
    return with_gaps(parts, joined)


def with_gaps(parts: list[Content | int], joined: Content) -> Content:
    """`joined` is the parts that are no mere numbers of objects without a value."""
    index = []
    at = 0
    for part in parts:
        if isinstance(part, int):
            index.append(np.full(part, -1, dtype=np.int64))
        else:
            index.append(np.arange(at, at + len(part), dtype=np.int64))
            at += len(part)
    outer = ak.index.Index64(np.concatenate([np.empty(0, np.int64), *index]))
    return ak.contents.IndexedOptionArray.simplified(outer, joined)
