"""Pictures. They need the packages of the extra `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from physlite.cli.errors import CommandError
from physlite.model.summary import Summary
from physlite.text import cut, human_bytes

try:
    import mplhep  # type: ignore[import-untyped]
    from hist import Hist
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator
except ImportError as error:
    msg = f"pictures need {error.name}: pip install 'physlite[plot]'"
    raise CommandError(msg) from None

__all__ = ["draw_masses", "draw_sizes"]

# Distinct for all kinds of colour vision: M. Petroff, arXiv:2107.02270.
_BLUE, _ORANGE, _GREY = "#3f90da", "#ffa90e", "#94a4a2"

_TITLE_WIDTH = 110  # characters above two panels

_Z_MASS = 91.188  # GeV, PDG 2024


def draw_masses(masses: Hist[Any], picture: Path, *, label: str) -> None:
    """Draws the histogram of `dilepton.histogram`, a panel a channel.

    Args:
        masses: with the axes `channel` and `mass`.
        picture: where to write it.
        label: what the events are.
    """
    channels = list(masses.axes["channel"])
    with style.context(mplhep.style.ATLAS):
        figure = Figure(figsize=(7 * len(channels), 5.6), layout="constrained")
        panels = figure.subplots(1, len(channels), sharey=True, squeeze=False)[0]
        for axes, channel, color in zip(panels, channels, (_BLUE, _ORANGE), strict=True):
            _draw_channel(axes, masses[channel, :], channel, color)
        panels[0].set_ylim(0, 1.25 * max(masses.values().max(), 1))
        panels[0].set_ylabel(f"Events / {masses.axes['mass'].widths[0]:g} GeV")
        panels[0].text(0.05, 0.91, "physlite demo", transform=panels[0].transAxes, weight="bold", size=18)
        figure.suptitle(cut(label, _TITLE_WIDTH), x=0.01, ha="left", size=14)  # names of datasets are long
        figure.savefig(picture, dpi=75)


def _draw_channel(axes: Any, mass: Any, name: str, color: str) -> None:
    drawing = {"ax": axes, "flow": "none"}
    label = f"{name}: {mass.sum():,.0f} pairs"
    mplhep.histplot(mass, histtype="fill", color=color, alpha=0.5, label=label, **drawing)
    mplhep.histplot(mass, histtype="errorbar", color="black", marker="", yerr=True, **drawing)
    if not mass.sum():
        axes.text(0.5, 0.5, "no pairs in this range", transform=axes.transAxes, ha="center", size=14)
    axes.axvline(_Z_MASS, color="black", linestyle=":", linewidth=1.2, label="mass of the Z boson")
    axes.set_xlabel(mass.axes[0].label)
    axes.set_xlim(mass.axes[0].edges[0], mass.axes[0].edges[-1])
    axes.legend(loc="upper right", fontsize=14)


def draw_sizes(summary: Summary, picture: Path, *, title: str, top: int) -> None:
    """Draws the sizes of the largest collections as bars.

    Args:
        summary: of the file.
        picture: where to write it; its suffix is the format.
        title: what stands above.
        top: how many collections have a bar of their own; 0: all.
    """
    shown = summary.collections[: top or None]
    rest = summary.collections[len(shown) :]
    names = [c.name for c in shown]
    sizes = [c.size.compressed for c in shown]
    if rest:
        names.append(f"{len(rest)} smaller collections")
        sizes.append(sum(c.size.compressed for c in rest))
    names.append("outside of collections")
    sizes.append(summary.outside.compressed)
    colors = [_BLUE] * len(shown) + [_GREY] * (len(names) - len(shown))

    figure = Figure(figsize=(9, 1.4 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, sizes, color=colors)
    total = max(summary.size.compressed, 1)
    axes.bar_label(bars, [f"{human_bytes(s)}, {s / total:.1%}" for s in sizes], padding=4, fontsize=9)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, 1.25 * max(*sizes, 1))
    axes.set_xlabel("Size on disk")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: human_bytes(size).replace(".0 ", " ")))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11)
    figure.savefig(picture, dpi=120)
