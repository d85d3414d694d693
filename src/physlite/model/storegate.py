"""Names of containers to the keys that element links carry.

A key is StoreGate's hash of a container's name and its class ID (SGTE's 30-bit hash: `SG::StringPool` in Athena's
Control/SGTools, with the CRC of `CxxUtils::crc64`); class IDs are given by CLASS_DEF in the headers of the classes.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CLASS_IDS", "NOT_STORED", "sg_key"]

_POLYNOMIAL = 0x95AC9329AC4BC9B5  # reversed
_KEY_BITS = 0x3FFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def sg_key(container: str, class_id: int) -> int:
    """The `m_persKey` of links into a container: CRC over the name, then over the class ID, low byte first."""
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in container.encode():
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    while class_id > 0:
        crc = _CRC[(crc ^ class_id) & 0xFF] ^ crc >> 8
        class_id >>= 8
    return crc & _KEY_BITS


CLASS_IDS: Final = {
    "DataVector<xAOD::BTagVertex_v1>": 1158124735,
    "DataVector<xAOD::BTagging_v1>": 1264356158,
    "DataVector<xAOD::CaloCluster_v1>": 1219821989,
    "DataVector<xAOD::CaloRings_v1>": 1146041125,
    "DataVector<xAOD::DiTauJet_v1>": 1281324766,
    "DataVector<xAOD::Electron_v1>": 1087532415,
    "DataVector<xAOD::EmTauRoI_v2>": 1078901071,
    "DataVector<xAOD::FlowElement_v1>": 1158384067,
    "DataVector<xAOD::HIEventShape_v2>": 1155025655,
    "DataVector<xAOD::JetRoI_v2>": 1132837218,
    "DataVector<xAOD::Jet_v1>": 1244316195,
    "DataVector<xAOD::L2CombinedMuon_v1>": 1201561309,
    "DataVector<xAOD::L2StandAloneMuon_v2>": 1307619630,
    "DataVector<xAOD::MuonRoI_v1>": 1311809787,
    "DataVector<xAOD::MuonSegment_v1>": 1129401482,
    "DataVector<xAOD::Muon_v1>": 1178459224,
    "DataVector<xAOD::PFO_v1>": 1177172577,
    "DataVector<xAOD::Particle_v1>": 1141859363,
    "DataVector<xAOD::Photon_v1>": 1105575213,
    "DataVector<xAOD::RingSet_v1>": 1213110449,
    "DataVector<xAOD::SlowMuon_v1>": 1143850792,
    "DataVector<xAOD::TauJet_v3>": 1177172564,
    "DataVector<xAOD::TauTrack_v1>": 1306133771,
    "DataVector<xAOD::TrackCaloCluster_v1>": 1138314170,
    "DataVector<xAOD::TrackParticleClusterAssociation_v1>": 1245808135,
    "DataVector<xAOD::TrackParticle_v1>": 1287425431,
    "DataVector<xAOD::TrigBphys_v1>": 1329567956,
    "DataVector<xAOD::TrigComposite_v1>": 1333228823,
    "DataVector<xAOD::TrigEMCluster_v1>": 1264979038,
    "DataVector<xAOD::TrigElectron_v1>": 1119645201,
    "DataVector<xAOD::TrigMissingET_v1>": 1134334,
    "DataVector<xAOD::TrigPassBits_v1>": 1118282457,
    "DataVector<xAOD::TrigRNNOutput_v2>": 1107329221,
    "DataVector<xAOD::TrigRingerRings_v2>": 1302123242,
    "DataVector<xAOD::TrigSpacePointCounts_v1>": 1208170683,
    "DataVector<xAOD::TrigT2MbtsBits_v1>": 1119932133,
    "DataVector<xAOD::TrigT2ZdcSignals_v1>": 1092578609,
    "DataVector<xAOD::TrigTrackCounts_v1>": 1327042225,
    "DataVector<xAOD::TrigVertexCounts_v1>": 1126179625,
    "DataVector<xAOD::TruthEvent_v1>": 1200227006,
    "DataVector<xAOD::TruthParticle_v1>": 1237340765,
    "DataVector<xAOD::TruthVertex_v1>": 1239726567,
    "DataVector<xAOD::Vertex_v1>": 1092961325,
    "xAOD::AuxContainerBase": 1225080690,
    "xAOD::AuxInfoBase": 226113180,
    "xAOD::BTagVertexAuxContainer_v1": 1083866246,
    "xAOD::BTaggingAuxContainer_v1": 1243532533,
    "xAOD::BTaggingTrigAuxContainer_v1": 1090666328,
    "xAOD::BunchConfKey_v1": 27810374,
    "xAOD::CaloClusterAuxContainer_v2": 1302486236,
    "xAOD::CaloClusterTrigAuxContainer_v1": 1160663939,
    "xAOD::CaloRingsAuxContainer_v1": 1133975188,
    "xAOD::DiTauJetAuxContainer_v1": 1305731819,
    "xAOD::ElectronAuxContainer_v3": 1115737378,
    "xAOD::ElectronTrigAuxContainer_v1": 1338372933,
    "xAOD::EmTauRoIAuxContainer_v2": 1250802834,
    "xAOD::EnergySumRoIAuxInfo_v2": 263007227,
    "xAOD::EnergySumRoI_v2": 61465022,
    "xAOD::EventAuxInfo_v1": 38853911,
    "xAOD::EventInfo_v1": 45903698,
    "xAOD::EventShapeAuxInfo_v1": 129946083,
    "xAOD::EventShape_v1": 242958214,
    "xAOD::HIEventShapeAuxContainer_v2": 1170531618,
    "xAOD::JetAuxContainer_v1": 1294631886,
    "xAOD::JetEtRoIAuxInfo_v1": 261989842,
    "xAOD::JetEtRoI_v1": 96158101,
    "xAOD::JetRoIAuxContainer_v2": 1287744961,
    "xAOD::JetTrigAuxContainer_v2": 1285854532,
    "xAOD::L2CombinedMuonAuxContainer_v1": 1201627828,
    "xAOD::L2StandAloneMuonAuxContainer_v2": 1207804085,
    "xAOD::MissingETAssociationMap_v1": 135890658,
    "xAOD::MissingETAuxAssociationMap_v2": 101678877,
    "xAOD::MissingETAuxComponentMap_v1": 238293243,
    "xAOD::MissingETAuxContainer_v1": 1231193010,
    "xAOD::MissingETComponentMap_v1": 36625032,
    "xAOD::MissingETContainer_v1": 1103569747,
    "xAOD::MuonAuxContainer_v4": 1153381047,
    "xAOD::MuonRoIAuxContainer_v1": 1294319038,
    "xAOD::MuonSegmentAuxContainer_v1": 1341820669,
    "xAOD::PFOAuxContainer_v1": 1222686486,
    "xAOD::ParticleAuxContainer_v1": 1331351342,
    "xAOD::PhotonAuxContainer_v3": 1250139444,
    "xAOD::PhotonTrigAuxContainer_v1": 1270619095,
    "xAOD::RingSetAuxContainer_v1": 1229579132,
    "xAOD::RoiDescriptorStoreAuxInfo_v1": 72816317,
    "xAOD::RoiDescriptorStore_v1": 165659280,
    "xAOD::ShallowAuxContainer": 1111823638,
    "xAOD::SlowMuonAuxContainer_v1": 1161619655,
    "xAOD::TauJetAuxContainer_v3": 1307768555,
    "xAOD::TauTrackAuxContainer_v1": 1136575378,
    "xAOD::TrackCaloClusterAuxContainer_v2": 1284131157,
    "xAOD::TrackParticleAuxContainer_v3": 1209269198,
    "xAOD::TrackParticleClusterAssociationAuxContainer_v1": 1108408842,
    "xAOD::TrigBphysAuxContainer_v1": 1093324651,
    "xAOD::TrigCompositeAuxContainer_v1": 1175586382,
    "xAOD::TrigConfKeys_v1": 33226429,
    "xAOD::TrigDecisionAuxInfo_v1": 44251926,
    "xAOD::TrigDecision_v1": 92199377,
    "xAOD::TrigEMClusterAuxContainer_v2": 1111649561,
    "xAOD::TrigElectronAuxContainer_v1": 1180743572,
    "xAOD::TrigMissingETAuxContainer_v1": 1292357238,
    "xAOD::TrigNavigationAuxInfo_v1": 80701444,
    "xAOD::TrigNavigation_v1": 182785763,
    "xAOD::TrigPassBitsAuxContainer_v1": 1232503388,
    "xAOD::TrigRNNOutputAuxContainer_v2": 1268129404,
    "xAOD::TrigRingerRingsAuxContainer_v2": 1085112341,
    "xAOD::TrigSpacePointCountsAuxContainer_v1": 1092358110,
    "xAOD::TrigT2MbtsBitsAuxContainer_v1": 1255519868,
    "xAOD::TrigT2ZdcSignalsAuxContainer_v1": 1304728396,
    "xAOD::TrigTrackCountsAuxContainer_v1": 1250911248,
    "xAOD::TrigVertexCountsAuxContainer_v1": 1318703172,
    "xAOD::TruthEventAuxContainer_v1": 1274265725,
    "xAOD::TruthParticleAuxContainer_v1": 1107340896,
    "xAOD::TruthVertexAuxContainer_v1": 1254939514,
    "xAOD::VertexAuxContainer_v1": 1320163892,
}

# Containers that links name but PHYSLITE files of one release or the other do not store. One that a file does store is
# found among its own first. The name of a container and its class can change apart from each other (UFOCSSK).
NOT_STORED: Final = (
    ("AntiKt10UFOCSSKJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKt4LCTopoJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKtVR30Rmax4Rmin02PV0TrackJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKtVR30Rmax4Rmin02TrackJets_BTagging201903", "DataVector<xAOD::Jet_v1>"),
    ("CaloCalTopoClusters", "DataVector<xAOD::CaloCluster_v1>"),
    ("Electrons", "DataVector<xAOD::Electron_v1>"),
    ("GSFConversionVertices", "DataVector<xAOD::Vertex_v1>"),
    ("InDetForwardTrackParticles", "DataVector<xAOD::TrackParticle_v1>"),
    ("MSOnlyExtrapolatedMuonTrackParticles", "DataVector<xAOD::TrackParticle_v1>"),
    ("MuonClusterCollection", "DataVector<xAOD::CaloCluster_v1>"),
    ("MuonSegments", "DataVector<xAOD::MuonSegment_v1>"),
    ("MuonTruthParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("Photons", "DataVector<xAOD::Photon_v1>"),
    ("TauTracks", "DataVector<xAOD::TauTrack_v1>"),
    ("TruthCharm", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthHFWithDecayParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthVertices", "DataVector<xAOD::TruthVertex_v1>"),
    ("UFOCSSK", "DataVector<xAOD::FlowElement_v1>"),
    ("UFOCSSK", "DataVector<xAOD::TrackCaloCluster_v1>"),
)
