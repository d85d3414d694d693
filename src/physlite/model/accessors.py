"""Names by which the targets of links are reached: `electrons.trackParticles` for `trackParticleLinks`.

Every link field `fooLink` or `fooLinks` gives `foo` or `foos`, and `GhostFoo` of a jet gives `ghostFoo`. The names of
the EDM's own methods (xAOD::TruthParticle_v1, Muon_v1, …) are in the table below.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Accessor", "accessors"]


class Accessor(NamedTuple):
    """A link field, and whether only its first link is meant."""

    field: str
    first: bool = False


# By class of the objects, and the name.
_NAMES: dict[str, dict[str, Accessor]] = {
    "Electron": {
        "trackParticle": Accessor("trackParticleLinks", first=True),
        "caloCluster": Accessor("caloClusterLinks", first=True),
    },
    "Photon": {
        "vertices": Accessor("vertexLinks"),
        "vertex": Accessor("vertexLinks", first=True),
        "caloCluster": Accessor("caloClusterLinks", first=True),
    },
    "TauJet": {"tracks": Accessor("tauTrackLinks")},
    "IParticle": {"track": Accessor("trackLinks", first=True)},  # xAOD::TauTrack_v1::track
    "Jet": {"parent": Accessor("Parent")},
    "TrackParticle": {"vertices": Accessor("TTVA_AMVFVertices")},
    "TruthParticle": {
        "children": Accessor("childLinks"),
        "productionVertex": Accessor("prodVtxLink"),
        "decayVertex": Accessor("decayVtxLink"),
    },
    "TruthVertex": {
        "incoming": Accessor("incomingParticleLinks"),
        "outgoing": Accessor("outgoingParticleLinks"),
    },
}
_GHOST = "Ghost"
_ENDS = (("Links", "s"), ("Link", ""))
# Plurals that are not made with an s.
_IRREGULAR = {"childs": "children", "vertexs": "vertices"}


def accessors(record: str, fields: Iterable[str]) -> Mapping[str, Accessor]:
    """All names that stand for link fields of objects of a class. A field of the same name comes first."""
    return _accessors(record, tuple(fields))


@functools.lru_cache(maxsize=1000)  # for each kind of objects, each time that one of its attributes is asked for
def _accessors(record: str, fields: tuple[str, ...]) -> Mapping[str, Accessor]:
    found: dict[str, Accessor] = {}
    for field in fields:
        if name := _regular_name(field):
            found[name] = Accessor(field)
    found |= {name: accessor for name, accessor in _NAMES.get(record, {}).items() if accessor.field in fields}
    return MappingProxyType({name: accessor for name, accessor in found.items() if name not in fields})


def _regular_name(field: str) -> str | None:
    if field.startswith(_GHOST):
        return field[0].lower() + field[1:]
    for end, plural in _ENDS:
        if field.endswith(end) and field != end:
            name = field.removesuffix(end) + plural
            name = name[0].lower() + name[1:]
            return _IRREGULAR.get(name, name)
    return None
