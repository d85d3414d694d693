"""A picture of comparisons: a panel for each, with the limit drawn in."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from harness import Comparison

__all__ = ["draw"]

_COLOURS = {
    "physlite": "#d1495b",
    "uproot": "#8d99ae",
    "uproot fastest": "#5c677d",
    "uproot + awkward": "#8d99ae",
    "coffea": "#c8a96a",
    "RDataFrame": "#30638e",
}
_OTHER = "#b8c4bb"
_LINE = 58  # characters that fit above a panel
_LINES = ("--", ":")  # the limit of one thread, and of two


def draw(comparisons: list[Comparison], path: Path) -> None:
    """Writes a panel for each comparison of several ways.

    Bars are medians, their whiskers the least and most of the rounds; lines are the limit, of each number of threads.
    """
    from matplotlib.figure import Figure

    comparisons = [c for c in comparisons if len(c.runs) > 1]
    if not comparisons:
        return
    columns = min(3, len(comparisons))
    rows = -(-len(comparisons) // columns)
    tallest = max(len(c.runs) for c in comparisons)
    figure = Figure(figsize=(5.6 * columns, rows * (1.1 + 0.25 * tallest)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, comparison in zip(axes, comparisons, strict=False):
        _panel(axis, comparison)
    for axis in axes[len(comparisons) :]:
        axis.set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axis: Any, comparison: Comparison) -> None:
    limits = [who for who in comparison.runs if comparison.limit and who.startswith(comparison.limit)]
    shown = [who for who in comparison.runs if who not in limits]
    scale, unit = (1e-6, "MB") if comparison.unit == "B" else (1e3, "ms")
    medians = [comparison.median(who) * scale for who in shown]
    below = [m - min(comparison.figures(who)) * scale for who, m in zip(shown, medians, strict=True)]
    above = [max(comparison.figures(who)) * scale - m for who, m in zip(shown, medians, strict=True)]
    colours = [_COLOURS.get(who.partition(",")[0], _OTHER) for who in shown]
    whiskers = {"elinewidth": 0.8, "capsize": 2}
    axis.barh(shown, medians, color=colours, xerr=[below, above], error_kw=whiskers)
    for place, (median, over) in enumerate(zip(medians, above, strict=True)):
        axis.annotate(
            f"{median:,.1f}", (median + over, place), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        )  # fmt: skip
    axis.invert_yaxis()
    axis.set_xlim(0, 1.18 * max(m + a for m, a in zip(medians, above, strict=True)))
    detail = "\n".join(textwrap.wrap(comparison.detail, _LINE))
    axis.set_title(f"{comparison.work}\n{detail}", fontsize=8, loc="left")
    axis.tick_params(labelsize=7)
    axis.set_xlabel(unit, fontsize=7, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    for who, style in zip(limits, _LINES, strict=False):
        axis.axvline(comparison.median(who) * scale, color="black", linestyle=style, linewidth=1, label=who)
    if limits:
        axis.legend(fontsize=6, loc="upper right", bbox_to_anchor=(1, -0.08), ncols=2, frameon=False)
