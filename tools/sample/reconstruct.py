"""A toy detector: acceptance, efficiency and resolution turn truth into the collections of a PHYSLITE file.

Columns carry their names in the file; names that start with an underscore stay internal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .generate import CONTAINER, GEV, MASS, Truth, kinematics
from .tables import LINK, NO_TARGET, THINNED, Lists, Table, absent_link, cross, link, merge, nearest, offsets

# MCTruthClassifier: particle types and origins (ATLAS enumeration).
ISO_ELECTRON, ISO_MUON, NON_ISO_MUON, ISO_PHOTON, HADRON = 2, 6, 7, 14, 17
Z_BOSON, W_BOSON, TAU_LEPTON, BOTTOM_MESON, LIGHT_MESON, FSR_PHOTON = 13, 12, 9, 26, 23, 40
ORIGIN = {23: Z_BOSON, 24: W_BOSON}

# xAOD::Muon::MuonType
COMBINED, STAND_ALONE, SEGMENT_TAGGED, CALO_TAGGED, SI_FORWARD = range(5)

N_SAMPLINGS = 28  # calorimeter layers of CaloSampling
BEAM_SPOT = (-0.5, -0.5)  # mm, as in Run 2 simulation


@dataclass
class Detector:
    """How much of the soft event to write."""

    pileup_vertices: float  # per unit of mu
    pileup_jets: float  # per event
    jet_tracks: float  # kept tracks per jet
    lost_tracks: float  # null links per jet and vertex
    soft_tracks: float  # kept tracks per event, outside jets
    samplings: int  # calorimeter layers with energy, per jet


COMPACT = Detector(pileup_vertices=0.06, pileup_jets=0.2, jet_tracks=0.3, lost_tracks=1.5, soft_tracks=0.3, samplings=1)
RICH = Detector(pileup_vertices=0.6, pileup_jets=4.0, jet_tracks=2.0, lost_tracks=5.0, soft_tracks=8.0, samplings=20)


def smear(rng: np.random.Generator, values: np.ndarray, resolution: np.ndarray | float) -> np.ndarray:
    """Multiply by a Gaussian around one."""
    return values * np.maximum(rng.normal(1, resolution, len(values)), 0.1)


def select(table: Table, mask: np.ndarray, names: tuple[str, ...] = ("pt", "eta", "phi", "m")) -> Table:
    """The chosen rows with only the named columns, and ``_row``, their row in the original table."""
    rows = np.flatnonzero(mask)
    return Table(table.n_events, table.event[rows], {**{n: table[n][rows] for n in names}, "_row": rows})


def soft(
    rng: np.random.Generator, n_events: int, rate: np.ndarray | float, pt: tuple[float, float], eta: float
) -> Table:
    """Objects of no particular source: Poisson multiplicity, pt = threshold + exponential (GeV), flat angles."""
    event = np.repeat(np.arange(n_events), rng.poisson(rate, n_events))
    n = len(event)
    columns = {
        "pt": (pt[0] + rng.exponential(pt[1], n)) * GEV,
        "eta": rng.uniform(-eta, eta, n),
        "phi": rng.uniform(-np.pi, np.pi, n),
        "m": np.zeros(n),
        "_row": np.full(n, -1),
    }
    return Table(n_events, event, columns)


class Reconstruction:
    """The reconstructed collections of all events, made one after the other: later ones link to earlier ones."""

    def __init__(self, rng: np.random.Generator, truth: Truth, detector: Detector) -> None:
        self.rng = rng
        self.truth = truth
        self.n_events = truth.n_events
        self.detector = detector
        self.mu = np.clip(np.round(rng.normal(33, 9, self.n_events)), 5, 80) + 0.5
        self.collections: dict[str, Table] = {}
        self.vertices()
        self.electrons()
        self.muons()
        self.photons()
        self.jets()
        self.taus()
        self.tracks()
        self.associations()

    def __getitem__(self, container: str) -> Table:
        return self.collections[container]

    def truth_link(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """Links to truth particles of one kind; row -1 becomes null."""
        return link(CONTAINER[kind], self.truth.particles[kind], rows)

    def origin(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """Truth origin of reconstructed objects: Z or W boson, tau, or light meson for fakes."""
        particles = self.truth.particles[kind]
        boson = self.truth.particles["boson"]
        from_z = np.zeros(self.n_events, bool)
        from_z[boson.event[boson["pdgId"] == 23]] = True
        result = np.full(len(rows), LIGHT_MESON, np.int32)
        there = rows >= 0
        is_z = from_z[particles.event[rows[there]]]
        result[there] = np.where(is_z, Z_BOSON, W_BOSON)
        return result

    def vertices(self) -> None:
        """One hard-scatter vertex, pileup vertices, and the dummy vertex that closes the list."""
        rng, n = self.rng, self.n_events
        pileup = np.repeat(np.arange(n), rng.poisson(self.detector.pileup_vertices * self.mu))
        event = np.concatenate([np.arange(n), pileup, np.arange(n)])
        kind = np.repeat(np.array([1, 3, 0], np.int16), [n, len(pileup), n])
        z = np.concatenate([self.truth.vertex_z, rng.normal(0, 35, len(pileup)), np.zeros(n)])
        order = np.argsort(event, kind="stable")
        table = Table(n, event[order], {"z": z[order], "vertexType": kind[order]})
        real = table["vertexType"] > 0
        for name, centre in zip("xy", BEAM_SPOT, strict=True):
            table[name] = np.where(real, centre + rng.normal(0, 0.012, len(table)), centre)
        self.collections["PrimaryVertices"] = table

    def electrons(self) -> None:
        """Prompt electrons and fakes, with likelihood working points contained in one another."""
        rng, truth = self.rng, self.truth.particles["electron"]
        seen = (np.abs(truth["eta"]) < 2.47) & (truth["pt"] > 4.5 * GEV) & (rng.random(len(truth)) < 0.93)
        prompt = select(truth, seen)
        energy = prompt["pt"] * np.cosh(prompt["eta"]) / GEV
        prompt["pt"] = smear(rng, prompt["pt"], np.hypot(0.10 / np.sqrt(energy), 0.010))
        fakes = soft(rng, self.n_events, 0.12, (4.5, 7.0), 2.47)
        electrons, _ = merge([prompt, fakes], by="pt")
        n, row = len(electrons), electrons["_row"]
        real = row >= 0
        sign = np.where(real, -np.sign(truth["pdgId"][row]), rng.choice([-1, 1], n))
        electrons["charge"] = np.where(rng.random(n) < 0.01, -sign, sign).astype(np.float64)
        electrons["m"] = np.full(n, MASS[11] * GEV)
        self._electron_identification(electrons, real)
        electrons["truthType"] = np.where(real, ISO_ELECTRON, HADRON).astype(np.int32)
        electrons["truthOrigin"] = self.origin("electron", row)
        electrons["truthPdgId"] = np.where(real, truth["pdgId"][row], 0).astype(np.int32)
        electrons["truthParticleLink"] = self.truth_link("electron", row)
        electrons["firstEgMotherTruthParticleLink"] = self.truth_link("electron", row)
        pair_photon = (~real) & (rng.random(n) < 0.2)
        mixed = self.truth_link("electron", row)
        mixed[pair_photon] = absent_link("TruthParticles", rng.integers(0, 400, pair_photon.sum()))
        electrons["TruthLink"] = mixed
        loose_cone = "_Nonprompt_All_MaxWeightTTVALooseCone"
        self._isolation(electrons, real, ("topoetcone20", "neflowisol20"), (f"{loose_cone}_pt1000",))
        tracks = electrons[f"ptvarcone30{loose_cone}_pt1000"]
        electrons[f"ptvarcone30{loose_cone}_pt500"] = tracks * rng.uniform(1, 1.3, n)
        del electrons.columns["neflowisol20_CloseByCorr"]  # muons only
        electrons["topoetcone20ptCorrection"] = 0.02 * electrons["pt"] * rng.uniform(0.8, 1.2, n)
        electrons["f1"] = rng.beta(4, 8, n)
        self.collections["AnalysisElectrons"] = electrons

    def _electron_identification(self, electrons: Table, real: np.ndarray) -> None:
        rng, n = self.rng, len(electrons)
        score = np.where(real, rng.random(n), 0.75 + 0.25 * rng.random(n) ** 0.5)
        for name, cut in (("VeryLoose", 0.97), ("Loose", 0.95), ("LooseBL", 0.93), ("Medium", 0.89), ("Tight", 0.81)):
            passed = score < cut
            electrons[f"DFCommonElectronsLH{name}"] = passed.astype(np.int8)
            failed = np.where(passed, 0, 1 << rng.integers(0, 6, n))
            electrons[f"DFCommonElectronsLH{name}IsEMValue"] = failed.astype(np.uint32)
        electrons["_ambiguous"] = rng.random(n) < 0.12
        electrons["author"] = np.where(electrons["_ambiguous"], 16, 1).astype(np.uint16)
        electrons["ambiguityType"] = np.where(electrons["_ambiguous"], 3, 0).astype(np.uint8)
        electrons["OQ"] = np.where(rng.random(n) < 0.03, 1 << 19, 0).astype(np.uint32)
        result = np.where(real, rng.beta(6, 2, n), rng.beta(2, 3, n)) * 2 - 1
        electrons["DFCommonElectronsECIDSResult"] = result
        electrons["DFCommonElectronsECIDS"] = (result > -0.34).astype(np.int8)
        electrons["ambiguityLink"] = link("Photons", electrons, np.where(electrons["_ambiguous"], np.arange(n), -1))

    def _isolation(self, table: Table, real: np.ndarray, calo: tuple[str, ...], tracks: tuple[str, ...]) -> None:
        rng, n = self.rng, len(table)
        for name in calo:
            table[name] = rng.normal(0, 700, n) + np.where(real, 0.01, 0.25) * table["pt"]
            table[f"{name}_CloseByCorr"] = table[name]
        for suffix in tracks:
            value = np.where(rng.random(n) < np.where(real, 0.75, 0.25), 0, rng.exponential(1500, n) + 1000)
            table[f"ptvarcone30{suffix}"] = value
            table[f"ptvarcone30{suffix}_CloseByCorr"] = value
            table[f"ptcone20{suffix}"] = value * 0.75

    def muons(self) -> None:
        """Prompt muons and muons from b decays, of all five types."""
        rng, truth, bottom = self.rng, self.truth.particles["muon"], self.truth.particles["bottom"]
        seen = (np.abs(truth["eta"]) < 2.7) & (truth["pt"] > 3 * GEV) & (rng.random(len(truth)) < 0.97)
        prompt = select(truth, seen)
        prompt["pt"] = smear(rng, prompt["pt"], np.hypot(0.014, 0.0002 * prompt["pt"] / GEV))
        semileptonic = select(bottom, (rng.random(len(bottom)) < 0.2) & (np.abs(bottom["eta"]) < 2.5))
        semileptonic["pt"] = semileptonic["pt"] * rng.beta(1.5, 5, len(semileptonic))
        for name in ("eta", "phi"):
            semileptonic[name] = semileptonic[name] + rng.normal(0, 0.06, len(semileptonic))
        semileptonic["_row"] = np.full(len(semileptonic), -1)
        non_prompt = semileptonic.take(semileptonic["pt"] > 3 * GEV)
        muons, _ = merge([prompt, non_prompt], by="pt")
        n, row = len(muons), muons["_row"]
        real = row >= 0
        muons["phi"] = (muons["phi"] + np.pi) % (2 * np.pi) - np.pi
        muons["charge"] = np.where(real, -np.sign(truth["pdgId"][row]), rng.choice([-1, 1], n)).astype(np.float64)
        self._muon_types(muons)
        muons["truthType"] = np.where(real, ISO_MUON, NON_ISO_MUON).astype(np.int32)
        muons["truthOrigin"] = np.where(real, self.origin("muon", row), BOTTOM_MESON).astype(np.int32)
        muons["truthParticleLink"] = self.truth_link("muon", row)
        mixed = self.truth_link("muon", row)
        mixed[~real] = absent_link("TruthParticles", rng.integers(0, 400, (~real).sum()))
        muons["TruthLink"] = mixed
        nonprompt = "_Nonprompt_All_MaxWeightTTVA"
        self._isolation(muons, real, ("topoetcone20", "neflowisol20"), (f"{nonprompt}_pt500", f"{nonprompt}_pt1000"))
        for name in ("topoetcone30", "topoetcone40"):
            muons[name] = muons["topoetcone20"] * 1.2
        for name in ("ptcone30", "ptcone40", "ptvarcone30", "ptvarcone40"):
            muons[name] = muons[f"ptvarcone30{nonprompt}_pt1000"]
        self._muon_details(muons)
        muons["_m"] = muons.columns.pop("m")  # muons have no mass column
        self.collections["AnalysisMuons"] = muons

    def _muon_types(self, muons: Table) -> None:
        rng, n = self.rng, len(muons)
        draw = rng.random(n)
        central = np.select([draw < 0.94, draw < 0.98], [COMBINED, SEGMENT_TAGGED], CALO_TAGGED)
        forward = np.where(draw < 0.3, SI_FORWARD, STAND_ALONE)
        kind = np.where(np.abs(muons["eta"]) < 2.5, central, forward)
        muons["muonType"] = kind.astype(np.uint16)
        author = np.array([1, 5, 4, 3, 1])  # MuidCo, MuidSA, MuTagIMO, CaloTag, MuidCo
        muons["author"] = author[kind].astype(np.uint16)
        muons["allAuthors"] = (1 << author[kind]).astype(np.uint16)
        working_point = np.where(kind == COMBINED, rng.choice([0, 1, 2], n, p=[0.85, 0.12, 0.03]), 2)
        passes_id_cuts = 8  # bit 3
        muons["quality"] = (passes_id_cuts + np.where(kind == STAND_ALONE, 1, working_point)).astype(np.uint8)
        muons["DFCommonMuonPassIDCuts"] = np.ones(n, np.int8)
        muons["DFCommonMuonPassPreselection"] = (working_point < 3).astype(np.int8)

    def _muon_details(self, muons: Table) -> None:
        rng, n = self.rng, len(muons)
        spectrometer = np.isin(muons["muonType"], (COMBINED, STAND_ALONE, SI_FORWARD))
        inner = muons["muonType"] != STAND_ALONE
        muons["EnergyLoss"] = np.where(spectrometer, rng.gamma(30, 100, n), 0)
        muons["InnerDetectorPt"] = np.where(inner, smear(rng, muons["pt"], 0.012), 0)
        muons["MuonSpectrometerPt"] = np.where(spectrometer, smear(rng, muons["pt"], 0.03), 0)
        for name in ("momentumBalance", "scatteringCurvature", "scatteringNeighbour"):
            muons[f"{name}Significance"] = np.where(spectrometer & inner, rng.normal(0, 1, n), 0)
        muons["segmentDeltaEta"] = np.where(spectrometer, np.abs(rng.normal(0, 0.01, n)), 0)
        muons["spectrometerFieldIntegral"] = np.where(spectrometer, 2 + np.abs(muons["eta"]), 0)
        muons["CaloLRLikelihood"] = np.where(muons["muonType"] == CALO_TAGGED, rng.random(n), 0)
        muons["CaloMuonIDTag"] = np.where(muons["muonType"] == CALO_TAGGED, 1, -1).astype(np.int32)
        muons["DFCommonJetDr"] = rng.exponential(1.0, n)
        muons["numberOfPrecisionLayers"] = np.where(spectrometer, 3, 1).astype(np.uint8)
        muons["numberOfPrecisionHoleLayers"] = (rng.random(n) < 0.03).astype(np.uint8)
        segment = np.repeat(np.arange(n), np.where(spectrometer, 2, 0))
        muons["muonSegmentLinks"] = Lists.gather(segment, n, absent_link("MuonSegments", np.arange(len(segment)) % 11))
        muons["clusterLink"] = absent_link("MuonClusterCollection", muons.index)
        only = absent_link("MSOnlyExtrapolatedMuonTrackParticles", muons.index)
        muons["msOnlyExtrapolatedMuonSpectrometerTrackParticleLink"] = np.where(spectrometer, only, NO_TARGET)

    def photons(self) -> None:
        """Radiated photons, fakes, and electrons that are photons as well; then the clusters of both."""
        rng, truth, electrons = self.rng, self.truth.particles["photon"], self["AnalysisElectrons"]
        seen = (truth["pt"] > 4 * GEV) & (np.abs(truth["eta"]) < 2.37) & (rng.random(len(truth)) < 0.8)
        radiated = select(truth, seen)
        radiated["pt"] = smear(rng, radiated["pt"], 0.02)
        fakes = soft(rng, self.n_events, 0.25, (4.0, 6.0), 2.37)
        ambiguous = select(electrons, electrons["_ambiguous"])
        n_electron = ambiguous["_row"].copy()
        ambiguous["_row"] = np.full(len(ambiguous), -1)
        photons, (_, _, from_electron) = merge([radiated, fakes, ambiguous], by="pt")
        n, row = len(photons), photons["_row"]
        electron = np.full(n, -1)
        electron[from_electron] = n_electron
        real = row >= 0
        photons["m"] = np.zeros(n)
        photons["author"] = np.where(electron >= 0, 16, 4).astype(np.uint16)
        photons["OQ"] = np.zeros(n, np.uint32)
        score = np.where(real, rng.random(n), 0.4 + 0.6 * rng.random(n))
        photons["DFCommonPhotonsIsEMLoose"] = (score < 0.95).astype(np.int8)
        photons["DFCommonPhotonsIsEMTight"] = (score < 0.85).astype(np.int8)
        photons["DFCommonPhotonsCleaning"] = np.ones(n, np.int8)
        kind = np.where(real, ISO_PHOTON, np.where(electron >= 0, ISO_ELECTRON, HADRON))
        photons["truthType"] = kind.astype(np.int32)
        photons["truthOrigin"] = np.where(real, FSR_PHOTON, LIGHT_MESON).astype(np.int32)
        photons["truthParticleLink"] = self.truth_link("photon", row)
        mixed = self.truth_link("photon", row)
        same = np.where(electron >= 0, electrons["_row"][electron], -1)
        mixed[same >= 0] = self.truth_link("electron", same[same >= 0])
        photons["TruthLink"] = mixed
        photons["topoetcone20"] = rng.normal(0, 700, n) + np.where(real, 0.01, 0.2) * photons["pt"]
        photons["topoetcone40"] = photons["topoetcone20"] * 1.5 + rng.normal(0, 500, n)
        photons["ptcone20"] = np.where(rng.random(n) < 0.7, 0, rng.exponential(1500, n) + 1000)
        photons["f1"] = rng.beta(4, 8, n)
        photons["ambiguityLink"] = absent_link("Electrons", photons.index)
        photons["ambiguityLink"][electron < 0] = NO_TARGET
        photons["vertexLinks"] = Lists.empty(n, LINK)
        self.collections["AnalysisPhotons"] = photons
        self._clusters(electrons, photons, electron)

    def _clusters(self, electrons: Table, photons: Table, electron: np.ndarray) -> None:
        """A cluster for each electron and for each photon that is no electron; an ambiguous pair shares one."""
        rng = self.rng
        own = np.flatnonzero(electron < 0)
        everything = np.ones(len(electrons), bool)
        clusters, (of_electron, of_photon) = merge(
            [select(electrons, everything), select(photons, electron < 0)], by="pt"
        )
        n = len(clusters)
        energy = clusters["pt"] * np.cosh(clusters["eta"])
        table = Table(self.n_events, clusters.event)
        table["calE"] = smear(rng, energy, 0.01)
        table["calEta"] = clusters["eta"] + rng.normal(0, 0.001, n)
        table["calPhi"] = clusters["phi"] + rng.normal(0, 0.001, n)
        table["calM"] = np.zeros(n)
        share = rng.dirichlet([2, 12, 30, 1], n)
        table["e_sampl"] = Lists.regular(share * energy[:, None])
        table["eta_sampl"] = Lists.regular(clusters["eta"][:, None] + rng.normal(0, 0.002, (n, 4)))
        photon_cluster = of_electron[electron] if len(of_electron) else np.full(len(photons), -1)
        photon_cluster[own] = of_photon
        electrons["caloClusterLinks"] = Lists.single(link("egammaClusters", table, of_electron))
        photons["caloClusterLinks"] = Lists.single(link("egammaClusters", table, photon_cluster))
        self.collections["egammaClusters"] = table

    def jets(self) -> None:
        """Jets from partons, hadronic taus, electrons, photons and pileup; truth jets from partons and taus."""
        rng, truth = self.rng, self.truth
        taus = truth.particles["tau"]
        hadronic = np.flatnonzero(taus["hadronic"])
        tau_jets = Table(self.n_events, taus.event[hadronic], kinematics(taus["visible"][hadronic]))
        tau_jets["flavour"] = np.full(len(hadronic), 15, np.int32)
        names = ("pt", "eta", "phi", "m", "flavour")
        partons = select(truth.partons, truth.partons["pt"] > 8 * GEV, names)
        tau_jets = select(tau_jets, tau_jets["pt"] > 8 * GEV, names)
        hard, _ = merge([partons, tau_jets], by="pt")
        self._truth_jets(hard)
        parts = [hard]
        for container, threshold in (("AnalysisElectrons", 12), ("AnalysisPhotons", 15)):
            table = self[container]
            part = select(table, table["pt"] > threshold * GEV)
            part["flavour"] = np.full(len(part), -11, np.int32)
            parts.append(part)
        pileup = soft(rng, self.n_events, self.detector.pileup_jets, (14.0, 7.0), 4.4)
        pileup["flavour"] = np.full(len(pileup), -1, np.int32)
        seeds, _ = merge([*parts, pileup], by="pt")
        gev = seeds["pt"] / GEV
        electromagnetic = seeds["flavour"] == -11
        seeds["pt"] = smear(rng, seeds["pt"], np.where(electromagnetic, 0.03, np.hypot(0.6 / np.sqrt(gev), 0.04)))
        kept = seeds.take((seeds["pt"] > 15 * GEV) & (np.abs(seeds["eta"]) < 4.5))
        jets, _ = merge([kept], by="pt")
        self.collections["AnalysisJets"] = jets
        self._jet_columns(jets)
        self._btagging(jets)

    def _truth_jets(self, hard: Table) -> None:
        table = hard.take(hard["pt"] > 15 * GEV)
        label = np.where(np.isin(table["flavour"], (4, 5, 15)), table["flavour"], 0).astype(np.int32)
        truth_jets = Table(self.n_events, table.event, {n: table[n] for n in ("pt", "eta", "phi", "m")})
        truth_jets["HadronConeExclTruthLabelID"] = label
        truth_jets["PartonTruthLabelID"] = np.where(table["flavour"] == 15, -1, table["flavour"]).astype(np.int32)
        self.collections["AntiKt4TruthDressedWZJets"] = truth_jets

    def _jet_columns(self, jets: Table) -> None:
        rng, n = self.rng, len(jets)
        flavour = jets["flavour"]
        hard, em = flavour >= 0, flavour == -11
        jets["m"] = jets["pt"] * np.where(em, 0.05, rng.uniform(0.08, 0.2, n))
        jets["_hard"] = hard | em
        label = np.where(np.isin(flavour, (4, 5, 15)), flavour, 0).astype(np.int32)
        jets["HadronConeExclTruthLabelID"] = label
        jets["HadronConeExclExtendedTruthLabelID"] = label
        jets["ConeTruthLabelID"] = label
        jets["PartonTruthLabelID"] = np.where(hard & (flavour != 15), flavour, -1).astype(np.int32)
        scale = rng.uniform(0.75, 1.0, n)
        jets["JetConstitScaleMomentum_pt"] = jets["pt"] * scale
        jets["JetConstitScaleMomentum_m"] = jets["m"] * scale
        jets["JetConstitScaleMomentum_eta"] = jets["eta"]
        jets["JetConstitScaleMomentum_phi"] = jets["phi"]
        jets["DetectorEta"] = jets["eta"]
        jets["ActiveArea4vec_pt"] = rng.normal(0.5, 0.03, n)
        jets["ActiveArea4vec_m"] = jets["ActiveArea4vec_pt"] * 0.26
        jets["ActiveArea4vec_eta"] = jets["eta"]
        jets["ActiveArea4vec_phi"] = jets["phi"]
        jets["EMFrac"] = np.where(em, 0.98, rng.beta(12, 5, n))
        jets["PSFrac"] = rng.beta(1.5, 12, n)
        jets["Width"] = np.where(em, 0.02, rng.beta(2, 14, n))
        jets["Timing"] = rng.normal(0, np.where(jets["_hard"], 0.8, 4), n)
        jets["isJvtHS"] = jets["_hard"].astype(np.int8)
        central = np.abs(jets["eta"]) < 2.5
        jvt = np.where(jets["_hard"], rng.beta(12, 1, n), rng.beta(1, 8, n))
        jets["Jvt"] = np.where(central, jvt, -0.1)
        jets["JVFCorr"] = np.where(central, jvt, -1)
        jets["NNJvtPass"] = (jets["_hard"] | (jvt > 0.5)).astype(np.int8)
        jets["DFCommonJets_fJvt"] = np.where(central, 0, rng.gamma(2, 0.1, n))
        self._jet_tracks(jets, central)
        layers = self.detector.samplings
        energy = np.zeros((n, N_SAMPLINGS))
        energy[:, np.arange(layers) * (N_SAMPLINGS // max(layers, 1))] = rng.dirichlet(np.full(layers, 1.5), n)
        jets["EnergyPerSampling"] = Lists.regular(energy * (jets["pt"] * np.cosh(jets["eta"]))[:, None])

    def _jet_tracks(self, jets: Table, central: np.ndarray) -> None:
        """Track sums for each jet and each primary vertex: nearly all in the hard-scatter vertex for a hard jet."""
        rng, n, vertices = self.rng, len(jets), self["PrimaryVertices"]
        jet, vertex = cross(jets, vertices)
        first = vertices["vertexType"][vertex] == 1
        mean = np.where(first & jets["_hard"][jet], 3 + 2 * np.sqrt(jets["pt"][jet] / (10 * GEV)), 0.12) * central[jet]
        tracks = rng.poisson(mean).astype(np.int32)
        harder = rng.binomial(tracks, 0.6).astype(np.int32)
        total = np.where(tracks > 0, tracks * 500.0 + rng.gamma(np.maximum(tracks, 1), 1200), 0)
        inner = offsets(jet, n)
        jets["NumTrkPt500"] = Lists(inner, tracks)
        jets["NumTrkPt1000"] = Lists(inner, harder)
        jets["SumPtTrkPt500"] = Lists(inner, total)
        jets["SumPtChargedPFOPt500"] = Lists(inner, np.where(first, total * 0.9, 0))
        jets["TrackWidthPt1000"] = Lists(inner, np.where(harder > 0, rng.beta(2, 14, len(jet)), 0))
        in_first = np.bincount(jet[first], weights=tracks[first], minlength=n)
        jets["DFCommonJets_QGTagger_NTracks"] = in_first.astype(np.int32)
        jets["DFCommonJets_QGTagger_TracksWidth"] = np.where(in_first > 0, jets["Width"], -1)
        jets["DFCommonJets_QGTagger_TracksC1"] = np.where(in_first > 0, rng.beta(4, 20, n), -1)
        jets["GhostMuonSegmentCount"] = rng.poisson(0.15, n).astype(np.int32)

    def _btagging(self, jets: Table) -> None:
        """A discriminant for each jet; the flavour probabilities add up to one."""
        rng, n = self.rng, len(jets)
        table = Table(self.n_events, jets.event)
        label = jets["HadronConeExclTruthLabelID"]
        strength = np.select([label == 5, label == 4], [4.0, 0.0], -4.5)
        for tagger, sharpness in (("DL1dv01", 1.0), ("GN2v00", 1.2)):
            odds_b = np.exp(np.clip(rng.normal(strength * sharpness, 2.2), -12, 12))
            odds_c = np.exp(np.clip(rng.normal(np.where(label == 4, 1.0, -2.5), 1.2), -12, 12))
            total = 1 + odds_b + odds_c
            for name, odds in (("pu", np.ones(n)), ("pc", odds_c), ("pb", odds_b)):
                table[f"{tagger}_{name}"] = odds / total
        self.collections["BTagging_AntiKt4EMPFlow"] = table
        jets["btaggingLink"] = link("BTagging_AntiKt4EMPFlow", table, np.arange(n))

    def taus(self) -> None:
        """Hadronic taus and jets that look like one."""
        rng, truth, jets = self.rng, self.truth.particles["tau"], self["AnalysisJets"]
        visible = Table(self.n_events, truth.event, kinematics(truth["visible"]))
        visible["prongs"] = truth["prongs"].astype(np.int64)
        hadronic = truth["hadronic"] & (visible["pt"] > 13 * GEV) & (np.abs(visible["eta"]) < 2.5)
        names = ("pt", "eta", "phi", "m", "prongs")
        real = select(visible, hadronic & (rng.random(len(truth)) < 0.75), names)
        real["pt"] = smear(rng, real["pt"], 0.1)
        jets["prongs"] = rng.choice([1, 3], len(jets))
        light = (jets["HadronConeExclTruthLabelID"] == 0) & (np.abs(jets["eta"]) < 2.5)
        fake = select(jets, light & (rng.random(len(jets)) < 0.10), names)
        del jets.columns["prongs"]
        fake["_row"] = np.full(len(fake), -1)
        taus, _ = merge([real, fake], by="pt")
        n, row = len(taus), taus["_row"]
        is_tau = row >= 0
        taus["charge"] = np.where(is_tau, -np.sign(truth["pdgId"][row]) if len(truth) else 0, rng.choice([-1, 1], n))
        taus["charge"] = taus["charge"].astype(np.float64)
        score = np.where(is_tau, rng.beta(8, 2, n), rng.beta(2, 4, n))
        taus["RNNJetScore"] = score
        taus["RNNJetScoreSigTrans"] = np.where(is_tau, rng.random(n), 0.3 * rng.random(n))
        for name, cut in (("VeryLoose", 0.05), ("Loose", 0.15), ("Medium", 0.25), ("Tight", 0.4)):
            taus[f"JetDeepSet{name}"] = (taus["RNNJetScoreSigTrans"] > cut).astype(np.int8)
        taus["NNDecayMode"] = np.where(taus["prongs"] == 3, 3, rng.choice([0, 1, 2], n)).astype(np.int32)
        taus["IsTruthMatched"] = is_tau.astype(np.int8)
        taus["truthParticleLink"] = self.truth_link("tau", row)
        vertices = self["PrimaryVertices"]
        taus["vertexLink"] = link("PrimaryVertices", vertices, vertices.offsets[taus.event])
        taus["_prongs"] = taus.columns.pop("prongs")
        self.collections["AnalysisTauJets"] = taus

    def tracks(self) -> None:
        """Inner-detector tracks of leptons, taus and jets and a few more; refitted and muon tracks beside them."""
        rng, electrons, muons = self.rng, self["AnalysisElectrons"], self["AnalysisMuons"]
        taus, jets = self["AnalysisTauJets"], self["AnalysisJets"]
        inner_muons = np.flatnonzero(np.isin(muons["muonType"], (COMBINED, SEGMENT_TAGGED, CALO_TAGGED)))
        tau = np.repeat(np.arange(len(taus)), taus["_prongs"])
        central = np.abs(jets["eta"]) < 2.5
        jet = np.repeat(np.arange(len(jets)), rng.poisson(self.detector.jet_tracks * central * jets["_hard"]))
        parts = [
            self._track_part(electrons, np.arange(len(electrons)), 1.0, electrons["charge"]),
            self._track_part(muons, inner_muons, 1.0, muons["charge"][inner_muons]),
            self._track_part(taus, tau, 0.3, rng.choice([-1, 1], len(tau))),
            self._track_part(jets, jet, 0.08, rng.choice([-1, 1], len(jet))),
            self._track_part(soft(rng, self.n_events, self.detector.soft_tracks, (0.5, 1.0), 2.5), None, 1.0, None),
        ]
        table, (of_electron, of_muon, of_tau, of_jet, pileup) = merge(parts)
        in_hard_vertex = np.ones(len(table), bool)
        in_hard_vertex[pileup] = False
        self.collections["InDetTrackParticles"] = table
        self._track_vertices(table, in_hard_vertex)
        truth_link = np.full(len(table), NO_TARGET, LINK)
        truth_link[of_electron] = electrons["truthParticleLink"]
        truth_link[of_muon] = muons["truthParticleLink"][inner_muons]
        table["truthParticleLink"] = truth_link
        self._gsf_tracks(electrons, table, of_electron)
        self._muon_tracks(muons, table, inner_muons, of_muon)
        self._tau_tracks(taus, table, tau, of_tau)
        self._ghost_tracks(jets, table, jet, of_jet, central)

    def _track_part(self, source: Table, rows: np.ndarray | None, share: float, charge: np.ndarray | None) -> Table:
        """Tracks along the given rows of a collection; ``share`` is the part of its momentum a track has."""
        rng = self.rng
        rows = np.arange(len(source)) if rows is None else rows
        n = len(rows)
        charge = rng.choice([-1, 1], n) if charge is None else charge
        spread = 0.0005 if share == 1.0 else 0.05
        fraction = 1.0 if share == 1.0 else rng.exponential(share, n)
        pt = np.maximum(source["pt"][rows] * fraction * np.maximum(rng.normal(1, 0.015, n), 0.5), 500)
        eta = np.clip(source["eta"][rows] + rng.normal(0, spread, n), -2.7, 2.7)
        phi = (source["phi"][rows] + rng.normal(0, spread, n) + np.pi) % (2 * np.pi) - np.pi
        event = source.event[rows]
        table = Table(self.n_events, event)
        table["theta"] = 2 * np.arctan(np.exp(-eta))
        table["phi"] = phi
        table["qOverP"] = charge / (pt * np.cosh(eta))
        resolution = np.hypot(0.012, 0.1 * GEV / pt)
        table["d0"] = rng.normal(0, resolution)
        table["z0"] = self.truth.vertex_z[event] + rng.normal(0, 3 * resolution)
        table["chiSquared"] = rng.gamma(10, 2.5, n)
        table["numberDoF"] = np.full(n, 30.0)
        relative = (0.015 * np.abs(table["qOverP"])) ** 2
        diagonal = np.stack([resolution**2, 9 * resolution**2, 1e-6 * resolution, 1e-7 * resolution, relative], axis=1)
        table["definingParametersCovMatrixDiag"] = diagonal
        table["numberOfPixelHits"] = rng.choice([3, 4, 5], n, p=[0.1, 0.7, 0.2]).astype(np.uint8)
        table["numberOfSCTHits"] = rng.choice([7, 8, 9], n, p=[0.1, 0.8, 0.1]).astype(np.uint8)
        table["numberOfInnermostPixelLayerHits"] = np.ones(n, np.uint8)
        return table

    def _track_vertices(self, tracks: Table, in_hard_vertex: np.ndarray) -> None:
        """Assign tracks to vertices both ways; a pileup track goes to the vertex nearest in z, and takes its z0."""
        rng, vertices = self.rng, self["PrimaryVertices"]
        first = vertices.offsets[:-1]
        vertex = first[tracks.event]
        count = np.diff(vertices.offsets)[tracks.event] - 2
        pileup = ~in_hard_vertex & (count > 0)
        vertex[pileup] += 1 + rng.integers(0, count[pileup])
        tracks["z0"][pileup] += (vertices["z"][vertex] - self.truth.vertex_z[tracks.event])[pileup]
        own = np.arange(len(tracks))
        lost = np.repeat(
            np.arange(len(vertices)), rng.poisson(self.detector.lost_tracks * (vertices["vertexType"] == 1))
        )
        content = np.concatenate([link("InDetTrackParticles", tracks, own), np.full(len(lost), THINNED, LINK)])
        vertices["trackParticleLinks"] = Lists.gather(np.concatenate([vertex, lost]), len(vertices), content)
        tracks["TTVA_AMVFVertices"] = Lists.single(link("PrimaryVertices", vertices, vertex))
        tracks["TTVA_AMVFWeights"] = Lists.single(np.where(in_hard_vertex, 1.0, rng.uniform(0.5, 1, len(tracks))))
        tracks["definingParametersCovMatrixDiag"] = Lists.regular(tracks["definingParametersCovMatrixDiag"])

    def _refit(self, tracks: Table, rows: np.ndarray) -> Table:
        """A refitted copy of some tracks."""
        names = (
            "d0",
            "z0",
            "phi",
            "theta",
            "qOverP",
            "chiSquared",
            "numberOfPixelHits",
            "numberOfSCTHits",
        )
        table = Table(self.n_events, tracks.event[rows], {name: tracks[name][rows] for name in names})
        table["qOverP"] = smear(self.rng, table["qOverP"], 0.01)
        diagonal = tracks["definingParametersCovMatrixDiag"].content.reshape(-1, 5)[rows]
        table["definingParametersCovMatrixDiag"] = Lists.regular(diagonal)
        return table

    def _gsf_tracks(self, electrons: Table, tracks: Table, of_electron: np.ndarray) -> None:
        """One refitted track an electron, and a second one for some."""
        n = len(electrons)
        extra = np.flatnonzero(self.rng.random(n) < 0.15)
        parts = [self._refit(tracks, of_electron), self._refit(tracks, of_electron[extra])]
        original = [link("InDetTrackParticles", tracks, rows) for rows in (of_electron, of_electron[extra])]
        for part, links in zip(parts, original, strict=True):
            part.columns = {k: v for k, v in part.columns.items() if not isinstance(v, Lists)}
            part["originalTrackParticle"] = links
        table, (first, second) = merge(parts)
        rows = np.concatenate([first, second])
        owner = np.concatenate([np.arange(n), extra])
        electrons["trackParticleLinks"] = Lists.gather(owner, n, link("GSFTrackParticles", table, rows))
        self.collections["GSFTrackParticles"] = table

    def _muon_tracks(self, muons: Table, tracks: Table, inner: np.ndarray, of_muon: np.ndarray) -> None:
        """Combined, extrapolated and spectrometer tracks, and the links of the five muon types."""
        kind, n = muons["muonType"], len(muons)
        inner_link = np.full(n, NO_TARGET, LINK)
        inner_link[inner] = link("InDetTrackParticles", tracks, of_muon)
        forward = kind == SI_FORWARD
        inner_link[forward] = absent_link("InDetForwardTrackParticles", np.zeros(forward.sum()))
        muons["inDetTrackParticleLink"] = inner_link
        for container, name, kinds in (
            ("CombinedMuonTrackParticles", "combinedTrackParticleLink", (COMBINED, SI_FORWARD)),
            (
                "ExtrapolatedMuonTrackParticles",
                "extrapolatedMuonSpectrometerTrackParticleLink",
                (COMBINED, STAND_ALONE, SI_FORWARD),
            ),
            (
                "MuonSpectrometerTrackParticles",
                "muonSpectrometerTrackParticleLink",
                (COMBINED, STAND_ALONE, SI_FORWARD),
            ),
        ):
            chosen = np.flatnonzero(np.isin(kind, kinds))
            table = self._track_part(muons, chosen, 1.0, muons["charge"][chosen])
            del table.columns["numberOfInnermostPixelLayerHits"]
            if container != "CombinedMuonTrackParticles":
                for column in ("chiSquared", "numberDoF", "numberOfPixelHits", "numberOfSCTHits"):
                    del table.columns[column]
            table["definingParametersCovMatrixDiag"] = Lists.regular(table["definingParametersCovMatrixDiag"])
            self.collections[container] = table
            row = np.full(n, -1)
            row[chosen] = np.arange(len(chosen))
            muons[name] = link(container, table, row)

    def _tau_tracks(self, taus: Table, tracks: Table, tau: np.ndarray, of_tau: np.ndarray) -> None:
        table = Table(self.n_events, taus.event[tau])
        momentum = 1 / np.abs(tracks["qOverP"][of_tau])
        table["pt"] = momentum * np.sin(tracks["theta"][of_tau])
        table["eta"] = -np.log(np.tan(tracks["theta"][of_tau] / 2))
        table["phi"] = tracks["phi"][of_tau]
        table["flagSet"] = np.full(len(tau), 52, np.uint16)
        table["trackLinks"] = Lists.single(link("InDetTrackParticles", tracks, of_tau))
        self.collections["TauTracks"] = table
        taus["tauTrackLinks"] = Lists.gather(tau, len(taus), link("TauTracks", table, np.arange(len(tau))))

    def _ghost_tracks(
        self, jets: Table, tracks: Table, jet: np.ndarray, of_jet: np.ndarray, central: np.ndarray
    ) -> None:
        """Kept tracks and null links for those that the skimming dropped."""
        lost = np.repeat(np.arange(len(jets)), self.rng.poisson(self.detector.lost_tracks * central * jets["_hard"]))
        content = np.concatenate([link("InDetTrackParticles", tracks, of_jet), np.full(len(lost), THINNED, LINK)])
        jets["GhostTrack"] = Lists.gather(np.concatenate([jet, lost]), len(jets), content)

    def associations(self) -> None:
        """METAssoc: one association a jet with the objects inside it, and a last one for objects outside of jets."""
        n, jets = self.n_events, self["AnalysisJets"]
        event = np.concatenate([jets.event, np.arange(n)])
        jet = np.concatenate([np.arange(len(jets)), np.full(n, -1)])
        order = np.argsort(event, kind="stable")
        table = Table(n, event[order])
        last = np.flatnonzero(jet[order] < 0)
        of_jet = np.flatnonzero(jet[order] >= 0)
        table["jetLink"] = link("AnalysisJets", jets, jet[order])
        table["isMisc"] = (jet[order] < 0).astype(np.int8)
        owners, links, momenta = [], [], []
        for container in ("AnalysisElectrons", "AnalysisMuons", "AnalysisPhotons", "AnalysisTauJets"):
            objects = self[container]
            match = nearest(objects, jets, 0.4)
            owners.append(np.where(match >= 0, of_jet[match] if len(jets) else -1, last[objects.event]))
            links.append(link(container, objects, np.arange(len(objects))))
            px, py = objects["pt"] * np.cos(objects["phi"]), objects["pt"] * np.sin(objects["phi"])
            pz, e = objects["pt"] * np.sinh(objects["eta"]), objects["pt"] * np.cosh(objects["eta"])
            momenta.append(np.stack([px, py, pz, e, objects["pt"]], axis=1))
        owner, momentum = np.concatenate(owners), np.concatenate(momenta)
        table["objectLinks"] = Lists.gather(owner, len(table), np.concatenate(links))
        inner = table["objectLinks"].offsets
        for i, name in enumerate(("calpx", "calpy", "calpz", "cale", "calsumpt")):
            table[name] = Lists.gather(owner, len(table), momentum[:, i])
        position = np.arange(len(owner)) - np.repeat(inner[:-1], np.diff(inner))
        table["calkey"] = Lists(inner, (1 << position).astype(np.uint64))
        shared = np.repeat(np.diff(inner) > 1, np.diff(inner))  # objects that are not alone overlap with the first one
        overlap_offsets = np.concatenate([[0], np.cumsum(shared)]).astype(np.int64)
        table["overlapIndices"] = Lists(inner, Lists(overlap_offsets, np.zeros(shared.sum(), np.uint64)))
        table["overlapTypes"] = Lists(inner, Lists(overlap_offsets, np.full(shared.sum(), 8, np.uint8)))
        self.collections["METAssoc_AnalysisMET"] = table
