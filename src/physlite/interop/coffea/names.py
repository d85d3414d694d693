"""Names that coffea has for what objects of events can do, where ours are others.

They are those of `coffea.nanoevents.methods.vector` and `.physlite`, and the fields that its schema adds or spells
otherwise. What they give is what ours give. They are added to the classes of all events in the process.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from coffea.nanoevents.methods import vector as coffea_vector
from vector.backends import awkward as vector_awkward

from physlite.model.behaviors import LorentzVector
from physlite.model.naming import OTHERS, PARTICLES
from physlite.model.objects import shown

__all__ = ["register"]

# What PHYSLITESchema computes for all tracks, and for muons.
_COMPUTED = {"TrackParticle": ("p", "pt", "tau"), "Muon": ("m",)}
_LINK_MEMBERS = ("m_persKey", "m_persIndex")


class _Named:
    """Arrays and records that know fields by coffea's names as well."""

    if TYPE_CHECKING:
        layout: Any

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, str) and where not in self.layout.fields:
            found = _by_their_name(self, where)
            if found is not None:
                return found()
        return super().__getitem__(where)  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and not hasattr(type(self), name) and name not in self.layout.fields:
            found = _by_their_name(self, name)
            if found is not None:
                return found()
        return super().__getattr__(name)  # type: ignore[misc]


def _by_their_name(objects: Any, name: str) -> Callable[[], Any] | None:
    """What gives a field that coffea's schema has, by its name there."""
    layout = objects.layout
    record = (layout.array if isinstance(layout, ak.record.Record) else layout).purelist_parameter("__record__")
    if name in _COMPUTED.get(record, ()):
        return lambda: getattr(objects, name)
    fields = shown(layout.fields)
    ours = None
    if record == "Events":  # MET_Core_MET for MET_Core_AnalysisMET: coffea takes the word out wherever it stands
        ours = next((field for field in fields if field.replace("Analysis", "") == name), None)
    elif name.startswith("m_") and name[2:] in fields:  # members of TrigConfKeys
        ours = name[2:]
    elif name in _LINK_MEMBERS and len(fields) == 1:  # the lists of matched objects are no records there
        return lambda: objects[fields[0]][name]
    return None if ours is None else lambda: objects[ours]


