"""Ways to do the works with coffea on our columns: the same calls as in `theirs`, with our schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import uproot

from physlite.model import schema
from work import Work

__all__ = ["open_events", "read"]


def _events(where: Any, **keywords: Any) -> Any:
    from coffea.nanoevents import NanoEventsFactory

    from physlite.coffea import PHYSLITESchema

    return NanoEventsFactory.from_root(where, schemaclass=PHYSLITESchema, mode="virtual", **keywords).events()


def open_events(path: str, name: str, first: bool) -> Work:
    """Opens a file and makes its events, of which nothing is read; the `first` of its kind, or the next."""
    forget: Callable[[], Any] = schema._schema.cache_clear if first else lambda: None  # noqa: SLF001  # no user needs it
    return Work(lambda _: _events({path: name}), forget)


def read(path: str, name: str, names: list[str]) -> Work:
    """Materializes columns of events that are made anew, untimed."""
    pairs = [column.split(".") for column in names]
    fields = [(c.removeprefix("Analysis").removesuffix("AuxDyn"), f) for c, f in pairs]
    file = uproot.open(path, array_cache=None)

    def run(events: Any) -> dict[str, Any]:
        return {column: ak.materialize(events[c][f]) for column, (c, f) in zip(names, fields, strict=True)}

    return Work(run, lambda: _events(file, treepath=name), compared=dict)
