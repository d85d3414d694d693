"""What is compared before anything is timed, beyond the digests of results."""

from __future__ import annotations

import functools
import re
from typing import Any

import awkward as ak
import numpy as np
import uproot

import ours
import physlite
import theirs
from files import TREES

__all__ = ["check_analysis", "check_columns", "decoded_columns", "readable_columns"]


def check_columns(path: str, kind: str, names: list[str]) -> int:
    """Compares each column with uproot's, types too; returns their size in the file, in bytes before compression."""
    source = uproot.open(path)[TREES[kind]]
    with physlite.open(path) as file:
        arrays = file.arrays(names)
        expected = source.arrays(names, how=dict)
        for name in names:
            _check(name, arrays[name], expected[name], kind)
        return sum(file.columns[name].uncompressed_bytes for name in names)


def _check(name: str, array: ak.Array, expected: Any, kind: str) -> None:
    if isinstance(expected, dict):  # members that ROOT split
        for member, values in expected.items():
            _check(member, array[member.removeprefix(f"{name}.")], values, kind)
        return
    while expected.fields == [":_0"]:  # a base class, whose members are ours
        expected = expected[":_0"]
    if kind == "ntuple" and re.search(r"\bint8", str(array.type)):  # uproot takes a char of an ntuple for unsigned
        expected = ak.values_astype(expected, "int8")
    if not ak.array_equal(array, expected, dtype_exact=True, check_parameters=False):
        msg = f"{name}: the array is not that of uproot"
        raise ValueError(msg)


@functools.cache
def readable_columns(path: str, kind: str) -> list[str]:
    """The columns that physlite decodes itself and that uproot reads by their names, which are nearly all."""
    source = uproot.open(path)[TREES[kind]]
    return [name for name in decoded_columns(path) if _is_readable(source, name)]


def decoded_columns(path: str) -> list[str]:
    """The columns that physlite decodes itself, but for those that only say how many objects there are."""
    with physlite.open(path) as file:
        return [c.name for c in file.manifest.named if c.encoding not in ("", "n") and not c.problem]


def _is_readable(source: Any, name: str) -> bool:
    try:
        return name in source.arrays(
            [name], how=dict
        )  # all of it: what it has no reader for can begin with an empty list
    except (ValueError, NotImplementedError, uproot.interpretation.identify.UnknownInterpretation):
        return False


def check_analysis(path: str) -> None:
    """Compares the selections of physlite and coffea, which computes with single precision."""
    works = (ours.analysis(path), theirs.coffea_analysis(path, TREES["tree"]))
    for first, second in zip(*(work.run(work.prepare()) for work in works), strict=True):
        if first.cutflow != second.cutflow or not np.allclose(first.mass, second.mass, rtol=1e-4):
            msg = f"the selections differ: {first.cutflow}, {second.cutflow}"
            raise ValueError(msg)
