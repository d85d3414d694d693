"""The objects of one collection on their way through the steps of overlap removal."""

from __future__ import annotations

import functools
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.analysis.overlaps.flat import LEAVE_OUT, field_of, lists, numbers, places

__all__ = ["Candidates", "flat_mask"]

# In MeV, by class. MomentumAccessors.h in Athena's PhysicsAnalysis/Columnar/ColumnarCore takes these masses whatever is
# stored, from Generators/TruthUtils/TruthUtils/ParticleConstants.h.
_MASSES = {"Electron": 0.51099891, "Muon": 105.658367, "Photon": 0.0}


def flat_mask(mask: ak.Array, what: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each event's part of a mask begins, and the mask, False where it is None; `what` is its name.

    Raises:
        TypeError: it is no mask.
    """
    if not isinstance(mask, ak.Array) or mask.fields:
        found = "objects" if isinstance(mask, ak.Array) else type(mask).__name__
        msg = f"{what} is no mask of objects, but {found}: give a flag for each object, as in events.Jets.pt > 20 * GeV"
        raise TypeError(msg)
    if mask.ndim > 1 and mask.layout.is_option and np.any(mask.layout.mask_as_bool(valid_when=False)):
        msg = (
            f"{what} has None in place of the flags of some events, where one for each object is needed: take & in "
            "place of ak.mask, or choose events with events[…] before"
        )
        raise TypeError(msg)
    try:
        offsets, content = lists(mask)
        flags = numbers(content, fill=False)
    except (TypeError, ValueError) as error:
        msg = f"{what} is no mask of objects: {error}"
        raise TypeError(msg) from None
    if flags.dtype != np.bool_ and len(flags):
        msg = f"{what} is an array of {flags.dtype}, no mask: compare it with something, as in jets.NNJvtPass == 1"
        raise TypeError(msg)
    return offsets, flags.astype(np.bool_)


class Candidates:
    """Objects of all events behind one another; the number of an object counts through all of them.

    Attributes:
        name: of their collection.
        offsets: where each event begins, and at the end how many there are.
        selected: which of them take part.
        surviving: which of these are left so far.
    """

    def __init__(self, name: str, objects: ak.Array, selected: ak.Array) -> None:
        self.name = name
        self._objects = objects
        self.offsets, self.selected = flat_mask(selected, f"selected[{name!r}]")
        self.surviving = self.selected.copy()

    def __len__(self) -> int:
        return len(self.selected)

    @functools.cached_property
    def event(self) -> NDArray[np.int64]:
        """The event of each object, as a number among these events."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @functools.cached_property
    def pt(self) -> NDArray[Any]:
        """In MeV, in the precision in which they are stored."""
        return self.numbers("pt")

    @functools.cached_property
    def phi(self) -> NDArray[np.float64]:
        """In rad."""
        return self.numbers("phi").astype(np.float64)

    @functools.cached_property
    def rapidity(self) -> NDArray[np.float64]:
        """Of objects without mass the pseudorapidity."""
        eta = self.numbers("eta").astype(np.float64)
        mass = self._mass
        if not np.any(mass):
            return eta
        pt = self.pt.astype(np.float64)
        with np.errstate(all="ignore"):  # what is no momentum has no rapidity
            massive = np.arcsinh(pt * np.sinh(eta) / np.sqrt(pt * pt + mass * np.abs(mass)))
        return np.where(mass == 0, eta, massive)

    @property
    def _mass(self) -> Any:
        record = self._objects.layout.purelist_parameter("__record__")
        return _MASSES[record] if record in _MASSES else self.numbers("m").astype(np.float64)

    def numbers(self, field: str) -> NDArray[Any]:
        """A field of numbers.

        Raises:
            ColumnNotFoundError: there is no such field.
            ValueError: the selection is not one of these objects.
        """
        return numbers(self._flat(field_of(self._objects, self.name, field)))

    def links(self, field: str) -> NDArray[np.int64]:
        """A field of element links, one each, as `places` has them; errors are those of `numbers`."""
        return places(self._flat(field_of(self._objects, self.name, field)))

    def lists(self, *path: str, instead: str = LEAVE_OUT) -> tuple[NDArray[np.int64], Content]:
        """A field that has a list for each object, as `lists` has them; path and errors are those of `field_of`."""
        content = self._flat(field_of(self._objects, self.name, *path, instead=instead))
        if content.is_option:
            content = ak.fill_none(ak.Array(content), [], axis=0, highlevel=False)
        return lists(ak.Array(content))

    def _flat(self, column: ak.Array) -> Content:
        offsets, content = lists(column)
        if not np.array_equal(offsets, self.offsets):
            msg = (
                f"selected[{self.name!r}] is not a mask of all {self.name}: it has {len(self)} flags in "
                f"{len(self.offsets) - 1} events, where there are {len(content)} objects in {len(offsets) - 1}; make "
                f"it of events.{self.name} as they are"
            )
            raise ValueError(msg)
        return content

    def remove(self, objects: NDArray[np.int64]) -> None:
        """From here on they do not count any more."""
        self.surviving[objects] = False
