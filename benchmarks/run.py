"""Side by side with what one would use instead, and with the limit: `python benchmarks/run.py [--work open …]`."""

from __future__ import annotations

import argparse
import json
import os
import time
import traceback
from pathlib import Path

from rich.console import Console
from rich.markup import escape

import report
from bars import draw
from files import KEPT, Missing
from harness import Comparison, measure
from works import LONG, WORKS


def main() -> int:
    """Runs the works, prints tables, writes figures and bars; 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work",
        choices=WORKS,
        action="append",
        help=f"only this work (may be repeated); {', '.join(LONG)} only where it is asked for",
    )
    parser.add_argument("--events", type=int, default=20_000, help="events in the toy files (default: 20000)")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--out", type=Path, default=KEPT, help="where results.json, .md and .png go")
    arguments = parser.parse_args()
    console = Console(width=None if os.isatty(1) else 160)
    begin = time.perf_counter()
    results = arguments.out / "results"
    about = report.machine()
    done: list[Comparison] = []
    failures = 0
    for name in arguments.work or [name for name in WORKS if name not in LONG]:
        since = time.perf_counter()
        for make in WORKS[name](arguments.events):
            try:
                comparison = make()
                measure(comparison, arguments.rounds)
            except Missing as missing:
                console.print(f"[yellow]{name}: skipped: {escape(str(missing))}[/]")
            except Exception as error:  # noqa: BLE001  # whatever fails, the rest is measured
                failures += 1
                traceback.print_exc()
                console.print(f"[red]{name}: failed: {escape(str(error))}[/]")
            else:
                done.append(comparison)
                console.print(report.table(comparison))
                _write(about, done, results)
        console.print(f"{name}: {time.perf_counter() - since:.0f} s")
    draw(done, results.with_suffix(".png"))  # which takes seconds when there are many
    for line in report.missed(done):
        console.print(f"[yellow]missed: {escape(line)}[/]")
    if failures:
        console.print(f"[red]{failures} failed, see above[/]")
    console.print(f"{time.perf_counter() - begin:.0f} s; figures: {results}.json, .md, .png")
    return 1 if failures else 0


def _write(about: dict[str, object], done: list[Comparison], results: Path) -> None:
    results.parent.mkdir(parents=True, exist_ok=True)
    results.with_suffix(".json").write_text(json.dumps(report.as_json(about, done), indent=1))
    results.with_suffix(".md").write_text(report.markdown(about, done))


if __name__ == "__main__":
    raise SystemExit(main())
