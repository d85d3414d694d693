"""Integrated luminosities of runs, as iLumiCalc tells them.

It writes two kinds of files (Athena's LumiBlock/LumiCalc): ROOT files whose tree `LumiMetaData` has a row for each lumi
block, in 1/µb (`IntLumi` in src/LumiCalculator.cxx), and `lumitable.csv` with a row for each run
(python/LumiCalcHtml.py). The unit of the table depends on its total, and it does not say which one it is: 1/pb of more
than 100 of these, 1/nb of more than 0.1/pb, 1/µb of more than 100 of these, else 1/mb. The page beside it names it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlite.analysis.goodruns import GoodRuns
from physlite.analysis.rootfiles import is_root_file, is_tree, open_root
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.units import pb, ub

__all__ = ["LumiBlocks", "Luminosity", "read_lumi_blocks"]

_TREE = "LumiMetaData"
_TABLE_COLUMN = "Prescale Corrected"  # recorded, after dead time, vetoes and prescales
_ROUNDING = 1e-5  # iLumiCalc prints six digits
_DECIMALS = 1e-6  # of the numbers in a table
_SHOWN = 3  # runs in a message


class LumiBlocks(NamedTuple):
    """Lumi blocks of data, one an element of each array.

    Attributes:
        run: their runs.
        lumi_block: their numbers in these.
        mu: the average number of interactions in a crossing of bunches.
        luminosity: integrated, in 1/pb.
    """

    run: NDArray[np.int64]
    lumi_block: NDArray[np.int64]
    mu: NDArray[np.float32]
    luminosity: NDArray[np.float64]

    def chosen(self, mask: NDArray[np.bool_]) -> LumiBlocks:
        """Those for which a mask is True."""
        return LumiBlocks(self.run[mask], self.lumi_block[mask], self.mu[mask], self.luminosity[mask])

    def joined(self, other: LumiBlocks) -> LumiBlocks:
        """These, with others behind them.

        Raises:
            ValueError: as of `check`.
        """
        joined = LumiBlocks(
            np.concatenate([self.run, other.run]),
            np.concatenate([self.lumi_block, other.lumi_block]),
            np.concatenate([self.mu, other.mu]),
            np.concatenate([self.luminosity, other.luminosity]),
        )
        joined.check()
        return joined

    def check(self) -> None:
        """Makes sure that each lumi block is there once.

        Raises:
            ValueError: one is there several times, and its luminosity would count so often.
        """
        blocks, count = np.unique(np.column_stack([self.run, self.lumi_block]), axis=0, return_counts=True)
        several = np.flatnonzero(count > 1)
        if len(several):
            run, block = blocks[several[0]].tolist()
            times = count[several[0]]
            msg = f"lumi block {block} of run {run} is there {times} times, and would count so: take each file once"
            raise ValueError(msg)


class Luminosity:
    """Integrated luminosities of runs, in 1/pb. Those of different runs add up with `+`.

    Attributes:
        runs: sorted.
        values: the luminosity of each.

    Args:
        runs: as many as there are values; values of the same run are added up.
        values: in 1/pb.
    """

    def __init__(self, runs: ArrayLike, values: ArrayLike) -> None:
        self.runs, which = np.unique(np.asarray(runs, np.int64), return_inverse=True)
        self.values = np.bincount(which, np.asarray(values, np.float64), len(self.runs))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, table_unit: float = 1 / pb) -> Luminosity:
        """Reads a file of iLumiCalc: a ROOT file, or its `lumitable.csv`.

        Args:
            path: of the file.
            table_unit: what 1 in a table stands for, as `1 / nb`; ROOT files are in 1/µb.

        Raises:
            OSError: the file cannot be read.
            CorruptDataError: it is neither, or is damaged or cut.
        """
        if is_root_file(path):
            blocks = read_lumi_blocks(path)
            return cls(blocks.run, blocks.luminosity)
        runs, values = _table(os.fsdecode(path))
        return cls(runs, np.multiply(values, table_unit))

    @property
    def total(self) -> float:
        """Of all runs, in 1/pb."""
        return float(self.values.sum())

    def __float__(self) -> float:
        """The total, so that it can stand wherever a luminosity is given."""
        return self.total

    @property
    def by_run(self) -> dict[int, float]:
        """Of each run, in 1/pb."""
        return dict(zip(self.runs.tolist(), self.values.tolist(), strict=True))

    def between(self, first_run: int, last_run: int) -> float:
        """Of a range of runs, both ends included, as those of a period; in 1/pb."""
        chosen = (self.runs >= first_run) & (self.runs <= last_run)
        return float(self.values[chosen].sum())

    def check(self, good_runs: GoodRuns) -> None:
        """Makes sure that this is the luminosity of a good-runs list, as far as runs tell.

        Raises:
            ValueError: one has runs that the other does not have.
        """
        for these, others, message in (
            (good_runs.runs, self.runs, "of the good-runs list have no luminosity"),
            (self.runs, good_runs.runs, "of the luminosity are not in the good-runs list"),
        ):
            missing = np.setdiff1d(these, others).tolist()
            if missing:
                more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
                which = f"{', '.join(map(str, missing[:_SHOWN]))}{more}"
                msg = f"runs {which} {message}: have the luminosity calculated for this list"
                raise ValueError(msg)

    def __add__(self, other: Luminosity) -> Luminosity:
        """Of the runs of both.

        Raises:
            ValueError: a run is in both, and would count twice.
        """
        if not isinstance(other, Luminosity):
            return NotImplemented
        twice = np.intersect1d(self.runs, other.runs).tolist()
        if twice:
            msg = f"run {twice[0]} is in both luminosities, and would count twice: take each run from one file"
            raise ValueError(msg)
        return Luminosity(np.concatenate([self.runs, other.runs]), np.concatenate([self.values, other.values]))

    def __radd__(self, other: object) -> Self:
        """What `sum` begins with, 0, adds nothing."""
        return self if other == 0 else NotImplemented

    def __repr__(self) -> str:
        between = f", {self.runs[0]} to {self.runs[-1]}" if len(self.runs) else ""
        return f"<Luminosity: {self.total:,.6g} pb⁻¹ of {len(self.runs):,} runs{between}>"


def read_lumi_blocks(path: str | os.PathLike[str]) -> LumiBlocks:
    """The lumi blocks in a ROOT file of iLumiCalc, in its order.

    Raises:
        OSError: the file cannot be read.
        CorruptDataError: it is no ROOT file, or is damaged or cut, or has no `LumiMetaData`.
        UnsupportedFormatError: the tree lacks a branch.
    """
    name = os.fsdecode(path)
    branches = ("RunNbr", "LBStart", "AvergeInteractionPerXing", "IntLumi")  # the third is spelt so
    with open_root(path, "a file of iLumiCalc") as file:
        if not is_tree(file.get(_TREE)):
            msg = f"{name}: no tree {_TREE} in it, so no luminosities of iLumiCalc: take a file that it wrote"
            raise CorruptDataError(msg)
        tree = file[_TREE]
        missing = [branch for branch in branches if branch not in tree]
        if missing:
            msg = f"{name}: no {', '.join(missing)} in its {_TREE}, which iLumiCalc writes: take one of its files"
            raise UnsupportedFormatError(msg)
        run, block, mu, luminosity = (tree[branch].array(library="np") for branch in branches)
    return LumiBlocks(
        run.astype(np.int64), block.astype(np.int64), mu.astype(np.float32), luminosity.astype(np.float64) / ub
    )


def _table(name: str) -> tuple[list[int], list[float]]:
    """The runs of a table and their values, in its own unit."""
    try:
        with Path(name).open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error):
        rows = []
    if not rows or rows[0][:1] != ["Run"] or _TABLE_COLUMN not in rows[0]:
        msg = f"{name}: no table of iLumiCalc, which begins with Run and has a column {_TABLE_COLUMN!r}"
        raise CorruptDataError(msg)
    column = rows[0].index(_TABLE_COLUMN)
    values = dict(_numbers(name, rows[1:], column))
    total = values.pop("Total", None)
    allowed = _DECIMALS * (len(values) + 1) + _ROUNDING * abs(total or 0)
    if total is None or not abs(total - sum(values.values())) <= allowed:  # nan is never
        what = (
            "has no row of the total" if total is None else f"has a total of {total:g}, which its runs do not add up to"
        )
        msg = f"{name}: the table {what}: it is cut, or was changed by hand, copy it again"
        raise CorruptDataError(msg)
    return [int(run) for run in values], list(values.values())


def _numbers(name: str, rows: Iterable[list[str]], column: int) -> Iterator[tuple[str, float]]:
    for row in rows:
        try:
            if row[0] != "Total":
                int(row[0])
            yield row[0], float(row[column])
        except (ValueError, IndexError):
            msg = f"{name}: a row that is none of a run: {','.join(row)[:60]!r}: the table is damaged, copy it again"
            raise CorruptDataError(msg) from None
