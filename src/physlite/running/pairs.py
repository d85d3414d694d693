"""Whether results add up, found out at the begin of a run."""

from __future__ import annotations

from physlite.exceptions import AddingError
from physlite.running.adding import add
from physlite.running.merging import value_of
from physlite.running.parts import Outcome
from physlite.running.plan import FileGroup, Plan

__all__ = ["Pairs"]


class Pairs:
    """Adds the first two results of each dataset, so that it is not told at the end that they do not add up."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._first: dict[int, tuple[FileGroup, Outcome] | None] = {}

    def check(self, group: FileGroup, outcome: Outcome) -> None:
        """Takes the next result; raises AddingError where the first two do not add up."""
        if not outcome.value:
            return
        first = self._first.setdefault(group.dataset, (group, outcome))
        if first is None or first[0] == group:
            return
        self._first[group.dataset] = None
        try:
            add(value_of(first[1]), value_of(outcome))
        except AddingError as error:
            dataset = self._plan.datasets[group.dataset]
            one, other = (dataset.files[number].shown for number in (first[0].first, group.first))
            msg = f"dataset {dataset.name}, {one} and {other}: {error}"
            raise AddingError(msg) from None
