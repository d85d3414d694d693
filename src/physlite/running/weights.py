"""Sums of weights of datasets, gathered while their files are open anyway."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import NamedTuple

from physlite.exceptions import MetadataNotFoundError, PhysliteError
from physlite.model.bookkeepers import WeightSum
from physlite.model.file import File

__all__ = ["FileWeights", "channels", "total_weights", "weights_of"]


class FileWeights(NamedTuple):
    """What a file says of the events that it was made from.

    Attributes:
        file: its name.
        identity: the same for a file opened twice, whatever it is called.
        channel: the number of the simulated process, None for data.
        sum: of all events before any selection; None where there is none.
        problem: why there is none.
    """

    file: str
    identity: tuple[int, int, str]
    channel: int | None
    sum: WeightSum | None
    problem: str = ""


def weights_of(file: File, identity: tuple[int, int, str]) -> FileWeights:
    """Of one file. That it has no sums is no error before somebody wants them.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        metadata = file.metadata
        if metadata.is_simulation is False:
            return FileWeights(file.name, identity, None, None, f"{file.name}: it is of data, which has no weights")
        channel = metadata.mc_channel_number
        if channel is None and metadata.mc_channel_numbers:
            numbers = " and ".join(map(str, metadata.mc_channel_numbers))
            return FileWeights(file.name, identity, None, None, f"{file.name}: events of channels {numbers}")
        return FileWeights(file.name, identity, channel, metadata.sum_of())
    except OSError:
        raise
    except PhysliteError as error:
        return FileWeights(file.name, identity, None, None, str(error))


def channels(files: Iterable[FileWeights]) -> dict[int, str]:
    """The channels of files, each with the first file that is of it."""
    found: dict[int, str] = {}
    for file in files:
        if file.channel is not None:
            found.setdefault(file.channel, file.file)
    return found


def total_weights(dataset: str, files: Iterable[FileWeights]) -> WeightSum:
    """The sum over all files of a dataset.

    Raises:
        MetadataNotFoundError: a file has none, or they are of different channels.
    """
    files = tuple(files)
    found = channels(files)
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        msg = f"dataset {dataset}: {first} is of channel {one}, {second} of {other}: their weights do not add up"
        raise MetadataNotFoundError(msg)
    sums = []
    for file in files:
        if file.sum is None:
            msg = f"dataset {dataset}: no sum of weights: {file.problem}"
            raise MetadataNotFoundError(msg)
        sums.append(file.sum)
    if not sums:
        msg = f"dataset {dataset}: no sum of weights: none of its files was processed"
        raise MetadataNotFoundError(msg)
    return functools.reduce(operator.add, sums)
