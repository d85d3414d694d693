"""What is shown of comparisons: tables, JSON, and a page of Markdown."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from harness import Comparison, Target

__all__ = ["as_json", "machine", "markdown", "missed", "table"]

_PACKAGES = ("physlite", "uproot", "coffea", "awkward", "numpy")


def machine() -> dict[str, Any]:
    """Date, versions, and the processor."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        "cores": os.cpu_count(),
        "processor": _processor(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def _machine_line(about: dict[str, Any]) -> str:
    versions = [f"{name} {number or 'not installed'}" for name, number in about["versions"].items()]
    return f"{about['date']}: {', '.join(versions)}; {about['cores']} cores, {about['processor']}"


# -------------------------------------------------------------------------------------------------------------- figures


def _figure(comparison: Comparison, value: float) -> str:
    return f"{value / 1e6:.1f} MB" if comparison.unit == "B" else f"{value * 1e3:.1f} ms"


_NOTHING = "-"  # not measured
_HEADINGS = ("who", "median", "least … most", "memory", "kHz")


def _rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Who, median, least and most of the rounds, peak of memory, events per second."""
    for who in comparison.runs:
        figures, median = comparison.figures(who), comparison.median(who)
        spread = f"{_figure(comparison, min(figures))} … {_figure(comparison, max(figures))}"
        peak = comparison.peaks.get(who)
        memory = _NOTHING if peak is None else f"{peak / 1e6:.0f} MB"
        rate = f"{comparison.events / median / 1e3:,.1f}" if comparison.events else _NOTHING
        yield who, _figure(comparison, median), _NOTHING if who in comparison.given else spread, memory, rate


def _wanted(comparison: Comparison, target: Target) -> str:
    if target.kind == "least":
        return f"{target.who}: at least {target.bound:g} × as fast as {target.against}"
    if target.against:
        return f"{target.who}: at most {target.bound:g} × {target.against}"
    return f"{target.who}: at most {_figure(comparison, target.bound)}"


def _measured(comparison: Comparison, target: Target) -> str:
    value = comparison.value(target)
    return f"{value:.2f} ×" if target.against else _figure(comparison, value)


def missed(comparisons: list[Comparison]) -> list[str]:
    """A line for each target that is not reached."""
    return [
        f"{c.work}, {c.detail}: {_wanted(c, t)}: {_measured(c, t)}"
        for c in comparisons
        for t in c.targets
        if not c.meets(t)
    ]


# --------------------------------------------------------------------------------------------------------------- output


def table(comparison: Comparison) -> Table:
    """For a terminal."""
    result = Table(title=f"{comparison.work}: {comparison.detail}", title_justify="left", min_width=90)
    for heading in _HEADINGS:
        result.add_column(heading, justify="left" if heading == "who" else "right", no_wrap=True)
    for row in _rows(comparison):
        result.add_row(*row)
    for target in comparison.targets:
        result.add_section()
        verdict = "[green]meets[/]" if comparison.meets(target) else "[red]misses[/]"
        result.add_row(_wanted(comparison, target), _measured(comparison, target), verdict)
    return result


def as_json(about: dict[str, Any], comparisons: list[Comparison]) -> dict[str, Any]:
    """All figures as numbers: seconds, bytes, and ratios; `runs` has a list for each round."""
    return {**about, "comparisons": [_as_json(c) for c in comparisons]}


def _as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "work": comparison.work,
        "detail": comparison.detail,
        "unit": comparison.unit,
        "limit": comparison.limit or None,
        "events": comparison.events,
        "rounds": max(map(len, comparison.runs.values())),
        "runs": comparison.runs,
        "medians": {who: comparison.median(who) for who in comparison.runs},
        "peaks": comparison.peaks,
        "targets": [
            {
                "who": target.who,
                "kind": target.kind,
                "bound": target.bound,
                "against": target.against or None,
                "measured": comparison.value(target),
                "meets": comparison.meets(target),
            }
            for target in comparison.targets
        ],
    }


def markdown(about: dict[str, Any], comparisons: list[Comparison]) -> str:
    """For the documentation: what is missed, a table of what was wanted, and one of all figures."""
    lines = [_machine_line(about), "", "Targets that are missed:", ""]
    lines += [f"- {line}" for line in missed(comparisons)] or ["- none"]
    lines += ["", "| work | wanted | measured | |", "|---|---|---:|---|"]
    lines += [
        f"| {c.work}: {c.detail} | {_wanted(c, t)} | {_measured(c, t)} | {'meets' if c.meets(t) else '**misses**'} |"
        for c in comparisons
        for t in c.targets
    ]
    lines += ["", f"| work | {' | '.join(_HEADINGS)} |", f"|---|---|{'---:|' * (len(_HEADINGS) - 1)}"]
    lines += [f"| {c.work}: {c.detail} | {' | '.join(row)} |" for c in comparisons for row in _rows(c)]
    return "\n".join(lines) + "\n"
