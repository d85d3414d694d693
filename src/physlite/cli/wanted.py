"""Which file a command is about."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from physlite.model.file import File

__all__ = ["ReadingMode", "WantedFile"]


class ReadingMode(StrEnum):
    """The modes of `physlite.open`; named here since help imports nothing of that."""

    RANGES = "ranges"
    WHOLE = "whole"
    AUTO = "auto"


class WantedFile(NamedTuple):
    """A file, how it is read if it is remote, and the folder in which what is read of it is kept."""

    path: str
    mode: ReadingMode = ReadingMode.RANGES
    cache: Path | None = None

    def open(self) -> File:
        """Opens it; errors as `physlite.open`."""
        import physlite

        return physlite.open(self.path, mode=self.mode.value, cache=self.cache)
