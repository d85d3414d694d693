"""The bookkeepers of a file: how many events passed each step of the processing, and with which weights."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, MetadataNotFoundError, UnsupportedFormatError
from physlite.model.store import ColumnStore

__all__ = ["CutBookkeeper", "WeightSum", "read_bookkeepers", "read_nominal", "require_sums", "sums_of"]

# The container of the nominal weight.
_NOMINAL = "CutBookkeepers"

# Up to release 21 the variations are rows beside the nominal one, since then each has a container of its own.
_VARIATION = "(?P<variation>[1-9][0-9]{0,5})"
_CONTAINER = re.compile(rf"{_NOMINAL}(?:_weight_{_VARIATION})?")
_ALL_EVENTS = "AllExecutedEvents"
_STEP = re.compile(rf"{_ALL_EVENTS}(?:_NonNominalMCWeight_{_VARIATION})?")
# The stream that derivations read: the counts before it are of the events that were simulated.
_STREAM = "StreamAOD"
_DERIVED_STREAM = "StreamDAOD"

_TEXTS = ("name", "inputStream")
_NUMBERS = ("cycle", "nAcceptedEvents", "sumOfEventWeights", "sumOfEventWeightsSquared")
_MEMBERS = (*_TEXTS, *_NUMBERS)


@dataclass(frozen=True)
class CutBookkeeper:
    """How many events passed a step of the processing.

    Attributes:
        container: where it stands, as `CutBookkeepers`; those of weight variation k are in `CutBookkeepers_weight_k`.
        name: of the step.
        cycle: how many times the events had been processed before.
        stream: the input of the step.
        accepted_events: number of events that passed.
        sum_of_weights, sum_of_weights_squared: of these events.
    """

    container: str
    name: str
    cycle: int
    stream: str
    accepted_events: int
    sum_of_weights: float
    sum_of_weights_squared: float


@dataclass(frozen=True)
class WeightSum:
    """Sums over all events before any selection, with the weights of one variation."""

    events: int
    weights: float
    weights_squared: float

    def __add__(self, other: WeightSum) -> WeightSum:
        return WeightSum(
            self.events + other.events,
            self.weights + other.weights,
            self.weights_squared + other.weights_squared,
        )


def read_bookkeepers(tree: ColumnStore, only: str | None = None) -> list[list[CutBookkeeper]]:
    """The bookkeepers in each entry of a MetaData tree, of complete inputs; read in one request.

    Args:
        tree: the MetaData tree.
        only: the one container to read, as `CutBookkeepers`; by default all.

    Raises:
        MetadataNotFoundError: there are none, or a column is missing.
        UnsupportedFormatError: a column is of another type than it always was.
        CorruptDataError: the columns of a container differ in length, or are damaged.
    """
    index, columns = tree.manifest.index, tree.manifest.columns
    containers = [column.name.partition("Aux.")[0] for column in columns if column.name.endswith("Aux.cycle")]
    containers = [name for name in containers if _CONTAINER.fullmatch(name) and only in (None, name)]
    if not containers:
        msg = f"{tree.name}: no {_NOMINAL} in its MetaData tree, so no sums of weights"
        raise MetadataNotFoundError(msg)
    names = [f"{container}Aux.{member}" for container in containers for member in _MEMBERS]
    for name in names:
        if name not in index or not columns[index[name]].encoding:
            msg = f"{tree.name}: no {name} that can be read in its MetaData tree, so no sums of weights"
            raise MetadataNotFoundError(msg)
    entries = tree.manifest.num_entries
    values = dict(zip(names, tree.buffers([index[name] for name in names], 0, entries), strict=True))
    return [
        [row for container in containers for row in _rows(tree.name, container, values, entry)]
        for entry in range(entries)
    ]


def sums_of(rows: Iterable[CutBookkeeper]) -> dict[int, WeightSum]:
    """The sums over all events before any selection, by variation, from the bookkeepers of one file; see `Metadata`."""
    steps = [(row, _variation(row)) for row in rows if row.stream.startswith((_STREAM, _DERIVED_STREAM))]
    nominal = [row for row, variation in steps if variation == 0]
    if not nominal:
        return {}
    last = max(nominal, key=lambda row: (row.stream == _STREAM, row.cycle))
    sums: dict[int, WeightSum] = {}
    for row, variation in steps:
        if variation is None or (row.stream, row.cycle) != (last.stream, last.cycle):
            continue
        found = WeightSum(row.accepted_events, row.sum_of_weights, row.sum_of_weights_squared)
        sums[variation] = sums[variation] + found if variation in sums else found
    return dict(sorted(sums.items()))


def read_nominal(name: str, tree: ColumnStore) -> WeightSum:
    """The sums of the nominal weight over all entries of a MetaData tree, without reading those of others.

    Args:
        name: of the file, for messages.
        tree: its MetaData tree.

    Raises:
        MetadataNotFoundError, CorruptDataError, OSError: as `read_bookkeepers` and `require_sums`.
    """
    return functools.reduce(operator.add, (require_sums(name, rows)[0] for rows in read_bookkeepers(tree, _NOMINAL)))


def require_sums(name: str, rows: Iterable[CutBookkeeper]) -> dict[int, WeightSum]:
    """What `sums_of` finds in a file of this name.

    Raises:
        MetadataNotFoundError: there is no nominal sum.
    """
    sums = sums_of(rows)
    if 0 not in sums:
        msg = f"{name}: no bookkeeper {_ALL_EVENTS} of {_STREAM}, so no sum of weights"
        raise MetadataNotFoundError(msg)
    return sums


def _variation(row: CutBookkeeper) -> int | None:
    """The variation whose sum over all events a row has, 0 for the nominal one; None where it is no such row."""
    container, step = _CONTAINER.fullmatch(row.container), _STEP.fullmatch(row.name)
    if container is None or step is None or (container["variation"] and step["variation"]):
        return None
    return int(container["variation"] or step["variation"] or 0)


def _rows(file: str, container: str, columns: Mapping[str, list[NDArray[Any]]], entry: int) -> Iterable[CutBookkeeper]:
    values = {}
    for member in _MEMBERS:
        name = f"{container}Aux.{member}"
        try:
            values[member] = (_texts if member in _TEXTS else _numbers)(columns[name], entry)
        except ValueError:
            msg = f"{file}: {name} in the MetaData tree is not of the type that it always had"
            raise UnsupportedFormatError(msg) from None
    lengths = {len(column) for column in values.values()}
    if len(lengths) > 1:
        msg = f"{file}: the columns of {container}Aux. differ in length; the file is damaged, copy it again"
        raise CorruptDataError(msg)
    return map(
        functools.partial(CutBookkeeper, container),
        values["name"],
        values["cycle"],
        values["inputStream"],
        values["nAcceptedEvents"],
        values["sumOfEventWeights"],
        values["sumOfEventWeightsSquared"],
    )


def _numbers(buffers: list[NDArray[Any]], entry: int) -> list[Any]:
    """The list in one entry of a column of lists of numbers; ValueError for columns of other types."""
    offsets, numbers = buffers
    return list(numbers[offsets[entry] : offsets[entry + 1]].tolist())


def _texts(buffers: list[NDArray[Any]], entry: int) -> list[str]:
    """The list in one entry of a column of lists of texts; ValueError for columns of other types."""
    lists, offsets, characters = buffers
    if characters.itemsize != 1:
        msg = "lists of numbers"
        raise ValueError(msg)
    first, last = lists[entry : entry + 2].tolist()
    ends = offsets[first : last + 1].tolist()
    return [characters[a:b].tobytes().decode("utf-8", "replace") for a, b in pairwise(ends)]
