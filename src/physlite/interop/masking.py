"""Arrays with missing values in the one layout that comes out right in Arrow.

Awkward 2.14.0 shifts lists where one is missing and they are cut from longer ones (awkward#4222), and fails where there
are no values at all. Masks over values that are all there, and over lists that are empty where they are missing, are
not touched by that.
"""

from __future__ import annotations

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.interop.rows import plain

__all__ = ["masked"]


def masked(layout: Content) -> Content:
    """The same values with masks for what is missing; numbers of which none can be missing are not copied."""
    return _masked(plain(layout))


def _masked(layout: Content) -> Content:
    if layout.is_record:
        contents = [_masked(content) for content in layout.contents]
        return ak.contents.RecordArray(contents, None if layout.is_tuple else layout.fields, layout.length)
    if layout.is_option:
        there = np.asarray(layout.index) >= 0
        values = _spread(_masked(layout.content), there)
        if values.is_option:
            return values
        return ak.contents.ByteMaskedArray(ak.index.Index8(there.astype(np.int8)), values, valid_when=True)
    if layout.is_regular:
        return ak.contents.RegularArray(_masked(layout.content), layout.size, layout.length)
    return layout.copy(content=_masked(layout.content)) if layout.is_list else layout


def _spread(layout: Content, there: NDArray[np.bool_]) -> Content:
    """Something at each place: the values in order where they are `there`, elsewhere zeros and empty lists."""
    if layout.is_record:
        contents = [_spread(content, there) for content in layout.contents]
        return ak.contents.RecordArray(contents, None if layout.is_tuple else layout.fields, len(there))
    if layout.is_option and not layout.is_indexed:
        mask = _zeros(np.asarray(layout.mask), there)
        return ak.contents.ByteMaskedArray(ak.index.Index8(mask), _spread(layout.content, there), valid_when=True)
    if layout.is_regular:
        return ak.contents.RegularArray(_spread(layout.content, np.repeat(there, layout.size)), layout.size, len(there))
    if layout.is_list:
        counts = _zeros(np.diff(layout.offsets.data), there)
        return layout.copy(offsets=ak.index.Index64(np.concatenate([[0], np.cumsum(counts)])))
    if layout.is_numpy:
        return ak.contents.NumpyArray(_zeros(layout.data, there), parameters=layout.parameters)
    # Of no type, or of several: there is nothing that could stand where they are missing.
    places = ak.index.Index64(np.where(there, np.cumsum(there) - 1, -1))
    return ak.contents.IndexedOptionArray.simplified(places, layout)


def _zeros(values: NDArray[np.generic], there: NDArray[np.bool_]) -> NDArray[np.generic]:
    out = np.zeros(len(there), dtype=values.dtype)
    out[there] = values
    return out