class _Vector:
    """Lorentz vectors with coffea's names for what `vector` calls otherwise."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def r(self) -> Any:
        """The transverse momentum."""
        return self.rho

    @property
    def r2(self) -> Any:
        """Its square."""
        return self.rho2

    @property
    def pvec(self) -> Any:
        """The momentum as a vector of three components."""
        return self.to_Vector3D()

    @property
    def boostvec(self) -> Any:
        """The velocity as a vector of three components."""
        return self.to_beta3()

    def absolute(self) -> Any:
        """The mass."""
        return self.mass

    def negative(self) -> Any:
        """The vector with all components negative."""
        return self.scale(-1)

    def multiply(self, factor: Any) -> Any:
        """The vector times a number."""
        return self.scale(factor)

    def divide(self, divisor: Any) -> Any:
        """The vector divided by a number."""
        return self.scale(1 / divisor)

    def sum(self, axis: int = -1) -> Any:
        """The sum of the vectors of each list."""
        components = {name: ak.sum(getattr(self, name), axis=axis) for name in ("px", "py", "pz", "E")}
        return ak.zip(components, with_name="Momentum4D")

    def delta_r(self, other: Any) -> Any:
        """Distance in eta and phi."""
        return self.deltaR(other)

    def delta_r2(self, other: Any) -> Any:
        """Its square."""
        return self.deltaR2(other)

    def delta_phi(self, other: Any) -> Any:
        """Difference in phi, from -π to π."""
        return self.deltaphi(other)

    def metric_table(
        self,
        other: Any,
        axis: int | None = 1,
        metric: Callable[[Any, Any], Any] | None = None,
        return_combinations: bool = False,
    ) -> Any:
        """The distance of each of these objects to each of others in its list.

        Args:
            other: objects, in lists of the same events.
            axis: the axis of the lists; None: the arrays are broadcast as they are.
            metric: distance of two arrays of objects; by default deltaR.
            return_combinations: return the pairs as well, in a tuple of two arrays.
        """
        mine, theirs = (self, other) if axis is None else ak.unzip(ak.cartesian([self, other], axis=axis, nested=True))
        distance = mine.deltaR(theirs) if metric is None else metric(mine, theirs)
        return (distance, (mine, theirs)) if return_combinations else distance

    def nearest(
        self,
        other: Any,
        axis: int | None = 1,
        metric: Callable[[Any, Any], Any] | None = None,
        return_metric: bool = False,
        threshold: float | None = None,
    ) -> Any:
        """For each of these objects the nearest of others in its list, as `physlite.model.behaviors` has it.

        Args:
            other: objects, in lists of the same events.
            axis: the axis of the lists; None: `other` has for each of these objects a list of its own.
            metric: distance of two arrays of objects; by default deltaR.
            return_metric: return the distances as well, as the second of two arrays.
            threshold: a nearest object that is not nearer than this does not count.
        """
        if axis == 1:
            options = {"metric": metric, "threshold": threshold, "return_metric": return_metric}
            return LorentzVector.nearest(self, other, **options)  # type: ignore[arg-type]
        distance, (_, theirs) = self.metric_table(other, axis, metric, return_combinations=True)
        inner = theirs.ndim - 1 if axis is None else axis + 1
        best = ak.argmin(distance, axis=inner, keepdims=True)
        found, distance = ak.firsts(theirs[best], axis=inner), ak.firsts(distance[best], axis=inner)
        if threshold is not None:
            found, distance = (ak.mask(x, distance < threshold) for x in (found, distance))
        return (found, distance) if return_metric else found


# Four-vectors that users make with names of coffea, and the components that they are made of.
_THEIRS = {
    "LorentzVector": ("px", "py", "pz", "E"),
    "PtEtaPhiMLorentzVector": ("pt", "eta", "phi", "mass"),
    "PtEtaPhiELorentzVector": ("pt", "eta", "phi", "energy"),
}


def _as_momentum(objects: Any) -> Any:
    """The four-momentum alone of objects of ours, and of vectors of coffea."""
    layout = objects.layout
    record = (layout.array if isinstance(layout, ak.record.Record) else layout).purelist_parameter("__record__")
    if record not in _THEIRS:
        return getattr(objects, "p4", objects)
    return ak.zip({name: getattr(objects, name) for name in _THEIRS[record]}, with_name="Momentum4D")


def _on_momenta(operation: Callable[..., Any], *vectors: Any) -> Any:
    return operation(*map(_as_momentum, vectors))


def _reduced(reducer: Callable[..., Any], array: Any, mask_identity: bool) -> Any:
    return vector_awkward.behavior[reducer, "Momentum4D"](array.p4, mask_identity)


def register() -> None:
    """Adds the names to the classes of all events. Sums of objects, which are vectors of `vector`, get theirs too.

    Vectors that are made with the behavior of events, which is that of all arrays here, are those of coffea as well,
    and can be added to ours.
    """
    for name in (*PARTICLES, *OTHERS, "Events", "Momentum4D"):
        extra = (_Named, _Vector) if name in PARTICLES else (_Vector,) if name == "Momentum4D" else (_Named,)
        for key in (("*", name), name):
            base = ak.behavior[key]
            ak.behavior[key] = type(base.__name__, (*extra, base), {"__module__": __name__, "__doc__": base.__doc__})
    for name, reducer in itertools.product(PARTICLES, (ak.sum, ak.count, ak.count_nonzero)):
        ak.behavior[reducer, name] = functools.partial(_reduced, reducer)
    for key, value in coffea_vector.behavior.items():
        ak.behavior.setdefault(key, value)
    for theirs, ours, operation in itertools.product(_THEIRS, (*PARTICLES, "Momentum4D"), (np.add, np.subtract)):
        ak.behavior[operation, theirs, ours] = ak.behavior[operation, ours, theirs] = functools.partial(
            _on_momenta, operation
        )
