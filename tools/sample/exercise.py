"""Columns of photons and taus that the public 200 Gbps exercise reads and that nothing else here needs.

The exercise is iris-hep/idap-200gbps-atlas; ranges and shares of the values are those of real files of releases 22.2
and 24.0.
"""

from __future__ import annotations

import numpy as np

from .reconstruct import Reconstruction

FAILED_CUTS = (13, 21)  # bits that fail most often in DFCommonPhotonsIsEMTightIsEMValue


def add(rng: np.random.Generator, reconstruction: Reconstruction) -> None:
    """Completes the photons and the taus."""
    photons = reconstruction["AnalysisPhotons"]
    n = len(photons)
    failed = sum((rng.random(n) < 0.5).astype(np.uint32) << np.uint32(bit) for bit in FAILED_CUTS)
    photons["DFCommonPhotonsIsEMTightIsEMValue"] = np.where(photons["DFCommonPhotonsIsEMTight"], 0, failed).astype("u4")
    for cone in ("topoetcone20", "topoetcone40"):
        photons[f"{cone}ptCorrection"] = -rng.normal(750, 200, n)
        photons[f"{cone}_CloseByCorr"] = photons[cone] - np.where(rng.random(n) < 0.1, rng.exponential(5000, n), 0)
    photons["ptcone20_CloseByCorr"] = np.where(rng.random(n) < 0.95, photons["ptcone20"], 0)
    taus = reconstruction["AnalysisTauJets"]
    n = len(taus)
    taus["JetDeepSetScore"] = np.clip(taus["RNNJetScore"] * rng.lognormal(0, 0.3, n), 0, 1) ** 2
    taus["RNNEleScoreSigTrans_v1"] = rng.random(n)
    for name, resolution in (("etaFinalCalib", 0.005), ("etaTauEnergyScale", 0.02)):
        taus[name] = taus["eta"] + rng.normal(0, resolution, n)
