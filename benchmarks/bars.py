"""A picture of comparisons: bars for each, with the limit drawn in."""

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
_LINES = ("--", ":")  # of the limit on one thread, and on two

# As wide as a page of text, so that nothing has to be made smaller; in inches.
_WIDTH = 7.4
_LINE = 0.17
_GAP = 0.16
_LINE_CHARACTERS = 100
_DOTS = 110  # per inch


def draw(comparisons: list[Comparison], path: Path) -> None:
    """Writes bars for each comparison of several ways, one below the other.

    Bars are medians, their whiskers the least and most of the rounds; lines are limits.
    """
    from matplotlib.figure import Figure

    comparisons = [c for c in comparisons if len(c.runs) > 1]
    if not comparisons:
        return
    titles = [textwrap.wrap(f"{c.work}: {c.detail}", _LINE_CHARACTERS) for c in comparisons]
    lines = [[len(title), len(_rows(c))] for title, c in zip(titles, comparisons, strict=True)]
    height = _LINE * sum(map(sum, lines)) + _GAP * (len(lines) + 1)
    figure = Figure(figsize=(_WIDTH, height))
    left = 0.09 * max(len(who) for c in comparisons for who in _rows(c)) / _WIDTH
    top = height
    for comparison, title, (above, bars) in zip(comparisons, titles, lines, strict=True):
        top -= _GAP + _LINE * (above + bars)
        axis = figure.add_axes((left, top / height, 0.98 - left, _LINE * bars / height))
        figure.text(0.01, (top + _LINE * bars) / height, "\n".join(title), fontsize=8, va="bottom", weight="bold")
        _bars(axis, comparison)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DOTS)


def _bars(axis: Any, comparison: Comparison) -> None:
    """A row for each way; that of a limit has the value of its line in it."""
    limits = [who for who in comparison.runs if comparison.limit and who.startswith(comparison.limit)]
    rows = _rows(comparison)
    scale, unit = (1e-6, "MB") if comparison.unit == "B" else (1e3, "ms")
    ends = []
    for place, who in enumerate(rows):
        median = comparison.median(who) * scale
        least, most = (bound(comparison.figures(who)) * scale for bound in (min, max))
        if who in limits:
            axis.axvline(median, color="black", linestyle=_LINES[limits.index(who)], linewidth=1)
            most = median
        else:
            colour = _COLOURS.get(who.partition(",")[0], _OTHER)
            spread = [[median - least], [most - median]]
            axis.barh(place, median, 0.75, color=colour, xerr=spread, error_kw={"elinewidth": 0.8, "capsize": 2})
        axis.annotate(
            f"{median:,.1f} {unit}", (most, place), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=7.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        )  # fmt: skip
        ends.append(most)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xticks([])
    axis.set_xlim(0, 1.18 * max(ends))
    axis.tick_params(labelsize=7.5, length=0)
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def _rows(comparison: Comparison) -> list[str]:
    """Who is shown: limits last."""
    return sorted(comparison.runs, key=lambda who: bool(comparison.limit) and who.startswith(comparison.limit))
