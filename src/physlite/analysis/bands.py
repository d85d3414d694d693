"""The band that systematic variations of a histogram make around its nominal values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.systematics import NOMINAL
from physlite.formats.filters import select

if TYPE_CHECKING:
    from hist import Hist

__all__ = ["Band", "band"]

# CP::SystematicVariation: JET_JER__1up, and half a standard deviation as JET_JER__0up5. Others write jerUp.
_SIZE = re.compile(r"(?P<source>.+?)(?:__\d+)?(?:up|down)\d*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Band:
    """Values of a histogram, and how far up and down variations take them; in the shape of its other axes, no flow.

    It is scaled by `*`, as by a normalisation.

    Attributes:
        nominal: the values without a variation.
        up: how much larger they can be, 0 or more.
        down: how much smaller they can be, 0 or more.
    """

    nominal: NDArray[np.float64]
    up: NDArray[np.float64]
    down: NDArray[np.float64]

    def __mul__(self, factor: float) -> Band:
        """All values times a factor; of a negative one, what was up is down."""
        if not isinstance(factor, int | float | np.number):
            return NotImplemented
        up, down = (self.up, self.down) if factor >= 0 else (self.down, self.up)
        return Band(self.nominal * factor, up * abs(factor), down * abs(factor))

    __rmul__ = __mul__


def band(histogram: Hist[Any], axis: str = "variation", *, envelopes: str | Iterable[str] = ()) -> Band:
    """The variations of a histogram together, taken as independent of each other: a sum of squares, bin by bin.

    Of a pair, `…__1up` and `…__1down`, the larger deviation counts in each direction; so two on the same side do not
    count twice. Variations of a source by other sizes, as `…__0up5`, are of the same nuisance parameter, and belong to
    its pair. A variation without a partner counts in both directions. Statistical uncertainties are not in it.

    Args:
        histogram: with an axis of categories that has the names of variations, `nominal` among them. Add up processes
            before: their variations go together.
        axis: the name of this axis.
        envelopes: patterns, or a single one; the variations that fit one are taken together as a pair is, as those of
            the renormalisation and factorisation scales.

    Raises:
        ValueError: there is no such axis, or no `nominal` on it.
        ColumnNotFoundError: no variation fits a pattern.
    """
    axes = [one.name for one in histogram.axes]
    if axis not in axes:
        msg = f"no axis {axis!r} of variations in the histogram: it has {', '.join(map(repr, axes))}"
        raise ValueError(msg)
    at = axes.index(axis)
    names = list(histogram.axes[at])
    if NOMINAL not in names:
        msg = f"the axis {axis!r} has no {NOMINAL!r}, which variations are compared with: fill it too"
        raise ValueError(msg)
    values = dict(zip(names, np.moveaxis(np.asarray(histogram.values(), dtype=np.float64), at, 0), strict=True))
    nominal = values.pop(NOMINAL)
    up, down = np.zeros_like(nominal), np.zeros_like(nominal)
    for group in _groups(list(values), envelopes):
        deviations = np.stack([values[name] - nominal for name in group])
        if len(group) == 1:
            deviations = np.concatenate([deviations, -deviations])
        up += np.maximum(deviations.max(axis=0), 0) ** 2
        down += np.minimum(deviations.min(axis=0), 0) ** 2
    return Band(nominal, np.sqrt(up), np.sqrt(down))


def _groups(names: list[str], envelopes: str | Iterable[str]) -> list[list[str]]:
    """The variations that belong together."""
    patterns = [envelopes] if isinstance(envelopes, str) else envelopes
    groups = [select(names, pattern, "variation", "none has such a name") for pattern in patterns]
    taken = {name for group in groups for name in group}
    sources: dict[str, list[str]] = {}
    for name in names:
        if name not in taken:
            found = _SIZE.fullmatch(name)
            sources.setdefault(found["source"] if found else name, []).append(name)
    return [*groups, *sources.values()]
