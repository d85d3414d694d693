"""Bytes of a file that are on their way into memory."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Piece"]


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
