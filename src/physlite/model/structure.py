"""Functions of flat objects applied to objects in whatever lists, options and unions they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import awkward as ak
import numpy as np
from awkward.contents import Content

__all__ = ["has_union", "map_records", "map_structure", "record_in"]


def map_structure(layout: Content, inner: Callable[[Content], Content]) -> Content:
    """Applies `inner` to what a list, an option, a union or an indexed array holds, and puts the same around it."""
    if layout.is_regular:
        return ak.contents.RegularArray(inner(layout.content[: len(layout) * layout.size]), layout.size, len(layout))
    if layout.is_list:
        lists = layout.to_ListOffsetArray64(True)
        return ak.contents.ListOffsetArray(lists.offsets, inner(lists.content[: int(lists.offsets[-1])]))
    if layout.is_option:
        valid = ~np.asarray(layout.mask_as_bool(valid_when=False))
        index = np.where(valid, np.cumsum(valid) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(index), inner(layout.project()))
    if layout.is_union:
        tags = np.asarray(layout.tags)
        index = np.zeros(len(tags), dtype=np.int64)
        contents = []
        for tag in range(len(layout.contents)):
            chosen = tags == tag
            index[chosen] = np.arange(np.count_nonzero(chosen))
            contents.append(inner(layout.project(tag)))
        return ak.contents.UnionArray.simplified(ak.index.Index8(tags), ak.index.Index64(index), contents)
    if layout.is_indexed:
        return inner(layout.project())
    msg = f"no records, but {layout.form.type}"
    raise TypeError(msg)


def map_records(layout: Content, inner: Callable[[Content], Content]) -> Content:
    """Applies `inner` to the records of objects that a layout holds, and puts the same structure around it."""
    if layout.is_record:
        return inner(layout)
    return map_structure(layout, lambda content: map_records(content, inner))


def record_in(layout: Content, path: Sequence[str] = ()) -> Content | None:
    """The records that a layout holds in lists and options, or those in a field of theirs; None: there are none."""
    for name in (*path, None):
        while not layout.is_record:
            if layout.is_union or layout.is_leaf:
                return None
            layout = layout.content
        if name is not None:
            if name not in layout.fields:
                return None
            layout = layout.contents[layout.field_to_index(name)]
    return layout


def has_union(layout: Content) -> bool:
    """Whether the objects are of several classes."""
    while not (layout.is_union or layout.is_record or layout.is_numpy or layout.is_unknown):
        layout = layout.content
    return bool(layout.is_union)
