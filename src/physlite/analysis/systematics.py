"""Systematic variations: events as they are, and as they would be with other calibrations and other weights.

A variation of objects changes fields of collections; all that is selected and computed has to be done again for it. A
variation of weights changes what an event counts, and nothing else: it comes along with the nominal events.

By the names of ATLAS a variation is called `<what>__1up` or `<what>__1down`, as `JET_JER_EffectiveNP_1__1up`
(CP::SystematicVariation, in Athena's PhysicsAnalysis/AnalysisCommon/PATInterfaces).
"""

from __future__ import annotations

import copy
import functools
import numbers
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import awkward as ak
import numpy as np
from awkward.errors import FieldNotFoundError
from numpy.typing import NDArray

from physlite.analysis.severalfiles import require_one_file
from physlite.formats.filters import NameFilter, nearest, select
from physlite.model.structure import record_in
from physlite.model.varying import varied

__all__ = ["NOMINAL", "Variation", "rescaled", "variation_names", "variations"]

NOMINAL = "nominal"

# New values of fields, by name.
Fields = Mapping[str, Any]
# Of a collection, or of events: then by collection.
OfObjects = Callable[[ak.Array], Fields]
OfEvents = Callable[[ak.Array], Mapping[str, Fields]]
ObjectVariations = Mapping[str, Mapping[str, OfObjects] | OfEvents]
# A number for each event, or one for all.
Weight = Callable[[ak.Array], Any]
WeightFactors = Mapping[str, Weight | Mapping[str, Weight]]

_NO_WEIGHTS: WeightFactors = MappingProxyType({})
_MOMENTUM = ("pt", "m", "px", "py", "pz", "e")


@dataclass(frozen=True, eq=False)
class Variation:
    """Events under one variation of objects. It unpacks: `for name, events in variations(…)`.

    Attributes:
        name: of the variation, or `nominal`.
        events: with the values of the variation.
    """

    name: str
    events: ak.Array
    _labels: tuple[str, ...] = field(repr=False)
    _factors: WeightFactors = field(repr=False)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.name, self.events))

    def weights(self, events: ak.Array) -> Iterator[tuple[str, Any]]:
        """What events count: of the nominal ones under each variation of weights, of varied ones under their own.

        A weight is the product of all factors. What a factor is without a variation is computed once.

        Args:
            events: those of this variation, or what was chosen of them.

        Yields:
            The name of a variation, `nominal` first, and the weights: one number for each event, 1 when no factors
            were given.

        Raises:
            TypeError: what a factor gives are no numbers.
            ValueError: they are not one for each event, or one is None, nan or infinite.
        """

        @functools.cache
        def value(factor: str, label: str) -> Any:
            functions = self._factors[factor]
            with _named(f"the factor {factor!r} of the weight, {label!r}"):
                found = (functions if callable(functions) else functions[label])(events)
            return _one_each(found, events, f"the factor {factor!r} of the weight, {label!r}:")

        for label in self._labels:
            parts = [value(factor, _own(functions, label)) for factor, functions in self._factors.items()]
            yield label, functools.reduce(operator.mul, parts, np.ones(len(events)))


def variations(
    events: ak.Array, objects: ObjectVariations, weights: WeightFactors = _NO_WEIGHTS, *, only: NameFilter = None
) -> Iterator[Variation]:
    """The nominal events, and then the events of each variation of objects.

    Varied events are the same events with new values in some fields: they can be chosen, masked, sliced and pickled as
    others, and links lead to varied objects. They share with the nominal ones what was read, and what is not varied.

    Args:
        events: of a file, chosen or not.
        objects: variations by name. Each is a mapping of collections to functions, which are given the collection and
            return new values by field, as `{"Jets": lambda jets: {"pt": 1.02 * jets.pt}}`; or a function, which is
            given the events and returns new values by collection and field. The fields have to be there: new ones would
            leave all that is computed as it is. Functions are called when their variation is at hand.
        weights: the factors of the weight of an event, by names of your own. Each is a function of events, or a mapping
            of variations to functions, with `nominal` among them. Factors that vary by the same name vary together,
            and with the variation of objects of this name. Functions give a number for each event, or one for all.
        only: names or patterns of variations that are wanted; `nominal` is there anyway.

    Raises:
        ValueError: a factor of the weight has no `nominal`, or a variation of objects is called so; a variation changes
            nothing; values do not fit, or events are of files that store other columns.
        ColumnNotFoundError: no variation has a name that is asked for.
        FieldNotFoundError: there is no such collection, or no such field in it.
        TypeError: what is given are no functions and mappings of them, or a function returns no mapping.
    """
    names = variation_names(objects, weights, only=only)
    of_weights = (NOMINAL, *(name for name in names if name != NOMINAL and name not in objects))
    # What is done to events in between is not done to others: not to nominal ones, nor to those that were given.
    return _variations(copy.copy(events), objects, weights, names, of_weights)


