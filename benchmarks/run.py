"""Side by side with what one would use instead, and with the limit: `python benchmarks/run.py [--work open …]`."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from rich.console import Console

import report
from files import KEPT, Missing
from harness import Comparison
from works import WORKS, Options

COMPRESSIONS = ("zlib-1", "zstd-5", "lzma-1", "lz4-4")


def main() -> int:
    """Runs the works, prints tables, writes figures and bars; 1 when something is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", choices=WORKS, action="append", help="only this work (may be repeated)")
    parser.add_argument("--events", type=int, default=20_000, help="events in the toy files (default: 20000)")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--compression", choices=COMPRESSIONS, action="append", help="only these (may be repeated)")
    parser.add_argument("--out", type=Path, default=KEPT, help="where results.json, .md and .png go")
    arguments = parser.parse_args()
    options = Options(arguments.events, arguments.rounds, tuple(arguments.compression or ()))
    console = Console(width=None if os.isatty(1) else 160)
    console.print(report.machine())
    begin = time.perf_counter()
    done: list[Comparison] = []
    for name in arguments.work or WORKS:
        try:
            for comparison in WORKS[name](options):
                done.append(comparison)
                console.print(report.table(comparison))
        except Missing as error:
            console.print(f"[yellow]{name}: skipped: {error}[/]")
    if not done:
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "results"
    results.with_suffix(".json").write_text(json.dumps([report.as_dict(c) for c in done], indent=1))
    results.with_suffix(".md").write_text(report.markdown(done))
    report.draw(done, results.with_suffix(".png"))
    console.print(f"{time.perf_counter() - begin:.0f} s; figures: {results}.json, .md, .png")
    return 1 if any(comparison.misses() for comparison in done) else 0


if __name__ == "__main__":
    raise SystemExit(main())
