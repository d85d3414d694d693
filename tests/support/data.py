"""The real files, and the sample that comes with the package."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest

# Events published by ATLAS and Scikit-HEP as test data; the names say release and content.
R21 = "DAOD_PHYSLITE_21.2.108.0_mc.root"
R22 = "DAOD_PHYSLITE_22.2.110_ttbar_mc.root"
R24 = "DAOD_PHYSLITE_24.0.2_mc.root"
TREE_ONLY = "DAOD_PHYSLITE_collectiontree_only_mc.root"
TIMES_50 = "DAOD_PHYSLITE_collectiontree_only_x50_mc.root"
RNTUPLE = "DAOD_PHYSLITE_rntuple_v1_mc.root"
SAMPLE = "sample"
SAMPLE_RNTUPLE = "sample_rntuple"  # the same events

REAL_TTREES = (R21, R22, R24, TREE_ONLY)
ALL_TTREES = (*REAL_TTREES, TIMES_50, SAMPLE)
ALL_FILES = (*ALL_TTREES, RNTUPLE, SAMPLE_RNTUPLE)

# What is in them is in one of the others too.
LIKE_OTHERS = (TREE_ONLY, TIMES_50, SAMPLE_RNTUPLE)

# Bytes of baskets in one request from which on the core decodes on four threads: it starts none for little work.
ENOUGH_FOR_THREADS = 512 * 1024


def parameters(names):
    """Files as parameters of tests that take long with each: those that are like others are for the campaign."""
    return [pytest.param(name, marks=pytest.mark.slow if name in LIKE_OTHERS else ()) for name in names]


def folder() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("PHYSLITE_TEST_DATA") or beside)


def path_of(name) -> Path:
    """Where one of the files is; skips when it is not there."""
    if name in (SAMPLE, SAMPLE_RNTUPLE):
        return Path(str(files("physlite") / "data" / f"{name}.root"))
    path = folder() / name
    if not path.is_file():
        pytest.skip(f"the real file {path} is not there: set PHYSLITE_TEST_DATA to its folder")
    return path
