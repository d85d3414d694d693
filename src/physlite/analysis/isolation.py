"""Isolation: limits on the energy around electrons, muons and photons, as a fraction of their pT.

Athena's PhysicsAnalysis/AnalysisCommon/IsolationSelection has the working points (Root/IsolationSelectionTool.cxx), and
says how they are compared (Root/IsolationConditionFormula.cxx, IsolationConditionCombined.cxx). The columns are in MeV.
Limits are computed in double precision and rounded to single, as there (`m_cutValue` is a float), and so are sums with
neutral particles (`isoValue`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import awkward as ak
import numpy as np

from physlite.analysis.columns import Needs, columns_of, decided
from physlite.model.edm import double
from physlite.units import GeV

__all__ = ["Limit", "isolated", "needs_of"]

# Above, cones of fixed radius take the place of those that shrink with pT.
FIXED_RADIUS_ABOVE = 50 * GeV

# The part of neutral particles' energy that counts beside the tracks, where it is positive.
_NEUTRAL_FRACTION = 0.4
_NEUTRAL = ("neflowisol20",)


class Limit(NamedTuple):
    """What a variable may be at most: `slope` · pT + `constant`, and `least` where that is more. In MeV.

    Attributes:
        variable: a column; `{tracks}` in it stands for the choice of tracks, whose name changed with the release.
        slope: of pT.
        constant: added to it.
        least: the lowest value of the limit.
        at_high_pt: the column that is limited instead of objects above 50 GeV.
        with_neutral: whether neutral particles' energy, weighted, is added to the variable.
    """

    variable: str
    slope: float = 0.0
    constant: float = 0.0
    least: float = -np.inf
    at_high_pt: str = ""
    with_neutral: bool = False

    def needs(self, tracks: tuple[str, ...]) -> Needs:
        """The columns that it compares, with the names that the choice of tracks has had."""
        variables = [variable for variable in (self.variable, self.at_high_pt) if variable]
        named = tuple(tuple(dict.fromkeys(v.format(tracks=name) for name in tracks)) for v in variables)
        return (*named, _NEUTRAL) if self.with_neutral else named


def needs_of(points: Mapping[str, tuple[Limit, ...]], tracks: tuple[str, ...]) -> dict[str, Needs]:
    """The columns that each working point needs."""
    return {name: tuple(need for limit in limits for need in limit.needs(tracks)) for name, limits in points.items()}


def isolated(
    objects: ak.Array,
    working_point: str,
    points: Mapping[str, tuple[Limit, ...]],
    tracks: tuple[str, ...],
    kind: str,
) -> Any:
    """Which objects are within all limits of a working point; `kind` is as for `columns_of`.

    Raises:
        SelectionError: no such working point, or objects of another class.
        ColumnNotFoundError: the objects lack a column of it.
    """
    columns = iter(columns_of(objects, "isolation", working_point, needs_of(points, tracks), kind))
    pt = double(objects["pt"])
    high = pt > FIXED_RADIUS_ABOVE
    passed = True
    for limit in points[working_point]:
        names = [next(columns) for _ in range(2 if limit.at_high_pt else 1)]
        values = [double(objects[name]) for name in names]
        if limit.with_neutral:
            neutral = _NEUTRAL_FRACTION * np.maximum(double(objects[next(columns)]), 0)
            values = [_single(abs(value) + neutral) for value in values]
        most = _single(np.maximum(limit.slope * pt + limit.constant, limit.least))
        low, *fixed = (value <= most for value in values)
        passed = passed & (((~high & low) | (high & fixed[0])) if fixed else low)
    return decided(passed)


def _single(values: Any) -> Any:
    return ak.values_astype(values, np.float32) if isinstance(values, ak.Array) else np.float32(values)
