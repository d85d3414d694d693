"""Making many small objects without looking for cycles among them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_cycle_collection"]


@contextmanager
def without_cycle_collection() -> Iterator[None]:
    """Holds back the collector of reference cycles.

    An array of events or objects is up to tens of thousands of small objects without cycles. Making one sets the
    collector off dozens of times, each time through all of them, and then through everything else in the process: many
    times the work itself.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
