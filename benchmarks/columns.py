"""The columns that are read, with the names of a tree; and those of an RNTuple in place of them."""

from __future__ import annotations

__all__ = ["FLOATS", "LINKS", "LIST15", "NESTED", "TRACK_COLUMNS", "in_ntuple"]

_JETS = "AnalysisJetsAuxDyn."
_PHOTONS = "AnalysisPhotonsAuxDyn."
_TAUS = "AnalysisTauJetsAuxDyn."
_VERTICES = "PrimaryVerticesAuxDyn."

# Ten of the next list.
FLOATS = [
    f"{_JETS}{name}"
    for name in (
        "pt", "eta", "phi", "m", "JetConstitScaleMomentum_pt", "JetConstitScaleMomentum_m", "EMFrac", "Width", "Timing",
        "PSFrac",
    )
]  # fmt: skip
NESTED = [f"{_JETS}SumPtTrkPt500"]
LINKS = [f"{_JETS}GhostTrack"]

# What the "200 Gbps" exercise of IRIS-HEP reads, about 15 % of the bytes of a production file: all 45 branches of
# BRANCH_LIST in materialize_branches.ipynb of github.com/iris-hep/idap-200gbps-atlas (commit 3ffc841), the version for
# uproot alone. Left out is an earlier list for 25 %, which has links and lists of lists as well.
LIST15 = [
    *(f"{_VERTICES}{name}" for name in "xyz"),
    *(
        f"{_JETS}{name}"
        for name in (
            "pt", "eta", "phi", "m", "JetConstitScaleMomentum_pt", "JetConstitScaleMomentum_eta",
            "JetConstitScaleMomentum_phi", "JetConstitScaleMomentum_m", "ActiveArea4vec_pt", "ActiveArea4vec_eta",
            "ActiveArea4vec_phi", "ActiveArea4vec_m", "DetectorEta", "Timing", "Width", "EMFrac", "PSFrac", "JVFCorr",
            "DFCommonJets_QGTagger_TracksC1", "DFCommonJets_QGTagger_TracksWidth", "DFCommonJets_QGTagger_NTracks",
            "DFCommonJets_fJvt", "GhostMuonSegmentCount",
        )
    ),
    *(
        f"{_PHOTONS}{name}"
        for name in (
            "pt", "eta", "phi", "f1", "OQ", "topoetcone20", "topoetcone40", "topoetcone20ptCorrection",
            "topoetcone40ptCorrection", "topoetcone20_CloseByCorr", "topoetcone40_CloseByCorr", "ptcone20",
            "ptcone20_CloseByCorr", "DFCommonPhotonsIsEMTightIsEMValue",
        )
    ),
    *(
        f"{_TAUS}{name}"
        for name in (
            "RNNJetScore", "JetDeepSetScore", "etaTauEnergyScale", "etaFinalCalib", "RNNEleScoreSigTrans_v1",
        )
    ),
]  # fmt: skip

TRACK_COLUMNS = ["AnalysisElectronsAuxDyn.trackParticleLinks", "GSFTrackParticlesAuxDyn.z0"]


def in_ntuple(name: str) -> str:
    """What an RNTuple calls a column of a dynamic store."""
    return name.replace(".", ":")
