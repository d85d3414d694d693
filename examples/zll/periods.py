"""Periods of data taking of Run 2, by run number.

Source: Athena, Trigger/TrigAnalysis/TrigGlobalEfficiencyCorrection, data/DataPeriods.cfg. The periods A to C of 2015,
which overlap, are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["PERIODS", "period_of"]

OTHER = "other"

# First and last run.
PERIODS = {
    "15 D": (276073, 276954),
    "15 E": (278727, 279928),
    "15 F": (279932, 280422),
    "15 G": (280423, 281075),
    "15 H": (281130, 281411),
    "15 I": (281662, 282482),
    "15 J": (282625, 284484),
    "16 A": (296939, 300287),
    "16 B": (300345, 300908),
    "16 C": (301912, 302393),
    "16 D": (302737, 303560),
    "16 E": (303638, 303892),
    "16 F": (303943, 304494),
    "16 G": (305291, 306714),
    "16 I": (307124, 308084),
    "16 K": (309311, 309759),
    "16 L": (310015, 311481),
    "17 B": (325713, 328393),
    "17 C": (329385, 330470),
    "17 D": (330857, 332304),
    "17 E": (332720, 334779),
    "17 F": (334842, 335290),
    "17 H": (336497, 336782),
    "17 I": (336832, 337833),
    "17 K": (338183, 340453),
    "17 N": (341257, 341649),
    "18 A": (348197, 348836),
    "18 B": (348885, 349533),
    "18 C": (349534, 350220),
    "18 D": (350310, 352107),
    "18 E": (352123, 352137),
    "18 F": (352274, 352514),
    "18 G": (354107, 354494),
    "18 H": (354826, 355224),
    "18 I": (355261, 355273),
    "18 J": (355331, 355468),
    "18 K": (355529, 356259),
    "18 L": (357050, 359171),
    "18 M": (359191, 360414),
    "18 N": (361635, 361696),
    "18 O": (361738, 363400),
    "18 Q": (363664, 364292),
}


def period_of(runs: ArrayLike) -> np.ndarray:
    """The period of each run: its name, or "other"."""
    names = np.array([*PERIODS, OTHER])
    first, last = np.array(list(PERIODS.values())).T
    runs = np.asarray(runs, np.int64)
    index = np.searchsorted(first, runs, side="right") - 1
    known = (index >= 0) & (runs <= last[index])
    return names[np.where(known, index, len(PERIODS))]
