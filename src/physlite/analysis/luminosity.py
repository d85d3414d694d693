"""Integrated luminosities of runs, as iLumiCalc tells them.

It writes two kinds of files (Athena's LumiBlock/LumiCalc): ROOT files whose tree `LumiMetaData` has a row for each lumi
block, in 1/µb (`IntLumi` in src/LumiCalculator.cxx), and `lumitable.csv` with a row for each run
(python/LumiCalcHtml.py). Lumi blocks without a luminosity in the database are not in the tree, and count as bad ones in
the table; those that the run does not have are in neither. The unit of the table depends on its total, and it does not
say which one it is: 1/pb of more than 100 of these, 1/nb of more than 0.1/pb, 1/µb of more than 100 of these, else
1/mb. The page beside it names it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlite.analysis.goodruns import LAST_BLOCK, GoodRuns
from physlite.analysis.rootfiles import is_root_file, is_tree, open_root
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.units import pb, ub

__all__ = ["LumiBlocks", "Luminosity", "read_lumi_blocks"]

_TREE = "LumiMetaData"
_TABLE_COLUMN = "Prescale Corrected"  # recorded, after dead time, vetoes and prescales
_COUNTS = ("Good", "Bad")  # lumi blocks of the list; of bad ones the luminosity is not known
_ROUNDING = 1e-5  # iLumiCalc prints six digits
_DECIMALS = 1e-6  # of the numbers in a table
_SHOWN = 3  # runs in a message
_REMEDY = "have the luminosity calculated for this list"


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
        lumi_blocks: where values are those of lumi blocks, the number of each in its run.

    Raises:
        ValueError: a luminosity is negative or not a number, or a lumi block is there twice.
    """

    def __init__(self, runs: ArrayLike, values: ArrayLike, lumi_blocks: ArrayLike | None = None) -> None:
        each = np.asarray(runs, np.int64)
        of_each = np.asarray(values, np.float64)
        wrong = np.flatnonzero(~((of_each >= 0) & np.isfinite(of_each)))
        if len(wrong):
            msg = f"run {each[wrong[0]]}: a luminosity of {of_each[wrong[0]]:g}, which cannot be: take it from its file"
            raise ValueError(msg)
        self.runs, which = np.unique(each, return_inverse=True)
        self.values = np.bincount(which, of_each, len(self.runs))
        # What is known of the lumi blocks, for `check`: which they are, or how many a run has.
        self._blocks = GoodRuns(())
        self._counts: dict[int, int] = {}
        if lumi_blocks is not None:
            numbers = np.asarray(lumi_blocks, np.int64)
            LumiBlocks(each, numbers, np.zeros(len(each), np.float32), of_each).check()
            self._blocks = GoodRuns(np.column_stack([each, numbers, numbers]))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, table_unit: float = 1 / pb) -> Luminosity:
        """Reads a file of iLumiCalc: a ROOT file, or its `lumitable.csv`.

        Args:
            path: of the file.
            table_unit: what 1 in a table stands for, as `1 / nb`; ROOT files are in 1/µb.

        Raises:
            OSError: the file cannot be read.
            CorruptDataError: it is neither, or is damaged or cut, or has a run or a lumi block twice.
        """
        name = os.fsdecode(path)
        try:
            if is_root_file(path):
                blocks = read_lumi_blocks(path)
                return cls(blocks.run, blocks.luminosity, blocks.lumi_block)
            rows = _table(name)
            luminosity = cls(list(rows), [row.luminosity * table_unit for row in rows.values()])
        except CorruptDataError:
            raise
        except ValueError as error:
            msg = f"{name}: {error}"
            raise CorruptDataError(msg) from None
        luminosity._counts = {run: row.lumi_blocks for run, row in rows.items() if row.lumi_blocks is not None}
        return luminosity

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
        """Makes sure that this is the luminosity of a good-runs list, by its runs and their lumi blocks.

        Of a ROOT file these are the lumi blocks themselves, of a table their number, good ones and bad ones. A range
        that goes on for the rest of the run is as long as the luminosity has it.

        Raises:
            ValueError: one has runs or lumi blocks that the other does not have, or another number of them.
        """
        for these, others, message in (
            (good_runs.runs, self.runs, "of the good-runs list have no luminosity"),
            (self.runs, good_runs.runs, "of the luminosity are not in the good-runs list"),
        ):
            missing = np.setdiff1d(these, others).tolist()
            if missing:
                msg = f"runs {_first_of(missing)} {message}: {_REMEDY}"
                raise ValueError(msg)
        runs = set(self._blocks.runs.tolist())
        known = [each for each in good_runs.ranges if each[0] in runs]
        for rest, message in (
            (_without_ends(GoodRuns(known) - self._blocks), "of the good-runs list have no luminosity"),
            (self._blocks - good_runs, "of the luminosity are not in the good-runs list"),
        ):
            if rest.ranges:
                run, first, last = rest.ranges[0]
                which = f"lumi blocks {first} to {last} of run {run}"
                more = f" and {rest.num_lumi_blocks - (last - first + 1)} more" if len(rest.ranges) > 1 else ""
                msg = f"{which}{more} {message}: {_REMEDY}"
                raise ValueError(msg)
        self._check_counts(good_runs)

    def _check_counts(self, good_runs: GoodRuns) -> None:
        listed, endless = dict.fromkeys(self._counts, 0), set()
        for run, first, last in good_runs.ranges:
            if run in listed and last == LAST_BLOCK:
                endless.add(run)
                listed[run] += 1
            elif run in listed:
                listed[run] += last - first + 1
        other = [run for run, n in self._counts.items() if n < listed[run] or (n > listed[run] and run not in endless)]
        if other:
            run, more = other[0], f" (and others in run {_first_of(other[1:])})" if len(other) > 1 else ""
            msg = (
                f"run {run} has {listed[run]} lumi blocks in the good-runs list, and {self._counts[run]} in the "
                f"luminosity{more}: {_REMEDY}"
            )
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
        both = Luminosity(np.concatenate([self.runs, other.runs]), np.concatenate([self.values, other.values]))
        both._blocks, both._counts = self._blocks | other._blocks, self._counts | other._counts
        return both

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