def _variations(
    events: ak.Array,
    objects: ObjectVariations,
    weights: WeightFactors,
    names: list[str],
    of_weights: tuple[str, ...],
) -> Iterator[Variation]:
    yield Variation(NOMINAL, copy.copy(events), of_weights, weights)
    for name in names:
        if name in objects:
            yield Variation(name, varied(events, _changes(name, events, objects[name]), name), (name,), weights)


def variation_names(
    objects: ObjectVariations, weights: WeightFactors = _NO_WEIGHTS, *, only: NameFilter = None
) -> list[str]:
    """The names of all variations, of objects and then of weights, behind `nominal`; as for an axis of a histogram.

    Arguments and errors are those of `variations`.
    """
    _check_objects(objects)
    _check_weights(weights)
    names = dict.fromkeys(objects)
    names |= dict.fromkeys(name for functions in weights.values() if not callable(functions) for name in functions)
    found = select([NOMINAL, *(name for name in names if name != NOMINAL)], only, "variation", "none has such a name")
    return [NOMINAL, *(name for name in found if name != NOMINAL)]


def _check_objects(objects: Any) -> None:
    _require(objects, Mapping, "variations of objects are a mapping of their names, {} for none")
    if NOMINAL in objects:
        msg = f"a variation of objects is called {NOMINAL!r}, which is the name of events as they are: rename it"
        raise ValueError(msg)
    for name, variation in objects.items():
        where = f"variation {name!r}"
        if callable(variation):
            continue
        _require(variation, Mapping, f"{where}: a mapping of collections to functions is expected, or a function")
        _require_changes(variation, where, "{'Jets': …}")
        for collection, function in variation.items():
            _require(function, Callable, f"{where}, {collection}: a function of the collection is expected")


def _check_weights(weights: Any) -> None:
    _require(weights, Mapping, "the factors of the weight are a mapping of their names, {} for none")
    for factor, functions in weights.items():
        where = f"the factor {factor!r} of the weight"
        if callable(functions):
            continue
        _require(functions, Mapping, f"{where}: a function of events is expected, or a mapping of variations to such")
        if NOMINAL not in functions:
            msg = f"{where} has variations, but nothing for {NOMINAL!r}: add that"
            raise ValueError(msg)
        for name, function in functions.items():
            _require(function, Callable, f"{where}, {name!r}: a function of events is expected")


def _require(value: Any, kind: Any, expected: str) -> None:
    if not isinstance(value, kind):
        msg = f"{expected}, not {_shown(value)}"
        raise TypeError(msg)


def _shown(value: Any) -> str:
    """What somebody gave: a number, or of what class it is."""
    return repr(value) if value is None or isinstance(value, numbers.Number) else type(value).__name__


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Says of an error in a function of the user's which one it was; it stays the error that it is."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in {where}")
        raise


def _own(functions: Weight | Mapping[str, Weight], label: str) -> str:
    """The variation by which a factor of the weight goes."""
    return label if not callable(functions) and label in functions else NOMINAL


def _changes(name: str, events: ak.Array, variation: Mapping[str, OfObjects] | OfEvents) -> Mapping[str, Fields]:
    where = f"variation {name!r}"
    found: dict[str, Fields] = {}
    if callable(variation):
        with _named(where):
            returned = variation(events)
        found = dict(_require_mapping(returned, f"{where} returns", "fields by collection"))
        _require_changes(found, where, "{'Jets': {'pt': …}}")
        for collection in found:
            _require_collection(events, collection, where)
    else:
        for collection, function in variation.items():
            objects = _require_collection(events, collection, where)
            with _named(f"{where}, {collection}"):
                found[collection] = function(objects)
    for collection, fields in found.items():
        _require_mapping(fields, f"{where} returns for {collection!r}", "values by field")
        _require_changes(fields, f"{where}, {collection}", "{'pt': …}")
        for each, values in fields.items():
            _require_field(events[collection], each, f"{where}, {collection}")
            if values is None or isinstance(values, str | Mapping):
                msg = f"{where}, {collection}.{each}: new values are an array or a number, not {_shown(values)}"
                raise TypeError(msg)
    return found


