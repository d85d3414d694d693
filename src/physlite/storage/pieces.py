"""Bytes of a file that are on their way into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physlite.storage._source import Range

__all__ = ["Piece", "allocate", "grouped"]


@dataclass(slots=True)
class Piece:
    """Bytes `start` ≤ i < `stop` of a file, and where they go; the first `done` of them have arrived."""

    start: int
    view: memoryview
    done: int = 0

    @property
    def stop(self) -> int:
        """Behind its last byte."""
        return self.start + len(self.view)

    @property
    def missing(self) -> tuple[int, int]:
        """From where to where nothing has arrived yet."""
        return self.start + self.done, self.stop

    @property
    def is_complete(self) -> bool:
        """Whether all of it has arrived."""
        return self.done == len(self.view)

    def take(self, at: int, data: bytes | memoryview) -> None:
        """Takes what comes next in it from `data`, which are bytes of the file from `at` on."""
        position = self.start + self.done
        if at <= position < at + len(data):
            part = memoryview(data)[position - at :][: len(self.view) - self.done]
            self.view[self.done : self.done + len(part)] = part
            self.done += len(part)


def allocate(spans: Sequence[Range], largest: int) -> tuple[list[memoryview], list[Piece]]:
    """Memory for each span, and the pieces of at most `largest` bytes that fill it, in their order."""
    memory = [np.empty(span.size, np.uint8).data for span in spans]
    pieces = [
        Piece(span.offset + at, view[at : at + largest])
        for span, view in zip(spans, memory, strict=True)
        for at in range(0, span.size, largest)
    ]
    return memory, pieces


def grouped(pieces: Sequence[Piece], requests: int, most: int) -> list[list[Piece]]:
    """Pieces in as many groups as there are requests, about equal in bytes, or in more, so that none has too many.

    Args:
        pieces: at least one, in the order of the file.
        requests: how many groups are wanted, at least one.
        most: pieces that a group may have.
    """
    share = sum(len(piece.view) for piece in pieces) / requests
    groups: list[list[Piece]] = [[]]
    full = 0.0
    for piece in pieces:
        if groups[-1] and (full >= share * len(groups) or len(groups[-1]) == most):
            groups.append([])
        groups[-1].append(piece)
        full += len(piece.view)
    return groups
