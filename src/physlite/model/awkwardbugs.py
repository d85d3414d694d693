"""What Awkward does wrong, put right for the process until it does it right itself."""

from __future__ import annotations

import functools
from typing import Any

from awkward.contents import IndexedArray

__all__ = ["read_indices_before_trimming"]


@functools.cache
def read_indices_before_trimming() -> None:
    """Concatenating arrays whose index is virtual and not read yet recurses without end (Awkward 2.14.0).

    `IndexedArray._trim` subtracts in place from a copy of the index, and the copy of a virtual one is virtual: NumPy
    hands the subtraction back to it. Once the index is read, all is well.
    """
    trim = IndexedArray._trim  # noqa: SLF001  # there is no other place to do it

    @functools.wraps(trim)
    def read_and_trim(self: Any) -> Any:
        materialize = getattr(self.index.data, "materialize", None)
        if materialize is not None:
            materialize()
        return trim(self)

    IndexedArray._trim = read_and_trim  # noqa: SLF001
