"""The fit of the Z boson's peak: a Breit–Wigner, smeared by a Gaussian resolution, on a linear background.

Their convolution is the Voigt profile (scipy.special.voigt_profile). In some pairs a lepton has radiated a photon:
their mass is smaller, by an amount that falls exponentially. The likelihood is that of counts, which also holds where
there are few; its minimum and the uncertainties are found by Minuit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import hist
import numpy as np
from iminuit import Minuit
from iminuit.cost import poisson_chi2
from scipy.special import voigt_profile

__all__ = ["PARAMETERS", "Fit", "Radiation", "fit"]

Z_MASS, Z_WIDTH = 91.1876, 2.4952  # in GeV: Particle Data Group, Review of Particle Physics 2024
RANGE = (70.0, 112.0)  # in GeV
TYPICAL_RESOLUTION = 1.5  # GeV, where the fit begins when it is not known
PARAMETERS = ("mass", "width", "resolution", "events", "low", "high")
NOTHING = 1e-2  # events for each GeV: of a background as small as this there is no uncertainty
NODES, WEIGHTS = np.polynomial.laguerre.laggauss(40)  # of integrals with a falling exponential


class Radiation(NamedTuple):
    """Radiation in the final state: the part of the pairs that have lost mass by it, and how much of it, in GeV."""

    part: float = 0.0
    loss: float = 0.0


NO_RADIATION = Radiation()


@dataclass(frozen=True)
class Fit:
    """What a fit has found.

    Attributes:
        values: of the parameters: `mass`, `width` and `resolution` in GeV, `events` in the peak, and the background at
            the `low` and at the `high` end of the range, in events for each GeV.
        errors: one standard deviation of each; 0 of what was not fitted, and of a background that is not there.
        data: what was fitted.
        signal, background: what is expected in the same bins.
        chi2: of the data, relative to what is expected (Baker and Cousins, NIM 221 (1984) 437).
        degrees: of freedom.
        converged: whether a minimum was found; if not, nothing of this is to be believed.
    """

    values: dict[str, float]
    errors: dict[str, float]
    data: hist.Hist
    signal: hist.Hist
    background: hist.Hist
    chi2: float
    degrees: int
    converged: bool


def fit(mass: hist.Hist, resolution: float | None = None, radiation: Radiation = NO_RADIATION) -> Fit:
    """Fits the peak.

    Width and resolution make nearly the same shape. So only one of them is fitted: the width where the resolution is
    known, else the resolution.

    Args:
        mass: counts, in GeV.
        resolution: standard deviation of the mass of a pair, in GeV.
        radiation: as simulation says; by default none.
    """
    mass = mass[hist.loc(RANGE[0]) : hist.loc(RANGE[1])]
    counts, centers, widths = mass.values(), mass.axes[0].centers, mass.axes[0].widths

    def expected(*parameters: float) -> tuple[np.ndarray, np.ndarray]:
        return _peak(centers, radiation, *parameters) * widths, _line(centers, *parameters) * widths

    def distance(*parameters: float) -> float:
        return poisson_chi2(counts, sum(expected(*parameters)))

    minuit = Minuit(distance, Z_MASS, Z_WIDTH, resolution or TYPICAL_RESOLUTION, counts.sum(), 1, 1, name=PARAMETERS)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits["width", "resolution"] = (0.1, 10)
    minuit.limits["events", "low", "high"] = (0, None)
    minuit.fixed["width" if resolution is None else "resolution"] = True
    minuit.migrad()
    for end in ("low", "high"):  # at its limit a parameter has no second derivative
        minuit.fixed[end] = minuit.values[end] < NOTHING
    minuit.hesse()
    values = minuit.values.to_dict()
    errors = {name: 0.0 if minuit.fixed[name] else error for name, error in minuit.errors.to_dict().items()}
    signal, background = (_like(mass, numbers) for numbers in expected(*minuit.values))
    return Fit(values, errors, mass, signal, background, minuit.fval, len(centers) - minuit.nfit, minuit.valid)


def _peak(
    m: np.ndarray, radiation: Radiation, mass: float, width: float, resolution: float, events: float, *_: float
) -> np.ndarray:
    """Events for each GeV."""
    losses = np.array([0.0, *(radiation.loss * NODES)])
    parts = np.array([1 - radiation.part, *(radiation.part * WEIGHTS)])
    return events * voigt_profile(m[:, None] + losses - mass, resolution, width / 2) @ parts


def _line(m: np.ndarray, *parameters: float) -> np.ndarray:
    return np.interp(m, RANGE, parameters[-2:])


def _like(mass: hist.Hist, numbers: np.ndarray) -> hist.Hist:
    """A histogram of the same axis, of numbers that are known exactly."""
    histogram = hist.Hist(*mass.axes, storage=hist.storage.Weight())
    histogram.view().value = numbers
    return histogram
