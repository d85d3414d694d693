"""One way to do a work, in a process of its own: `worker.py MODULE:FUNCTION ARGUMENTS`.

The function is called once, with the arguments (JSON), for what is not timed: imports, opening. It returns the work,
which is done when a line comes in: `first`, or `turn N` for N runs, after one that does not count where that matters.
Each answer is a line too. Nothing but the standard library is used here, for any environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from work import Child, Work


def main() -> None:
    """Serves until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed here is no answer
    module, _, function = sys.argv[1].partition(":")
    work = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        kind, *number = line.split()
        answer = _first(work) if kind == "first" else _turn(work, int(number[0]))
        print(json.dumps(answer), file=answers, flush=True)


def _first(work: Work) -> dict[str, Any]:
    """The bytes that the first run needed at most beyond what there was, and a digest of what it found, if any."""
    prepared = work.prepare()
    peak_of = _watch_memory()
    result = work.run(prepared)
    peak = result.peak if isinstance(result, Child) else peak_of()
    found = None
    if work.compared is not None:
        from digest import digest

        found = digest(work.compared(result))
    return {"bytes": peak, "digest": found}


def _turn(work: Work, runs: int) -> list[float]:
    """Seconds of each run."""
    if work.warm:
        work.run(work.prepare())  # finds what others left in the processor's caches, and threads on other cores
    seconds = []
    for _ in range(runs):
        prepared = work.prepare()
        begin = time.perf_counter()
        result = work.run(prepared)
        passed = time.perf_counter() - begin
        seconds.append(passed if work.told is None else work.told(result))
        del prepared, result
    return seconds


def _watch_memory() -> Callable[[], int | None]:
    """A function that tells how far memory has grown at most since now, in bytes; None where no system tells."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _from_status("VmRSS")
    except OSError:
        return lambda: None
    return lambda: _from_status("VmHWM") - before


def _from_status(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main()
