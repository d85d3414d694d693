"""Cutflows: how many events pass each step of a selection, counted and weighted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Self

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlite.analysis.tables import Table, Tabular
from physlite.exceptions import AddingError

__all__ = ["ALL_EVENTS", "Cutflow", "CutflowTable", "Step"]

ALL_EVENTS = "all events"  # the name of the first step


class Step(NamedTuple):
    """The events that pass a step of a selection and all steps before it.

    Attributes:
        name: of the step.
        events: how many there are.
        weights: the sum of their weights.
        weights_squared: the sum of the squares of their weights.
    """

    name: str
    events: int
    weights: float
    weights_squared: float

    @property
    def error(self) -> float:
        """The statistical uncertainty of `weights`, √Σw²."""
        return math.sqrt(self.weights_squared)


class Cutflow(Tabular):
    """How many events pass each step of a selection, and what they weigh.

    Made from the weights of all events, to which steps are added one after the other::

        flow = Cutflow(event_weights(events))
        flow.add("two leptons", ak.num(leptons) >= 2)
        selected = events[flow.passed]

    The first step is "all events". Masks are of all events, not of those that have passed: what passes a step has
    passed those before it. Cutflows of parts add up with `+`, and are scaled by `*`; what comes out, as what comes from
    other processes, has its counts and takes no more steps. `Cutflow()` is the sum of none.

    Args:
        weights: one number an event; of data ones.

    Raises:
        TypeError: these are objects, no numbers.
        ValueError: these are not one number an event.
    """

    def __init__(self, weights: ArrayLike | ak.Array | None = None) -> None:
        self._steps: list[Step] = []
        self._weights: NDArray[np.float64] | None = None
        self._passed: NDArray[np.bool_] | None = None
        if weights is not None:
            self._weights = _one_each(weights, "the weight", None).astype(np.float64)
            self._passed = np.ones(len(self._weights), np.bool_)
            self._count(ALL_EVENTS)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was counted, in order."""
        return tuple(self._steps)

    @property
    def passed(self) -> NDArray[np.bool_]:
        """Whether each event passed all steps so far.

        Raises:
            ValueError: this cutflow was added up, scaled or sent, and has no events any more.
        """
        return self._at_work()[0].copy()

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each event, with all factors that came with steps; errors as `passed`."""
        return self._at_work()[1].copy()

    def add(self, name: str, mask: ArrayLike | ak.Array, weights: ArrayLike | ak.Array | None = None) -> None:
        """Counts the events that pass one more step.

        Args:
            name: of the step.
            mask: True for each event that passes it; None is False.
            weights: factors on the weights from this step on, one an event, as scale factors of objects that have been
                chosen.

        Raises:
            TypeError: the name is no text, or a mask or factors are objects.
            ValueError: there is a step of this name, or these are not one value an event, or masks not True and False;
                or as `passed`.
        """
        passed, current = self._at_work()
        if not isinstance(name, str):
            msg = f"the name of a step is a text, not {type(name).__name__}: add(name, mask)"
            raise TypeError(msg)
        if name in [step.name for step in self._steps]:
            msg = f"the cutflow has a step {name!r} already: give each one a name of its own"
            raise ValueError(msg)
        values = _one_each(mask, f"the mask of step {name!r}", len(passed))
        if values.dtype != np.bool_:
            msg = f"the mask of step {name!r} is of {values.dtype}, not of True and False: compare it, as in flag == 1"
            raise ValueError(msg)
        if weights is not None:
            current = current * _one_each(weights, f"the weight of step {name!r}", len(passed))
        self._passed, self._weights = passed & values, current
        self._count(name)

    def _count(self, name: str) -> None:
        passed, weights = self._at_work()
        chosen = weights[passed]
        self._steps.append(Step(name, len(chosen), float(chosen.sum()), float((chosen**2).sum())))

    def _at_work(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        if self._passed is None or self._weights is None:
            msg = (
                "a cutflow without events, or that was added up, scaled or sent, takes no more steps: add them all "
                "where the events are"
            )
            raise ValueError(msg)
        return self._passed, self._weights

    # ------------------------------------------------------------------------------------------------------- results

    def __getitem__(self, name: str) -> Step:
        for step in self._steps:
            if step.name == name:
                return step
        msg = f"no step {name!r} in the cutflow: there are {', '.join(repr(step.name) for step in self._steps)}"
        raise KeyError(msg)

    def __len__(self) -> int:
        return len(self._steps)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same counts of the same steps."""
        return self._steps == other._steps if isinstance(other, Cutflow) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __add__(self, other: Cutflow) -> Cutflow:
        """Both together.

        Raises:
            AddingError: they have different steps.
        """
        if not isinstance(other, Cutflow):
            return NotImplemented
        if not self._steps or not other._steps:
            return Cutflow._of(self._steps or other._steps)
        _require_same(self, other)
        return Cutflow._of(
            Step(
                one.name,
                one.events + two.events,
                one.weights + two.weights,
                one.weights_squared + two.weights_squared,
            )
            for one, two in zip(self._steps, other._steps, strict=True)
        )

    def __radd__(self, other: object) -> Self:
        """What `sum` begins with, 0, adds nothing."""
        return self if other == 0 else NotImplemented

    def __mul__(self, factor: float) -> Cutflow:
        """The same events with weights that are larger by a factor."""
        if not isinstance(factor, int | float | np.number):
            return NotImplemented
        return Cutflow._of(
            step._replace(weights=step.weights * factor, weights_squared=step.weights_squared * factor**2)
            for step in self._steps
        )

    __rmul__ = __mul__

    @classmethod
    def _of(cls, steps: Any) -> Cutflow:
        flow = cls()
        flow._steps = list(steps)
        return flow

    def __reduce__(self) -> tuple[Any, ...]:
        return Cutflow._of, (self.steps,)

    def to_dict(self) -> dict[str, list[Any]]:
        """Lists of the `step` names, `events`, `weights` and `weights_squared`: for `json.dumps`, or a table."""
        return {
            "step": [step.name for step in self._steps],
            "events": [step.events for step in self._steps],
            "weights": [step.weights for step in self._steps],
            "weights_squared": [step.weights_squared for step in self._steps],
        }

    def table(self) -> Table:
        """Events, weighted events, and the shares of these that are left of the step before, and of all."""
        steps = self._steps
        shares = [("", "")] + [(_share(step, before), _share(step, steps[0])) for before, step in pairwise(steps)]
        rows = [
            (step.name, f"{step.events:,}", _with_error(step), *share)
            for step, share in zip(steps, shares, strict=False)  # of no steps there is one share
        ]
        return Table(("step", "events", "weighted", "of previous", "of all"), rows)


