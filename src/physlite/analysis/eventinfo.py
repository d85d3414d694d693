"""What `EventInfo` says of each event, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.analysis.columns import kind_of
from physlite.exceptions import ColumnNotFoundError
from physlite.formats.filters import nearest

__all__ = ["event_info", "event_values", "is_simulation", "masked_as", "require_field"]

# xAOD::EventInfo_v1::IS_SIMULATION (Event/xAOD/xAODEventInfo), a bit of eventTypeBitmask.
_IS_SIMULATION = 1
_INFO = "EventInfo"


def event_info(events: ak.Array) -> ak.Array:
    """`EventInfo` of events.

    Raises:
        ColumnNotFoundError: these are no events, or events without it.
    """
    if _INFO not in ak.fields(events):
        kind = kind_of(events) if isinstance(events, ak.Array) else type(events).__name__
        what = "these events have" if kind in ("", "Events") else f"{kind}: these are no events, and have"
        msg = f"{what} no {_INFO}: give events with it, as physlite.events has them"
        raise ColumnNotFoundError(msg)
    return events[_INFO]


def event_values(events: ak.Array, name: str) -> NDArray[Any]:
    """A field of `EventInfo`, one value an event; masked where events are.

    Raises:
        ColumnNotFoundError: there is no such field; the message offers the nearest ones.
    """
    values: NDArray[Any] = ak.to_numpy(require_field(events, name))
    return values


def require_field(events: ak.Array, name: str) -> ak.Array:
    """A field of `EventInfo`; errors as `event_values`."""
    info = event_info(events)
    if name not in info.fields:
        msg = f"these events have no EventInfo.{name}{nearest(info.fields, name, '; see events.EventInfo.fields')}"
        raise ColumnNotFoundError(msg)
    return info[name]


def is_simulation(events: ak.Array) -> NDArray[np.bool_]:
    """Whether each event is simulated, as `EventInfo.eventTypeBitmask` says; without it, by their generator weights.

    Masked where events are.

    Raises:
        ColumnNotFoundError: these are no events, or events without `EventInfo`.
    """
    fields = event_info(events).fields
    if "eventTypeBitmask" not in fields:
        return masked_as(events, np.full(len(events), "mcEventWeights" in fields))
    simulated: NDArray[np.bool_] = (event_values(events, "eventTypeBitmask") & _IS_SIMULATION) != 0
    return simulated


def masked_as(events: ak.Array, values: NDArray[Any]) -> NDArray[Any]:
    """Values, one an event; masked where events are, by `ak.mask`."""
    info = event_info(events)
    if not info.layout.is_option:
        return values
    masked: NDArray[Any] = np.ma.array(values, mask=ak.to_numpy(ak.is_none(info)))
    return masked
