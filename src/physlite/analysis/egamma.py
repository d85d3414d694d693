"""What electrons and photons have in common: authors, the quality of their clusters, and where these are.

Numbers are those of Athena's Event/xAOD/xAODEgamma (xAODEgamma/EgammaDefs.h).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import awkward as ak
import numpy as np

from physlite.analysis.columns import decided, kind_of, require
from physlite.exceptions import SelectionError

__all__ = ["AUTHORS", "authored", "cluster_eta", "good_quality"]

# Bits of `author`. Ambiguous objects can be either, and are in both collections.
AUTHORS = {"Electron": 0x1, "Photon": 0x4, "Ambiguous": 0x10, "CaloTopo35": 0x80}

# Bits of `OQ` that make a cluster bad, of both classes: BADCLUSELECTRON.
_DEAD_HV = (1 << 1) | (1 << 2)  # DeadHVS1S2S3Core, DeadHVS1S2S3Edge
_MISSING_FRONT_END_BOARD = (1 << 5) | (1 << 7) | (1 << 8)  # MissingFEBCellCore, MissingFEBCellEdgeS1 and S2
_MASKED_CELL = 1 << 10  # MaskedCellCore
_BAD_ELECTRON = _DEAD_HV | _MISSING_FRONT_END_BOARD | _MASKED_CELL
_BAD = {"Electron": _BAD_ELECTRON, "Photon": _BAD_ELECTRON | (1 << 15)}  # BADCLUSPHOTON has BadS1Core besides


def good_quality(objects: ak.Array) -> Any:
    """Which electrons or photons have none of the bits in `OQ` that make a cluster bad.

    As CP::EgammaIsGoodOQSelectionTool with the mask BADCLUSELECTRON or BADCLUSPHOTON.

    Args:
        objects: electrons or photons, in any selection of them.

    Returns:
        One bool for each.

    Raises:
        ColumnNotFoundError: they have no `OQ`.
    """
    column = require(objects, ("OQ",), "the object quality", "leave it out")
    return decided((objects[column] & np.uint32(_BAD[kind_of(objects)])) == 0)


def authored(objects: ak.Array, authors: Iterable[str]) -> Any:
    """Which electrons or photons one of the authors has made.

    Args:
        objects: electrons or photons, in any selection of them.
        authors: names in `AUTHORS`; most analyses take those of the class itself, and `Ambiguous`.

    Returns:
        One bool for each.

    Raises:
        SelectionError: no such author.
        ColumnNotFoundError: they have no `author`.
    """
    mask = 0
    for name in authors:
        if name not in AUTHORS:
            msg = f"no author {name!r} of {kind_of(objects)}; there are {', '.join(AUTHORS)}"
            raise SelectionError(msg)
        mask |= AUTHORS[name]
    column = require(objects, ("author",), "the choice of authors", "leave it out")
    return decided((objects[column] & np.uint16(mask)) != 0)


def cluster_eta(objects: ak.Array) -> Any:
    """The pseudorapidity of each object's cluster in the calorimeter, where the gap between barrel and endcaps is.

    It is the calibrated one that PHYSLITE stores as `calEta`. Athena's tools take that in the second layer, `etaBE(2)`,
    which PHYSLITE has no column for; the two differ in the third digit.

    Args:
        objects: electrons or photons, in any selection of them.

    Returns:
        Numbers in single precision; NaN where the cluster is not in the file.

    Raises:
        ValueError: the array does not know its file, or holds objects of several files.
    """
    return ak.fill_none(ak.firsts(objects.caloClusters.calEta, axis=-1), np.float32(np.nan), axis=-1)
