"""Systematic variations: events as they are, and as they would be with other calibrations and other weights.

A variation of objects changes fields of collections; all that is selected and computed has to be done again for it. A
variation of weights changes what an event counts, and nothing else: it comes along with the nominal events.

By the names of ATLAS a variation is called `<what>__1up` or `<what>__1down`, as `JET_JER_EffectiveNP_1__1up`
(CP::SystematicVariation, in Athena's PhysicsAnalysis/AnalysisCommon/PATInterfaces).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import awkward as ak
import numpy as np

from physlite.formats.filters import NameFilter, select
from physlite.model.varying import varied

__all__ = ["NOMINAL", "Variation", "rescaled", "variation_names", "variations"]

NOMINAL = "nominal"

# New values of fields, by name.
Fields = Mapping[str, Any]
# Of a collection, or of events: then by collection.
OfObjects = Callable[[ak.Array], Fields]
OfEvents = Callable[[ak.Array], Mapping[str, Fields]]
ObjectVariations = Mapping[str, Mapping[str, OfObjects] | OfEvents]
# A number for each event.
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
        """

        @functools.cache
        def value(factor: str, label: str) -> Any:
            functions = self._factors[factor]
            return (functions if callable(functions) else functions[label])(events)

        for label in self._labels:
            parts = [value(factor, _own(functions, label)) for factor, functions in self._factors.items()]
            yield label, functools.reduce(operator.mul, parts) if parts else np.ones(len(events))


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
            given the events and returns new values by collection and field. Functions are called when their variation
            is at hand.
        weights: the factors of the weight of an event, by names of your own. Each is a function of events, or a mapping
            of variations to functions, with `nominal` among them. Factors that vary by the same name vary together,
            and with the variation of objects of this name.
        only: names or patterns of variations that are wanted; `nominal` is there anyway.

    Raises:
        ValueError: a factor of the weight has no `nominal`, or a variation of objects is called so; values do not fit.
        ColumnNotFoundError: no variation has a name that is asked for.
        FieldNotFoundError: there is no such collection.
        TypeError: a function returns no mapping.
    """
    names = variation_names(objects, weights, only=only)
    of_weights = (NOMINAL, *(name for name in names if name != NOMINAL and name not in objects))
    return _variations(events, objects, weights, names, of_weights)


def _variations(
    events: ak.Array,
    objects: ObjectVariations,
    weights: WeightFactors,
    names: list[str],
    of_weights: tuple[str, ...],
) -> Iterator[Variation]:
    yield Variation(NOMINAL, events, of_weights, weights)
    for name in names:
        if name in objects:
            yield Variation(name, varied(events, _changes(name, events, objects[name]), name), (name,), weights)


def variation_names(
    objects: ObjectVariations, weights: WeightFactors = _NO_WEIGHTS, *, only: NameFilter = None
) -> list[str]:
    """The names of all variations, of objects and then of weights, behind `nominal`; as for an axis of a histogram.

    Arguments and errors are those of `variations`.
    """
    if NOMINAL in objects:
        msg = f"a variation of objects is called {NOMINAL!r}, which is the name of events as they are: rename it"
        raise ValueError(msg)
    for factor, functions in weights.items():
        if not callable(functions) and NOMINAL not in functions:
            msg = f"the factor {factor!r} of the weight has variations, but nothing for {NOMINAL!r}: add that"
            raise ValueError(msg)
    names = dict.fromkeys(objects)
    names |= dict.fromkeys(name for functions in weights.values() if not callable(functions) for name in functions)
    found = select([NOMINAL, *(name for name in names if name != NOMINAL)], only, "variation", "none has such a name")
    return [NOMINAL, *(name for name in found if name != NOMINAL)]


def _own(functions: Weight | Mapping[str, Weight], label: str) -> str:
    """The variation by which a factor of the weight goes."""
    return label if not callable(functions) and label in functions else NOMINAL


def _changes(name: str, events: ak.Array, variation: Mapping[str, OfObjects] | OfEvents) -> Mapping[str, Fields]:
    if not callable(variation):
        found = {collection: function(events[collection]) for collection, function in variation.items()}
    else:
        found = dict(_require_mapping(variation(events), f"variation {name!r} returns", "fields by collection"))
    for collection, fields in found.items():
        _require_mapping(fields, f"variation {name!r} returns for {collection!r}", "values by field")
    return found


def _require_mapping(value: Any, where: str, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        remedy = "as {'pt': …}" if what == "values by field" else "as {'Jets': {'pt': …}}"
        msg = f"{where} {type(value).__name__}: it has to be a mapping, {what}, {remedy}"
        raise TypeError(msg)
    return value


def rescaled(objects: ak.Array, factor: Any) -> dict[str, ak.Array]:
    """The momenta of objects times a factor: the fields that are stored of pt, m, px, py, pz and e.

    The direction stays, and the mass changes with the momentum, as in a variation of the jet energy scale
    (JetUncertaintiesTool, in Athena's Reconstruction/Jet/JetUncertainties).

    Args:
        objects: particles, in any structure.
        factor: a number, or one for each object or for each event.
    """
    return {name: objects[name] * factor for name in _MOMENTUM if name in objects.fields}
