"""Keys of element links: StoreGate's hash of a container's name and class, and the containers the sample speaks of."""

from __future__ import annotations

from functools import cache

# Class IDs of the Athena classes (CLASS_DEF in their headers).
CLID = {
    "DataVector<xAOD::BTagging_v1>": 1264356158,
    "DataVector<xAOD::CaloCluster_v1>": 1219821989,
    "DataVector<xAOD::Electron_v1>": 1087532415,
    "DataVector<xAOD::Jet_v1>": 1244316195,
    "DataVector<xAOD::MuonSegment_v1>": 1129401482,
    "DataVector<xAOD::Muon_v1>": 1178459224,
    "DataVector<xAOD::Photon_v1>": 1105575213,
    "DataVector<xAOD::TauJet_v3>": 1177172564,
    "DataVector<xAOD::TauTrack_v1>": 1306133771,
    "DataVector<xAOD::TrackParticle_v1>": 1287425431,
    "DataVector<xAOD::TrigComposite_v1>": 1333228823,
    "DataVector<xAOD::TruthParticle_v1>": 1237340765,
    "DataVector<xAOD::TruthVertex_v1>": 1239726567,
    "DataVector<xAOD::Vertex_v1>": 1092961325,
    "xAOD::EventInfo_v1": 45903698,
    "xAOD::EventShape_v1": 242958214,
    "xAOD::TrigConfKeys_v1": 33226429,
    "xAOD::TrigDecisionAuxInfo_v1": 44251926,
    "xAOD::TrigDecision_v1": 92199377,
    "xAOD::MissingETAssociationMap_v1": 135890658,
    "xAOD::MissingETContainer_v1": 1103569747,
    "xAOD::AuxContainerBase": 1225080690,
    "xAOD::AuxInfoBase": 226113180,
    "xAOD::JetAuxContainer_v1": 1294631886,
    "xAOD::MissingETAuxAssociationMap_v2": 101678877,
}

PRESENT = {
    "AnalysisElectrons": "DataVector<xAOD::Electron_v1>",
    "AnalysisMuons": "DataVector<xAOD::Muon_v1>",
    "AnalysisPhotons": "DataVector<xAOD::Photon_v1>",
    "AnalysisTauJets": "DataVector<xAOD::TauJet_v3>",
    "AnalysisJets": "DataVector<xAOD::Jet_v1>",
    "AntiKt4TruthDressedWZJets": "DataVector<xAOD::Jet_v1>",
    "BTagging_AntiKt4EMPFlow": "DataVector<xAOD::BTagging_v1>",
    "InDetTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "GSFTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "CombinedMuonTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "ExtrapolatedMuonTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "MuonSpectrometerTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "TauTracks": "DataVector<xAOD::TauTrack_v1>",
    "PrimaryVertices": "DataVector<xAOD::Vertex_v1>",
    "egammaClusters": "DataVector<xAOD::CaloCluster_v1>",
    "MET_Core_AnalysisMET": "xAOD::MissingETContainer_v1",
    "METAssoc_AnalysisMET": "xAOD::MissingETAssociationMap_v1",
    "TruthBoson": "DataVector<xAOD::TruthParticle_v1>",
    "TruthTop": "DataVector<xAOD::TruthParticle_v1>",
    "TruthBottom": "DataVector<xAOD::TruthParticle_v1>",
    "TruthElectrons": "DataVector<xAOD::TruthParticle_v1>",
    "TruthMuons": "DataVector<xAOD::TruthParticle_v1>",
    "TruthTaus": "DataVector<xAOD::TruthParticle_v1>",
    "TruthNeutrinos": "DataVector<xAOD::TruthParticle_v1>",
    "TruthPhotons": "DataVector<xAOD::TruthParticle_v1>",
}

# Objects of which an event has one.
EVENT_INTERFACES = {
    "EventInfo": "xAOD::EventInfo_v1",
    "xTrigDecision": "xAOD::TrigDecision_v1",
    "Kt4EMPFlowEventShape": "xAOD::EventShape_v1",
}

MATCH_CLASS = "DataVector<xAOD::TrigComposite_v1>"  # of the containers with matched trigger objects

# Named by links in every PHYSLITE file, stored in none.
ABSENT = {
    "TruthParticles": "DataVector<xAOD::TruthParticle_v1>",
    "TruthCharm": "DataVector<xAOD::TruthParticle_v1>",
    "TruthVertices": "DataVector<xAOD::TruthVertex_v1>",
    "Electrons": "DataVector<xAOD::Electron_v1>",
    "Photons": "DataVector<xAOD::Photon_v1>",
    "MuonSegments": "DataVector<xAOD::MuonSegment_v1>",
    "MuonClusterCollection": "DataVector<xAOD::CaloCluster_v1>",
    "InDetForwardTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
    "MSOnlyExtrapolatedMuonTrackParticles": "DataVector<xAOD::TrackParticle_v1>",
}

CHECK_PAIRS = {
    "TruthPhotons": 13267281,
    "TruthMuons": 342174277,
    "TruthNeutrinos": 368360608,
    "TruthTaus": 375408000,
    "TruthElectrons": 394100163,
    "TruthBoson": 614719239,
    "TruthTop": 660928181,
    "TruthBottom": 779635413,
    "PrimaryVertices": 936461719,
    "AnalysisJets": 452794649,
    "TruthCharm": 1072465378,
}

_POLYNOMIAL = 0x95AC9329AC4BC9B5  # CxxUtils/crc64.cxx, reversed


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ _POLYNOMIAL if value & 1 else value >> 1
        table.append(value)
    return table


_TABLE = _crc_table()


def sg_hash(name: str, clid: int) -> int:
    """SGTE hash: crc64 over the name, then over the class ID, low byte first; the low 30 bits."""
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in name.encode():
        crc = _TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    while clid > 0:
        crc = _TABLE[(crc ^ clid) & 255] ^ (crc >> 8)
        clid >>= 8
    return crc & 0x3FFFFFFF


@cache
def key(container: str) -> int:
    """The ``m_persKey`` of links into ``container``."""
    return sg_hash(container, CLID[PRESENT.get(container) or ABSENT[container]])


def check() -> None:
    """Compare with pairs that stand in published files."""
    for container, expected in CHECK_PAIRS.items():
        if key(container) != expected:
            raise AssertionError(f"hash of {container} is {key(container)}, files have {expected}")
