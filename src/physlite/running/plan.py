"""Which files are processed together, and which of them in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from physlite.running.datasetfiles import DataFile
from physlite.running.datasets import Dataset
from physlite.running.parts import FilePart
from physlite.storage.rucio.listing import known_total

__all__ = ["FileGroup", "Plan"]

# As many groups as that are finished one by one, and kept one by one for the case that the run ends early. With more
# files a group has several: what a journal of 200,000 results takes, and what sending them takes, is too much.
_MOST_GROUPS = 1024

# A file that takes longer than everything else is divided by the number of workers, this many times over: what then is
# last to be done is short.
_EVEN = 3
_MOST_PARTS = 64
_SMALLEST_PART = 50 << 20  # bytes; opening a file again must be worth it


class FileGroup(NamedTuple):
    """Files next to each other in a dataset whose results are added before they are sent.

    Attributes:
        dataset: number of the dataset.
        first: number of the first file.
        size: number of files: a power of two, but for the last group of a dataset.
    """

    dataset: int
    first: int
    size: int


class Plan:
    """What is to be done. Nothing is opened for it, and it takes no more memory than the names of the files.

    Args:
        datasets: in the order in which they are added up.
        workers: how many files are processed at a time; 0 where that is not known.

    Attributes:
        files: how many there are.
        bytes: in all of them; None where that is not known.
    """

    def __init__(self, datasets: Sequence[Dataset], workers: int) -> None:
        self.datasets = tuple(datasets)
        self.files = sum(len(dataset) for dataset in self.datasets)
        self._workers = workers
        self.bytes = known_total(dataset.total_bytes for dataset in self.datasets)

    def groups(self) -> Iterator[FileGroup]:
        """All groups, in the order in which they are added up."""
        size = 1
        while size * _MOST_GROUPS < self.files:
            size *= 2
        for number, dataset in enumerate(self.datasets):
            for first in range(0, len(dataset), size):
                yield FileGroup(number, first, min(size, len(dataset) - first))

    def parts(self, group: FileGroup) -> list[list[FilePart]]:
        """What is to be processed, for each file of a group."""
        dataset = self.datasets[group.dataset]
        files = dataset.files[group.first : group.first + group.size]
        given = dict(dataset.metadata)
        out = []
        for number, file in enumerate(files, group.first):
            parts = self._parts_of(file)
            out.append(
                [FilePart(dataset.name, number, file.url, given, dataset.access, part, parts) for part in range(parts)]
            )
        return out

    def _parts_of(self, file: DataFile) -> int:
        """In how many parts a file is processed."""
        if self._workers <= 1 or not self.bytes or not file.bytes:
            return 1
        share = max(self.bytes / (_EVEN * self._workers), _SMALLEST_PART)
        parts = 1
        while parts < _MOST_PARTS and file.bytes > parts * share:
            parts *= 2
        return parts

    def sizes(self, group: FileGroup) -> str:
        """A digest that is another one when a file of a group has another size."""
        files = self.datasets[group.dataset].files[group.first : group.first + group.size]
        return hashlib.sha256(repr([file.bytes for file in files]).encode()).hexdigest()

    def digest(self) -> str:
        """The same for the same files in the same order, wherever a signature of their URLs stands."""
        digest = hashlib.sha256()
        for dataset in self.datasets:
            digest.update(repr((dataset.name, len(dataset))).encode())
            for file in dataset.files:
                digest.update(repr((file.key, file.adler32)).encode())
        return digest.hexdigest()