def _require_collection(events: ak.Array, name: str, where: str) -> ak.Array:
    if name not in ak.fields(events):
        msg = f"{where}: no collection {name!r} in the events{nearest(ak.fields(events), str(name))}"
        raise FieldNotFoundError(msg)
    if record_in(events[name].layout) is None:  # as of files with other columns
        require_one_file(events, f"{where}, {name}, of events", "vary them")
    return events[name]


def _require_field(objects: ak.Array, name: str, where: str) -> None:
    if name in ak.fields(objects):
        return
    msg = f"{where}: no field {name!r}"
    if isinstance(name, str) and hasattr(type(objects), name):
        msg += ", which is computed from others: vary these"
    else:
        new = "; a new field is given to the nominal events first, and leaves all others as they are"
        msg += nearest(ak.fields(objects), str(name), new)
    raise FieldNotFoundError(msg)


def _require_changes(changes: Mapping[str, Any], where: str, example: str) -> None:
    if not changes:
        msg = f"{where} changes nothing: give it new values, as {example}, or leave it out"
        raise ValueError(msg)


def _require_mapping(value: Any, where: str, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        remedy = "as {'pt': …}" if what == "values by field" else "as {'Jets': {'pt': …}}"
        msg = f"{where} {type(value).__name__}: it has to be a mapping, {what}, {remedy}"
        raise TypeError(msg)
    return value


def _one_each(values: Any, events: ak.Array, where: str) -> NDArray[Any]:
    """Numbers when they are weights of these events: one for each, or one for all; masked only where events are."""
    if isinstance(values, ak.Array) and values.ndim > 1:
        msg = f"{where} a list for each event, where a number is expected: reduce it, as with ak.prod"
        raise ValueError(msg)
    found = _numbers(values)
    if found.dtype.kind not in "biuf":
        msg = f"{where} a number for each event is expected, not {_shown(values)}"
        raise TypeError(msg)
    if found.ndim > 1 or (found.ndim and len(found) != len(events)):
        shape = " x ".join(map(str, found.shape))
        msg = f"{where} {shape} numbers for {len(events)} events: give one for each event, or one for all"
        raise ValueError(msg)
    missing = np.ma.getmaskarray(found)
    there = events.layout
    if (missing & ~np.asarray(there.mask_as_bool(valid_when=False)) if there.is_option else missing).any():
        msg = f"{where} None for some events: give them a number, as with ak.fill_none"
        raise ValueError(msg)
    wrong = found[~np.isfinite(found)].compressed()
    if len(wrong):
        msg = f"{where} {wrong[0]} for {len(wrong)} of {len(events)} events: leave these out, or give them a number"
        raise ValueError(msg)
    weights: NDArray[Any] = found if missing.any() else found.data
    return weights


def _numbers(values: Any) -> Any:
    """As a masked array of NumPy, of objects where they cannot be one; of records nothing is read."""
    if isinstance(values, ak.Array):
        values = None if values.fields else ak.to_numpy(values)
    try:
        return np.ma.asarray(values)
    except ValueError:  # lists of several lengths
        return np.ma.asarray(None)


def rescaled(objects: ak.Array, factor: Any) -> dict[str, ak.Array]:
    """The momenta of objects times a factor: the fields that are stored of pt, m, px, py, pz and e.

    The direction stays, and the mass changes with the momentum, as in a variation of the jet energy scale
    (JetUncertaintiesTool, in Athena's Reconstruction/Jet/JetUncertainties).

    Args:
        objects: particles, in any structure.
        factor: a number, or one for each object or for each event.

    Raises:
        TypeError: these are no objects with a momentum, or the factor is no number.
    """
    if not isinstance(objects, ak.Array | ak.Record) or not set(_MOMENTUM) & set(objects.fields):
        msg = f"momenta of objects are rescaled, as in rescaled(jets, 1.05), not {_shown(objects)}, which has no pt"
        raise TypeError(msg)
    if not isinstance(factor, numbers.Real | np.ndarray | ak.Array):
        msg = f"the factor of rescaled is a number, or an array of numbers, not {factor!r:.100}"
        raise TypeError(msg)
    return {name: objects[name] * factor for name in _MOMENTUM if name in objects.fields}
