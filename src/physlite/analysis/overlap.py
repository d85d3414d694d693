"""Overlap removal: which objects are left when one signal in the detector is to be one object.

The recipe is that of ATLAS, as the tools of AssociationUtils apply it (Athena, PhysicsAnalysis/AnalysisCommon/
AssociationUtils: Root/OverlapRemovalTool.cxx and python/AssociationUtilsConfig.py)::

    selected = {"Electrons": good_electrons, "Muons": good_muons, "Jets": good_jets}
    kept = overlap.remove(events, overlap.standard(selected), selected)
    events.Jets[kept["Jets"]]

Distances are in rapidity and azimuth. What a step removes does not count in the steps after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import awkward as ak

from physlite.analysis.overlaps.cones import DeltaR, ElectronJet, TauJet
from physlite.analysis.overlaps.loosetaus import TauLooseElectron, TauLooseMuon
from physlite.analysis.overlaps.muonjet import MuonJet
from physlite.analysis.overlaps.pairs import Radius, SlidingCone
from physlite.analysis.overlaps.removal import Removal, Step
from physlite.analysis.overlaps.tracks import ElectronMuon, SharedTrackElectrons
from physlite.formats.filters import nearest

__all__ = [
    "DeltaR",
    "ElectronJet",
    "ElectronMuon",
    "MuonJet",
    "SharedTrackElectrons",
    "SlidingCone",
    "Step",
    "TauJet",
    "TauLooseElectron",
    "TauLooseMuon",
    "remove",
    "removed_by",
    "standard",
]

# Those of the tools' default, which leaves out large-R jets.
_USUAL = ("Electrons", "Muons", "TauJets", "Photons", "Jets")
_KNOWN = (*_USUAL, "LargeRJets")


def standard(
    collections: Iterable[str] = _USUAL, *, boosted: bool = False, electron_electron: bool = False
) -> tuple[Step, ...]:
    """The standard steps, in their order.

    The heavy-flavour working point has the same steps: give `b_jets` to `remove`.

    Args:
        collections: those that take part, as the keys of `selected`; steps with others are left out. The names are
            Electrons, Muons, TauJets, Photons, Jets and LargeRJets. Collections of your own take part under one of
            these, `events["Jets"] = good_jets`, or in steps of their own, `DeltaR("GoodJets", "Photons", 0.4)`.
        boosted: electrons and muons near jets are removed within a cone that shrinks with their pT (the boosted working
            point).
        electron_electron: begin with electrons that share a track.

    Raises:
        TypeError: these are no names of collections.
        ValueError: a collection has no standard steps.
    """
    if isinstance(collections, str) or not isinstance(collections, Iterable):
        msg = f"overlap removal: names of collections are expected, as in standard(['Jets']), not {collections!r:.100}"
        raise TypeError(msg)
    given = tuple(collections)
    for name in (name for name in given if name not in _KNOWN):
        msg = (
            f"overlap removal: no standard steps for {name!r}{nearest(list(_KNOWN), name)}; there are those for "
            f"{', '.join(_KNOWN)}; put yours into the events under one of these names, or give it steps of its own"
        )
        raise ValueError(msg)
    outer: Radius = SlidingCone() if boosted else 0.4
    steps: list[Step] = [SharedTrackElectrons()] if electron_electron else []
    steps += [
        DeltaR("TauJets", "Electrons", 0.2),
        DeltaR("TauJets", "Muons", 0.2),
        ElectronMuon(),
        DeltaR("Photons", "Electrons", 0.4),
        DeltaR("Photons", "Muons", 0.4),
        ElectronJet(outer=outer),
        MuonJet(outer=outer),
        DeltaR("Jets", "TauJets", 0.2),
        DeltaR("Jets", "Photons", 0.4),
        DeltaR("LargeRJets", "Electrons", 1.0),
        DeltaR("Jets", "LargeRJets", 1.0),
    ]
    return tuple(step for step in steps if set(step.collections) <= set(given))


def remove(
    events: ak.Array, steps: Sequence[Step], selected: Mapping[str, ak.Array], *, b_jets: ak.Array | None = None
) -> dict[str, ak.Array]:
    """Which of the selected objects survive.

    Args:
        events: the events.
        steps: what is done, in this order.
        selected: a mask for each collection that takes part, of all of its objects; the others take no part, and remove
            nothing (save for `TauLooseElectron` and `TauLooseMuon`, which say so).
        b_jets: a mask of jets, of all of events.Jets, that leptons of low pT do not remove (the heavy-flavour working
            point).

    Returns:
        A mask for each collection: selected, and not removed.

    Raises:
        ColumnNotFoundError: a collection of `selected`, or a column that a step needs, is not there.
        TypeError: an array is no mask, or steps are none, or no sequence of them.
        ValueError: a mask does not fit its collection, a step needs a collection that is not in `selected`, or it needs
            a primary vertex that an event does not have.
    """
    return _run(events, steps, selected, b_jets).surviving()


def removed_by(
    events: ak.Array, steps: Sequence[Step], selected: Mapping[str, ak.Array], *, b_jets: ak.Array | None = None
) -> dict[str, ak.Array]:
    """Which step removed each object, as its number in `steps`; -1 where none did, as for those not selected.

    Arguments and errors are those of `remove`.
    """
    return _run(events, steps, selected, b_jets).removed_by()


def _run(events: ak.Array, steps: Sequence[Step], selected: Mapping[str, ak.Array], b_jets: ak.Array | None) -> Removal:
    if not isinstance(events, ak.Array):
        msg = f"overlap removal: events are expected first, as in remove(events, steps, selected), not {_kind(events)}"
        raise TypeError(msg)
    if not isinstance(selected, Mapping):
        msg = f"overlap removal: selected has a mask for each collection, as {{'Jets': mask}}; it is {_kind(selected)}"
        raise TypeError(msg)
    if isinstance(steps, Mapping | str | ak.Array) or not isinstance(steps, Iterable):
        msg = f"overlap removal: steps are a list, as [ElectronJet()] or standard(selected); they are {_kind(steps)}"
        raise TypeError(msg)
    listed = tuple(steps)
    for step in listed:
        _require_step(step)
    removal = Removal(events, selected, b_jets)
    removal.run(listed)
    return removal


def _require_step(step: Any) -> None:
    if isinstance(step, type):
        msg = f"overlap removal: the class {step.__name__} is no step: call it, as in {step.__name__}(…)"
        raise TypeError(msg)
    if not hasattr(step, "apply") or not hasattr(step, "collections"):
        msg = f"overlap removal: {type(step).__name__} is no step: take those of physlite.analysis.overlap"
        raise TypeError(msg)


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
