"""Columns of photons, taus and jets that the public 200 Gbps exercise reads and that nothing else here needs.

The exercise is iris-hep/idap-200gbps-atlas; ranges and shares of the values are those of real files of releases 22.2
and 24.0.
"""

from __future__ import annotations

import numpy as np

from .reconstruct import Reconstruction

FAILED_CUTS = (13, 21)  # bits that fail most often in DFCommonPhotonsIsEMTightIsEMValue
JET_DIRECTIONS = {"JetConstitScaleMomentum": 0.01, "ActiveArea4vec": 0.05}  # how far they are from the jet's
DETECTOR_ETA = 0.05  # from the detector's origin, not from the vertex


def add(rng: np.random.Generator, reconstruction: Reconstruction) -> None:
    """Completes the photons, the taus and the jets."""
    photons = reconstruction["AnalysisPhotons"]
    n = len(photons)
    failed = sum((rng.random(n) < 0.5).astype(np.uint32) << np.uint32(bit) for bit in FAILED_CUTS)
    failed = np.where(failed == 0, np.uint32(1) << np.uint32(FAILED_CUTS[0]), failed)
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
    jets = reconstruction["AnalysisJets"]
    n = len(jets)
    # An RNTuple stores equal pages once: directions that are copies would cost it nothing.
    for name, resolution in JET_DIRECTIONS.items():
        jets[f"{name}_eta"] = jets["eta"] + rng.normal(0, resolution, n)
        jets[f"{name}_phi"] = (jets["phi"] + rng.normal(0, resolution, n) + np.pi) % (2 * np.pi) - np.pi
    jets["DetectorEta"] = jets["eta"] + rng.normal(0, DETECTOR_ETA, n)