def _first_of(runs: list[int]) -> str:
    more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
    return f"{', '.join(map(str, runs[:_SHOWN]))}{more}"


def _without_ends(rest: GoodRuns) -> GoodRuns:
    """Without ranges that go on for the rest of the run."""
    return GoodRuns([each for each in rest.ranges if each[2] != LAST_BLOCK])


class _Row(NamedTuple):
    """A run in a table: its luminosity in the unit of the table, and how many lumi blocks, where the table tells."""

    luminosity: float
    lumi_blocks: int | None


def _table(name: str) -> dict[int, _Row]:
    """The runs of a table."""
    try:
        with Path(name).open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error):
        rows = []
    if not rows or rows[0][:1] != ["Run"] or _TABLE_COLUMN not in rows[0]:
        msg = f"{name}: no table of iLumiCalc, which begins with Run and has a column {_TABLE_COLUMN!r}"
        raise CorruptDataError(msg)
    found: dict[str, _Row] = {}
    for run, row in _numbers(name, rows[1:], rows[0]):
        if run in found:
            msg = f"{name}: {run} is in the table twice: take each table once"
            raise CorruptDataError(msg)
        found[run] = row
    total = found.pop("Total", None)
    summed = sum(row.luminosity for row in found.values())
    allowed = _DECIMALS * (len(found) + 1) + _ROUNDING * abs(total.luminosity if total else 0)
    if total is None or not abs(total.luminosity - summed) <= allowed:  # nan is never
        what = (
            "has no row of the total"
            if total is None
            else f"has a total of {total.luminosity:g}, which its runs do not add up to"
        )
        msg = f"{name}: the table {what}: it is cut, or was changed by hand, copy it again"
        raise CorruptDataError(msg)
    return {int(run): row for run, row in found.items()}


def _numbers(name: str, rows: Iterable[list[str]], head: list[str]) -> Iterator[tuple[str, _Row]]:
    value = head.index(_TABLE_COLUMN)
    counts = [head.index(column) for column in _COUNTS] if set(_COUNTS) <= set(head) else []
    for row in rows:
        try:
            run = row[0] if row[0] == "Total" else str(int(row[0]))
            yield run, _Row(float(row[value]), sum(int(row[at]) for at in counts) if counts else None)
        except (ValueError, IndexError):
            msg = f"{name}: a row that is none of a run: {','.join(row)[:60]!r}: the table is damaged, copy it again"
            raise CorruptDataError(msg) from None
