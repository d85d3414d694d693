"""Good-runs lists: the lumi blocks in which the detector worked well enough for physics.

The format is the XML of Athena's DataQuality/GoodRunsLists (Root/TGoodRunsListReader.cxx and
run/LumiRangeCollectionA.dtd): a `LumiRangeCollection` of any number of lists, `NamedLumiRange`, with a
`LumiBlockCollection` for each run. A range without an end goes on for the rest of the run. Lists in one file are
united, as the tool there does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlite.analysis.eventinfo import event_values, is_simulation
from physlite.exceptions import CorruptDataError

__all__ = ["LAST_BLOCK", "GoodRuns", "ListInfo"]

LAST_BLOCK = 2**31 - 1  # of a range without an end, as in TGoodRunsListReader
_RUN_BITS = 32  # a lumi block is one number: those of its run above these bits, its own below

Intervals = NDArray[np.int64]  # rows of a first and a last lumi block, sorted, neither overlapping nor adjacent


@dataclass(frozen=True)
class ListInfo:
    """What a good-runs list says of itself.

    Attributes:
        name: as `PHYS_StandardGRL_All_Good_25ns`.
        version: as it is given; empty where it is not.
        metadata: what else is given, by name, as `Query` and `RunList`.
    """

    name: str
    version: str
    metadata: Mapping[str, str]


class GoodRuns:
    """Lumi blocks of runs that are good for physics. They do not change; `|`, `&` and `-` make others.

    Args:
        ranges: of each range the run, its first lumi block and its last one; they may overlap.
        lists: what the lists that they are from say of themselves.

    Raises:
        TypeError: a range is not of three whole numbers.
        ValueError: a range ends before it begins, or its numbers are none of runs and lumi blocks.
    """

    def __init__(self, ranges: Iterable[tuple[int, int, int]], lists: Iterable[ListInfo] = ()) -> None:
        rows = _rows(ranges)
        self.lists = tuple(lists)
        self._intervals = _where(
            [(_number(rows[:, 0], rows[:, 1]), _number(rows[:, 0], rows[:, 2]), 1)], lambda cover: cover > 0
        )

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> GoodRuns:
        """Reads a list in XML. Entities, which can blow up to any size, are refused; nothing else is fetched.

        Raises:
            OSError: the file cannot be read.
            CorruptDataError: it is no good-runs list, or is damaged.
        """
        name = os.fsdecode(path)
        root = _parsed(name, Path(path).read_bytes())
        lists, ranges = [], []
        for named in root.iterfind("NamedLumiRange"):
            lists.append(_info(named))
            for blocks in named.iterfind("LumiBlockCollection"):
                run = _integer(name, "Run", blocks.findtext("Run"))
                for block in blocks.iterfind("LBRange"):
                    first = _integer(name, "LBRange Start", block.get("Start"))
                    last = _integer(name, "LBRange End", block.get("End", str(LAST_BLOCK)))
                    if first <= last:  # as in TGoodRunsListReader, a range that is empty says nothing
                        ranges.append((run, first, last))
        if not ranges:
            msg = f"{name}: a good-runs list without lumi blocks: no event would pass it, take the list of another year"
            raise CorruptDataError(msg)
        return cls(ranges, lists)

    def passed(self, events: ak.Array) -> NDArray[np.bool_]:
        """Whether each event is in a good lumi block; simulated events are, as in GoodRunsListSelectionTool.

        Raises:
            ColumnNotFoundError: the events have no `runNumber` or `lumiBlock`.
        """
        good = self.contains(event_values(events, "runNumber"), event_values(events, "lumiBlock"))
        return good | is_simulation(events)

    def contains(self, runs: ArrayLike, lumi_blocks: ArrayLike) -> NDArray[np.bool_]:
        """Whether lumi blocks are good ones.

        Raises:
            TypeError: runs or lumi blocks are no whole numbers.
        """
        numbers = _number(_whole(runs, "runs"), _whole(lumi_blocks, "lumi blocks"))
        if not len(self._intervals):
            return np.zeros(numbers.shape, np.bool_)
        first, last = self._intervals.T
        at = np.searchsorted(first, numbers, side="right") - 1
        good: NDArray[np.bool_] = (at >= 0) & (numbers <= last[at])
        return good

    @property
    def runs(self) -> NDArray[np.int64]:
        """The runs that have good lumi blocks, sorted."""
        return np.unique(self._intervals[:, 0] >> _RUN_BITS)

    @property
    def ranges(self) -> list[tuple[int, int, int]]:
        """The run, the first and the last lumi block of each range, sorted and joined."""
        block = (1 << _RUN_BITS) - 1
        return [(first >> _RUN_BITS, first & block, last & block) for first, last in self._intervals.tolist()]

    @property
    def num_lumi_blocks(self) -> int:
        """How many lumi blocks are good; those behind a range without an end are not counted but for its first."""
        first, last = self._intervals.T
        endless = last & ((1 << _RUN_BITS) - 1) == LAST_BLOCK
        return int(np.where(endless, 1, last - first + 1).sum())

    def __or__(self, other: GoodRuns) -> GoodRuns:
        """What is good in either."""
        return self._combined(other, lambda cover: cover > 0)

    def __and__(self, other: GoodRuns) -> GoodRuns:
        """What is good in both."""
        return self._combined(other, lambda cover: cover == 3)  # noqa: PLR2004  # one and the other

    def __sub__(self, other: GoodRuns) -> GoodRuns:
        """What is good without what the other has, as a list of bad runs."""
        return self._combined(other, lambda cover: cover == 1)

    def _combined(self, other: GoodRuns, inside: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> GoodRuns:
        if not isinstance(other, GoodRuns):
            return NotImplemented
        combined = GoodRuns((), [*self.lists, *(info for info in other.lists if info not in self.lists)])
        combined._intervals = _where([(*self._intervals.T, 1), (*other._intervals.T, 2)], inside)
        return combined

    def __eq__(self, other: object) -> bool:
        """Whether the same lumi blocks are good."""
        return np.array_equal(self._intervals, other._intervals) if isinstance(other, GoodRuns) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._intervals.tobytes())

    def __repr__(self) -> str:
        runs = self.runs
        names = ", ".join(filter(None, (info.name for info in self.lists)))
        of = f" of {names}" if names else ""
        between = f", {runs[0]} to {runs[-1]}" if len(runs) else ""
        return f"<GoodRuns{of}: {len(runs):,} runs{between}, {self.num_lumi_blocks:,} lumi blocks>"


def _rows(ranges: Iterable[Any]) -> NDArray[np.int64]:
    """A row for each range."""
    given = list(ranges)
    try:
        rows = np.array(given)
    except ValueError:  # of several lengths
        rows = np.array(None)
    if given and (rows.dtype.kind not in "iu" or rows.shape[1:] != (3,)):
        wrong = next((each for each in given if not _is_range(each)), given)
        msg = f"a range of good runs is a run, its first and its last lumi block, whole numbers, not {wrong!r:.100}"
        raise TypeError(msg)
    rows = rows.reshape(-1, 3).astype(np.int64)
    run, first, last = rows.T
    wrong = np.flatnonzero((rows < 0).any(axis=1) | (rows > LAST_BLOCK).any(axis=1) | (first > last))
    if len(wrong):
        at = wrong[0]
        msg = f"run {run[at]}, lumi blocks {first[at]} to {last[at]}: the first has to be before the last, from 0 on"
        raise ValueError(msg)
    return rows


def _is_range(each: Any) -> bool:
    """Whether this can be one, for a message."""
    values = np.asarray(each)
    return values.shape == (3,) and values.dtype.kind in "iu"


def _whole(values: ArrayLike, what: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        msg = f"{what} are whole numbers, not of {array.dtype}"
        raise TypeError(msg)
    return array.astype(np.int64)


def _number(runs: NDArray[np.int64], blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    return (runs << _RUN_BITS) + blocks


def _where(
    sets: list[tuple[NDArray[np.int64], NDArray[np.int64], int]],
    inside: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
) -> Intervals:
    """The intervals in which the sum of the values of sets, each of first and last numbers, is one that is wanted."""
    edges = np.concatenate([edge for first, last, _ in sets for edge in (first, last + 1)])
    steps = np.concatenate([step for first, last, value in sets for step in _steps(first, value)])
    order = np.argsort(edges, kind="stable")
    edges, cover = edges[order], np.cumsum(steps[order])
    # Of several changes in one place only what comes of them all counts.
    done = np.append(edges[1:] != edges[:-1], True)[: len(edges)]
    edges, is_inside = edges[done], inside(cover[done])
    was_inside = np.append(False, is_inside)[: len(edges)]
    return np.column_stack([edges[is_inside & ~was_inside], edges[~is_inside & was_inside] - 1])


def _steps(first: NDArray[np.int64], value: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.full(len(first), value), np.full(len(first), -value)


# ---------------------------------------------------------------------------------------------------------------- XML


def _parsed(name: str, content: bytes) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(entity: str, *_: Any) -> None:
        msg = f"{name}: it declares the entity {entity!r}, which good-runs lists have no use for: not read"
        raise CorruptDataError(msg)

    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)  # expat's
    except CorruptDataError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two of encodings that are not known
        msg = f"{name}: no XML, or damaged ({error}): take the list as it was published"
        raise CorruptDataError(msg) from None
    root = builder.close()
    if root.tag != "LumiRangeCollection":
        msg = f"{name}: XML of <{root.tag}>, not of <LumiRangeCollection>: it is no good-runs list"
        raise CorruptDataError(msg)
    return root


def _info(named: Element) -> ListInfo:
    metadata = {part.get("Name", "").strip(): (part.text or "").strip() for part in named.iterfind("Metadata")}
    return ListInfo(named.findtext("Name", "").strip(), named.findtext("Version", "").strip(), metadata)


def _integer(name: str, what: str, text: str | None) -> int:
    try:
        value = int(text or "")
    except ValueError:
        value = -1
    if not 0 <= value <= LAST_BLOCK:
        found = "missing" if text is None else repr(text)
        msg = f"{name}: {what} is {found}, where a number is expected: the file is damaged, copy it again"
        raise CorruptDataError(msg)
    return value
