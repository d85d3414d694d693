"""What can be asked of the objects of a file."""

from __future__ import annotations

from collections.abc import Callable

import awkward as ak

from physlite.analysis import btagging, electrons, jets, muons, photons, taus
from physlite.analysis.columns import available, flags, kind_of
from physlite.analysis.severalfiles import require_one_file

__all__ = ["working_points"]


def _of_events(info: ak.Array) -> dict[str, list[str]]:
    return {"cleaning": available(info, flags(jets.EVENT_CLEANING))}


_MODULES: dict[str, tuple[Callable[[ak.Array], dict[str, list[str]]], ...]] = {
    "Electrons": (electrons.working_points,),
    "Muons": (muons.working_points,),
    "Photons": (photons.working_points,),
    "TauJets": (taus.working_points,),
    "Jets": (jets.working_points, btagging.working_points),
    "EventInfo": (_of_events,),
}


def working_points(events: ak.Array) -> dict[str, dict[str, list[str]]]:
    """The working points that the columns of a file make possible.

    Args:
        events: some, or all, of the file.

    Returns:
        For each collection that is there, what can be asked of its objects, as `selected` names it, and with which
        working points. `EventInfo` has the `cleaning` of whole events, which is that of `jets.clean_events`.

    Raises:
        TypeError: these are no events.
        ValueError: they are of several files.
    """
    is_array = isinstance(events, ak.Array | ak.Record)
    if not is_array or kind_of(events) not in ("", "Events"):
        found = kind_of(events) if is_array else type(events).__name__
        msg = f"the working points of events are listed, not of {found}: give events as physlite.events has them"
        raise TypeError(msg)
    require_one_file(events, "working points, of events", "list them")
    return {
        name: {key: points for function in functions for key, points in function(events[name]).items()}
        for name, functions in _MODULES.items()
        if name in ak.fields(events)
    }
