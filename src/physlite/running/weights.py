"""Sums of weights of datasets, gathered while their files are open anyway."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from physlite.exceptions import MetadataNotFoundError, PhysliteError
from physlite.model.bookkeepers import WeightSum, read_nominal
from physlite.model.facts import metadata_tree, read_origin
from physlite.model.originals import each_once
from physlite.model.store import ColumnStore

__all__ = ["FileWeights", "channels", "total_weights", "weights_of"]


class FileWeights(NamedTuple):
    """What a file says of the events that it was made from.

    Attributes:
        file: its name.
        identity: the same for a file opened twice, whatever it is called.
        channels: the numbers of the simulated processes; none of data.
        sum: of all events before any selection; None where there is none.
        problem: why there is none.
        tag: its AMI tag; empty where that is not known.
        is_data: whether it is of data.
        originals: the UUIDs of the files that it was converted from; none of a file that production wrote.
    """

    file: str
    identity: tuple[int, int, str]
    channels: tuple[int, ...]
    sum: WeightSum | None
    problem: str = ""
    tag: str = ""
    is_data: bool = False
    originals: tuple[str, ...] = ()

    @property
    def made_of(self) -> frozenset[str]:
        """The UUIDs of its originals, or its own; none where it has none."""
        number = self.identity[0]
        return frozenset(self.originals or ([str(UUID(int=number))] if number else []))


def weights_of(store: ColumnStore) -> FileWeights:
    """Of one file. That it has no sums is no error before somebody wants them.

    Raises:
        OSError: the file cannot be read.
    """
    none = FileWeights(store.name, store.identity, (), None)
    try:
        none = none._replace(originals=tuple(sorted(store.converted_from)))
        channels, tag = read_origin(store)
        if channels is None:
            return none._replace(problem=f"{store.name}: it is of data, which has no weights", tag=tag, is_data=True)
        none = none._replace(channels=channels, tag=tag)
        tree = metadata_tree(store)
        if tree is None:
            return none._replace(problem=f"{store.name}: it has no MetaData tree, where sums of weights are")
        return none._replace(sum=read_nominal(store.name, tree))
    except OSError:
        raise
    except PhysliteError as error:
        return none._replace(problem=str(error))


def channels(files: Iterable[FileWeights]) -> dict[int, str]:
    """The channels of files, each with the first file that is of it."""
    found: dict[int, str] = {}
    for file in files:
        for channel in file.channels:
            found.setdefault(channel, file.file)
    return found


def total_weights(dataset: str, files: Iterable[FileWeights]) -> WeightSum:
    """The sum over all files of a dataset; of files that were made of one, its sum once.

    Copies of a file count as often as they are there, as their events do.

    Raises:
        MetadataNotFoundError: a file has none, or they are of different channels.
    """
    files = tuple(files)
    found = channels(files)
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        msg = f"dataset {dataset}: {first} is of channel {one}, {second} of {other}: their weights do not add up"
        raise MetadataNotFoundError(msg)
    different = list({file.identity: file for file in files}.values())
    counted = {different[i].identity for i in each_once([file.made_of for file in different])}
    sums = []
    for file in files:
        if file.identity not in counted:
            continue
        if file.sum is None:
            msg = f"dataset {dataset}: no sum of weights: {file.problem}"
            raise MetadataNotFoundError(msg)
        sums.append(file.sum)
    if not sums:
        msg = f"dataset {dataset}: no sum of weights: none of its files was processed"
        raise MetadataNotFoundError(msg)
    return functools.reduce(operator.add, sums)