class CutflowTable(Tabular):
    """The weighted events of several cutflows beside each other, as of all datasets of a run.

    Args:
        flows: cutflows of the same steps, by name.

    Raises:
        AddingError: they have different steps.
        TypeError: these are no cutflows by name.
    """

    def __init__(self, flows: Mapping[str, Cutflow]) -> None:
        if not isinstance(flows, Mapping):
            msg = f"cutflows are shown by name, as in CutflowTable({{'ttbar': flow}}), not as {type(flows).__name__}"
            raise TypeError(msg)
        self.flows = dict(flows)
        for name, flow in self.flows.items():
            if not isinstance(flow, Cutflow):
                msg = f"{name!r} is no cutflow, but {type(flow).__name__}: take out of it what Cutflow has made"
                raise TypeError(msg)
        names = list(self.flows)
        for name in names[1:]:
            _require_same(self.flows[names[0]], self.flows[name], (names[0], name))

    def table(self) -> Table:
        """A row a step, a column a cutflow."""
        columns = [flow.steps for flow in self.flows.values()]
        rows = [(steps[0].name, *map(_with_error, steps)) for steps in zip(*columns, strict=True)]
        return Table(("step", *self.flows), rows)


def _require_same(one: Cutflow, other: Cutflow, names: tuple[str, str] = ("one", "the other")) -> None:
    mine, theirs = ([step.name for step in flow.steps] for flow in (one, other))
    if mine == theirs:
        return
    shared = min(len(mine), len(theirs))
    at = next((i for i in range(shared) if mine[i] != theirs[i]), shared)
    a, b = (repr(steps[at]) if at < len(steps) else "missing" for steps in (mine, theirs))
    msg = (
        f"cutflows of different steps: step {at + 1} is {a} in {names[0]}, {b} in {names[1]}: add the same ones to all"
    )
    raise AddingError(msg)


def _one_each(values: Any, what: str, length: int | None) -> NDArray[Any]:
    """Values as an array of one an event; None in a mask is False."""
    if isinstance(values, ak.Array) and values.fields:
        msg = f"{what} is {type(values).__name__}, no numbers: give one value an event, as event_weights(events) are"
        raise TypeError(msg)
    if isinstance(values, ak.Array) and values.ndim > 1:
        msg = f"{what} has {values.ndim} dimensions: reduce lists of objects to one value an event, as with ak.any"
        raise ValueError(msg)
    if isinstance(values, ak.Array):
        values = ak.to_numpy(values)
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype != np.bool_ and np.ma.is_masked(values):
            msg = f"{what} has None for some events: give them a number, as with ak.fill_none"
            raise ValueError(msg)
        values = values.filled(False)  # None in a mask
    array = np.asarray(values)
    if array.ndim != 1:
        msg = f"{what} has {array.ndim} dimensions: one value an event is expected"
        raise ValueError(msg)
    if length is not None and len(array) != length:
        msg = f"{what} has {len(array)} values for {length} events: it is of all events, not of those that have passed"
        raise ValueError(msg)
    return array


def _with_error(step: Step) -> str:
    """A sum of weights and its uncertainty, with two digits of that."""
    if not (step.error > 0 and math.isfinite(step.error)):
        return f"{step.weights:,g} ± {step.error:g}"
    decimals = min(max(1 - math.floor(math.log10(step.error)), 0), 9)
    return f"{step.weights:,.{decimals}f} ± {step.error:,.{decimals}f}"


def _share(step: Step, of: Step) -> str:
    return f"{step.weights / of.weights:.2%}" if of.weights else "–"
