"""What objects of the event data model can do: Lorentz vectors for all that have a momentum.

The arithmetic is that of the `vector` package, in double precision as xAOD::IParticle::p4 has it; the stored columns
are single precision and stay readable under their names as they are.
"""

from __future__ import annotations

import functools
import itertools
import numbers
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from awkward.errors import FieldNotFoundError
from vector.backends import awkward as vector_awkward

from physlite.formats.filters import NameFilter, nearest
from physlite.model import edm
from physlite.model.accessors import accessors
from physlite.model.follow import follow
from physlite.model.naming import OTHERS, PARTICLES, short_container
from physlite.model.objects import EVENT, HIDDEN, shown
from physlite.model.source import array_of, source_of, wanting
from physlite.model.structure import has_union, map_records

if TYPE_CHECKING:
    from physlite.model.trigger import EventTrigger, Trigger

__all__ = ["known_everywhere", "register_awkward"]

# PDG 2024, Prog. Theor. Exp. Phys. 2022, 083C01 and update: m(mu) = 105.6583755 MeV. The EDM gives muons the rounded
# ParticleConstants value (xAOD::Muon::m), and so do we.
_MUON_MASS = 105.65837

behavior: dict[Any, Any] = {}


class _Linked:
    """Objects, or one, whose links can be followed."""

    if TYPE_CHECKING:  # the classes made from this one are Awkward Arrays or Records

        def __getitem__(self, where: Any) -> Any: ...

    @property
    def fields(self) -> list[str]:
        """The names of the fields."""
        return shown(self.layout.fields)

    def follow(self, field: str) -> Any:
        """The objects that a field of element links points to, in the structure of the links.

        An object is None where the link is null and where its target is not in the file. The objects are of the class
        that the links are of; links to objects of several classes give a union. What is read is the column of links
        and, when they are used, columns of the targets.

        Args:
            field: name of a field of links, at any depth, as `trackParticleLinks`.

        Raises:
            AttributeError: there is no such field, or it holds no links.
            BadLinkError: the target's container has no object of this index in the event (see `File.events`).
            ValueError: the array does not know its file, or holds objects of several files.
        """
        if field not in self.layout.fields:
            msg = f"no field {field!r} of links of {_record_name(self)}s{nearest(self.fields, field)}"
            raise AttributeError(msg)
        try:
            return follow(self, field)
        except TypeError as error:
            msg = f"{_record_name(self)}.{field} holds {error}"
            raise TypeError(msg) from None

    def matched(self, chain: NameFilter) -> Any:
        """Whether each object is one of those to which a chain of the trigger was matched, or any of several chains.

        Args:
            chain: a name such as `HLT_mu26_ivarmedium`; or a pattern, several of them, or a function of the name, which
                choose among the chains that matching was made for.

        Raises:
            TriggerNotFoundError: there is no such chain, matching was not made for it, or the file has no matching.
            UnsupportedFormatError: the file has the trigger's navigation of Run 3 instead of lists of matched objects.
            ValueError: the array does not know its file, or holds objects of several files.
            TypeError: the objects are of a class that the trigger is never matched to, as tracks.
        """
        from physlite.model.triggermatching import matched

        return matched(self, chain)

    def __getattr__(self, name: str) -> Any:
        layout_fields = self.layout.fields
        if name in layout_fields:  # here, since Awkward would make an AttributeError of whatever reading raises
            return self[name]
        if not name.startswith("_") and not hasattr(type(self), name):
            found = accessors(_record_name(self), layout_fields).get(name)
            if found is not None:
                targets = follow(self, found.field)
                return _first(targets) if found.first else targets
        try:
            return super().__getattr__(name)  # type: ignore[misc]
        except AttributeError as error:
            if name.startswith("_") or hasattr(type(self), name):
                raise
            msg = f"{error}{self._hint(name)}"
            raise AttributeError(msg) from None

    def __dir__(self) -> list[str]:
        fields = self.layout.fields
        return sorted({*super().__dir__(), *accessors(_record_name(self), fields)} - {*HIDDEN})

    def to_list(self) -> Any:
        """The objects as lists and dictionaries of Python, without the fields that are for our own use."""
        layout = self.layout
        if isinstance(layout, ak.record.Record):
            return ak.Array(_nameless(layout.array[layout.at : layout.at + 1])).to_list()[0]
        return ak.Array(_nameless(layout)).to_list()

    tolist = to_list

    def _require_field(self, name: str) -> None:
        if name not in self.layout.fields:
            msg = f"no field {name!r}{self._hint(name)}"
            raise FieldNotFoundError(msg)

    def _hint(self, name: str) -> str:
        """What to say of a name that is no field: whose field it should be, and what is meant perhaps."""
        record = _record_name(self)
        names = accessors(record, self.layout.fields)
        if name in names:
            return f"; it is an attribute, .{name}"
        if not self.fields:
            return f" of {record}s: none of the objects that these links lead to are in the file, nor their fields"
        whose = record if record == "Events" else f"{record}s"
        if record == "Events" and (short := short_container(name)) != name and short in self.fields:
            return f" of {whose}: the collection is called {short!r}"
        return f" of {whose}{nearest([*self.fields, *names], name)}"


