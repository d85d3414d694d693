"""What is shown of comparisons: tables, JSON, a page of Markdown, and bars."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from harness import Comparison, Target

__all__ = ["as_dict", "draw", "machine", "markdown", "table"]

_PACKAGES = ("physlite", "uproot", "coffea", "awkward", "numpy")


def machine() -> str:
    """Versions, and the processor."""
    versions = [f"{name} {_version(name)}" for name in _PACKAGES]
    return f"Python {platform.python_version()}, {', '.join(versions)}; {os.cpu_count()} cores, {_processor()}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


# -------------------------------------------------------------------------------------------------------------- figures


def _figure(comparison: Comparison, value: float) -> str:
    return f"{value / 1e6:.1f} MB" if comparison.unit == "B" else f"{value * 1e3:.1f} ms"


def _rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Who, median, least and most, peak of memory, events per second."""
    for who, figures in comparison.figures.items():
        least, most = (_figure(comparison, value) for value in (min(figures), max(figures)))
        peak = f"{comparison.peaks[who] / 1e6:.0f} MB" if who in comparison.peaks else ""
        rate = f"{comparison.events / comparison.median(who) / 1e3:,.1f}" if comparison.events else ""
        yield who, _figure(comparison, comparison.median(who)), f"{least} … {most}", peak, rate


def _verdicts(comparison: Comparison) -> Iterator[tuple[str, str, bool]]:
    """What was wanted, the figure, and whether it is met."""
    for target in comparison.targets:
        yield _wanted(target), f"{comparison.ratio(target):.2f} ×", comparison.meets(target)
    for who, most in comparison.most.items():
        value = comparison.median(who)
        yield f"{who}: at most {_figure(comparison, most)}", _figure(comparison, value), value <= most


def _wanted(target: Target) -> str:
    if target.faster:
        return f"{target.who}: at least {target.faster:g} × as fast as {target.against}"
    return f"{target.who}: at most {target.within:g} × {target.against}"


_HEADINGS = ("who", "median", "least … most", "memory", "kHz")


def table(comparison: Comparison) -> Table:
    """For a terminal."""
    result = Table(title=f"{comparison.work}: {comparison.detail}", title_justify="left", min_width=90)
    for heading in _HEADINGS:
        result.add_column(heading, justify="left" if heading == "who" else "right", no_wrap=True)
    for row in _rows(comparison):
        result.add_row(*row)
    for wanted, figure, met in _verdicts(comparison):
        result.add_section()
        result.add_row(wanted, figure, "[green]meets[/]" if met else "[red]misses[/]")
    return result


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """For JSON."""
    return {
        "work": comparison.work,
        "detail": comparison.detail,
        "unit": comparison.unit,
        "figures": comparison.figures,
        "peaks": comparison.peaks,
        "verdicts": [{"wanted": w, "figure": f, "meets": met} for w, f, met in _verdicts(comparison)],
    }


def markdown(comparisons: list[Comparison]) -> str:
    """For the documentation: one table of what was wanted, and one of all figures."""
    lines = [machine(), "", "| work | wanted | measured | |", "|---|---|---:|---|"]
    for c in comparisons:
        lines += [
            f"| {c.work}: {c.detail} | {w} | {f} | {'meets' if m else '**misses**'} |" for w, f, m in _verdicts(c)
        ]
    lines += ["", f"| work | {' | '.join(_HEADINGS)} |", f"|---|---|{'---:|' * (len(_HEADINGS) - 1)}"]
    for c in comparisons:
        lines += [f"| {c.work}: {c.detail} | {' | '.join(row)} |" for row in _rows(c)]
    return "\n".join(lines) + "\n"


# ----------------------------------------------------------------------------------------------------------------- bars

_COLOURS = {
    "physlite": "#d1495b",
    "uproot": "#8d99ae",
    "uproot fastest": "#5c677d",
    "uproot + awkward": "#8d99ae",
    "coffea": "#c8a96a",
    "RDataFrame": "#30638e",
}
_OTHER = "#b8c4bb"


def draw(comparisons: list[Comparison], path: Path) -> None:
    """A panel for each comparison of several ways: bars of the medians, and a line at the limit of one thread."""
    from matplotlib.figure import Figure

    comparisons = [c for c in comparisons if len(c.figures) > 1]
    if not comparisons:
        return
    columns = min(3, len(comparisons))
    rows = -(-len(comparisons) // columns)
    tallest = max(len(c.figures) for c in comparisons)
    figure = Figure(figsize=(5.2 * columns, rows * (0.9 + 0.25 * tallest)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, comparison in zip(axes, comparisons, strict=False):
        _panel(axis, comparison)
    for axis in axes[len(comparisons) :]:
        axis.set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axis: Any, comparison: Comparison) -> None:
    limit = comparison.limit
    shown = [who for who in comparison.figures if not limit or not who.startswith(limit)]
    scale, unit = (1e-6, "MB") if comparison.unit == "B" else (1e3, "ms")
    medians = [comparison.median(who) * scale for who in shown]
    colours = [_COLOURS.get(who.partition(",")[0], _OTHER) for who in shown]
    bars = axis.barh(shown, medians, color=colours)
    axis.bar_label(bars, fmt="{:,.1f}", padding=3, fontsize=7)
    axis.invert_yaxis()
    axis.margins(x=0.18)
    axis.set_title(f"{comparison.work}\n{comparison.detail}", fontsize=8, loc="left")
    axis.tick_params(labelsize=7)
    axis.set_xlabel(unit, fontsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    if limit:
        axis.axvline(comparison.median(limit) * scale, color="black", linestyle="--", linewidth=1)
        axis.annotate(
            limit, (comparison.median(limit) * scale, 1), xycoords=("data", "axes fraction"), fontsize=6,
            xytext=(2, -1), textcoords="offset points", va="top",
        )  # fmt: skip
