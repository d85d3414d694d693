"""A Run 2 trigger menu in small: decisions that follow from the reconstructed objects, and the objects that fired."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .generate import GEV
from .reconstruct import Reconstruction
from .tables import Lists, Table, cross, link

SMK, L1PSK, HLTPSK = 2216, 76, 260
HLT_WORDS, L1_WORDS = 128, 16
MATCH_EFFICIENCY = 0.98

CONTAINER = {
    "e": "AnalysisElectrons",
    "mu": "AnalysisMuons",
    "g": "AnalysisPhotons",
    "tau": "AnalysisTauJets",
    "j": "AnalysisJets",
}


@dataclass(frozen=True)
class Leg:
    """``count`` objects of one kind above a threshold (GeV), each seen with an efficiency on the plateau."""

    kind: str
    threshold: float
    efficiency: float = 0.9
    require: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Chain:
    """An HLT chain: its name and counter in the menu, the L1 item that seeds it, its legs and its prescale."""

    name: str
    counter: int
    seed: str
    legs: tuple[Leg, ...] = ()
    prescale: float = 1.0
    matching: str = "none"  # "columns", "stub" (a container without columns) or "none" (no container)
    rate: float = 0.0  # for chains without legs: how often they fire


_TIGHT, _MEDIUM, _LOOSE, _VLOOSE = (f"DFCommonElectronsLH{w}" for w in ("Tight", "Medium", "Loose", "VeryLoose"))
_L1_MU20 = "L1_MU20,L1_MU21"

# Names, counters and seeds as in a published menu (smk 2216); efficiencies and prescales of this toy.
CHAINS = (
    Chain("HLT_e26_lhtight_nod0_ivarloose", 234, "L1_EM22VHI", (Leg("e", 26, 0.9, _TIGHT),), matching="columns"),
    Chain("HLT_e28_lhtight_nod0_ivarloose", 239, "L1_EM24VHI", (Leg("e", 28, 0.9, _TIGHT),)),
    Chain("HLT_e60_lhmedium_nod0", 124, "L1_EM22VHI", (Leg("e", 60, 0.95, _MEDIUM),), matching="columns"),
    Chain("HLT_e140_lhloose_nod0", 132, "L1_EM22VHI", (Leg("e", 140, 0.97, _LOOSE),), matching="columns"),
    Chain("HLT_e300_etcut", 247, "L1_EM24VHI", (Leg("e", 300, 0.99),), matching="stub"),
    Chain("HLT_e5_lhvloose_nod0", 165, "L1_EM3", (Leg("e", 5, 0.9, _VLOOSE),), prescale=50.0),
    Chain("HLT_e17_lhvloose_nod0", 167, "L1_EM15VH", (Leg("e", 17, 0.92, _VLOOSE),), prescale=10.0, matching="columns"),
    Chain(
        "HLT_2e17_lhvloose_nod0_L12EM15VHI", 206, "L1_2EM15VHI", (Leg("e", 17, 0.92, _VLOOSE, 2),), matching="columns"
    ),
    Chain("HLT_2e24_lhvloose_nod0", 208, "L1_2EM20VH", (Leg("e", 24, 0.92, _VLOOSE, 2),), matching="columns"),
    Chain("HLT_mu26_ivarmedium", 1397, _L1_MU20, (Leg("mu", 26, 0.85),), matching="columns"),
    Chain("HLT_mu50", 1400, _L1_MU20, (Leg("mu", 50, 0.85),), matching="columns"),
    Chain("HLT_mu60", 1401, _L1_MU20, (Leg("mu", 60, 0.85),)),
    Chain("HLT_mu24", 1409, _L1_MU20, (Leg("mu", 24, 0.85),), prescale=5.0),
    Chain("HLT_mu20", 1408, _L1_MU20, (Leg("mu", 20, 0.85),), prescale=20.0),
    Chain("HLT_mu14", 1411, "L1_MU10", (Leg("mu", 14, 0.85),), prescale=20.0, matching="columns"),
    Chain("HLT_mu10", 1489, "L1_MU10", (Leg("mu", 10, 0.85),), prescale=-1.0),
    Chain("HLT_mu6", 1413, "L1_MU6", (Leg("mu", 6, 0.85),), prescale=100.0),
    Chain("HLT_mu4", 1415, "L1_MU4", (Leg("mu", 4, 0.85),), prescale=200.0),
    Chain("HLT_2mu14", 1438, "L1_2MU10", (Leg("mu", 14, 0.85, count=2),), matching="columns"),
    Chain("HLT_3mu6", 1440, "L1_3MU6", (Leg("mu", 6, 0.85, count=3),), matching="stub"),
    Chain(
        "HLT_e17_lhloose_nod0_mu14",
        3360,
        "L1_EM15VH_MU10",
        (Leg("e", 17, 0.92, _LOOSE), Leg("mu", 14, 0.85)),
        matching="columns",
    ),
    Chain(
        "HLT_e7_lhmedium_nod0_mu24",
        3370,
        _L1_MU20,
        (Leg("e", 7, 0.9, _MEDIUM), Leg("mu", 24, 0.85)),
        matching="columns",
    ),
    Chain(
        "HLT_e17_lhmedium_nod0_ivarloose_tau25_medium1_tracktwo_L1DR-EM15TAU12I-J25",
        3538,
        "L1_DR-EM15TAU12I-J25",
        (Leg("e", 17, 0.9, _MEDIUM), Leg("tau", 25, 0.8)),
        matching="columns",
    ),
    Chain("HLT_g140_loose", 125, "L1_EM24VHI", (Leg("g", 140, 0.97),), matching="stub"),
    Chain("HLT_2g50_loose", 71, "L1_2EM15VH", (Leg("g", 50, 0.95, count=2),)),
    Chain("HLT_tau160_medium1_tracktwo", 2318, "L1_TAU60", (Leg("tau", 160, 0.8),)),
    Chain("HLT_j15", 542, "L1_RD0_FILLED", (Leg("j", 15, 0.99),), prescale=500.0),
    Chain("HLT_j25", 543, "L1_RD0_FILLED", (Leg("j", 25, 0.99),), prescale=200.0),
    Chain("HLT_j45", 545, "L1_J15", (Leg("j", 45, 0.99),), prescale=50.0),
    Chain("HLT_j60", 547, "L1_J20", (Leg("j", 60, 0.99),), prescale=20.0),
    Chain("HLT_j110", 550, "L1_J30", (Leg("j", 110, 0.99),), prescale=5.0),
    Chain("HLT_j420", 556, "L1_J100", (Leg("j", 420, 0.99),)),
    Chain("HLT_4j120", 799, "L1_3J50", (Leg("j", 120, 0.99, count=4),)),
    Chain("HLT_2j35_bmv2c1060_split_2j35_L14J15.0ETA25", 1268, "L1_4J15.0ETA25", (Leg("j", 35, 0.8, count=4),)),
    Chain("HLT_xe110_pufit_L1XE50", 1947, "L1_XE50", rate=0.02),
    Chain("HLT_mb_sptrk", 2479, "L1_RD0_FILLED", prescale=-1.0, rate=1.0),
    Chain("HLT_noalg_L1MU4_EMPTY", 2885, "L1_MU4_EMPTY", prescale=-1.0),
)

ITEMS = {
    "L1_EM3": 0,
    "L1_EM15": 6,
    "L1_EM15VH": 7,
    "L1_EM20VH": 9,
    "L1_EM22VHI": 11,
    "L1_EM24VHI": 392,
    "L1_2EM15VH": 31,
    "L1_2EM15VHI": 342,
    "L1_2EM20VH": 400,
    "L1_MU4": 14,
    "L1_MU6": 15,
    "L1_MU10": 16,
    "L1_MU20": 18,
    "L1_MU21": 17,
    "L1_2MU10": 34,
    "L1_3MU6": 36,
    "L1_MU4_EMPTY": 210,
    "L1_EM15VH_MU10": 44,
    "L1_DR-EM15TAU12I-J25": 448,
    "L1_TAU60": 51,
    "L1_J15": 92,
    "L1_J20": 93,
    "L1_J30": 95,
    "L1_J100": 100,
    "L1_3J50": 110,
    "L1_4J15.0ETA25": 118,
    "L1_XE50": 147,
    "L1_RD0_FILLED": 240,
}


@dataclass
class Trigger:
    """Decision words of each event and, by container name, the table of matched combinations."""

    words: dict[str, np.ndarray]
    matches: dict[str, Table]
    passed: dict[str, np.ndarray]
    stubs: tuple[str, ...]


def match_container(chain: str) -> str:
    """Name of the container with the objects that fired a chain."""
    return f"AnalysisTrigMatch_{chain.replace('.', '_')}"


def simulate(rng: np.random.Generator, reconstruction: Reconstruction) -> Trigger:
    """Decide all chains for all events."""
    n = reconstruction.n_events
    rolls = {kind: rng.random(len(reconstruction[container])) for kind, container in CONTAINER.items()}
    words = {stage: np.zeros((n, HLT_WORDS), np.uint32) for stage in ("PassedRaw", "PassedPhysics", "Prescaled")}
    l1 = np.zeros((n, L1_WORDS), np.uint32)
    matches, passed = {}, {}
    for chain in CHAINS:
        fired = [_fired(leg, reconstruction[CONTAINER[leg.kind]], rolls[leg.kind]) for leg in chain.legs]
        seeded = _decision(chain, fired, reconstruction) if chain.legs else rng.random(n) < chain.rate
        for item in chain.seed.split(","):
            _set_bit(l1, ITEMS[item], seeded | (rng.random(n) < 0.003))
        active = np.full(n, chain.prescale > 0)
        kept = active & (rng.random(n) * max(chain.prescale, 1.0) < 1.0)
        physics = seeded & kept
        passed[chain.name] = physics
        _set_bit(words["PassedRaw"], chain.counter, seeded & active)
        _set_bit(words["PassedPhysics"], chain.counter, physics)
        _set_bit(words["Prescaled"], chain.counter, seeded & ~kept)
        if chain.matching == "columns":
            matched = [f & (rng.random(len(f)) < MATCH_EFFICIENCY) for f in fired]
            matches[match_container(chain.name)] = _combinations(chain, reconstruction, matched, physics)
    zeros = np.zeros((n, HLT_WORDS), np.uint32)
    decision = {f"ef{stage}": w for stage, w in words.items()}
    for level in ("lvl2", "ef"):
        for stage in ("PassedPhysics", "PassedRaw", "PassedThrough", "Prescaled", "Resurrected"):
            decision.setdefault(f"{level}{stage}", zeros)
    decision.update(tbp=l1, tap=l1, tav=l1)
    stubs = tuple(match_container(c.name) for c in CHAINS if c.matching == "stub")
    return Trigger(decision, matches, passed, stubs)


def _fired(leg: Leg, objects: Table, roll: np.ndarray) -> np.ndarray:
    """Which objects satisfy a leg. One random number an object keeps the thresholds consistent with each other."""
    fired = (objects["pt"] > leg.threshold * GEV) & (roll < leg.efficiency)
    return fired & (objects[leg.require] == 1) if leg.require else fired


def _decision(chain: Chain, fired: list[np.ndarray], reconstruction: Reconstruction) -> np.ndarray:
    result = np.ones(reconstruction.n_events, bool)
    for leg, mask in zip(chain.legs, fired, strict=True):
        event = reconstruction[CONTAINER[leg.kind]].event
        result &= np.bincount(event[mask], minlength=reconstruction.n_events) >= leg.count
    return result


def _set_bit(words: np.ndarray, bit: int, decision: np.ndarray) -> None:
    words[:, bit // 32] |= decision.astype(np.uint32) << np.uint32(bit % 32)


def _combinations(chain: Chain, reconstruction: Reconstruction, matched: list[np.ndarray], passed: np.ndarray) -> Table:
    """TrigMatchedObjects: for each combination of fired objects the links to its legs."""
    legs = []
    for leg, mask in zip(chain.legs, matched, strict=True):
        container = CONTAINER[leg.kind]
        rows = np.flatnonzero(mask & passed[reconstruction[container].event])
        part = Table(reconstruction.n_events, reconstruction[container].event[rows])
        part["link"] = link(container, reconstruction[container], rows)
        legs += [part] * leg.count
    combos = legs[0]
    chosen = [np.arange(len(combos))]
    for previous, leg in pairwise(legs):
        left, right = cross(Table(combos.n_events, combos.event), leg)
        if previous is leg:  # the same objects in rising order, each combination once
            rising = chosen[-1][left] < right
            left, right = left[rising], right[rising]
        chosen = [c[left] for c in chosen] + [right]
        combos = Table(combos.n_events, combos.event[left])
    links = np.stack([leg["link"][rows] for leg, rows in zip(legs, chosen, strict=True)], axis=1)
    return Table(combos.n_events, combos.event, {"TrigMatchedObjects": Lists.regular(links)})