def _record_name(objects: Any) -> str:
    layout = objects.layout
    return (layout.array if isinstance(layout, ak.record.Record) else layout).purelist_parameter("__record__") or ""


def _named(layout: ak.contents.Content, record: str) -> ak.contents.Content:
    """A layout of records of this name, as `ak.with_name` makes it, which would read the lengths of lists."""
    if layout.is_record or layout.is_union:
        return layout.copy(parameters={**layout.parameters, "__record__": record})
    return layout.copy(content=_named(layout.content, record))


def _nameless(layout: ak.contents.Content) -> ak.contents.Content:
    """A layout without what makes objects of its records, which Awkward would go through one by one, and HIDDEN."""
    if layout.is_record:
        names = layout.fields if layout.is_tuple else shown(layout.fields)
        contents = [_nameless(layout.content(name)) for name in names]
        return ak.contents.RecordArray(contents, None if layout.is_tuple else names, layout.length)
    if layout.is_union:
        return layout.copy(contents=[_nameless(content) for content in layout.contents])
    if layout.is_leaf or layout.parameter("__array__") in ("string", "bytestring"):
        return layout
    return layout.copy(content=_nameless(layout.content))


def _refuse_flags(where: Any) -> None:
    """Raises TypeError for arrays of one-byte integers, which would be taken for positions."""
    for part in where if isinstance(where, tuple) else (where,):
        kind = _leaf_type(part)
        if kind in ("int8", "uint8"):
            msg = (
                f"an array of {kind} is not a mask, and would be taken for positions: flags are stored as numbers, "
                "compare them, as in jets[jets.isJvtHS == 1]; positions can be converted with ak.values_astype"
            )
            raise TypeError(msg)


def _leaf_type(where: Any) -> str:
    """The type of the numbers in a NumPy or Awkward Array; empty for anything else."""
    if isinstance(where, np.ndarray):
        return str(where.dtype)
    if not isinstance(where, ak.Array):
        return ""
    layout = where.layout
    while layout.is_list or layout.is_option or layout.is_indexed:
        layout = layout.content
    return str(layout.dtype) if layout.is_numpy else ""


def _first(targets: Any) -> Any:
    """The first of the targets of each object, None where there is none."""
    if targets is None:
        return None
    return ak.firsts(targets, axis=targets.ndim - 1)


