"""What a physicist asks of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.analysis.bands import Band, band
    from physlite.analysis.systematics import Variation, rescaled, variation_names, variations

__all__ = ["Band", "Variation", "band", "rescaled", "variation_names", "variations"]

# Looked up on first use, so that importing the package costs next to nothing.
_HOME = {
    "Band": "physlite.analysis.bands",
    "Variation": "physlite.analysis.systematics",
    "band": "physlite.analysis.bands",
    "rescaled": "physlite.analysis.systematics",
    "variation_names": "physlite.analysis.systematics",
    "variations": "physlite.analysis.systematics",
}


__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
