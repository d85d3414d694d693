"""One overlap removal: the collections that take part, and the steps that are applied to them in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates, flat_mask
from physlite.exceptions import ColumnNotFoundError
from physlite.formats.filters import nearest

__all__ = ["Removal", "Step"]


class Step(Protocol):
    """One step of overlap removal."""

    @property
    def collections(self) -> tuple[str, ...]:
        """The names of the collections whose selected objects it needs."""

    def apply(self, removal: Removal) -> None:
        """Removes objects."""


class Removal:
    """The candidates of some collections, by name, while steps remove some of them.

    Attributes:
        events: what they are of.
    """

    def __init__(self, events: ak.Array, selected: Mapping[str, ak.Array], b_jets: ak.Array | None) -> None:
        self.events = events
        for name in selected:
            if name not in ak.fields(events):
                msg = f"overlap removal: no collection {name!r} in these events{nearest(ak.fields(events), name)}"
                raise ColumnNotFoundError(msg)
        self._candidates = {name: Candidates(name, events[name], mask) for name, mask in selected.items()}
        for name, candidates in self._candidates.items():
            if (number := len(candidates.offsets) - 1) != len(events):
                msg = f"selected[{name!r}] is a mask of {number} events, not of these {len(events)}: make it of them"
                raise ValueError(msg)
        self._b_jets = None if b_jets is None else self._flat_b_jets(b_jets)
        self._removed_by = {name: np.full(len(c), -1, dtype=np.int64) for name, c in self._candidates.items()}

    def _flat_b_jets(self, b_jets: ak.Array) -> NDArray[np.bool_]:
        offsets, mask = flat_mask(b_jets, "b_jets")
        if "Jets" not in self._candidates:
            msg = "overlap removal: there are b_jets, and no selected['Jets']: add it"
            raise ValueError(msg)
        if not np.array_equal(offsets, self["Jets"].offsets):
            msg = "overlap removal: b_jets and selected['Jets'] differ in shape: make both of all of events.Jets"
            raise ValueError(msg)
        return mask

    def __getitem__(self, name: str) -> Candidates:
        return self._candidates[name]

    def is_b_jet(self, jets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether jets, by number, are among the b-jets; none is where no b-jets were given."""
        return np.zeros(len(jets), dtype=np.bool_) if self._b_jets is None else self._b_jets[jets]

    def run(self, steps: Sequence[Step]) -> None:
        """Applies steps in their order.

        Raises:
            ValueError: a step needs a collection of which no objects are selected.
        """
        for step in steps:
            for name in step.collections:
                if name not in self._candidates:
                    msg = (
                        f"overlap removal: {step} needs selected[{name!r}]; add it, or leave the step out, as "
                        "standard(selected) does"
                    )
                    raise ValueError(msg)
        for number, step in enumerate(steps):
            step.apply(self)
            for name in step.collections:
                candidates, by = self[name], self._removed_by[name]
                by[candidates.selected & ~candidates.surviving & (by < 0)] = number

    def surviving(self) -> dict[str, ak.Array]:
        """Of each collection a mask of the objects that are left."""
        return {name: _jagged(c.surviving, c.offsets) for name, c in self._candidates.items()}

    def removed_by(self) -> dict[str, ak.Array]:
        """Of each object the number of the step that removed it, or -1."""
        return {name: _jagged(by, self[name].offsets) for name, by in self._removed_by.items()}


def _jagged(values: NDArray[Any], offsets: NDArray[np.int64]) -> ak.Array:
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(values)))