class _FromFile(_Linked):
    """An array of objects that may still be tied to the columns of a file."""

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, tuple) and where and all(isinstance(name, str) for name in where):
            return functools.reduce(lambda array, name: array[name], where, self)  # field by field, as if typed so
        if isinstance(where, list) and where and all(isinstance(name, str) for name in where):
            return self._with_fields(where)
        if not isinstance(where, str):
            _refuse_flags(where)
        source = source_of(self)
        if source is not None:
            found = source.select(self.layout, where)
            if found is not None:
                return found if isinstance(where, str) else self._like(found)
        if not isinstance(where, str):
            return super().__getitem__(where)
        self._require_field(where)
        with wanting(where):
            out = super().__getitem__(where)
            if isinstance(out, ak.Array) and out.layout.purelist_parameter("__record__") is None:
                # Who asks for a column wants its values. They need no file any more.
                return ak.Array(ak.materialize(out, highlevel=False))
        return out

    def __setitem__(self, where: Any, what: Any) -> None:
        before = self.layout
        super().__setitem__(where, what)  # type: ignore[misc]
        if (source := source_of(self)) is not None:
            source.remember_changed(before, self.layout, (where,) if isinstance(where, str) else tuple(where))

    def _like(self, array: ak.Array) -> ak.Array:
        """Events with what somebody gave this array of them."""
        if self.attrs.keys() <= array.attrs.keys() and self._behavior is None:
            return array
        return ak.Array(array, attrs={**self.attrs, **array.attrs}, behavior=self._behavior)

    def _with_fields(self, names: list[str]) -> ak.Array:
        """The same objects with some of their fields. Awkward would make nameless records of them."""
        for name in names:
            self._require_field(name)
        hidden = [name for name in HIDDEN if name in self.layout.fields and name not in names]
        with wanting(names[0]):  # Awkward asks for the lengths of lists
            chosen = super().__getitem__([*names, *hidden])
        return ak.Array(_named(chosen.layout, _record_name(self)), attrs=chosen.attrs, behavior=self._behavior)

    def __reduce_ex__(self, protocol: Any) -> Any:
        source = source_of(self)
        if source is None:
            return super().__reduce_ex__(protocol)
        from physlite.model.pickling import reduce_array

        return reduce_array(self, source)


class EventsArray(_FromFile, ak.Array):
    """Events: a record of collections."""

    def matched(self, chain: NameFilter) -> Any:  # noqa: ARG002
        """Objects are matched, not events: raises TypeError."""
        msg = "events.trigger.matched(chain) has the matched objects of events; collections have matched(chain) as well"
        raise TypeError(msg)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Which events these are: `file`, `entry_start` and `entry_stop`.

        Where `physlite.run` hands them out also `dataset`, and what was given with that, as its cross-section.

        Raises:
            AttributeError: these events do not know where they come from any more.
        """
        source = source_of(self)
        if source is None:
            msg = "these events do not know their file any more: take .metadata before they are made anew"
            raise AttributeError(msg)
        return source.metadata

    @property
    def trigger(self) -> Trigger:
        """The trigger of these events: its menu, its decisions, and the objects it was matched to."""
        from physlite.model.trigger import Trigger

        return Trigger(self)


class _RecordFromFile(_Linked):
    """One object, or one event."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        if source_of(self) is None:
            return super().__reduce_ex__(protocol)
        return (operator.getitem, (array_of(self), 0))


class EventRecord(_RecordFromFile, ak.Record):
    """An event: a record of collections."""

    @property
    def trigger(self) -> EventTrigger:
        """The trigger of this event: results are single values."""
        from physlite.model.trigger import EventTrigger

        return EventTrigger(array_of(self))


class AuxElementArray(_FromFile, ak.Array):
    """Objects without further behavior."""


class AuxElementRecord(_RecordFromFile, ak.Record):
    """One of them."""


