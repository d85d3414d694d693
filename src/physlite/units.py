"""Units of the values in the files: MeV, mm and rad are 1. `pt / units.GeV` is a transverse momentum in GeV.

Files have no cross-sections. Of these pb is 1, and of luminosities 1/pb: `36.6 / units.fb` is 36.6 fb⁻¹.
"""

from __future__ import annotations

MeV = 1.0
GeV = 1000.0
TeV = 1_000_000.0
mm = 1.0
cm = 10.0
m = 1000.0
rad = 1.0
fb = 0.001
pb = 1.0
nb = 1000.0
ub = 1_000_000.0

__all__ = ["GeV", "MeV", "TeV", "cm", "fb", "m", "mm", "nb", "pb", "rad", "ub"]
