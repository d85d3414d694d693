"""Pairs of objects within an event, and which of them are close to each other.

Distances are those of Event/FourMomUtils/FourMomUtils/xAODP4Helpers.h in Athena, `isInDeltaR`: in rapidity and azimuth,
in double precision. Pairs at exactly the radius are close, and so are those for which a coordinate is NaN, unless the
other one tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates
from physlite.units import GeV

__all__ = ["Pairs", "Radius", "SlidingCone", "check_radii", "close", "near", "pairs", "radius_around"]

_FULL_TURN = 2 * np.pi


@dataclass(frozen=True)
class SlidingCone:
    """A radius that shrinks with the pT of a lepton: `constant` + `per_pt` / pT, but at most `largest`.

    `SlidingDeltaRMatcher` of AssociationUtils (Root/DeltaRMatcher.cxx), with the values of Root/EleJetOverlapTool.cxx
    and Root/MuJetOverlapTool.cxx.

    Attributes:
        constant: the radius at high pT.
        per_pt: in MeV.
        largest: the radius at low pT.
    """

    constant: float = 0.04
    per_pt: float = 10 * GeV
    largest: float = 0.4

    def __post_init__(self) -> None:
        check_radii(self, "constant", "per_pt", "largest")


Radius = float | SlidingCone


def check_radii(of: object, *names: str) -> None:
    """Makes sure that attributes of a step are radii: 0 or more, or a sliding cone.

    Raises:
        TypeError: one is no number.
        ValueError: one is negative or nan.
    """
    for name in names:
        radius = getattr(of, name)
        if isinstance(radius, SlidingCone):
            continue
        what = f"{type(of).__name__}: {name} is {radius!r:.100}"
        if not isinstance(radius, Real) or isinstance(radius, bool):
            msg = f"{what}, where a number is expected"
            raise TypeError(msg)
        if not float(radius) >= 0:  # nan is not
            msg = f"{what}, where a number of 0 or more is expected"
            raise ValueError(msg)


class Pairs(NamedTuple):
    """Numbers of objects: of each pair the first, and the second."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.first[mask], self.second[mask])


def pairs(
    first: Candidates,
    second: Candidates,
    *,
    firsts: NDArray[np.bool_] | None = None,
    seconds: NDArray[np.bool_] | None = None,
) -> Pairs:
    """All pairs within events, by the number of the first and then of the second.

    `firsts` and `seconds` choose objects; without them the surviving ones are paired.
    """
    rows = np.flatnonzero(first.surviving if firsts is None else firsts)
    others = np.flatnonzero(second.surviving if seconds is None else seconds)
    counts = np.bincount(second.event[others], minlength=len(second.offsets) - 1)
    begins = np.cumsum(counts) - counts
    event = first.event[rows]
    number = counts[event]  # of pairs for each of the first
    shift = begins[event] - (np.cumsum(number) - number)
    places = np.repeat(shift, number)
    places += np.arange(len(places))
    return Pairs(np.repeat(rows, number), others[places])


def radius_around(objects: Candidates, radius: Radius) -> float | NDArray[np.float64]:
    """A radius, or that around each object."""
    if not isinstance(radius, SlidingCone):
        # The tools keep radii in single precision.
        return float(np.float32(radius))
    with np.errstate(all="ignore"):
        sliding = radius.constant + radius.per_pt / objects.pt.astype(np.float64)
    return np.where(radius.largest < sliding, radius.largest, sliding)


def close(first: Candidates, second: Candidates, of: Pairs, radius: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pairs are within a radius, or within that around their first object."""
    with np.errstate(all="ignore"):
        turn = first.phi[of.first]
        turn -= second.phi[of.second]
        np.abs(turn, out=turn)
        if np.any(turn > _FULL_TURN):
            np.fmod(turn, _FULL_TURN, out=turn)
        np.minimum(turn, _FULL_TURN - turn, out=turn)
        limit = radius[of.first] if isinstance(radius, np.ndarray) else radius
        found = ~(turn > limit)  # so that NaN is within
        # Most pairs are told apart by now.
        rest = np.flatnonzero(found)
        turn = turn[rest]
        limit = limit[rest] if isinstance(limit, np.ndarray) else limit
        distance = np.abs(first.rapidity[of.first[rest]] - second.rapidity[of.second[rest]])
        found[rest] = ~(distance > limit) & ~(distance * distance + turn * turn > limit * limit)
    return found


def near(first: Candidates, second: Candidates, radius: Radius) -> Pairs:
    """The pairs of surviving objects that are within a radius; a sliding one goes by the pT of the first."""
    found = pairs(first, second)
    return found.where(close(first, second, found, radius_around(first, radius)))
