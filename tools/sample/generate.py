"""Truth: Z → ee, Z → μμ and tt̄ events with their decay chains, vectorised over events. Momenta in MeV.

Beside them there are, in samples of one process alone, what is behind tt̄ in an analysis: W and Z with jets, and tW.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tables import LINK, Lists, Table, absent_link, link, merge

GEV = 1000.0

# Masses and widths in GeV, branching ratios: Particle Data Group, Review of Particle Physics 2024.
Z_MASS, Z_WIDTH = 91.1876, 2.4952
W_MASS, W_WIDTH = 80.3692, 2.085
TOP_MASS, TOP_WIDTH = 172.57, 1.42
BOTTOM_MASS = 4.78  # pole mass
MASS = {11: 0.000511, 13: 0.10566, 15: 1.77693}
W_TO_ELECTRON, W_TO_MUON, W_TO_TAU = 0.1071, 0.1063, 0.1138
TAU_TO_ELECTRON, TAU_TO_MUON = 0.1782, 0.1739
TAU_ONE_PRONG = 0.77  # share of hadronic decays
TAU_VISIBLE_MASS = 0.8  # between a rho and an a1

# Each with its share of a mixed sample, and its mean number of jets from initial-state radiation. W and Z with jets are
# as in samples that were filtered for many jets and for b quarks.
FRACTIONS = {"Zee": 0.4, "Zmumu": 0.4, "ttbar": 0.2, "wjets": 0.0, "zjets": 0.0, "single_top": 0.0}
RADIATION = {"Zee": 0.7, "Zmumu": 0.7, "ttbar": 1.0, "wjets": 8.0, "zjets": 8.0, "single_top": 1.0}
PROCESSES = tuple(FRACTIONS)

CONTAINER = {
    "boson": "TruthBoson",
    "top": "TruthTop",
    "bottom": "TruthBottom",
    "electron": "TruthElectrons",
    "muon": "TruthMuons",
    "tau": "TruthTaus",
    "neutrino": "TruthNeutrinos",
    "photon": "TruthPhotons",
}


@dataclass
class Truth:
    """The generated particles: a table for each truth container, the partons that make jets, and the process."""

    n_events: int
    process: np.ndarray
    particles: dict[str, Table]
    partons: Table
    vertex_z: np.ndarray


def four_momentum(pt: np.ndarray, y_or_eta: np.ndarray, phi: np.ndarray, m: np.ndarray, rapidity: bool) -> np.ndarray:
    """(px, py, pz, e) from pt, phi, mass and rapidity or pseudorapidity."""
    transverse = np.hypot(pt, m) if rapidity else pt
    pz = transverse * np.sinh(y_or_eta)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + m**2)], axis=1)


def kinematics(p4: np.ndarray) -> dict[str, np.ndarray]:
    """pt, eta, phi and m of four-momenta."""
    pt = np.hypot(p4[:, 0], p4[:, 1])
    m2 = p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum(axis=1)
    return {
        "pt": pt,
        "eta": np.arcsinh(p4[:, 2] / np.maximum(pt, 1e-9)),
        "phi": np.arctan2(p4[:, 1], p4[:, 0]),
        "m": np.sqrt(np.maximum(m2, 0)),
    }


def breit_wigner(rng: np.random.Generator, mass: float, width: float, low: float, high: float, n: int) -> np.ndarray:
    """Masses of a non-relativistic Breit–Wigner, cut to [low, high]."""
    edges = np.arctan((np.array([low, high]) - mass) / (width / 2))
    return (mass + width / 2 * np.tan(rng.uniform(*edges, n))) * GEV


def boost(p4: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Boost momenta given in the rest frame of ``frame`` into the frame in which it has that momentum."""
    m = np.sqrt(np.maximum(frame[:, 3] ** 2 - (frame[:, :3] ** 2).sum(axis=1), 1e-6))
    dot = (p4[:, :3] * frame[:, :3]).sum(axis=1)
    factor = (dot / (frame[:, 3] + m) + p4[:, 3]) / m
    energy = (p4[:, 3] * frame[:, 3] + dot) / m
    return np.concatenate([p4[:, :3] + factor[:, None] * frame[:, :3], energy[:, None]], axis=1)


