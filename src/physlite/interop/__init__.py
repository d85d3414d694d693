"""What hands over to others: files of other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.interop.converting import Converted, convert

__all__ = ["Converted", "convert"]

# Looked up on first use: each friend brings libraries along.
_HOME = {
    "Converted": "physlite.interop.converting",
    "convert": "physlite.interop.converting",
}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
