"""Columns of events as flat NumPy arrays, and where each event's part of them begins."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from awkward.errors import FieldNotFoundError
from numpy.typing import NDArray

from physlite.exceptions import ColumnNotFoundError
from physlite.model.source import source_of

__all__ = ["LEAVE_OUT", "field_of", "lists", "numbers", "places"]

LEAVE_OUT = "leave out the steps that need it"


def field_of(array: ak.Array, what: str, *path: str, instead: str = LEAVE_OUT) -> ak.Array:
    """A field of objects, or of what a field of theirs has, and so on: `trackParticles`, `originalTrackParticle`.

    Raises:
        ColumnNotFoundError: it is not there; the message begins with `what`, and says what can be done `instead`.
    """
    found = array
    try:
        for name in path:
            found = found[name] if name in ak.fields(found) else getattr(found, name)
    except (AttributeError, FieldNotFoundError):
        source = source_of(array)
        file = "" if source is None else f"{source.store.name}: "
        msg = f"{file}overlap removal needs {'.'.join((*filter(None, [what]), *path))}, which is not there: {instead}"
        raise ColumnNotFoundError(msg) from None
    return found


def lists(array: ak.Array) -> tuple[NDArray[np.int64], Content]:
    """Where each list begins, and at the end where the last one ends; and what is in them, behind one another.

    Raises:
        TypeError: there are no lists, or None in place of some.
    """
    layout = ak.materialize(array, highlevel=False)
    if layout.is_indexed and not (layout.is_option and np.any(layout.mask_as_bool(valid_when=False))):
        layout = layout.project()
    if not layout.is_list:
        msg = f"one list for each event is needed, not {layout.form.type}"
        raise TypeError(msg)
    found = layout.to_ListOffsetArray64(True)
    offsets = np.asarray(found.offsets)
    return offsets, found.content[: int(offsets[-1])]


def numbers(content: Content, fill: Any = 0) -> NDArray[Any]:
    """Numbers behind one another, `fill` where there is None."""
    if content.is_option:
        content = ak.fill_none(ak.Array(content), fill, axis=0, highlevel=False)
    return np.asarray(ak.to_numpy(content))


# Above the index of an element link stands its key, which is 0 for null links.
_INDEX_BITS = 32


def places(links: Content) -> NDArray[np.int64]:
    """A number for each element link: the same for two of them when they name the same object; 0 for null links."""
    array = ak.Array(links)
    key, index = (numbers(array[name].layout).astype(np.int64) for name in ("m_persKey", "m_persIndex"))
    return np.where(key == 0, 0, (key << _INDEX_BITS) | index)