def two_body(
    rng: np.random.Generator, parent: np.ndarray, m1: np.ndarray, m2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Isotropic decay in the rest frame of the parent."""
    m = np.sqrt(np.maximum(parent[:, 3] ** 2 - (parent[:, :3] ** 2).sum(axis=1), 1e-6))
    p = np.sqrt(np.maximum((m**2 - (m1 + m2) ** 2) * (m**2 - (m1 - m2) ** 2), 0)) / (2 * m)
    cos = rng.uniform(-1, 1, len(m))
    phi = rng.uniform(-np.pi, np.pi, len(m))
    sin = np.sqrt(1 - cos**2)
    direction = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=1)
    first = np.concatenate([p[:, None] * direction, np.sqrt(p**2 + m1**2)[:, None]], axis=1)
    second = np.concatenate([-p[:, None] * direction, np.sqrt(p**2 + m2**2)[:, None]], axis=1)
    return boost(first, parent), boost(second, parent)


class Particles:
    """Collects particles in parts, each with the part and row of its parent, and turns them into sorted tables."""

    def __init__(self, n_events: int) -> None:
        self.n_events = n_events
        self.parts: list[tuple[str, Table]] = []

    def add(self, kind: str, event: np.ndarray, p4: np.ndarray, pdg: np.ndarray, status: int, parent: int = -1) -> int:
        """Add a part; its rows descend one to one from those of part ``parent``. Returns its number."""
        columns = {"p4": p4, "pdgId": np.asarray(pdg, np.int32), "status": np.full(len(event), status, np.int32)}
        return self.add_from(kind, Table(self.n_events, event, columns), parent, np.arange(len(event)))

    def add_from(self, kind: str, table: Table, parent: int, parent_row: np.ndarray) -> int:
        """Add a part whose rows descend from the given rows of part ``parent`` (-1: none in the file)."""
        table["parent"] = np.full(len(table), parent)
        table["parent_row"] = parent_row
        self.parts.append((kind, table))
        return len(self.parts) - 1

    def __getitem__(self, part: int) -> Table:
        return self.parts[part][1]

    def tables(self) -> dict[str, Table]:
        """A table for each kind, sorted by event, with ``parents`` and ``children`` links."""
        merged: dict[str, Table] = {}
        rows: dict[int, np.ndarray] = {}
        for kind in CONTAINER:
            parts = [i for i, (k, _) in enumerate(self.parts) if k == kind]
            merged[kind], new_rows = merge([self[i] for i in parts])
            rows.update(zip(parts, new_rows, strict=True))
        barcode = 10001
        for table in merged.values():
            table["barcode"] = (barcode + table.index).astype(np.int32)
            barcode += 20
        self._link(merged, rows)
        return merged

    def _link(self, merged: dict[str, Table], rows: dict[int, np.ndarray]) -> None:
        children: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {kind: [] for kind in CONTAINER}
        for kind, table in merged.items():
            parents = np.zeros(len(table), LINK)
            for part in np.unique(table["parent"]):
                mine = np.flatnonzero(table["parent"] == part)
                if part < 0:  # descends from partons, which stay in the AOD
                    parents[mine] = absent_link("TruthParticles", table["parent_row"][mine])
                    continue
                parent_kind = self.parts[part][0]
                parent_rows = rows[part][table["parent_row"][mine]]
                parents[mine] = link(CONTAINER[parent_kind], merged[parent_kind], parent_rows)
                children[parent_kind].append((parent_rows, link(CONTAINER[kind], table, mine)))
            table["parentLinks"] = Lists.single(parents)
        for kind, table in merged.items():
            quarks = table.columns.get("quarks", np.zeros(len(table), bool))
            hadronic = np.flatnonzero(quarks)
            children[kind].append((hadronic, absent_link("TruthParticles", 40 + hadronic % 7)))
            charm = hadronic[np.abs(table["flavour"][hadronic]) == 4] if "flavour" in table.columns else hadronic[:0]
            children[kind].append((charm, absent_link("TruthCharm", np.zeros(len(charm)))))
            owner = np.concatenate([o for o, _ in children[kind]])
            table["childLinks"] = Lists.gather(owner, len(table), np.concatenate([c for _, c in children[kind]]))


def radiate(rng: np.random.Generator, particles: Particles, lepton: int, boson: int, rate: float) -> None:
    """Final-state radiation: some leptons give a collinear photon part of their momentum."""
    table = particles[lepton]
    chosen = np.flatnonzero(rng.random(len(table)) < rate)
    fraction = np.minimum(rng.exponential(0.08, len(chosen)) + 0.005, 0.6)
    photon = table["p4"][chosen] * fraction[:, None]
    photon[:, 3] = np.sqrt((photon[:, :3] ** 2).sum(axis=1))
    table["p4"][chosen] = table["p4"][chosen] - photon
    columns = {"p4": photon, "pdgId": np.full(len(chosen), 22, np.int32), "status": np.ones(len(chosen), np.int32)}
    part = Table(particles.n_events, table.event[chosen], columns)
    particles.add_from("photon", part, boson, table["parent_row"][chosen])


def z_events(rng: np.random.Generator, particles: Particles, event: np.ndarray, pdg: int) -> None:
    """Z → ℓℓ: falling pt with a mean of 25 GeV, rapidity of a 13 TeV Z, isotropic decay."""
    n = len(event)
    mass = breit_wigner(rng, Z_MASS, Z_WIDTH, 66, 116, n)
    pt = rng.gamma(1.3, 25 / 1.3, n) * GEV
    rapidity = np.clip(rng.normal(0, 1.7, n), -4, 4)
    z = four_momentum(pt, rapidity, rng.uniform(-np.pi, np.pi, n), mass, rapidity=True)
    boson = particles.add("boson", event, z, np.full(n, 23), 62)
    particles[boson]["parent_row"] = np.full(n, 3)
    particles[boson]["flavour"] = np.zeros(n, np.int32)
    m = np.full(n, MASS[pdg] * GEV)
    kind, rate = ("electron", 0.15) if pdg == 11 else ("muon", 0.06)
    for p4, charge_sign in zip(two_body(rng, z, m, m), (1, -1), strict=True):
        lepton = particles.add(kind, event, p4, np.full(n, charge_sign * pdg), 1, boson)
        radiate(rng, particles, lepton, boson, rate)


def w_events(rng: np.random.Generator, particles: Particles, event: np.ndarray) -> None:
    """W → ℓν, W⁺ and W⁻ in turn, with the momentum of a Z."""
    n = len(event)
    mass = breit_wigner(rng, W_MASS, W_WIDTH, 60, 100, n)
    pt = rng.gamma(1.3, 25 / 1.3, n) * GEV
    rapidity = np.clip(rng.normal(0, 1.7, n), -4, 4)
    w = four_momentum(pt, rapidity, rng.uniform(-np.pi, np.pi, n), mass, rapidity=True)
    boson = particles.add("boson", event, w, np.where(np.arange(n) % 2 == 0, 24, -24), 22)
    particles[boson]["parent_row"] = np.full(n, 3)
    w_decays(rng, particles, boson, hadronic=False)


def single_top_events(rng: np.random.Generator, particles: Particles, event: np.ndarray) -> list[Table]:
    """Single top, tW → WbW: tops and antitops in turn, back to back with a W of the other charge."""
    n = len(event)
    pt = rng.gamma(2.0, 50, n) * GEV
    phi = rng.uniform(-np.pi, np.pi, n)
    seeds = []
    for sign in (1, -1):
        chosen = np.flatnonzero(np.arange(n) % 2 == (0 if sign > 0 else 1))
        top_mass = breit_wigner(rng, TOP_MASS, TOP_WIDTH, 160, 185, len(chosen))
        rapidity = np.clip(rng.normal(0, 1.1, len(chosen)), -3, 3)
        top = four_momentum(pt[chosen], rapidity, phi[chosen], top_mass, rapidity=True)
        seeds += top_decays(rng, particles, event[chosen], top, sign)
        w_mass = breit_wigner(rng, W_MASS, W_WIDTH, 60, 100, len(chosen))
        rapidity = np.clip(rng.normal(0, 1.5, len(chosen)), -3, 3)
        w = four_momentum(pt[chosen], rapidity, phi[chosen] + np.pi, w_mass, rapidity=True)
        boson = particles.add("boson", event[chosen], w, np.full(len(chosen), -24 * sign), 22)
        particles[boson]["parent_row"] = np.full(len(chosen), 3)
        seeds += w_decays(rng, particles, boson)
    return seeds


def top_events(rng: np.random.Generator, particles: Particles, event: np.ndarray) -> list[Table]:
    """tt̄ → WbWb: the tops back to back up to a common recoil, all decays two-body."""
    n = len(event)
    pt = rng.gamma(2.0, 60, n) * GEV
    phi = rng.uniform(-np.pi, np.pi, n)
    recoil = rng.gamma(1.3, 15, n) * GEV
    recoil_phi = rng.uniform(-np.pi, np.pi, n)
    partons = []
    for sign in (1, -1):
        mass = breit_wigner(rng, TOP_MASS, TOP_WIDTH, 160, 185, n)
        top = four_momentum(pt, np.zeros(n), phi if sign > 0 else phi + np.pi, mass, rapidity=True)
        top[:, 0] += recoil / 2 * np.cos(recoil_phi)
        top[:, 1] += recoil / 2 * np.sin(recoil_phi)
        rapidity = np.clip(rng.normal(0, 1.1, n), -3, 3)
        top = four_momentum(np.hypot(top[:, 0], top[:, 1]), rapidity, np.arctan2(top[:, 1], top[:, 0]), mass, True)
        partons += top_decays(rng, particles, event, top, sign)
    return partons


def top_decays(
    rng: np.random.Generator, particles: Particles, event: np.ndarray, top: np.ndarray, sign: int
) -> list[Table]:
    """Decays of tops or antitops, t → Wb; what is left for jets."""
    n = len(event)
    part = particles.add("top", event, top, np.full(n, 6 * sign), 62)
    particles[part]["parent_row"] = np.full(n, 4 if sign > 0 else 5)
    w_mass = breit_wigner(rng, W_MASS, W_WIDTH, 60, 100, n)
    w, b = two_body(rng, top, w_mass, np.full(n, BOTTOM_MASS * GEV))
    bottom = particles.add("bottom", event, b, np.full(n, 5 * sign), 23, part)
    particles[bottom]["quarks"] = np.ones(n, bool)
    boson = particles.add("boson", event, w, np.full(n, 24 * sign), 22, part)
    return [jet_seed(n, particles.n_events, event, b, 5), *w_decays(rng, particles, boson)]


def w_decays(rng: np.random.Generator, particles: Particles, boson: int, *, hadronic: bool = True) -> list[Table]:
    """W → ℓν, τν or, where that is wanted, quarks; a hadronic W leaves two partons."""
    table = particles[boson]
    n = len(table)
    steps = np.cumsum([W_TO_ELECTRON, W_TO_MUON, W_TO_TAU])
    mode = np.searchsorted(steps, rng.random(n) * (1.0 if hadronic else steps[-1]), side="right")
    table["quarks"] = mode == 3
    table["flavour"] = np.where(rng.random(n) < 0.5, 4, 2).astype(np.int32)
    for which, (kind, pdg, rate) in enumerate((("electron", 11, 0.15), ("muon", 13, 0.06), ("tau", 15, 0.0))):
        rows = np.flatnonzero(mode == which)
        mass = np.full(len(rows), MASS[pdg] * GEV)
        lepton, neutrino = two_body(rng, table["p4"][rows], mass, np.zeros(len(rows)))
        sign = np.sign(table["pdgId"][rows])
        lepton_pdg, neutrino_pdg = -sign * pdg, sign * (pdg + 1)
        event = table.event[rows]
        part = particles.add(kind, event, lepton, lepton_pdg, 2 if kind == "tau" else 1, boson)
        particles[part]["parent_row"] = rows
        other = particles.add("neutrino", event, neutrino, neutrino_pdg, 1, boson)
        particles[other]["parent_row"] = rows
        if kind == "tau":
            tau_decays(rng, particles, part)
        else:
            radiate(rng, particles, part, boson, rate)
    rows = np.flatnonzero(mode == 3)
    zero = np.zeros(len(rows))
    first, second = two_body(rng, table["p4"][rows], zero, zero)
    up = jet_seed(len(rows), particles.n_events, table.event[rows], first, table["flavour"][rows])
    partner = np.where(table["flavour"][rows] == 4, 3, 1)
    down = jet_seed(len(rows), particles.n_events, table.event[rows], second, partner)
    return [up, down]


def tau_decays(rng: np.random.Generator, particles: Particles, part: int) -> None:
    """τ → ℓνν or hadrons ν; the neutrino pair is taken as one system of random mass."""
    tau = particles[part]
    n = len(tau)
    draw = rng.random(n)
    mode = np.where(draw < TAU_TO_ELECTRON, 11, np.where(draw < TAU_TO_ELECTRON + TAU_TO_MUON, 13, 0))
    tau["hadronic"] = mode == 0
    tau["prongs"] = np.where(rng.random(n) < TAU_ONE_PRONG, 1, 3).astype(np.uint64)
    visible = np.zeros((n, 4))
    sign = np.sign(tau["pdgId"])
    rows = np.flatnonzero(mode == 0)
    hadrons, neutrino = two_body(rng, tau["p4"][rows], np.full(len(rows), TAU_VISIBLE_MASS * GEV), np.zeros(len(rows)))
    visible[rows] = hadrons
    _tau_neutrino(particles, part, rows, neutrino, sign[rows] * 16)
    for pdg, kind in ((11, "electron"), (13, "muon")):
        rows = np.flatnonzero(mode == pdg)
        pair_mass = rng.uniform(0.1, 1.5, len(rows)) * GEV
        lepton, pair = two_body(rng, tau["p4"][rows], np.full(len(rows), MASS[pdg] * GEV), pair_mass)
        visible[rows] = lepton
        child = particles.add(kind, tau.event[rows], lepton, sign[rows] * pdg, 1, part)
        particles[child]["parent_row"] = rows
        zero = np.zeros(len(rows))
        first, second = two_body(rng, pair, zero, zero)
        _tau_neutrino(particles, part, rows, first, sign[rows] * 16)
        _tau_neutrino(particles, part, rows, second, -sign[rows] * (pdg + 1))
    tau["visible"] = visible


def _tau_neutrino(particles: Particles, tau: int, rows: np.ndarray, p4: np.ndarray, pdg: np.ndarray) -> None:
    part = particles.add("neutrino", particles[tau].event[rows], p4, pdg, 1, tau)
    particles[part]["parent_row"] = rows


def jet_seed(n: int, n_events: int, event: np.ndarray, p4: np.ndarray, flavour: np.ndarray | int) -> Table:
    """What a jet grows from: a four-momentum and the flavour of the parton (0: light or gluon, 15: tau)."""
    label = np.broadcast_to(np.asarray(flavour, np.int32), (n,)).copy()
    return Table(n_events, event, {**kinematics(p4), "flavour": label, "hard": np.ones(n, bool)})


def radiation(rng: np.random.Generator, n_events: int, process: np.ndarray) -> Table:
    """Jets from initial-state radiation, with a falling pt and a few heavy flavours."""
    counts = rng.poisson(np.array(list(RADIATION.values()))[process])
    event = np.repeat(np.arange(n_events), counts)
    n = len(event)
    pt = np.minimum(18 * rng.random(n) ** (-1 / 2.3), 500) * GEV
    p4 = four_momentum(pt, np.clip(rng.normal(0, 1.9, n), -4.4, 4.4), rng.uniform(-np.pi, np.pi, n), 0.1 * pt, False)
    flavour = rng.choice([21, 1, 2, 3, 4, 5], n, p=[0.6, 0.12, 0.12, 0.06, 0.06, 0.04])
    filtered = np.isin(process, [PROCESSES.index(name) for name in ("wjets", "zjets")])[event]
    flavour[filtered & (flavour == 3)] = 5
    return jet_seed(n, n_events, event, p4, flavour)


def generate(rng: np.random.Generator, n_events: int, process: str | None = None) -> Truth:
    """Draw the processes, or take the one that is named, and generate all events."""
    fractions = FRACTIONS if process is None else {name: float(name == process) for name in PROCESSES}
    drawn = rng.choice(len(PROCESSES), n_events, p=list(fractions.values()))
    of = {name: np.flatnonzero(drawn == i) for i, name in enumerate(PROCESSES)}
    particles = Particles(n_events)
    z_events(rng, particles, of["Zee"], 11)
    z_events(rng, particles, of["Zmumu"], 13)
    seeds = top_events(rng, particles, of["ttbar"])
    w_events(rng, particles, of["wjets"])
    z_events(rng, particles, of["zjets"][::2], 11)
    z_events(rng, particles, of["zjets"][1::2], 13)
    seeds += single_top_events(rng, particles, of["single_top"])
    for _, table in particles.parts:
        for name, dtype in (("quarks", bool), ("flavour", np.int32), ("hadronic", bool), ("prongs", np.uint64)):
            table.columns.setdefault(name, np.zeros(len(table), dtype))
        table.columns.setdefault("visible", np.zeros((len(table), 4)))
    tables = particles.tables()
    for table in tables.values():
        table.columns.update(kinematics(table["p4"]))
    partons, _ = merge([*seeds, radiation(rng, n_events, drawn)], by="pt")
    return Truth(n_events, drawn, tables, partons, rng.normal(0, 35, n_events))  # beam spot length 35 mm
