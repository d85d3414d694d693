"""Ways to have many tasks done by a Dask cluster of this machine, whose scheduler is a process of its own."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from distributed import Client, wait

import physlite
from physlite.running import ondask
from physlite.running.datasets import Dataset
from physlite.running.parts import FilePart, Outcome
from physlite.running.records import STAGES, FileRecord, Stage
from work import Work

__all__ = ["no_operations", "scheduler_seconds"]

_WORKERS = 2
_COLUMNS = 20  # named in the report of each file


def scheduler_seconds(tasks: int, plain: bool) -> Work:
    """The processor time that the scheduler needs for so many files of `physlite.run`, or for `plain` tasks."""
    return replace(no_operations(tasks, plain), told=float)


def no_operations(tasks: int, plain: bool) -> Work:
    """So many files of which nothing is done, or so many tasks of `Client.map`; gives the scheduler's seconds."""
    client = _cluster()
    do = _map if plain else _run

    def run(_: None) -> float:
        before: float = client.run_on_scheduler(time.process_time)
        do(client, tasks)
        after: float = client.run_on_scheduler(time.process_time)
        return after - before

    return Work(run, warm=False)


def _cluster() -> Client:
    """A client of scheduler and workers that end with this process."""
    folder = tempfile.TemporaryDirectory()
    address = Path(folder.name) / "scheduler.json"
    dask = [sys.executable, "-W", "ignore", "-m", "dask"]
    place = ["--scheduler-file", str(address), "--no-dashboard"]
    commands = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *place],
        [*dask, "worker", "--nworkers", str(_WORKERS), "--nthreads", "1", *place],
    ]
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}  # for what they do, which stands here
    started = [
        subprocess.Popen(command, cwd=folder.name, env=environment, stderr=subprocess.DEVNULL) for command in commands
    ]

    def end() -> None:
        client.close()
        for process in started:
            process.terminate()
            process.wait()
        folder.cleanup()

    client = Client(scheduler_file=str(address))
    atexit.register(end)
    client.wait_for_workers(_WORKERS)
    return client


def _map(client: Client, tasks: int) -> None:
    wait(client.map(abs, range(tasks), pure=False))


def _run(client: Client, tasks: int) -> None:
    """All that `physlite.run` does, with files that are not opened."""
    urls = [f"root://host.example.org//atlas/{i:06}.root" for i in range(tasks)]
    ondask._work = _nothing  # type: ignore[assignment]  # noqa: SLF001  # no user needs it
    result = physlite.run(len, Dataset("data", urls), client=client, progress=False)
    if len(result.report.files) != tasks:
        msg = f"{len(result.report.files)} of {tasks} files are there"
        raise RuntimeError(msg)


def _nothing(part: FilePart, **_: object) -> Outcome:
    """A file that was done in no time."""
    columns = tuple(f"AnalysisElectronsAuxDyn.{i}" for i in range(_COLUMNS))
    stages = tuple(Stage(0.0, 0.0) for _ in STAGES)
    return Outcome(b"", (FileRecord(part.dataset, part.url, 1, 1, 1, 1, 0, stages, 0.0, "worker", 1, columns, 0, 0),))
