"""Side by side with what one would use instead: `python benchmarks/run.py [--work open|read|links|ntuples|import]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import physlite
from files import Missing
from harness import Comparison
from works import WORKS


def main() -> int:
    """Runs the works and prints a table; 1 when a ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", choices=WORKS, action="append", help="only this work (may be repeated)")
    parser.add_argument("--events", type=int, default=20_000, help="events in the toy files (default: 20000)")
    parser.add_argument("--rounds", type=int, default=9, help="repetitions (default: 9)")
    parser.add_argument("--json", type=Path, default=Path("build/bench/results.json"), help="where the figures go")
    arguments = parser.parse_args()
    console = Console(width=None if os.isatty(1) else 160)
    packages = ("awkward", "uproot", "numpy")
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores; physlite {physlite.__version__}, "
        + ", ".join(f"{name} {version(name)}" for name in packages)
    )
    done: list[Comparison] = []
    for name in arguments.work or WORKS:
        try:
            for comparison in WORKS[name](arguments.events, arguments.rounds):
                done.append(comparison)
                console.print(_table(comparison))
        except Missing as error:
            console.print(f"[yellow]{name}: skipped: {error}[/]")
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = [comparison.as_dict() for comparison in done]
    arguments.json.write_text(json.dumps(results, indent=1))
    console.print(f"figures: {arguments.json}")
    return 0 if all(row["meets"] for result in results for row in result["ratios"] + result["limits"]) else 1


def _table(comparison: Comparison) -> Table:
    table = Table(title=f"{comparison.work}: {comparison.detail}", title_justify="left", min_width=80)
    for heading in ("who", "median", "least … most"):
        table.add_column(heading, justify="left" if heading == "who" else "right")
    for who, times in comparison.times.items():
        spread = f"{min(times) * 1e3:.1f} … {max(times) * 1e3:.1f} ms"
        table.add_row(who, f"{statistics.median(times) * 1e3:.1f} ms", spread)
    for (slower, faster), least in comparison.wanted.items():
        ratio = comparison.ratio(slower, faster)
        verdict = "[green]meets[/]" if ratio >= least else "[red]misses[/]"
        table.add_section()
        table.add_row(f"{slower} / {faster}", f"{ratio:.2f}", f"at least {least:.2f}: {verdict}")
    for who, most in comparison.limits.items():
        verdict = "[green]meets[/]" if comparison.median(who) <= most else "[red]misses[/]"
        table.add_section()
        table.add_row(who, f"{comparison.median(who) * 1e3:.1f} ms", f"at most {most * 1e3:.1f} ms: {verdict}")
    return table


if __name__ == "__main__":
    raise SystemExit(main())
