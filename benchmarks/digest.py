"""One number for the values of arrays, however they are laid out."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

__all__ = ["digest"]


def digest(results: dict[str, Any]) -> str:
    """The same for arrays with the same lists, missing items and bytes of values; of text, its own.

    Names of fields, and whether one byte is a character or a number, do not count: readers differ in them.
    """
    sums = hashlib.blake2b()
    for name in sorted(results):
        sums.update(name.encode())
        _take(results[name], sums)
    return sums.hexdigest()[:16]


def _take(value: Any, sums: Any) -> None:
    """Text, an array, or the arrays of its fields: of a list of records one reader makes a list of each field."""
    if isinstance(value, str):
        sums.update(value.encode())
    elif isinstance(value, dict):
        for member in value.values():
            _take(member, sums)
    elif value.fields:
        for field in value.fields:
            _take(value[field], sums)
    else:
        import awkward as ak  # which an environment that compares text need not have

        _feed(ak.to_layout(ak.materialize(value)), sums)


def _feed(layout: Any, sums: Any) -> None:
    """Takes in a layout, from the outside inwards."""
    if layout.is_option:
        sums.update(np.packbits(np.asarray(layout.mask_as_bool(valid_when=True))))
        _feed(layout.project(), sums)
    elif layout.is_indexed:
        _feed(layout.project(), sums)
    elif layout.is_list:
        lists = layout.to_ListOffsetArray64(start_at_zero=True)
        offsets = np.asarray(lists.offsets)
        sums.update(offsets)
        _feed(lists.content[: offsets[-1]], sums)
    elif layout.is_numpy and layout.purelist_depth > 1:
        _feed(layout.to_RegularArray(), sums)
    elif layout.is_numpy:
        values = np.ascontiguousarray(layout.data)
        sums.update(values.astype(values.dtype.newbyteorder("="), copy=False).view(np.uint8))
    elif not layout.is_unknown:
        msg = f"arrays of {type(layout).__name__} are not compared"
        raise TypeError(msg)
