"""Where the tracks of leptons come from: their distances to the beam and, along it, to the primary vertex.

The beam and the vertices are those of the file, or of the variation that the leptons are of. Fields that were given to
`events` by hand do not count, since leptons know their file and not these events: use `varied` or `variations`.

As xAOD::TrackingHelpers::d0significance in Athena's Event/xAOD/xAODTracking (xAODTracking/TrackParticlexAODHelpers.h),
and the cuts of CP::AsgLeptonTrackSelectionAlg in PhysicsAnalysis/Algorithms/AsgAnalysisAlgorithms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.analysis.columns import all_of, decided, not_stored, require
from physlite.model.edm import double
from physlite.model.follow import require_source
from physlite.model.objects import EVENT, split_event
from physlite.model.placing import covering
from physlite.model.structure import map_structure

__all__ = ["d0_significance", "prompt", "z0_sin_theta"]

# The variance of d0 is the first of both: of the diagonal, and of the lower half of the matrix, row by row.
_VARIANCES = ("definingParametersCovMatrixDiag", "definingParametersCovMatrix")

# xAOD::VxType::PriVtx.
_PRIMARY = 1

# Gives a field of a collection in all events.
_Column = Callable[[str, str], ak.Array]


def d0_significance(leptons: ak.Array) -> Any:
    """The transverse impact parameter of each lepton's track, in its standard deviations, with the size of the beam.

    Args:
        leptons: electrons or muons, in any selection of them.

    Returns:
        Numbers in double precision, with the sign of d0; NaN where the track or its covariance is missing, or the beam
        has sizes that Athena throws an exception at. Of a single lepton an array of one number.

    Raises:
        ColumnNotFoundError: the tracks have no covariance, or the events no size of the beam.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    tracks = leptons.trackParticle
    column = require(tracks, _VARIANCES, "the significance of d0", "leave d0_significance out")
    beam = _of_events(leptons, _beam_spot)
    return _significance(tracks["d0"], tracks["phi"], ak.firsts(tracks[column], axis=-1), *beam)


def z0_sin_theta(leptons: ak.Array) -> Any:
    """The distance along the beam of each lepton's track to the primary vertex, times the sine of its polar angle.

    Other than in AsgLeptonTrackSelectionAlg.cxx, there is no such distance in events without a primary vertex; there it
    is that to z = 0. The angle is that of the track, there that of the lepton, which is the same but for rounding.

    Args:
        leptons: electrons or muons, in any selection of them.

    Returns:
        mm in double precision, with its sign; NaN where there is no track, or no primary vertex in the event.

    Raises:
        ColumnNotFoundError: the file does not store where tracks and vertices are.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    tracks = leptons.trackParticle
    names = (require(tracks, (name,), "z0 sin θ", "leave z0_sin_theta out") for name in ("z0", "vz", "theta"))
    z0, vz, theta = (double(tracks[name]) for name in names)
    (primary_z,) = _of_events(leptons, _primary_z)
    distance = (z0 + vz - primary_z) * np.sin(theta)
    return ak.fill_none(distance, np.nan, axis=-1)


def prompt(leptons: ak.Array, *, d0_significance: float | None = None, z0_sin_theta: float | None = None) -> Any:
    """Which leptons come from the primary vertex.

    ATLAS uses a significance of 5 for electrons and 3 for muons, and 0.5 mm for both
    (ElectronAnalysisConfig.py and MuonAnalysisConfig.py of PhysicsAnalysis/Algorithms).

    Args:
        leptons: electrons or muons, in any selection of them.
        d0_significance: the absolute value has to be below this; None: whatever it is.
        z0_sin_theta: the same of the distance, in mm.

    Returns:
        One bool for each lepton; False where what is asked for cannot be computed.

    Raises:
        ColumnNotFoundError, ValueError: as the functions of these names.
    """
    cuts = ((_d0_significance, d0_significance), (_z0_sin_theta, z0_sin_theta))
    return all_of(leptons, (abs(value(leptons)) < limit for value, limit in cuts if limit is not None))


# `prompt` has arguments of these names.
_d0_significance, _z0_sin_theta = d0_significance, z0_sin_theta


def _significance(d0: Any, phi: Any, variance: Any, sigma_x: Any, sigma_y: Any, sigma_xy: Any) -> Any:
    sin, cos = np.sin(double(phi)), np.cos(double(phi))
    beam = sin * (sin * sigma_x**2 - cos * sigma_xy) + cos * (cos * sigma_y**2 - sin * sigma_xy)
    total = double(variance) + beam
    # As there: a track's own variance has to be positive, and the beam needs a covariance that is possible.
    possible = sigma_x**2 + sigma_y**2 >= 2 * abs(sigma_xy)
    total = ak.where((variance > 0) & (total > 0) & possible, total, np.nan)
    return ak.fill_none(double(d0) / np.sqrt(total), np.nan, axis=-1)


def _beam_spot(column: _Column) -> list[NDArray[np.float64]]:
    return [_filled(column("EventInfo", f"beamPosSigma{axes}")) for axes in ("X", "Y", "XY")]


def _primary_z(column: _Column) -> list[NDArray[np.float64]]:
    z = column("PrimaryVertices", "z")[decided(column("PrimaryVertices", "vertexType") == _PRIMARY)]
    return [_filled(ak.firsts(z))]


def _filled(values: ak.Array) -> NDArray[np.float64]:
    """One number an event, NaN where there is none."""
    filled: NDArray[np.float64] = ak.to_numpy(ak.fill_none(double(values), np.nan))
    return filled


def _of_events(objects: ak.Array, values_of: Callable[[_Column], list[NDArray[np.float64]]]) -> list[ak.Array]:
    """For each object some numbers of its event, which `values_of` takes from columns of all events."""
    numbers = ak.to_layout(objects[EVENT])
    flat = ak.to_numpy(ak.flatten(ak.drop_none(ak.Array(numbers), axis=None), axis=None))
    source = covering(require_source(objects), flat, "objects", "select them")

    def column(collection: str, field: str) -> ak.Array:
        found = source.store.schema.collections.get(collection)
        if found is None or not {field} & (found.fields.keys() | source.changed_fields(collection)):
            raise not_stored(objects, (field,), "the impact parameter", "leave it out", collection)
        return ak.Array(source.event_column(collection, field))

    def taken(values: NDArray[np.float64], layout: Content) -> Content:
        if not layout.is_numpy:
            return map_structure(layout, partial(taken, values))
        return ak.contents.NumpyArray(values[split_event(np.asarray(layout.data))[1] - source.start])

    return [ak.Array(taken(values, numbers)) for values in values_of(column)]
