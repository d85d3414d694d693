"""What is measured: of each work, given the number of events in toy files, what makes its comparisons."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import interop
import overlaps
import reading
import remote
import scale
import using
from reading import Makers

__all__ = ["LONG", "WORKS"]

WORKS: dict[str, Callable[[int], Makers]] = {
    "open": using.opening,
    "floats": reading.floats,
    "nested": reading.nested,
    "links": reading.links,
    "mixed": reading.mixed,
    "list15": reading.list15,
    "everything": reading.everything,
    "follow": using.following,
    "analysis": lambda events: chain(using.analysis(events), using.search(events), overlaps.overlaps(events)),
    "cold": using.cold_start,
    "small": using.small_files,
    "memory": reading.memory,
    "remote": remote.remote,
    "scale": scale.scale,
    "interop": interop.interop,
}

# Left out where nobody asks for them.
LONG = ("scale", "interop")
