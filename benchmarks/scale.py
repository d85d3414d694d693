"""Many files: what `physlite.run` adds to a loop, what more workers give, and what planning and a cluster take."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import columns
import files
import physlite
from distant import BYTES_PER_SECOND, DELAY, serve
from files import Source
from harness import Comparison, Target, Way
from reading import Makers

__all__ = ["scale"]

_ROUNDS = 3  # of what takes long
_WORKER_ROUNDS = 5  # a machine is not as fast every minute

# Of the public exercise at 200 Gbit/s (IRIS-HEP, 2024): 191 TB.
_EXERCISE = 219_029

_TASKS = 20_000
_FEW_TASKS = 5_000
_TASK_SECONDS = 0.002  # of the scheduler


def scale(events: int) -> Makers:
    """What has to hold between one file and a year of data."""
    source = next(files.toys(events, "zstd-5"))
    yield partial(_overhead, source)
    yield partial(_workers, source)
    yield partial(_prefetch, source)
    yield partial(_planning)
    yield partial(_planning_memory)
    yield partial(_scheduler)
    yield partial(_client_memory)


_FILES_IN_LOOP = 10
_FILES_FOR_WORKERS = 400  # so many that starting the processes does not count


def _overhead(source: Source) -> Comparison:
    paths = files.many(source, _FILES_IN_LOOP)
    with physlite.open(paths[0]) as file:
        events = len(paths) * file.num_entries
    ways = {
        "physlite.run": Way("running:run", {"paths": paths, "workers": 0}),
        "loop": Way("running:loop", {"paths": paths, "weights": False}),
        "loop, sums of weights": Way("running:loop", {"paths": paths, "weights": True}),
    }
    detail = f"selection of Z bosons, {len(paths)} files, {source.label} each, one core"
    # The same work: `run` gives sums of weights as well.
    targets = [Target("physlite.run", "most", 1.03, "loop, sums of weights")]
    return Comparison("run", detail, ways, targets, events=events)


def _workers(source: Source) -> Comparison:
    paths = files.many(source, _FILES_FOR_WORKERS)
    with physlite.open(paths[0]) as file:
        events = len(paths) * file.num_entries
    ways = {
        "physlite.run, 2 workers": Way("running:run", {"paths": paths, "workers": 2}),
        "physlite.run, 1 worker": Way("running:run", {"paths": paths, "workers": 1}),
        "2 loops at once": Way("running:loops", {"paths": paths, "processes": 2}),
        "1 loop": Way("running:loops", {"paths": paths, "processes": 1}),
    }
    return Comparison(
        "run, workers",
        f"selection of Z bosons, {len(paths)} files, {source.label} each",
        ways,
        [Target("physlite.run, 2 workers", "least", 1.85, "physlite.run, 1 worker")],
        limit="2 loops",
        events=events,
        most_rounds=_WORKER_ROUNDS,
    )


_CHUNK = 1000


def _prefetch(source: Source) -> Comparison:
    path = source.find()
    url = f"http://127.0.0.1:{serve(path)}/{Path(path).name}"
    ways = {
        who: Way("running:remote", {"url": url, "names": columns.LIST15, "chunk_size": _CHUNK, "prefetch": prefetch})
        for who, prefetch in {"physlite.run": True, "without prefetch": False}.items()
    }
    return Comparison(
        "prefetch",
        f"sums of {len(columns.LIST15)} columns, {source.label}, in chunks of {_CHUNK:,} events, {DELAY * 1e3:.0f} ms "
        f"and {BYTES_PER_SECOND * 8 / 1e6:.0f} Mbit/s away",
        ways,
        [Target("physlite.run", "least", 3, "without prefetch")],
        most_rounds=_ROUNDS,
    )


def _planning() -> Comparison:
    ways = {"physlite": Way("running:plan", {"files": _EXERCISE})}
    return Comparison("plan", f"{_EXERCISE:,} files", ways, [Target("physlite", "most", 60)])


def _planning_memory() -> Comparison:
    ways = {"physlite": Way("running:plan", {"files": _EXERCISE})}
    return Comparison("memory of plan", f"{_EXERCISE:,} files", ways, [Target("physlite", "most", 1e9)], unit="B")


def _scheduler() -> Comparison:
    allowed = f"{_TASK_SECONDS * 1e3:.0f} ms a task"
    return Comparison(
        "scheduler",
        f"processor time of the scheduler of Dask, {_TASKS:,} files that need nothing, 2 workers",
        {
            "physlite.run": Way("clusters:scheduler_seconds", {"tasks": _TASKS, "plain": False}),
            "client.map": Way("clusters:scheduler_seconds", {"tasks": _TASKS, "plain": True}),
        },
        [Target("physlite.run", "most", 1, allowed)],
        limit=allowed,
        given={allowed: _TASKS * _TASK_SECONDS},
        most_rounds=_ROUNDS,
    )


def _client_memory() -> Comparison:
    ways = {
        f"{number:,} files": Way("clusters:no_operations", {"tasks": number, "plain": False})
        for number in (_FEW_TASKS, _TASKS)
    }
    detail = "memory of the client, files that need nothing, 2 workers of Dask"
    targets = [Target(f"{_TASKS:,} files", "most", 64e6)]
    return Comparison("memory of run", detail, ways, targets, unit="B", most_rounds=_ROUNDS)
