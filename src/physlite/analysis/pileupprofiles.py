"""Profiles of pile-up in the configuration files of Athena's PileupReweightingTool.

They have histograms of the average number of interactions in a crossing, μ, and trees that say what each is of
(PhysicsAnalysis/AnalysisCommon/PileupReweighting, Root/TPileupReweighting.cxx: `AddConfigFile`, `AddDistributionTree`):
those of simulated samples by `Channel` and `RunNumber`, and in files of the "actual μ" those of runs of data.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.rootfiles import is_tree, open_root
from physlite.exceptions import CorruptDataError, UnsupportedFormatError

__all__ = ["BINS", "OUTSIDE", "DataProfile", "Profiles", "bin_of", "read_profiles"]

BINS = 100  # from 0 to 100, those of the period configurations "MC16" and "Run2"
OUTSIDE = BINS  # the number of what is in none of them

_FOLDERS = ("", "PileupReweighting/")
_OF_SIMULATION = ("MCPileupReweighting", "MCCustomReweighting")
_OF_DATA = "DataCustomReweighting"


class DataProfile(NamedTuple):
    """The distribution of μ in a run of data.

    Attributes:
        centers: of the bins, whatever these are.
        contents: of each.
    """

    centers: NDArray[np.float64]
    contents: NDArray[np.float64]

    def binned(self, scale_factor: float) -> NDArray[np.float64]:
        """In the bins from 0 to 100, with μ times a factor, by interpolation as of `TH1::Interpolate`; sum 1."""
        shape: NDArray[np.float64] = np.interp((np.arange(BINS) + 0.5) / scale_factor, self.centers, self.contents)
        total = shape.sum()
        return shape / total if total else shape


class Profiles(NamedTuple):
    """What configuration files have.

    Attributes:
        simulated: sums of weights in the bins from 0 to 100 of samples, by channel and run number of the simulation.
        data: by run.
        periods: the first and the last run of data that run numbers of the simulation stand for, as files say it.
    """

    simulated: Mapping[tuple[int, int], NDArray[np.float64]]
    data: Mapping[int, DataProfile]
    periods: Mapping[int, tuple[int, int]]


def bin_of(mu: NDArray[Any]) -> NDArray[np.int64]:
    """The bin that each μ is in, or `OUTSIDE`."""
    inside = (mu >= 0) & (mu < BINS)
    return np.where(inside, mu, OUTSIDE).astype(np.int64)


def read_profiles(paths: Iterable[str | os.PathLike[str]]) -> Profiles:
    """The profiles in configuration files; those of the same channel and run number are added up.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is there twice, by its path or its content.
        CorruptDataError: it is no ROOT file, or is damaged or cut, or has no profiles, or one that is missing.
        UnsupportedFormatError: a profile in two dimensions.
    """
    simulated: dict[tuple[int, int], NDArray[np.float64]] = {}
    data: dict[int, DataProfile] = {}
    periods: dict[int, tuple[int, int]] = {}
    names: dict[bytes, str] = {}
    for path in paths:
        name = os.fsdecode(path)
        content = _digest(path)
        if content in names:
            msg = f"{name}: the same as {names[content]}, whose profiles would count twice: give it once"
            raise ValueError(msg)
        names[content] = name
        with open_root(path, "a configuration of pile-up") as file:
            found = False
            for channel, run, period, profile in _profiles(name, file):
                found = True
                if channel is None:
                    data[run] = profile
                    continue
                periods[run] = period
                contents = np.bincount(bin_of(profile.centers), profile.contents, BINS + 1)[:BINS].astype(np.float64)
                simulated[channel, run] = simulated.get((channel, run), np.zeros(BINS)) + contents
            if not found:
                msg = f"{name}: no tree {_OF_SIMULATION[0]} in it: take a file that PileupReweightingTool wrote"
                raise CorruptDataError(msg)
    return Profiles(simulated, data, periods)


def _digest(path: str | os.PathLike[str]) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _profiles(name: str, file: Any) -> Iterator[tuple[int | None, int, tuple[int, int], DataProfile]]:
    """Each profile of a file, with its channel (None: data), its run number and the runs that this stands for."""
    for folder in _FOLDERS:
        for tree_name in (*_OF_SIMULATION, _OF_DATA):
            tree = file.get(f"{folder}{tree_name}")
            if not is_tree(tree):
                continue
            branches = ["RunNumber", "HistName"]
            if tree_name != _OF_DATA:
                branches += ["Channel", "PeriodStarts", "PeriodEnds"]
            missing = [branch for branch in branches if branch not in tree]
            if missing:
                msg = f"{name}: no {', '.join(missing)} in its tree {tree_name}: the file is damaged, copy it again"
                raise CorruptDataError(msg)
            columns = tree.arrays(branches, library="np")
            _, once = np.unique(columns["HistName"].astype(str), return_index=True)
            for i in once:
                run = int(columns["RunNumber"][i])
                profile = _histogram(name, file, str(columns["HistName"][i]))
                if tree_name == _OF_DATA:
                    yield None, run, (run, run), profile
                else:
                    period = int(min(columns["PeriodStarts"][i])), int(max(columns["PeriodEnds"][i]))
                    yield int(columns["Channel"][i]), run, period, profile


def _histogram(name: str, file: Any, histogram: str) -> DataProfile:
    found = [file.get(f"{folder}{histogram}") for folder in _FOLDERS]
    profile = next((h for h in found if hasattr(h, "axes")), None)
    if profile is None:
        msg = f"{name}: no histogram {histogram}, which its trees tell of: the file is damaged, copy it again"
        raise CorruptDataError(msg)
    if len(profile.axes) != 1:
        msg = f"{name}: histogram {histogram} has {len(profile.axes)} axes: profiles of pile-up have one here"
        raise UnsupportedFormatError(msg)
    return DataProfile(profile.axis().centers(), profile.values().astype(np.float64))
