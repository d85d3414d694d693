"""The event tree as a list of columns: names, C++ types and values, as a PHYSLITE file has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .generate import CONTAINER, Truth
from .hashes import PRESENT
from .reconstruct import Reconstruction
from .tables import LINK, Lists, Table, absent_link, link, shorten
from .trigger import HLTPSK, L1PSK, SMK, Trigger

RUN_NUMBER = 284500
CHANNEL_NUMBER = 999999  # no real sample has it
WEIGHT_NAMES = (" nominal ", " muR = 1.0, muF = 2.0 ", " muR = 1.0, muF = 0.5 ", " PDF set = 25200 ")

CPP_TYPE = {
    "f4": "float",
    "f8": "double",
    "i1": "char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned int",
    "i8": "long",
    "u8": "unsigned long",
}
LEAF_CODE = {"f4": "F", "i1": "B", "i4": "I", "u4": "i", "i8": "L", "u8": "l"}

# What the links of a field point to, by their C++ type.
TRACK, VERTEX, PARTICLE = "xAOD::TrackParticle_v1", "xAOD::Vertex_v1", "xAOD::IParticle"
CLUSTER, TRUTH, TRUTH_VERTEX = "xAOD::CaloCluster_v1", "xAOD::TruthParticle_v1", "xAOD::TruthVertex_v1"
TARGET = {
    "ambiguityLink": "xAOD::Egamma_v1",
    "btaggingLink": "xAOD::BTagging_v1",
    "caloClusterLinks": CLUSTER,
    "childLinks": TRUTH,
    "clusterLink": CLUSTER,
    "combinedTrackParticleLink": TRACK,
    "constituentLinks": PARTICLE,
    "extrapolatedMuonSpectrometerTrackParticleLink": TRACK,
    "firstEgMotherTruthParticleLink": TRUTH,
    "GhostTrack": PARTICLE,
    "hardScatterVertexLink": VERTEX,
    "inDetTrackParticleLink": TRACK,
    "jetLink": "xAOD::Jet_v1",
    "msOnlyExtrapolatedMuonSpectrometerTrackParticleLink": TRACK,
    "muonSegmentLinks": "xAOD::MuonSegment_v1",
    "muonSpectrometerTrackParticleLink": TRACK,
    "objectLinks": PARTICLE,
    "originalTrackParticle": TRACK,
    "parentLinks": TRUTH,
    "prodVtxLink": TRUTH_VERTEX,
    "tauTrackLinks": "xAOD::TauTrack_v1",
    "trackLinks": TRACK,
    "trackParticleLinks": TRACK,
    "TrigMatchedObjects": PARTICLE,
    "truthParticleLink": TRUTH,
    "TruthLink": TRUTH,
    "TTVA_AMVFVertices": VERTEX,
    "vertexLink": VERTEX,
    "vertexLinks": VERTEX,
}

# Mantissa bits: kinematics and scores keep more than the rest, as with the lossy compression of derivations.
KINEMATIC = {"pt", "eta", "phi", "m", "px", "py", "pz", "e", "d0", "z0", "theta", "qOverP", "z"}
KINEMATIC_BITS, OTHER_BITS, WEIGHT_BITS, FULL_BITS = 9, 4, 9, 23


# Left out of the compact sample: each branch costs about 5 kB for 2,000 events, whatever is in it.
RICH_ONLY = re.compile(
    r"AnalysisElectrons\.(DFCommonElectronsLH(VeryLoose|LooseBL)|DFCommonElectronsECIDS|ambiguityType|f1|firstEg|TruthLink|truthOrigin"
    r"|truthPdgId|neflowisol20|topoetcone20.|ptcone20|ptvarcone30.*(pt500|CloseByCorr)|.*IsEMValue)"
    r"|AnalysisMuons\.(allAuthors|CaloMuonIDTag|DFCommon|numberOf|TruthLink|truthOrigin|topoetcone20.|topoetcone[34]0|neflowisol20"
    r"|pt(var)?cone[34]0$|ptcone20|ptvarcone30.*(pt1000|CloseByCorr)|CaloLR|EnergyLoss|InnerDetectorPt|MuonSpectrometerPt"
    r"|.*Significance|msOnly|segmentDeltaEta|spectrometerField)"
    r"|AnalysisPhotons\.(DFCommonPhotonsIsEMLoose|f1|m|OQ|ptcone20|topoetcone40|truthOrigin|TruthLink|DFCommonPhotonsClean|ambiguityLink|vertexLinks)"
    r"|AnalysisTauJets\.(IsTruthMatched|JetDeepSet(VeryLoose|Medium|Tight)|m|NNDecayMode|RNNJetScoreSigTrans)"
    r"|AnalysisJets\.(ConeTruth|HadronConeExclExtended|isJvtHS|PartonTruth|ActiveArea|JetConstitScaleMomentum|Timing|EMFrac|EnergyPerSampling|Width|DFCommonJets_fJvt"
    r"|DFCommonJets_QGTagger_Tracks|GhostMuon|JVFCorr|NumTrkPt(500|1000)|PSFrac|SumPtCharged|TrackWidth|DetectorEta)"
    r"|BTagging_AntiKt4EMPFlow\.GN2v00"
    r"|AntiKt4TruthDressedWZJets\.PartonTruthLabelID"
    r"|.*TrackParticles\.(chiSquared|definingParametersCovMatrixDiag|numberDoF|numberOf)"
    r"|InDetTrackParticles\.TTVA_"
    r"|(Combined|Extrapolated|MuonSpectrometer).*\.(d0|z0)"
    r"|MuonSpectrometerTrackParticles\.qOverP"
    r"|EventInfo\.bcid|TauTracks\.flagSet"
    r"|egammaClusters\.(calM|e_sampl|eta_sampl)"
    r"|Truth\w+\.(classifierParticleType|barcode)"
    r"|Truth(Muons|Photons)\.prodVtxLink"
    r"|Truth(Bottom|Electrons|Muons|Neutrinos|Photons|Taus|Top)\.m"
    r"|Truth(Bottom|Electrons|Muons|Neutrinos|Photons|Taus|Top)\.status"
    r"|Truth(Bottom|Muons|Neutrinos|Photons)\.childLinks"
    r"|TruthTaus\.(eta_vis|m_vis|phi_vis|numCharged|DecayModeVector)"
)
COMPACT_ASSOCIATION = ("jetLink", "objectLinks", "overlapIndices", "isMisc")
COMPACT_STUBS = {"AnalysisElectronsAux."}
COMPACT_MATCHES = {
    "AnalysisTrigMatch_HLT_e26_lhtight_nod0_ivarloose",
    "AnalysisTrigMatch_HLT_mu26_ivarmedium",
    "AnalysisTrigMatch_HLT_2e17_lhvloose_nod0_L12EM15VHI",
    "AnalysisTrigMatch_HLT_e17_lhloose_nod0_mu14",
    "AnalysisTrigMatch_HLT_e17_lhmedium_nod0_ivarloose_tau25_medium1_tracktwo_L1DR-EM15TAU12I-J25",
    "AnalysisTrigMatch_HLT_e300_etcut",
}


@dataclass
class Column:
    """A branch, or a member of a static store: values, and offsets from the outermost list inwards."""

    name: str
    values: np.ndarray
    offsets: tuple[np.ndarray, ...] = ()
    store: str = ""  # the branch of the object that has it as a member
    vocabulary: tuple[str, ...] = ()  # for strings: values are codes

    @property
    def element(self) -> str:
        """C++ type of one value."""
        if self.vocabulary:
            return "string"
        if self.values.dtype == LINK:
            return f"ElementLink<DataVector<{TARGET[self.field]}> >"
        return CPP_TYPE[self.values.dtype.str[1:]]

    @property
    def field(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def leaf(self) -> str:
        """Leaf list of a plain branch."""
        return f"{self.field}/{LEAF_CODE[self.values.dtype.str[1:]]}"


@dataclass
class Content:
    """Everything that goes into the event tree."""

    n_events: int
    columns: list[Column]
    lengths: dict[str, np.ndarray]  # interface container -> offsets
    stores: dict[str, str]  # static store branch -> its class
    stubs: list[str]  # empty stores
    weights: np.ndarray


class Builder:
    """Turns tables into columns."""

    def __init__(self, n_events: int, rich: bool) -> None:
        self.rich = rich
        self.content = Content(n_events, [], {}, {}, [], np.zeros(0))

    def _prepare(self, name: str, values: np.ndarray) -> np.ndarray:
        if values.dtype == np.float64 and not name.endswith(("_vis", "_invis")):
            bits = KINEMATIC_BITS if name in KINEMATIC else OTHER_BITS
            values = shorten(values, FULL_BITS if self.rich else bits)
        return np.ascontiguousarray(values)

    def column(self, name: str, values: np.ndarray | Lists, offsets: tuple[np.ndarray, ...], store: str = "") -> None:
        """Add a column; Lists become further levels of offsets."""
        while isinstance(values, Lists):
            offsets = (*offsets, np.ascontiguousarray(values.offsets, np.int64))
            values = values.content
        prepared = self._prepare(name.rpartition(".")[2], values)
        self.content.columns.append(Column(name, prepared, offsets, store))

    def scalars(self, container: str, columns: dict[str, np.ndarray]) -> None:
        """One value an event."""
        for name, values in columns.items():
            if not self.rich and RICH_ONLY.match(f"{container}.{name}"):
                continue
            self.column(f"{container}AuxDyn.{name}", values, ())

    def collection(self, container: str, table: Table, static: tuple[str, ...] = (), cls: str = "") -> None:
        """All public columns of a table; those in ``static`` go into a store of class ``cls``."""
        offsets = table.offsets
        self.content.lengths[container] = offsets
        if cls:
            self.content.stores[f"{container}Aux."] = cls
        elif self.rich or f"{container}Aux." in COMPACT_STUBS:
            self.content.stubs.append(f"{container}Aux.")
        for name, values in table.columns.items():
            if not self.rich and RICH_ONLY.match(f"{container}.{name}"):
                continue
            if name in static:
                self.column(f"{container}Aux.{name}", values, (offsets,), f"{container}Aux.")
            elif not name.startswith("_") and name != "flavour":
                self.column(f"{container}AuxDyn.{name}", values, (offsets,))


def event_weights(rng: np.random.Generator, n: int) -> np.ndarray:
    """Generator weights: positive with a spread, some negative, and three variations of each."""
    nominal = 700 * rng.lognormal(0, 0.1, n) * np.where(rng.random(n) < 0.06, -1, 1)
    shifts = np.array([1.0, 0.93, 1.09, 1.02])
    noise = np.concatenate([np.ones((n, 1)), rng.normal(1, 0.01, (n, 3))], axis=1)
    return (nominal[:, None] * shifts * noise).astype(np.float32)


def event_info(builder: Builder, rng: np.random.Generator, reconstruction: Reconstruction) -> None:
    """EventInfo: identifiers, conditions and weights."""
    n = reconstruction.n_events
    number = np.arange(1, n + 1, dtype=np.uint64)
    weights = shorten(event_weights(rng, n), FULL_BITS if builder.rich else WEIGHT_BITS)
    vertices = reconstruction["PrimaryVertices"]
    builder.scalars(
        "EventInfo",
        {
            "runNumber": np.full(n, RUN_NUMBER, np.uint32),
            "eventNumber": number,
            "lumiBlock": (1 + number // 500).astype(np.uint32),
            "timeStamp": np.full(n, 1_446_540_000, np.uint32),
            "bcid": rng.integers(1, 3564, n).astype(np.uint32),
            "eventTypeBitmask": np.ones(n, np.uint32),  # simulation
            "averageInteractionsPerCrossing": reconstruction.mu.astype(np.float32),
            "actualInteractionsPerCrossing": reconstruction.mu.astype(np.float32),
            "mcChannelNumber": np.full(n, CHANNEL_NUMBER, np.uint32),
            "mcEventNumber": number,
            "RandomRunNumber": rng.choice([276262, 282784, 284484], n).astype(np.uint32),
            "larFlags": np.where(rng.random(n) < 0.002, 0x20000000, 0).astype(np.uint32),
            "tileFlags": np.zeros(n, np.uint32),
            "sctFlags": np.zeros(n, np.uint32),
            "coreFlags": np.zeros(n, np.uint32),
            "beamPosX": np.full(n, -0.5, np.float32),
            "beamPosY": np.full(n, -0.5, np.float32),
            "beamPosZ": np.zeros(n, np.float32),
            "beamPosSigmaZ": np.full(n, 35, np.float32),
            "DFCommonJets_eventClean_LooseBad": (rng.random(n) > 0.003).astype(np.int8),
            "hardScatterVertexLink": link("PrimaryVertices", vertices, vertices.offsets[:-1]),
        },
    )
    builder.content.weights = weights
    builder.column("EventInfoAuxDyn.mcEventWeights", Lists.regular(weights), ())
    builder.scalars("Kt4EMPFlowEventShape", {"Density": reconstruction.mu * 450 * rng.normal(1, 0.05, n)})
    if builder.rich:
        builder.content.stubs += ["EventInfoAux.", "Kt4EMPFlowEventShapeAux."]


def truth_collections(builder: Builder, truth: Truth) -> None:
    """The truth particle containers."""
    for kind, container in CONTAINER.items():
        particles = truth.particles[kind]
        table = Table(particles.n_events, particles.event)
        for i, name in enumerate(("px", "py", "pz", "e")):
            table[name] = particles["p4"][:, i]
        for name in ("m", "pdgId", "status", "barcode", "parentLinks", "childLinks"):
            table[name] = particles[name]
        n = len(table)
        if kind in ("electron", "muon", "photon"):
            table["prodVtxLink"] = absent_link("TruthVertices", np.where(table.index < 2, 3, 7))
            type_of = {"electron": 2, "muon": 6, "photon": 14}
            table["classifierParticleType"] = np.full(n, type_of[kind], np.uint32)
        if kind == "tau":
            _tau_details(table, particles)
        builder.collection(container, table)


def _tau_details(table: Table, particles: Table) -> None:
    px, py, pz, e = particles["visible"].T
    pt = np.hypot(px, py)
    table["pt_vis"] = pt
    table["eta_vis"] = np.arcsinh(pz / np.maximum(pt, 1e-9))
    table["phi_vis"] = np.arctan2(py, px)
    table["m_vis"] = np.sqrt(np.maximum(e**2 - pt**2 - pz**2, 0))
    table["IsHadronicTau"] = particles["hadronic"].astype(np.int8)
    table["numCharged"] = np.where(particles["hadronic"], particles["prongs"], 1).astype(np.uint64)
    table["DecayModeVector"] = Lists.single(np.where(particles["hadronic"], 211, 11).astype(np.int32))


def missing_energy(builder: Builder, rng: np.random.Generator, truth: Truth) -> None:
    """MET_Core: a cluster and a track soft term, from the neutrinos and a resolution."""
    n = truth.n_events
    neutrinos = truth.particles["neutrino"]
    table = Table(n, np.repeat(np.arange(n), 2))
    for i, name in enumerate(("mpx", "mpy")):
        total = np.bincount(neutrinos.event, weights=neutrinos["p4"][:, i], minlength=n)
        table[name] = np.repeat(total * 0.1, 2) + rng.normal(0, 9000, 2 * n)
    table["sumet"] = np.hypot(table["mpx"], table["mpy"]) + rng.gamma(4, 20_000, 2 * n)
    table["source"] = np.tile(np.array([69664, 81952], np.uint64), n)
    builder.collection("MET_Core_AnalysisMET", table)
    names = ("SoftClusCore", "PVSoftTrkCore")
    codes = np.tile(np.arange(2, dtype=np.int32), n)
    builder.content.columns.append(
        Column("MET_Core_AnalysisMETAuxDyn.name", codes, (table.offsets,), vocabulary=names),
    )


def associations(builder: Builder, table: Table) -> None:
    """METAssoc, a static store; with all its members in the rich sample."""
    n = len(table)
    if not builder.rich:
        table = Table(table.n_events, table.event, {name: table[name] for name in COMPACT_ASSOCIATION})
    else:
        for name in ("trkpx", "trkpy", "trkpz", "trke", "trksumpt"):
            table[name] = Lists.empty(n, np.float64)
        table["trkkey"] = Lists.empty(n, np.uint64)
        for name in ("jettrkpx", "jettrkpy", "jettrkpz", "jettrke", "jettrksumpt"):
            table[name] = np.zeros(n)
    static = tuple(table.columns)
    builder.collection("METAssoc_AnalysisMET", table, static, "xAOD::MissingETAuxAssociationMap_v2")


def trigger(builder: Builder, result: Trigger) -> None:
    """Decisions, configuration keys and matched objects."""
    n = builder.content.n_events
    store = "xTrigDecisionAux."
    builder.content.stores[store] = "xAOD::TrigDecisionAuxInfo_v1"
    builder.column(f"{store}smk", np.full(n, SMK, np.uint32), (), store)
    for name, words in result.words.items():
        lists = Lists.regular(words)
        builder.column(f"{store}{name}", lists, (), store)
    keys = "TrigConfKeys"
    builder.content.stores[keys] = "xAOD::TrigConfKeys_v1"
    for name, value in (("m_smk", SMK), ("m_l1psk", L1PSK), ("m_hltpsk", HLTPSK)):
        builder.column(f"{keys}.{name}", np.full(n, value, np.uint32), (), keys)
    empty = Table(n, np.zeros(0, np.int64))
    for container, table in (result.matches | dict.fromkeys(result.stubs, empty)).items():
        if builder.rich or container in COMPACT_MATCHES:
            builder.collection(container, table)


def build(
    rng: np.random.Generator, truth: Truth, reconstruction: Reconstruction, result: Trigger, rich: bool
) -> Content:
    """All columns of the event tree."""
    builder = Builder(truth.n_events, rich)
    trigger(builder, result)
    event_info(builder, rng, reconstruction)
    associations(builder, reconstruction["METAssoc_AnalysisMET"])
    for container in PRESENT:
        if container == "AntiKt4TruthDressedWZJets":
            table = reconstruction[container]
            table["constituentLinks"] = Lists.empty(len(table), LINK)
            table["constituentWeights"] = Lists.empty(len(table), np.float64)
            static = ("pt", "eta", "phi", "m", "constituentLinks", "constituentWeights")
            builder.collection(container, table, static, "xAOD::JetAuxContainer_v1")
        elif container in reconstruction.collections and container != "METAssoc_AnalysisMET":
            builder.collection(container, reconstruction[container])
    missing_energy(builder, rng, truth)
    truth_collections(builder, truth)
    builder.column("index_ref", (0x5E26 << 32) + np.arange(truth.n_events, dtype=np.int64), ())
    return builder.content
