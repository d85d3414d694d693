"""Ways to do the works with files that uproot has opened: as in `theirs`, with our decoders."""

from __future__ import annotations

import uproot

from physlite.interop import branch_to_array
from work import Work

__all__ = ["read"]


def read(path: str, name: str, names: list[str]) -> Work:
    """Reads branches of an opened file, one after the other; nothing is kept for the next time."""
    source = uproot.open(path, array_cache=None)[name]
    branches = {column: source[column] for column in names}
    return Work(lambda _: {column: branch_to_array(branch) for column, branch in branches.items()}, compared=dict)
