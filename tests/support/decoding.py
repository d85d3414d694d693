"""The core's decoder of baskets, for baskets that are in no file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from physlite import _core


def decode_baskets(
    code: NDArray[np.int64], baskets: list[bytes], first_entry: list[int], start: int, stop: int, threads: int = 1
) -> list[NDArray[Any]]:
    """The buffers of entries of a column; `first_entry` of each basket, and the end of the last."""
    nowhere = np.zeros(len(baskets), np.int64)
    tables = _core.BasketTables(np.array(first_entry[:-1], np.int64), nowhere, nowhere, first_entry[-1])
    plan = tables.plan([(_core.Program(code), 0, len(baskets))], start, stop)
    low, high = plan.pages(0)
    (buffers,) = plan.decode(baskets[low:high], threads)
    return buffers
