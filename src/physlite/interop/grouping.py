"""Chunks put together to groups of entries that are stored together: clusters of an RNTuple, baskets of a tree."""

from __future__ import annotations

from collections.abc import Iterator

import awkward as ak

from physlite.interop.writing import Chunk, Output

__all__ = ["Grouping"]


class Grouping:
    """Chunks that wait until there are enough of them.

    Groups have exactly as many entries as the user said, save for the last. Where nobody said, a chunk that is whole
    is a group, and those that a selection has left little of are put together.
    """

    def __init__(self, output: Output) -> None:
        self._exact = output.group_entries
        self.least = output.group_entries or max(1, int(output.chunk_bytes / max(output.inputs.entry_bytes, 1.0) / 2))
        self._waiting: list[Chunk] = []

    @property
    def _entries(self) -> int:
        return sum(chunk.num_entries for chunk in self._waiting)

    def add(self, chunk: Chunk) -> Iterator[Chunk]:
        """The groups that are full with this chunk."""
        if chunk.num_entries:
            self._waiting.append(chunk)
        if self._entries < self.least:
            return
        whole = _joined(self._waiting)
        if self._exact is None:
            self._waiting = []
            yield whole
            return
        full = whole.num_entries // self._exact * self._exact
        self._waiting = [_part(whole, full, whole.num_entries)] if full < whole.num_entries else []
        for first in range(0, full, self._exact):
            yield _part(whole, first, first + self._exact)

    def rest(self) -> Iterator[Chunk]:
        """What waits still, if anything."""
        if self._waiting:
            yield _joined(self._waiting)
        self._waiting = []


def _joined(chunks: list[Chunk]) -> Chunk:
    """Chunks behind one another as one."""
    if len(chunks) == 1:
        return chunks[0]
    layouts = [
        ak.to_packed(ak.concatenate(columns), highlevel=False)
        for columns in zip(*(chunk.layouts for chunk in chunks), strict=True)
    ]
    return Chunk(sum(chunk.num_entries for chunk in chunks), tuple(layouts))


def _part(chunk: Chunk, first: int, last: int) -> Chunk:
    """Some entries of a chunk."""
    if (first, last) == (0, chunk.num_entries):
        return chunk
    return Chunk(last - first, tuple(ak.to_packed(layout[first:last], highlevel=False) for layout in chunk.layouts))
