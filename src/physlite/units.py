"""Units of the values in the files: MeV, mm and rad are 1. `pt / units.GeV` is a transverse momentum in GeV."""

from __future__ import annotations

MeV = 1.0
GeV = 1000.0
TeV = 1_000_000.0
mm = 1.0
cm = 10.0
m = 1000.0
rad = 1.0

__all__ = ["GeV", "MeV", "TeV", "cm", "m", "mm", "rad"]
