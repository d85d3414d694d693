"""Overlap removal of events that are made in memory, so that nothing is read."""

from __future__ import annotations

from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

import physlite
from harness import Comparison, Target, Way
from physlite.analysis import overlap
from physlite.units import GeV
from reading import Makers
from work import Work

__all__ = ["overlaps", "remove"]

_EVENTS = 100_000

# Objects of an event on average, in simulated tt̄ events.
_NUMBERS = {"Electrons": 0.5, "Muons": 0.6, "Jets": 9.0, "TauJets": 1.0, "Photons": 2.0}
_CLASSES = {"Electrons": "Electron", "Muons": "Muon", "Jets": "Jet", "TauJets": "TauJet", "Photons": "Photon"}
_VERTICES = 20
_TRACKS = 8  # of a jet


def overlaps(_: int) -> Makers:
    """All standard steps, on one core."""
    yield partial(_overlaps)


def _overlaps() -> Comparison:
    return Comparison(
        "overlap removal",
        f"all standard steps, {_EVENTS:,} events in memory",
        {"physlite": Way("overlaps:remove", {"events": _EVENTS})},
        [Target("physlite", "most", 1.0)],
        events=_EVENTS,
    )


def remove(events: int) -> Work:
    """The standard steps and electrons that share tracks, all objects selected."""
    made = _made(events)
    selected = {name: made[name].pt > 0 for name in _NUMBERS}
    b_jets = made.Jets.pt % 5 < 1
    steps = overlap.standard(electron_electron=True)
    return Work(lambda _: overlap.remove(made, steps, selected, b_jets=b_jets))


def _made(events: int) -> ak.Array:
    """Objects all over the detector, with the columns that the steps need."""
    physlite.register_awkward()
    rng = np.random.default_rng(1)
    counts = {name: rng.poisson(number, events) for name, number in _NUMBERS.items()}
    total = {name: int(number.sum()) for name, number in counts.items()}
    fields: dict[str, dict[str, Any]] = {
        name: {
            "pt": (rng.exponential(30, n) * GeV + 5 * GeV).astype(np.float32),
            "eta": rng.uniform(-2.5, 2.5, n).astype(np.float32),
            "phi": rng.uniform(-np.pi, np.pi, n).astype(np.float32),
        }
        for name, n in total.items()
    }
    for name in ("Jets", "TauJets"):
        fields[name]["m"] = (0.1 * fields[name]["pt"]).astype(np.float32)
    n = total["Electrons"]
    fields["Electrons"] |= {
        "author": np.ones(n, dtype=np.uint16),
        "trackParticleLinks": ak.unflatten(_links(rng.integers(0, 5, n)), 1),
        "trackParticles": ak.unflatten(
            ak.zip({"originalTrackParticle": _links(rng.integers(0, 50, n))}, depth_limit=1), 1
        ),
    }
    n = total["Muons"]
    fields["Muons"] |= {
        "muonType": rng.integers(0, 5, n).astype(np.uint16),
        "inDetTrackParticleLink": _links(rng.integers(0, 50, n)),
    }
    n = total["Jets"]
    ghosts = rng.poisson(_TRACKS, n)
    fields["Jets"] |= {
        "NumTrkPt500": ak.unflatten(rng.poisson(4, n * _VERTICES).astype(np.int32), _VERTICES),
        "GhostTrack": ak.unflatten(_links(rng.integers(0, 50, int(ghosts.sum()))), ghosts),
    }
    collections = {
        name: ak.unflatten(ak.zip(columns, depth_limit=1, with_name=_CLASSES[name]), counts[name])
        for name, columns in fields.items()
    }
    vertices = (np.arange(events * _VERTICES) % _VERTICES == 0).astype(np.int16)
    collections["PrimaryVertices"] = ak.unflatten(ak.zip({"vertexType": vertices}, depth_limit=1), _VERTICES)
    return ak.zip(collections, depth_limit=1)


def _links(index: NDArray[np.int64]) -> ak.Array:
    """To the tracks of one container."""
    key = np.full(len(index), 1, dtype=np.uint32)
    return ak.zip({"m_persKey": key, "m_persIndex": index.astype(np.uint32)}, depth_limit=1)
