"""What a physicist asks of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.analysis.definitionfiles import definitions
    from physlite.analysis.listing import working_points
    from physlite.analysis.selecting import selected

__all__ = ["definitions", "selected", "working_points"]

# Looked up on first use, as in `physlite`.
_HOME = {
    "definitions": "physlite.analysis.definitionfiles",
    "selected": "physlite.analysis.selecting",
    "working_points": "physlite.analysis.listing",
}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