class LorentzVector(vector_awkward.MomentumAwkward4D):
    """A particle with a four-momentum in MeV.

    Taken from px, py, pz and e where they are stored (truth particles), else from pt, eta, phi and m or e.
    """

    _mass: float | None = None

    if TYPE_CHECKING:  # the classes made from this one are Awkward Arrays or Records
        ndim: int

        def __getitem__(self, where: Any) -> Any: ...

    @property
    def azimuthal(self) -> Any:
        fields = ak.fields(self)
        if "px" not in fields and {"pt", "phi"} <= set(fields):
            return vector_awkward.AzimuthalAwkwardRhoPhi(edm.double(self["pt"]), edm.double(self["phi"]))
        if "px" not in fields:
            msg = "these objects have no momentum: neither 'pt', 'eta', 'phi' nor 'px', 'py', 'pz' are stored"
            raise AttributeError(msg)
        return vector_awkward.AzimuthalAwkwardXY(edm.double(self["px"]), edm.double(self["py"]))

    @property
    def longitudinal(self) -> Any:
        fields = ak.fields(self)
        if "pz" not in fields or ("eta" in fields and "px" not in fields):
            return vector_awkward.LongitudinalAwkwardEta(edm.double(self["eta"]))
        return vector_awkward.LongitudinalAwkwardZ(edm.double(self["pz"]))

    @property
    def temporal(self) -> Any:
        fields = ak.fields(self)
        if isinstance(self, ak.Array) and has_union(self.layout):  # each class of objects has a mass of its own
            masses = map_records(self.layout, lambda objects: ak.Array(objects).p4.mass.layout)
            return vector_awkward.TemporalAwkwardTau(ak.Array(masses))
        # A Cartesian momentum is stored with its exact energy; its m is the generator's.
        if "e" in fields and ("m" not in fields or "px" in fields):
            return vector_awkward.TemporalAwkwardT(edm.double(self["e"]))
        if "m" in fields:
            return vector_awkward.TemporalAwkwardTau(edm.double(self["m"]))
        if self._mass is not None:
            return vector_awkward.TemporalAwkwardTau(edm.constant(self.azimuthal.elements[0], self._mass))
        msg = "these objects have no mass: neither 'm' nor 'e' is stored, so there is no four-momentum"
        raise AttributeError(msg)

    @property
    def p4(self) -> Any:
        """The four-momentum alone, without the other fields."""
        names = {
            vector_awkward.AzimuthalAwkwardRhoPhi: ("pt", "phi"),
            vector_awkward.AzimuthalAwkwardXY: ("px", "py"),
            vector_awkward.LongitudinalAwkwardEta: ("eta",),
            vector_awkward.LongitudinalAwkwardZ: ("pz",),
            vector_awkward.TemporalAwkwardT: ("energy",),
            vector_awkward.TemporalAwkwardTau: ("mass",),
        }
        parts = (self.azimuthal, self.longitudinal, self.temporal)
        columns = {name: x for part in parts for name, x in zip(names[type(part)], part.elements, strict=True)}
        return ak.zip(columns, with_name="Momentum4D", optiontype_outside_record=True)

    def nearest(
        self,
        others: ak.Array,
        *,
        metric: Callable[[Any, Any], Any] | None = None,
        threshold: float | None = None,
        return_metric: bool = False,
    ) -> Any:
        """For each of these objects the nearest of `others` in its event; None where there is none.

        Args:
            others: objects of the same events, one list an event. These objects are one list an event too, or one an
                event, as `ak.firsts` gives them; or both are of a single event.
            metric: distance of two arrays of objects; by default deltaR, in eta and phi.
            threshold: a nearest object that is not nearer than this does not count.
            return_metric: return the distances as well, as the second of two arrays; None where there is no object.

        Raises:
            ValueError: the arrays are of other shapes.
        """
        lists = 2
        if isinstance(self, ak.Record) or not isinstance(others, ak.Array) or (self.ndim, others.ndim) == (2, 1):
            msg = "the nearest of others is found for arrays of objects: lists of events, or the lists of one event"
            raise ValueError(msg)
        if (self.ndim, others.ndim) == (1, 1) and not _of_one_event(self, others):
            msg = "the nearest of others is found in lists of events, or in the lists of one event, not in flat arrays"
            raise ValueError(msg)
        if (self.ndim, others.ndim) == (1, 1):
            out = self[np.newaxis].nearest(
                others[np.newaxis], metric=metric, threshold=threshold, return_metric=return_metric
            )
            return tuple(x[0] for x in out) if return_metric else out[0]
        if (self.ndim, others.ndim) == (1, lists):  # one of each event
            out = ak.singletons(self).nearest(others, metric=metric, threshold=threshold, return_metric=return_metric)
            return tuple(map(ak.firsts, out)) if return_metric else ak.firsts(out)
        if (self.ndim, others.ndim) != (lists, lists):
            msg = f"the nearest of others is found in lists of events, not in {self.ndim} and {others.ndim} dimensions"
            raise ValueError(msg)
        mine, theirs = ak.unzip(ak.cartesian([self, others], axis=1, nested=True))
        distance = mine.deltaR(theirs) if metric is None else metric(mine, theirs)
        distance = ak.where(np.isnan(distance), np.inf, distance)  # of objects that are nowhere
        best = ak.argmin(distance, axis=2, keepdims=True)
        found, distance = ak.firsts(theirs[best], axis=2), ak.firsts(distance[best], axis=2)
        limit = np.inf if threshold is None else threshold
        found, distance = (ak.mask(x, distance < limit) for x in (found, distance))
        return (found, distance) if return_metric else found

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Arithmetic is that of four-momenta: other fields need not be read for it."""
        return getattr(ufunc, method)(*map(_plain, inputs), **options)

    def _wrap_result(self, cls: Any, result: Any, returns: Any, num_vecargs: Any) -> Any:  # noqa: ARG002
        if returns in ([float], [bool]):
            return result  # numbers need none of the other components
        # Results are plain four-momenta: carrying other fields along would read all of them.
        plain = vector_awkward.MomentumArray4D
        return plain._wrap_result(self.p4, plain, result, returns, num_vecargs)  # noqa: SLF001

    def __awkward_validation__(self) -> None:
        """`vector` refuses records with both m and e; here one of them defines the momentum."""


def _of_one_event(*arrays: ak.Array) -> bool:
    """Whether all objects are of the same event, as they know themselves."""
    if any(EVENT not in array.layout.fields for array in arrays):
        return False
    events = ak.concatenate([ak.drop_none(array[EVENT], axis=0) for array in arrays], axis=0)
    return len(np.unique(ak.to_numpy(events))) < 2  # noqa: PLR2004


def _stored_first(name: str, inherited: property) -> property:
    """A property that yields the stored column where there is one: same values, precision and laziness."""

    def get(self: Any) -> Any:
        if name in ak.fields(self):
            return self[name]
        try:
            return inherited.__get__(self, type(self))
        except AssertionError:
            # `vector` asserts that there are coordinates; they themselves say why there are none.
            _ = self.azimuthal, self.longitudinal, self.temporal
            raise

    return property(get, doc=inherited.__doc__)


def _hide_behind_columns(cls: type) -> None:
    own = {"azimuthal", "longitudinal", "temporal", "p4", "lib"}
    for name in dir(cls):
        attribute = getattr(cls, name)
        if isinstance(attribute, property) and not name.startswith("_") and name not in own:
            setattr(cls, name, _stored_first(name, attribute))


_hide_behind_columns(LorentzVector)


def _particle(name: str, mass: float | None, own: tuple[type, ...]) -> None:
    """Defines `<name>Array` and `<name>Record` and registers them.

    `mass`: of objects that store none, in MeV; `own`: what these objects have more than others.
    """
    members = {"_mass": mass, "__module__": __name__, "__doc__": (own[0] if own else LorentzVector).__doc__}
    array = type(f"{name}Array", (_FromFile, *own, LorentzVector, ak.Array), dict(members))
    record = type(f"{name}Record", (_RecordFromFile, *own, LorentzVector, ak.Record), dict(members))
    for cls in (array, record):
        plain = "Array" if cls is array else "Record"
        for dimension in (2, 3, 4):
            projected = getattr(vector_awkward, f"Momentum{plain}{dimension}D")
            setattr(cls, f"ProjectionClass{dimension}D", projected)
        cls.GenericClass = getattr(vector_awkward, f"Vector{plain}4D")  # type: ignore[attr-defined]
        cls.MomentumClass = getattr(vector_awkward, f"Momentum{plain}4D")  # type: ignore[attr-defined]
    behavior["*", name] = array
    behavior[name] = record


_MASSES = {"Muon": _MUON_MASS, "Photon": 0.0}

_OWN: dict[str, tuple[type, ...]] = {
    "CaloCluster": (edm.CaloClusterMembers,),
    "Muon": (edm.MuonMembers,),
    "TrackParticle": (edm.TrackParticleMembers,),
    "TruthParticle": (edm.TruthParticleMembers,),
}

for _name in PARTICLES:
    _particle(_name, _MASSES.get(_name), _OWN.get(_name, ()))

behavior["*", "Events"] = EventsArray
behavior["Events"] = EventRecord
for _name in OTHERS:
    behavior["*", _name] = AuxElementArray
    behavior[_name] = AuxElementRecord


class MissingETArray(edm.MissingETMembers, AuxElementArray):
    """Terms of the missing transverse momentum."""


class MissingETRecord(edm.MissingETMembers, AuxElementRecord):
    """One of them."""


class VertexArray(edm.VertexMembers, AuxElementArray):
    """Vertices."""


class VertexRecord(edm.VertexMembers, AuxElementRecord):
    """One of them."""


for _name in ("TruthVertex", "Vertex"):
    behavior["*", _name] = VertexArray
    behavior[_name] = VertexRecord
behavior["*", "MissingET"] = MissingETArray
behavior["MissingET"] = MissingETRecord


def _plain(x: Any) -> Any:
    return x.p4 if isinstance(x, LorentzVector) else x


def _on_plain(operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: operation(*map(_plain, arguments))


# Arithmetic that `vector` registers for its own record names, for ours.
for _left, _right in itertools.product([*PARTICLES, "Momentum4D"], repeat=2):
    if (_left, _right) != ("Momentum4D", "Momentum4D"):
        for _binary in (np.add, np.subtract, np.matmul, np.equal, np.not_equal):
            behavior[_binary, _left, _right] = _on_plain(_binary)
for _name in PARTICLES:
    for _unary in (np.absolute, np.square, np.sqrt, np.cbrt, np.negative, np.positive):
        behavior[_unary, _name] = _on_plain(_unary)
    behavior[np.multiply, _name, numbers.Real] = _on_plain(np.multiply)
    behavior[np.multiply, numbers.Real, _name] = _on_plain(np.multiply)
    behavior[np.true_divide, _name, numbers.Real] = _on_plain(np.true_divide)
    behavior[np.power, _name, numbers.Real] = _on_plain(np.power)


_everywhere = {**vector_awkward.behavior, **behavior}


def known_everywhere(key: Any, value: Any) -> bool:
    """Whether a behavior is one of those that `register_awkward` registers."""
    return _everywhere.get(key) is value


def register_awkward() -> None:
    """Makes what objects can do known to all of Awkward, for arrays that come from elsewhere, as from Parquet.

    Making events does so too. It is `vector.register_awkward()` with more classes. Classes that were made of these, as
    `physlite.coffea` makes some, stay.
    """
    # For all arrays: behaviors of single ones would be pickled with each.
    for key, value in _everywhere.items():
        known = ak.behavior.get(key)
        if not (isinstance(known, type) and isinstance(value, type) and issubclass(known, value)):
            ak.behavior[key] = value


register_awkward()
