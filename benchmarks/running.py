"""Ways to process many files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak

import physlite
from physlite.analysis import dilepton
from physlite.running.datasets import Dataset
from physlite.running.plan import Plan
from work import Work

__all__ = ["loop", "loops", "plan", "remote", "run"]


def analysis(events: Any) -> dict[str, Any]:
    """What is done with the events of each file."""
    return {"events": len(events), "masses": dilepton.histogram(dilepton.analyse(events))}


def run(paths: list[str], workers: int) -> Work:
    """Over files, one thread for each worker."""
    return Work(
        lambda _: physlite.run(analysis, {"toy": paths}, workers=workers, threads=1, progress=False).value,
        compared=_compared,
        warm=workers == 0,
    )


def loop(paths: list[str], weights: bool) -> Work:
    """What one would write for it, in this process; the sums of weights are needed for samples of simulation."""
    return Work(lambda _: _loop(paths, weights), compared=_compared)


def loops(paths: list[str], processes: int) -> Work:
    """The loop in several processes at once, each over its share of the files."""
    return Work(lambda _: _loops(paths, processes), warm=False)


def _loop(paths: list[str], weights: bool) -> dict[str, Any]:
    total: dict[str, Any] = {}
    sum_of_weights = 0.0
    for path in paths:
        with physlite.open(path, threads=1) as file:
            for name, value in analysis(file.events()).items():
                total[name] = total[name] + value if name in total else value
            if weights:
                sum_of_weights += file.metadata.sum_of_weights()
    return total


def _loops(paths: list[str], processes: int) -> None:
    code = "import sys, running; running._loop(sys.argv[1:], False)"
    command = [sys.executable, "-W", "ignore", "-c", code]
    folder = Path(__file__).parent
    started = [subprocess.Popen([*command, *paths[i::processes]], cwd=folder) for i in range(processes)]
    if sum(process.wait() for process in started):  # of all, whatever the first says
        msg = "a loop has failed"
        raise RuntimeError(msg)


def _compared(value: dict[str, Any]) -> dict[str, Any]:
    return {"events": str(value["events"]), "masses": ak.Array(value["masses"].values(flow=True))}


def remote(url: str, names: list[str], chunk_size: int, prefetch: bool) -> Work:
    """Sums of columns of one remote file, in many chunks; each column is asked for when it is its turn."""
    fields = [name.removeprefix("Analysis").split("AuxDyn.") for name in names]

    def sums(events: Any) -> dict[str, float]:
        return {f"{name}.{field}": float(ak.sum(events[name][field])) for name, field in fields}

    def run(_: None) -> Any:
        options: dict[str, Any] = {"workers": 0, "threads": 1, "chunk_size": chunk_size, "progress": False}
        return physlite.run(sums, {"toy": [url]}, prefetch=prefetch, **options).value

    return Work(run, compared=lambda value: {k: ak.Array([v]) for k, v in value.items()}, warm=False)


def plan(files: int) -> Work:
    """What is to be done with so many files, whose names are there."""
    return Work(lambda _: _plan(files), warm=False)


def _plan(files: int) -> int:
    """How many parts are to be processed."""
    urls = [
        f"root://host.example.org:1094//atlas/rucio/data17_13TeV/ab/cd/DAOD_PHYSLITE.{i // 700:08}._{i % 700:06}.root"
        for i in range(files)
    ]
    plan = Plan([Dataset("data", urls)], workers=0)
    plan.digest()
    return sum(len(parts) for group in plan.groups() for parts in plan.parts(group))
