"""What functions of events are given: events, and not what others take for them."""

from __future__ import annotations

from typing import Any

import awkward as ak

__all__ = ["require_events"]


def require_events(events: Any) -> None:
    """Raises TypeError for what is no array with a record for each event: the message says what to give."""
    if isinstance(events, ak.Array):
        if events.ndim == 1 and ak.fields(events):
            return
        what = "lists of objects" if ak.fields(events) else "values without names"
    else:
        what = "a single event" if isinstance(events, ak.Record) else f"something of type {type(events).__name__}"
    msg = f"{what} in place of events: give events, as physlite.events(…) has them, or records, one for each event"
    raise TypeError(msg)
