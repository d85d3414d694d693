"""Pile-up: simulated events are weighted so that they have as many interactions as data, and given runs of data.

The recipe is that of Athena's PhysicsAnalysis/AnalysisCommon/PileupReweighting (Root/PileupReweightingTool.cxx,
Root/TPileupReweighting.cxx), with its default `UnrepresentedDataAction` 3, the assignments of runs in
`PeriodAssignments`, and the factors in `DataScaleFactor`, `…UP` and `…DOWN`: μ of data is divided by 1.03, and by 0.99
or 1.07 for the uncertainty, since the cross-sections of inelastic collisions that are simulated and measured differ.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from physlite.analysis.eventinfo import event_info, event_values, is_simulation, masked_as
from physlite.analysis.goodruns import GoodRuns
from physlite.analysis.luminosity import LumiBlocks, Luminosity, read_lumi_blocks
from physlite.analysis.pileupprofiles import BINS, OUTSIDE, DataProfile, bin_of, read_profiles
from physlite.analysis.randomruns import event_seeds, first_numbers
from physlite.analysis.systematics import NOMINAL
from physlite.exceptions import ColumnNotFoundError, MetadataNotFoundError
from physlite.formats.filters import nearest

__all__ = ["DATA_SCALE_FACTORS", "PERIODS", "PileupReweighting", "data_run_number", "pileup_weight"]

# By the names of the variations.
DATA_SCALE_FACTORS: Mapping[str, float] = {
    NOMINAL: 1 / 1.03,
    "PRW_DATASF__1up": 1 / 0.99,
    "PRW_DATASF__1down": 1 / 1.07,
}

# The first and the last run of data that a simulated run stands for: of MC16/MC20 a, d, e, and of MC21/MC23.
PERIODS: Mapping[int, tuple[int, int]] = {
    284500: (222222, 324300),
    300000: (324300, 344495),
    310000: (344496, 367384),
    410000: (422633, 440613),
    450000: (448519, 999999),
}

_MOST_UNREPRESENTED = 0.05  # share of data that a sample may have no events for
_LUMINOSITY_ROUNDING = 1e-11  # 1/pb

_STORED, _STORED_NOMINAL = "PileupWeight_", "NOSYS"

Paths: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"


def pileup_weight(events: ak.Array, *, variation: str = NOMINAL) -> NDArray[np.float64]:
    """The pile-up weights that a file stores, one an event; data have 1. They are masked where events are.

    Args:
        events: of a file.
        variation: `nominal`, or a systematic one as `PRW_DATASF__1up`, where the file has it.

    Raises:
        ColumnNotFoundError: the file does not store them, or not this variation.
    """
    names = {field.removeprefix(_STORED): field for field in event_info(events).fields if field.startswith(_STORED)}
    stored = {NOMINAL if name == _STORED_NOMINAL else name: field for name, field in names.items()}
    if variation in stored:
        return event_values(events, stored[variation]).astype(np.float64)
    if is_simulation(events).any():
        there = f"there are {', '.join(stored)}" if stored else "weights are made with PileupReweighting"
        msg = f"these events have no {variation!r} of EventInfo.{_STORED}…: {there}"
        raise ColumnNotFoundError(msg)
    return masked_as(events, np.ones(len(events)))


def data_run_number(events: ak.Array) -> NDArray[np.int64]:
    """The run of data that each event stands for: of simulated events `RandomRunNumber`, of data their own.

    It is masked where events are.

    What depends on the time of data taking, as which triggers there were, depends on this number.

    Raises:
        ColumnNotFoundError: simulated events without `RandomRunNumber`.
    """
    runs = event_values(events, "runNumber").astype(np.int64)
    simulated = is_simulation(events)
    if not simulated.any():
        return runs
    numbers = np.where(np.ma.filled(simulated, False), np.ma.getdata(event_values(events, "RandomRunNumber")), runs)
    return masked_as(events, numbers)


class _Table(NamedTuple):
    """What a channel needs for its weights and run numbers.

    Attributes:
        periods: the run numbers of its simulation, sorted.
        weights: of each period, by bin of μ; last the weight of what is in none.
        cumulated: of each period the luminosity of its runs up to each one, by bin of μ; last in all bins.
        runs: of each period.
    """

    periods: NDArray[np.int64]
    weights: NDArray[np.float64]
    cumulated: list[NDArray[np.float64]]
    runs: list[NDArray[np.int64]]


class PileupReweighting:
    """Weights that give simulated events the pile-up of data, as PileupReweightingTool has them.

    The weight of an event is the share of the data's luminosity in its run number of the simulation and its bin of μ,
    divided by the share of its sample's weights there. Data of a bin in which the sample has no events count in the
    nearest bin that has, so that their luminosity is not lost. As in the tool, these are first the bins of the whole
    sample, whatever its run number, and then those of each run number, one after the other; data of a run that several
    stand for are moved by all of them. Each channel is treated by itself, where the tool moves data for all that are
    loaded together; the results are the same when the tool has one channel.

    Args:
        profiles: sums of weights in 100 bins of μ from 0 to 100, by channel and run number of the simulation.
        lumi_blocks: of data, as `read_lumi_blocks` gives them.
        data_profiles: the distribution of μ in runs whose own is not taken from lumi blocks.
        periods: the first and the last run of data for run numbers of the simulation that are not in `PERIODS`.

    Raises:
        ValueError: a profile has another number of bins or a run number that is not known, there are no data, or a lumi
            block is there twice.
    """

    def __init__(
        self,
        profiles: Mapping[tuple[int, int], ArrayLike],
        lumi_blocks: LumiBlocks,
        data_profiles: Mapping[int, DataProfile] | None = None,
        periods: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        self._periods = {**(periods or {}), **PERIODS}
        self._profiles = {key: np.asarray(profile, np.float64) for key, profile in profiles.items()}
        for (channel, period), profile in self._profiles.items():
            if profile.shape != (BINS,):
                msg = f"the profile of channel {channel} has {profile.size} bins: {BINS} from 0 to 100 are expected"
                raise ValueError(msg)
            if period not in self._periods:
                known = ", ".join(map(str, self._periods))
                msg = (
                    f"channel {channel} is of run number {period}, which stands for no runs of data: those do: {known}"
                )
                raise ValueError(msg)
        if not lumi_blocks.luminosity.sum() > 0:
            msg = "no data to reweight to: the lumi blocks have no luminosity, see whether they are of the good runs"
            raise ValueError(msg)
        lumi_blocks.check()
        self._blocks = lumi_blocks
        self._data_profiles = dict(data_profiles or {})
        self._tables: dict[tuple[int, str], _Table] = {}

    @classmethod
    def open(
        cls,
        config_files: Paths,
        lumicalc_files: Paths,
        good_runs: GoodRuns | None = None,
    ) -> PileupReweighting:
        """Reads the files of PileupReweightingTool.

        Args:
            config_files: those of samples, `….prw.root`, and of the "actual μ" of data; a single path is one.
            lumicalc_files: of iLumiCalc, without a trigger; as above.
            good_runs: the lumi blocks of data that count; by default all in the files.

        Raises:
            OSError, CorruptDataError, UnsupportedFormatError: a file cannot be read.
            ValueError: as of the class, or there are no files, or a configuration is there twice.
        """
        configs, lumicalcs = _listed(config_files), _listed(lumicalc_files)
        for paths, what in ((configs, "configuration"), (lumicalcs, "luminosity")):
            if not paths:
                msg = f"no {what} files: pile-up weights are made of those of samples and of those of iLumiCalc"
                raise ValueError(msg)
        profiles = read_profiles(configs)
        blocks = functools.reduce(LumiBlocks.joined, map(read_lumi_blocks, lumicalcs))
        if good_runs is not None:
            blocks = blocks.chosen(good_runs.contains(blocks.run, blocks.lumi_block))
        return cls(profiles.simulated, blocks, profiles.data, profiles.periods)

    @property
    def luminosity(self) -> Luminosity:
        """Of the data, by run."""
        return Luminosity(self._blocks.run, self._blocks.luminosity, self._blocks.lumi_block)

    @property
    def channels(self) -> list[int]:
        """The samples that there are profiles of."""
        return sorted({channel for channel, _ in self._profiles})

    @property
    def variations(self) -> tuple[str, ...]:
        """The names of all variations, `nominal` first."""
        return tuple(DATA_SCALE_FACTORS)

    def weight(self, events: ak.Array, *, variation: str = NOMINAL) -> NDArray[np.float64]:
        """The weight of each event; data have 1. They are masked where events are.

        Events with a μ at which their profile is empty have the weight of their run number alone, as in the tool.

        Args:
            events: with `runNumber`, `mcChannelNumber` and `averageInteractionsPerCrossing` in `EventInfo`.
            variation: one of `variations`.

        Raises:
            MetadataNotFoundError: there is no profile of a channel, or of its run number.
            ValueError: there is no such variation, or more than 5% of the data have a μ that the sample does not have.
        """
        if variation not in DATA_SCALE_FACTORS:
            msg = f"no variation {variation!r} of pile-up: there are {', '.join(self.variations)}"
            raise ValueError(msg)
        weights = np.ones(len(events))
        for chosen, period, mu, table in self._parts(events, variation):
            weights[chosen] = table.weights[period, mu]
        return masked_as(events, weights)

    def random_run_number(self, events: ak.Array) -> NDArray[np.int64]:
        """A run of data for each simulated event, the same whenever it is asked for; of data their own.

        Runs come as often as their luminosity at the μ of the event says; where there is none, as in all of its period;
        and 0 where that has no data. The random numbers are those of the tool. Masked, args and errors as `weight`.
        """
        runs = np.ma.getdata(event_values(events, "runNumber")).astype(np.int64)
        for chosen, period, mu, table in self._parts(events, NOMINAL):
            channels, events_of = (
                np.ma.getdata(event_values(events, name))[chosen] for name in ("mcChannelNumber", "eventNumber")
            )
            numbers = first_numbers(event_seeds(channels, events_of))
            runs[chosen] = _random_runs(table, period, mu, numbers)
        return masked_as(events, runs)

    def _parts(
        self, events: ak.Array, variation: str
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64], _Table]]:
        """For each channel the positions of its events, and for them their period and bin, with the channel's table."""
        simulated = np.flatnonzero(np.ma.filled(is_simulation(events), False))
        if not len(simulated):
            return
        names = ("mcChannelNumber", "runNumber", "averageInteractionsPerCrossing")
        channels, runs, mu = (np.ma.getdata(event_values(events, name))[simulated] for name in names)
        for channel in np.unique(channels).tolist():
            table = self._table(channel, variation)
            mine = channels == channel
            period = np.searchsorted(table.periods, runs[mine])
            found = table.periods[np.minimum(period, len(table.periods) - 1)] == runs[mine]
            if not found.all():
                run = runs[mine][~found][0]
                msg = f"no pile-up profile of channel {channel} in run {run}: add its configuration file"
                raise MetadataNotFoundError(msg)
            yield simulated[mine], period, bin_of(mu[mine]), table

    # -------------------------------------------------------------------------------------------------------- tables

    def _table(self, channel: int, variation: str) -> _Table:
        key = channel, variation
        if key not in self._tables:
            self._tables[key] = self._made_table(channel, DATA_SCALE_FACTORS[variation])
        return self._tables[key]

    def _made_table(self, channel: int, scale_factor: float) -> _Table:
        mine = {period: profile for (each, period), profile in sorted(self._profiles.items()) if each == channel}
        if not mine:
            names = nearest(map(str, self.channels), str(channel))
            msg = f"no pile-up profile of channel {channel}{names}: add the configuration file of its sample"
            raise MetadataNotFoundError(msg)
        runs, data = self._binned_data(scale_factor)
        self._check_represented(channel, mine, runs, data)
        # The tool has a global period of all runs, which goes before the others, and moves data in place.
        data = _moved(data, np.sum(list(mine.values()), axis=0))
        for period, profile in mine.items():
            chosen = self._runs_of(period, runs)
            data[chosen] = _moved(data[chosen], profile)
        total, total_simulated = data.sum(), sum(profile.sum() for profile in mine.values())
        weights, cumulated, runs_of = [], [], []
        for period, profile in mine.items():
            chosen = self._runs_of(period, runs)
            moved = data[chosen]
            share = moved.sum(axis=0) / total
            alone = share.sum() * total_simulated / profile.sum()
            empty = profile == 0
            by_bin = share * total_simulated / np.where(empty, 1, profile)
            weights.append(np.append(np.where(empty, alone, by_bin), alone))
            cumulated.append(np.cumsum(np.column_stack([moved, moved.sum(axis=1)]), axis=0))
            runs_of.append(runs[chosen])
        return _Table(np.array(list(mine)), np.array(weights), cumulated, runs_of)

    def _binned_data(self, scale_factor: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The runs of data, sorted, and their luminosity by bin of μ."""
        runs, which = np.unique(self._blocks.run, return_inverse=True)
        # In single precision, as in the tool: some μ are at the edge of a bin.
        bins = bin_of(self._blocks.mu.astype(np.float32) * np.float32(scale_factor))
        cells = np.bincount(which * (BINS + 1) + bins, self._blocks.luminosity, len(runs) * (BINS + 1))
        data = cells.reshape(len(runs), BINS + 1).astype(np.float64)
        for row in np.flatnonzero(np.isin(runs, list(self._data_profiles))):
            data[row, :BINS] = self._data_profiles[int(runs[row])].binned(scale_factor) * data[row].sum()
        return runs, data[:, :BINS]

    def _runs_of(self, period: int, runs: NDArray[np.int64]) -> NDArray[np.bool_]:
        first, last = self._periods[period]
        return (runs >= first) & (runs <= last)

    def _check_represented(
        self,
        channel: int,
        mine: Mapping[int, NDArray[np.float64]],
        runs: NDArray[np.int64],
        data: NDArray[np.float64],
    ) -> None:
        has_events = np.zeros(data.shape, np.bool_)
        for period, profile in mine.items():
            has_events |= self._runs_of(period, runs)[:, None] & (profile != 0)
        share = data[~has_events].sum() / data.sum()
        if share > _MOST_UNREPRESENTED:
            msg = (
                f"channel {channel} has no events for {share:.0%} of the data, in their runs or at their pile-up; "
                f"{_MOST_UNREPRESENTED:.0%} are allowed: take the luminosity files of its campaign, and all of its "
                "configuration files"
            )
            raise ValueError(msg)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": {}}  # the same whether it was used before or not

    def __repr__(self) -> str:
        return f"<PileupReweighting: {len(self.channels)} channels, {self.luminosity!r}>"


def _listed(paths: Paths) -> list[str | os.PathLike[str]]:
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def _moved(data: NDArray[np.float64], profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """The luminosities of runs with those of bins where the profile is empty in the nearest others, first in higher."""
    good = np.flatnonzero(profile != 0)
    if not len(good):
        msg = "a pile-up profile without events: take a configuration file of the whole sample"
        raise ValueError(msg)
    distance = np.abs(np.arange(BINS)[:, None] - good)
    # Of two that are as near the higher one.
    target = good[len(good) - 1 - np.argmin(distance[:, ::-1], axis=1)]
    into: NDArray[np.float64] = (target[:, None] == np.arange(BINS)).astype(np.float64)
    return data @ into


def _random_runs(
    table: _Table, periods: NDArray[np.intp], bins: NDArray[np.int64], numbers: NDArray[np.float64]
) -> NDArray[np.int64]:
    runs = np.zeros(len(numbers), np.int64)
    for period, mu in np.unique(np.column_stack([periods, bins]), axis=0).tolist():
        mine = (periods == period) & (bins == mu)
        cumulated = table.cumulated[period]
        if not len(cumulated):
            continue
        column = cumulated[:, mu if cumulated[-1, mu] > 0 else OUTSIDE]
        at = np.searchsorted(column, column[-1] * numbers[mine] - _LUMINOSITY_ROUNDING)
        runs[mine] = table.runs[period][np.minimum(at, len(column) - 1)]
    return runs
