"""A report as a picture. It needs the packages of the extra `plot`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from physlite.notebook import notebook_shell
from physlite.running.records import STAGES
from physlite.running.wording import distinct

try:
    from matplotlib.figure import Figure
except ImportError as error:
    msg = f"pictures need {error.name}: pip install 'physlite[plot]'"
    raise ImportError(msg) from None

if TYPE_CHECKING:
    from physlite.running.account import Account

__all__ = ["Picture", "draw"]

# Distinct for all kinds of colour vision: M. Petroff, arXiv:2107.02270. Waiting stands out.
_COLORS = dict(zip(STAGES, ("#717581", "#ffa90e", "#92dadd", "#3f90da", "#832db6"), strict=True)) | {"other": "#d9d9d9"}
_DARK = "#333333"

_MOST_BARS = 20
_NAME_WIDTH = 44
_BINS = 40
_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))  # the first in which the longest bar is two or more


class Picture(Figure):
    """A figure that a notebook shows, whether or not the notebook has prepared for matplotlib. It is nowhere open."""

    _is_shown = False

    def _ipython_display_(self) -> None:
        from IPython.display import display

        png = io.BytesIO()
        self.savefig(png, format="png")
        display({"image/png": png.getvalue(), "text/plain": repr(self)}, raw=True)
        self._is_shown = True

    def show_when_the_cell_ends(self) -> None:
        """Where this is a notebook, once, whether or not the cell ends with it, or with a `;`; as pyplot's do."""
        shell = notebook_shell()
        if shell is None:
            return

        def show(*_: object) -> None:
            shell.events.unregister("post_run_cell", show)
            if not self._is_shown:
                self._ipython_display_()

        shell.events.register("post_run_cell", show)


def draw(report: Account) -> Picture:
    """Bars of what each stage took in each dataset, and a histogram of the files' speeds."""
    names, seconds = _bars(report)
    figure = Picture(figsize=(12, 2.2 + 0.32 * max(len(names), 6)), layout="constrained", dpi=100)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_stages(left, names, seconds)
    _draw_speeds(right, report)
    figure.suptitle(report.summary, x=0.01, ha="left", fontsize=11)
    return figure


def _bars(report: Account) -> tuple[list[str], np.ndarray[Any, np.dtype[np.float64]]]:
    """Names of datasets, the longest first, and their seconds by stage and other; the shortest of many together."""
    sums = sorted(report.by_dataset.items(), key=lambda item: -item[1].wall)
    rows = []
    for _, of_dataset in sums:
        walls = [stage.wall for stage in of_dataset.stages]
        rows.append([*walls, max(of_dataset.wall - sum(walls), 0.0)])
    seconds = np.array(rows, float).reshape(len(rows), len(_COLORS))
    names = distinct([name for name, _ in sums], _NAME_WIDTH)
    if len(names) > _MOST_BARS:
        kept = _MOST_BARS - 1
        seconds = np.vstack([seconds[:kept], seconds[kept:].sum(axis=0)])
        names = [*names[:kept], f"{len(names) - kept} other datasets"]
    return names, seconds


def _draw_stages(axes: Any, names: list[str], seconds: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    longest = seconds.sum(axis=1).max(initial=0.0)
    scale, unit = next((u for u in _UNITS if longest >= 2 * u[0]), _UNITS[-1])
    places = np.arange(len(names))
    begin = np.zeros(len(names))
    for (stage, color), widths in zip(_COLORS.items(), seconds.T / scale, strict=True):
        axes.barh(places, widths, left=begin, color=color, label=stage, height=0.7)
        begin += widths
    axes.set_yticks(places, names, fontsize=9, parse_math=False)
    # A single bar is not as high as the panel, and stands in its middle.
    spare = max(3 - len(names), 0) / 2
    axes.set_ylim(len(names) - 0.4 + spare, -0.6 - spare)
    axes.set_xlim(0, 1.03 * longest / scale if longest else 1)
    axes.set_xlabel(f"Sum of the files' times [{unit}]")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(_COLORS), frameon=False, fontsize=9, columnspacing=1)


def _draw_speeds(axes: Any, report: Account) -> None:
    numbers = report.files.numbers
    timed = numbers[numbers["wall"] > 0]
    speeds = timed["events"] / timed["wall"] / 1000
    axes.set_xlabel("Speed of a file [kHz]")
    axes.set_ylabel("Files")
    axes.spines[["top", "right"]].set_visible(False)
    if not len(speeds):
        axes.text(0.5, 0.5, "no files", transform=axes.transAxes, ha="center")
        return
    axes.hist(speeds, bins=_BINS, range=(0, 1.05 * max(speeds.max(), 1e-3)), color="#3f90da")
    median = float(np.median(speeds))
    axes.axvline(median, color=_DARK, linestyle=":", linewidth=1.2, label=f"median: {median:.3g} kHz")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=9)
