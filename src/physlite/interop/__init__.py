"""What hands over to friends: other formats, columns from elsewhere, tables, arrays for those who stay with uproot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.interop.branch import branch_to_array
    from physlite.interop.converting import Converted, convert
    from physlite.interop.friends import Friend
    from physlite.interop.tables import to_arrow, to_pandas

__all__ = [
    "Converted",
    "Friend",
    "branch_to_array",
    "convert",
    "to_arrow",
    "to_pandas",
]

# Looked up on first use: each friend brings libraries along.
_HOME = {
    "Converted": "physlite.interop.converting",
    "Friend": "physlite.interop.friends",
    "branch_to_array": "physlite.interop.branch",
    "convert": "physlite.interop.converting",
    "to_arrow": "physlite.interop.tables",
    "to_pandas": "physlite.interop.tables",
}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
