"""Which releases store the columns that working points are made of: measured, in one file of each.

The files are simulation, of derivations made with the releases 21.2.108, 22.2.110, 24.0.2 and 25.0.26. Other versions
of a release can store more or less; the table is for messages only, nothing is decided by it.
"""

from __future__ import annotations

__all__ = ["releases_with"]

_R21, _R22, _R24, _R25 = "21.2", "22.2", "24.0", "25.0"
_SINCE_22 = (_R22, _R24, _R25)
_SINCE_24 = (_R24, _R25)
_ALL = (_R21, *_SINCE_22)

_LOOSE_CONE = "Nonprompt_All_MaxWeightTTVALooseCone"
_MAX_WEIGHT = "Nonprompt_All_MaxWeightTTVA"

# By class of objects. Columns that no file of these has are not listed.
STORED: dict[str, dict[str, tuple[str, ...]]] = {
    "Electron": {
        "DFCommonElectronsDNNLoose": (_R25,),
        "DFCommonElectronsDNNMedium": (_R25,),
        "DFCommonElectronsDNNMediumNoCF": (_R25,),
        "DFCommonElectronsDNNTight": (_R25,),
        "DFCommonElectronsDNNTightNoCF": (_R25,),
        "DFCommonElectronsDNNVeryLooseNoCF97": (_R25,),
        "DFCommonElectronsECIDS": _ALL,
        "DFCommonElectronsLHLoose": _ALL,
        "DFCommonElectronsLHLooseBL": _ALL,
        "DFCommonElectronsLHMedium": _ALL,
        "DFCommonElectronsLHTight": _ALL,
        "DFCommonElectronsLHVeryLoose": _ALL,
        "OQ": _ALL,
        "author": _ALL,
        "neflowisol20": _SINCE_24,
        f"ptcone20_{_LOOSE_CONE}_pt1000": _SINCE_22,
        f"ptcone20_{_LOOSE_CONE}_pt500": _SINCE_24,
        "ptcone20_TightTTVA_pt1000": (_R21,),
        "ptcone20_TightTTVA_pt500": (_R21,),
        "ptvarcone20_TightTTVA_pt1000": (_R21,),
        f"ptvarcone30_{_LOOSE_CONE}_pt1000": _SINCE_22,
        f"ptvarcone30_{_LOOSE_CONE}_pt500": _SINCE_24,
        "ptvarcone30_TightTTVA_pt1000": (_R21,),
        "ptvarcone30_TightTTVA_pt500": (_R21,),
        "topoetcone20": _ALL,
    },
    "Muon": {
        "neflowisol20": _SINCE_24,
        f"ptcone20_{_MAX_WEIGHT}_pt1000": _SINCE_22,
        f"ptcone20_{_MAX_WEIGHT}_pt500": _SINCE_22,
        "ptcone20_TightTTVA_pt1000": (_R21,),
        "ptcone20_TightTTVA_pt500": (_R21,),
        f"ptvarcone30_{_MAX_WEIGHT}_pt1000": _SINCE_22,
        f"ptvarcone30_{_MAX_WEIGHT}_pt500": _SINCE_22,
        "ptvarcone30_TightTTVA_pt1000": (_R21,),
        "ptvarcone30_TightTTVA_pt500": (_R21,),
        "quality": _ALL,
        "topoetcone20": (_R21, _R22, _R25),
    },
    "Photon": {
        "DFCommonPhotonsCleaning": _ALL,
        "DFCommonPhotonsCleaningNoTime": _ALL,
        "DFCommonPhotonsIsEMLoose": _ALL,
        "DFCommonPhotonsIsEMMedium": (_R25,),
        "DFCommonPhotonsIsEMTight": _ALL,
        "DFCommonPhotonsIsEMTightPtIncl": (_R21,),
        "OQ": _ALL,
        "author": _ALL,
        "ptcone20": _ALL,
        "topoetcone20": _ALL,
        "topoetcone40": _ALL,
    },
    "TauJet": {
        "EleRNNLoose_v1": _SINCE_22,
        "EleRNNMedium_v1": _SINCE_22,
        "EleRNNTight_v1": _SINCE_22,
        "GNTauL_v0prune": (_R25,),
        "GNTauM_v0prune": (_R25,),
        "GNTauT_v0prune": (_R25,),
        "GNTauVL_v0prune": (_R25,),
        "JetDeepSetLoose": (_R24,),
        "JetDeepSetMedium": (_R24,),
        "JetDeepSetTight": (_R24,),
        "JetDeepSetVeryLoose": (_R24,),
        "charge": _ALL,
        "isTauFlags": _ALL,
    },
    "TauTrack": {"flagSet": _SINCE_22},
    "Event": {"GSFConversionVertices": _SINCE_22},
    "PrimaryVertices": {"vertexType": _ALL, "z": _ALL},
    "TrackParticle": {
        "d0": _ALL,
        "definingParametersCovMatrix": (_R21,),
        "definingParametersCovMatrixDiag": _SINCE_22,
        "phi": _ALL,
        "theta": _ALL,
        "vz": _ALL,
        "z0": _ALL,
    },
    "Jet": {
        "DFCommonJets_fJvt": _ALL,
        "DFCommonJets_jetClean_LooseBad": (_R25,),
        "DFCommonJets_jetClean_TightBad": (_R25,),
        "DetectorEta": _ALL,
        "Jvt": (_R21,),
        "NNJvtPass": _SINCE_22,
    },
    "BTagging": {
        "DL1dv01_pb": _SINCE_22,
        "DL1r_pb": (_R21,),
        "GN2v01_pb": (_R25,),
    },
    "EventInfo": {
        "DFCommonJets_eventClean_LooseBad": _ALL,
        "DFCommonJets_eventClean_LooseBadLLP": (_R21, _R22, _R24),
        "beamPosSigmaX": _ALL,
        "beamPosSigmaXY": _ALL,
        "beamPosSigmaY": _ALL,
    },
}


def releases_with(kind: str, columns: tuple[str, ...]) -> str:
    """Which releases store one of these columns, in words.

    Args:
        kind: the class of objects, as `Electron`.
        columns: names of the same thing.
    """
    stored = STORED.get(kind, {})
    found = sorted({release for column in columns for release in stored.get(column, ())})
    return f"files of release {', '.join(found)} have it" if found else "no release that was looked at has it"
