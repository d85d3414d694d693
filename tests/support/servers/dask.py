"""A scheduler and workers of Dask as people start them, and what they remember."""

import json
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from support.servers.process import running


class DaskPrograms(NamedTuple):
    """Processes that run, and the files that they write to."""

    port: int
    scheduler: int
    logs: list[Path]

    def written(self):
        """All that they said."""
        return b"".join(log.read_bytes() for log in self.logs)

    def memory(self):
        """What the scheduler has in its memory."""
        return memory_of(self.scheduler)


@contextmanager
def dask_programs(folder, workers=1):
    """A scheduler, and workers in other processes, while the block runs."""
    where = folder / "scheduler.json"
    logs = [folder / f"{name}.log" for name in ("scheduler", *range(workers))]
    with ExitStack() as stack:
        started = command("scheduler", "--port", "0", "--scheduler-file", where)
        scheduler = stack.enter_context(running(started, logs[0], ready=where.exists))
        port = int(json.loads(where.read_text())["address"].rpartition(":")[2])
        for log in logs[1:]:
            started = command("worker", f"127.0.0.1:{port}", "--no-nanny", "--nthreads", "1")
            stack.enter_context(running(started, log, ready=lambda log=log: registered(log)))
        yield DaskPrograms(port, scheduler.pid, logs)


def command(what, *arguments):
    """What starts a `scheduler` or a `worker`."""
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    return [sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, arguments), *options]


def registered(log):
    """Whether the worker that writes to a file has found its scheduler."""
    return log.exists() and b"Registered to" in log.read_bytes()


def memory_of(pid):
    """All that a process could write to, and what is mapped to it from files."""
    parts = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123  # not a file as others
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(address, 16) for address in line.split()[0].split("-"))
            if "rw" in line.split()[1]:
                memory.seek(begin)
                parts.append(memory.read(end - begin))
    return b"".join(parts)
