"""Exact comparison of arrays: structure, element types, missing values, and every bit of every number."""

from __future__ import annotations

import awkward as ak
import numpy as np


def difference(left, right) -> str:
    """Where two arrays differ first, in words; empty when they are equal.

    NaNs are equal when their bits are. Names of records are not compared, all other parameters are.
    """
    return _difference(_layout(left), _layout(right), "array")


def assert_same(left, right, what="") -> None:
    found = difference(left, right)
    assert not found, f"{what}: {found}" if what else found


def _layout(array):
    if isinstance(array, ak.Record | ak.record.Record):  # one of an array
        array = ak.to_layout(array)
        return ak.materialize(array.array[array.at : array.at + 1], highlevel=False)
    return ak.materialize(ak.to_layout(array), highlevel=False)


def _parameters(layout) -> dict:
    return {k: v for k, v in layout.parameters.items() if k not in ("__record__", "__doc__")}


def _plain(layout):
    """One layout of the many that mean the same."""
    if layout.is_indexed and not layout.is_option:
        return _plain(layout.project())
    if layout.is_numpy and len(layout.data.shape) > 1:
        return layout.to_RegularArray()
    return layout


def _difference(left, right, at) -> str:
    left, right = _plain(left), _plain(right)
    if left.length != right.length:
        return f"{at}: lengths {left.length} and {right.length}"
    if _parameters(left) != _parameters(right):
        return f"{at}: parameters {_parameters(left)} and {_parameters(right)}"
    for kind in ("is_option", "is_regular", "is_list", "is_record", "is_numpy", "is_union", "is_unknown"):
        if getattr(left, kind) != getattr(right, kind):
            return f"{at}: types {left.form.type} and {right.form.type}"
    if left.is_option:
        return _option_difference(left, right, at)
    if left.is_list:
        return _list_difference(left, right, at)
    if left.is_record:
        if left.fields != right.fields or left.is_tuple != right.is_tuple:
            return f"{at}: fields {left.fields} and {right.fields}"
        pairs = ((name, left.content(name), right.content(name)) for name in left.fields)
        return next(filter(None, (_difference(a, b, f"{at}.{name}") for name, a, b in pairs)), "")
    return _number_difference(left, right, at)


def _option_difference(left, right, at) -> str:
    masks = [np.asarray(x.mask_as_bool(valid_when=False)) for x in (left, right)]
    if not np.array_equal(*masks):
        return f"{at}: missing values differ at {int(np.flatnonzero(masks[0] != masks[1])[0])}"
    return _difference(left.project(), right.project(), at)


def _list_difference(left, right, at) -> str:
    if left.is_regular:
        if left.size != right.size:
            return f"{at}: sizes {left.size} and {right.size}"
        used = left.length * left.size
        return _difference(left.content[:used], right.content[:used], f"{at}[]")
    left, right = (x.to_ListOffsetArray64(True) for x in (left, right))  # start at zero
    offsets = [np.asarray(x.offsets) for x in (left, right)]
    if not np.array_equal(*offsets):
        entry = int(np.flatnonzero(offsets[0] != offsets[1])[0]) - 1
        counts = [int(o[entry + 1] - o[entry]) for o in offsets]
        return f"{at}[{entry}]: {counts[0]} items and {counts[1]}"
    used = int(offsets[0][-1])
    return _difference(left.content[:used], right.content[:used], f"{at}[]")


def _number_difference(left, right, at) -> str:
    if left.is_unknown:
        return ""
    a, b = np.ascontiguousarray(left.data), np.ascontiguousarray(right.data)
    if a.dtype != b.dtype:
        return f"{at}: types {a.dtype} and {b.dtype}"
    bits = [x.view(f"u{x.itemsize}") for x in (a, b)]
    if np.array_equal(*bits):
        return ""
    where = int(np.flatnonzero(bits[0] != bits[1])[0])
    return f"{at}[{where}]: {a[where]!r} and {b[where]!r}"
