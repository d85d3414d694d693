"""One way to do a work, in a process of its own: `worker.py MODULE:FUNCTION ARGUMENTS`.

The function is called once, with the arguments (JSON), for what is not timed: imports, opening. What it returns is the
work, which is done again whenever a line comes in. Each answer is a line too: how long it took, and how much memory it
needed beyond what the process had before. Nothing but the standard library is used here, for any environment.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TURN_SECONDS", "Work"]

# A turn lasts as long, for at least one run; the median of its runs is one figure. The first runs of short ones find
# what the others left in the processor's caches, and threads on the cores where the others' were.
TURN_SECONDS = 0.1


@dataclass(frozen=True)
class Work:
    """What is timed, given what `prepare` makes before each run, untimed."""

    prepare: Callable[[], Any]
    run: Callable[[Any], Any]


def main() -> None:
    """Serves until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed here is no answer
    module, _, function = sys.argv[1].partition(":")
    made = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    work = made if hasattr(made, "prepare") else Work(lambda: None, lambda _: made())
    gc.disable()  # collected between the turns, not in them
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_turn(work, once=line.strip() == "once")), file=answers, flush=True)


def _turn(work: Work, *, once: bool) -> dict[str, float]:
    gc.collect()
    before = _resident(reset=True)
    seconds: list[float] = []
    begin = time.perf_counter()
    while not seconds or (not once and time.perf_counter() < begin + TURN_SECONDS):
        prepared = work.prepare()
        start = time.perf_counter()
        result = work.run(prepared)
        seconds.append(time.perf_counter() - start)
        del prepared, result
    return {"seconds": statistics.median(seconds), "bytes": _peak() - before}


_STATUS = Path("/proc/self/status")


def _resident(*, reset: bool) -> int:
    """Memory that the process has, in bytes; with `reset` the peak begins anew, where the system can do that."""
    if not _STATUS.exists():
        return _peak()
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return _from_status("VmRSS")


def _peak() -> int:
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
    return _from_status("VmHWM")


def _from_status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main()
