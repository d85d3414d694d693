"""The random number that gives an event a run of data: that of ROOT, so that runs are those of Athena.

`PileupReweightingTool::getRandomRunNumber` seeds a `TRandom3` with 314159 + 2718 · channel + event number and takes one
number from it (Athena's PhysicsAnalysis/AnalysisCommon/PileupReweighting, Root/PileupReweightingTool.cxx). TRandom3 is
the Mersenne Twister of M. Matsumoto and T. Nishimura, ACM Transactions on Modeling and Computer Simulation 8 (1998) 3,
with the seeding of 2002 (ROOT's math/mathcore/src/TRandom3.cxx).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["event_seeds", "first_numbers"]

_MIDDLE = 397  # the words that the first number is made of: 0, 1 and this one
_WORD = np.uint64(0xFFFFFFFF)


def event_seeds(channels: NDArray[Any], event_numbers: NDArray[Any]) -> NDArray[np.uint32]:
    """The seeds of events."""
    seeds = np.uint64(314159) + channels.astype(np.uint64) * np.uint64(2718) + event_numbers.astype(np.uint64)
    return (seeds & _WORD).astype(np.uint32)


def first_numbers(seeds: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The first number that `TRandom3` gives with each seed, from 0 to 1."""
    words = [seeds.astype(np.uint64)]
    word = words[0]
    for i in range(1, _MIDDLE + 1):
        word = (np.uint64(1812433253) * (word ^ (word >> np.uint64(30))) + np.uint64(i)) & _WORD
        if i in (1, _MIDDLE):
            words.append(word)
    first, second, middle = words
    y: NDArray[np.uint64] = (first & np.uint64(0x80000000)) | (second & np.uint64(0x7FFFFFFF))
    y = middle ^ (y >> np.uint64(1)) ^ (y & np.uint64(1)) * np.uint64(0x9908B0DF)
    y = y ^ (y >> np.uint64(11))
    y = y ^ ((y << np.uint64(7)) & np.uint64(0x9D2C5680))
    y = y ^ ((y << np.uint64(15)) & np.uint64(0xEFC60000))
    y = y ^ (y >> np.uint64(18))
    return y.astype(np.float64) * 2.0**-32
