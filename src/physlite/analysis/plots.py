"""Plots in the style of ATLAS: simulation stacked below data, and efficiencies.

::

    from physlite.analysis import plots
    from physlite.units import fb

    plots.stack(data=data, simulation={"ttbar": ttbar, "Z": zee}, luminosity=36.6 / fb, out="out/mass")
    plots.efficiency(passed, total, out="out/trigger")

Histograms are of hist, in one dimension, in the units that their axes say. What lies outside of the axes is not shown.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.pictures import COLORS, Caption, drawing, save, write_caption
from physlite.analysis.systematics import NOMINAL

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from physlite.analysis.luminosity import Luminosity

    Histograms: TypeAlias = Hist[Any] | Mapping[str, Hist[Any]]
    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["efficiency", "stack"]

_MAX_RATIO = 2.0
_HEADROOM = 1.6  # above what is drawn, for the text
_FOOTROOM = 1.1  # the same below, where something is negative
_LOG_HEADROOM = 3.0  # the same, in powers of ten
_MARKERS = "osD^v"
_BESIDE = 0.06  # of the width of a bin, from one efficiency to the next
_ROUNDING = 1e-9  # of sums in another order
_UNIT = re.compile(r"\[(.+)\]\s*$")  # at the end of an axis' label
_BAND: dict[str, Any] = {"fill": True, "facecolor": "none", "edgecolor": "#555555", "hatch": "//////", "linewidth": 0}
_POINTS: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 5,
    "elinewidth": 1.2,
    "capsize": 0,
    "color": "black",
}


def stack(
    *,
    data: Hist[Any] | None = None,
    simulation: Histograms | None = None,
    label: str = "",
    luminosity: float | Luminosity | None = None,
    energy: float | None = None,
    atlas: str | None = None,
    ratio: bool = True,
    log: bool = False,
    out: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draws simulated processes on top of each other, with their uncertainty, and data as points.

    Points have the central interval of 68% of a Poisson mean around a count (Garwood, Biometrika 28 (1936) 437), and
    one standard deviation where they are weighted; bins without data have no point. What is negative is stacked below
    zero. The line is the sum of the simulation, and the hatched band its standard deviation. Below are the data divided
    by that sum; a triangle is a point above 2.

    Args:
        data: what was seen.
        simulation: what is expected: histograms by name, the first at the bottom; or one with an axis of names, a
            `StrCategory`, which are not variations.
        label: what is shown, of one line or more.
        luminosity: of the data, in 1/pb, or of a file of iLumiCalc.
        energy: of the collisions, in TeV: 13.0 in Run 2, 13.6 in Run 3; by default nothing is said about it.
        atlas: "Internal" or the like, to write "ATLAS Internal"; "": to write "ATLAS". The name belongs to the
            collaboration, so it is only there when it is asked for.
        ratio: whether there is a panel with data divided by simulation, where both are given.
        log: whether the axis of events is logarithmic.
        out: where to write the plot, as `.png` and as `.pdf`.

    Returns:
        The figure, with the panels as its axes.

    Raises:
        ValueError: histograms of other axes, of more dimensions, of variations, or without variances; or there are
            none.
        ImportError: a package of the extra `plot` is missing.
    """
    processes = {} if simulation is None else _by_name(simulation, "Simulation")
    axis = _common_axis([*processes.values(), *([] if data is None else [data])])
    expected, deviation = _sum(processes)
    stacked = _stacked(processes)
    with drawing(2 if ratio and data is not None and processes else 1) as (figure, panels):
        main = panels[0]
        highest = float(np.max([expected + deviation, *(top for top, _ in stacked.values())], initial=0))
        lowest = float(np.min([expected - deviation, *(top for top, _ in stacked.values())], initial=0))
        if processes:
            _draw_stack(main, axis, stacked, expected, deviation)
        if data is not None:
            values = np.asarray(data.values(), np.float64)
            there = values != 0
            low, high = _interval(data)
            _draw_points(main, axis.centers, values, low, high, where=there, label="Data")
            highest = max(highest, float(np.max(high[there], initial=0)))
            lowest = min(lowest, float(np.min(low[there], initial=0)))
        if data is not None and len(panels) > 1:
            _draw_ratio(panels[1], data, expected, deviation)
        _set_heights(main, lowest, highest, log=log)
        main.set_ylabel(_events_per(axis))
        _set_bins(panels, axis)
        _write_legend(main)
        write_caption(main, Caption(label, luminosity, energy, atlas))
        figure.align_ylabels()
        if out is not None:
            save(figure, out)
    return figure


def efficiency(
    passed: Histograms,
    total: Histograms,
    *,
    label: str = "",
    luminosity: float | Luminosity | None = None,
    energy: float | None = None,
    atlas: str | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draws which part passed, with the central interval of 68%.

    The interval is that of Clopper and Pearson (Biometrika 26 (1934) 404): it covers the truth at least as often as it
    says, also with few entries. That of weighted entries is the one of as many counts as have the same relative
    uncertainty, (Σw)²/Σw² (L. Kish, Survey Sampling (1965)). Bins in which the
    sum of all is not positive have no point.

    Args:
        passed: what passed; several by name, or in one histogram with an axis of names, a `StrCategory`.
        total: the same, whether it passed or not, in the same form.
        label: what is shown, of one line or more.
        luminosity: of the data, in 1/pb, or of a file of iLumiCalc.
        energy: of the collisions, in TeV: 13.0 in Run 2, 13.6 in Run 3; by default nothing is said about it.
        atlas: as of `stack`.
        out: as of `stack`.

    Returns:
        The figure.

    Raises:
        ValueError: histograms of other axes or names, without variances, or more passed than there were.
        ImportError: a package of the extra `plot` is missing.
    """
    numerators, denominators = _by_name(passed, ""), _by_name(total, "")
    if list(numerators) != list(denominators):
        msg = f"passed and total have other names, or another order: {list(numerators)}, {list(denominators)}"
        raise ValueError(msg)
    axis = _common_axis([*numerators.values(), *denominators.values()])
    with drawing() as (figure, (axes,)):
        for i, (name, numerator) in enumerate(numerators.items()):
            denominator = denominators[name]
            _require_part(name, axis, numerator, denominator)
            n = denominator.values()
            part = np.divide(numerator.values(), n, out=np.zeros(len(n)), where=n > 0)
            low, high = _clopper_pearson(part, _effective_counts(denominator))
            x = axis.centers + axis.widths * _BESIDE * (i - (len(numerators) - 1) / 2)
            style = {
                "xerr": np.stack([x - axis.edges[:-1], axis.edges[1:] - x])[:, n > 0],
                "color": COLORS[i % len(COLORS)],
                "marker": _MARKERS[i % len(_MARKERS)],
            }
            _draw_points(axes, x, part, low, high, where=n > 0, label=name or None, **style)
        axes.axhline(1, color="#999999", linestyle=":", linewidth=1)
        axes.set_ylim(0, _HEADROOM)
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.set_ylabel("Efficiency")
        _set_bins([axes], axis)
        _write_legend(axes)
        write_caption(axes, Caption(label, luminosity, energy, atlas))
        if out is not None:
            save(figure, out)
    return figure


# ---------------------------------------------------------------------------------------------------------- histograms


def _by_name(histograms: Histograms, alone: str) -> dict[str, Hist[Any]]:
    """Histograms in one dimension by name: those of an axis of names taken apart, a single one called `alone`."""
    if isinstance(histograms, Mapping):
        return dict(histograms)
    from hist import loc
    from hist.axis import StrCategory

    axes = list(histograms.axes)
    if len(axes) == 1:
        return {alone: histograms}
    names = next((i for i, axis in enumerate(axes) if isinstance(axis, StrCategory)), None)
    if names is None:
        msg = f"a histogram with {len(axes)} axes and no StrCategory among them: give it one, or histograms by name"
        raise ValueError(msg)
    if NOMINAL in list(axes[names]):
        axis = axes[names].name
        msg = f"a histogram of variations, which are no processes: take one, as histogram[{{{axis!r}: {NOMINAL!r}}}]"
        raise ValueError(msg)
    taken_apart: dict[str, Any] = {name: histograms[{names: loc(name)}] for name in axes[names]}
    return taken_apart


def _common_axis(histograms: Sequence[Hist[Any]]) -> Any:
    """The axis that all of them have."""
    if not histograms:
        msg = "nothing to draw: no data and no simulation"
        raise ValueError(msg)
    for histogram in histograms:
        if len(histogram.axes) != 1:
            msg = f"a histogram with {len(histogram.axes)} axes: choose one with histogram.project(name)"
            raise ValueError(msg)
    first, *others = (histogram.axes[0] for histogram in histograms)
    if not len(first):
        msg = f"a histogram without bins: its axis {first.label!r} has no categories yet, so nothing was filled"
        raise ValueError(msg)
    if any(list(axis) != list(first) for axis in others):
        msg = f"histograms of other bins than the first, {first!r}: what is drawn together has the same axis"
        raise ValueError(msg)
    return first


def _variances(histogram: Hist[Any]) -> Floats:
    values, variances = histogram.values(), histogram.variances()
    if variances is None:  # unknown as well to a sum of histograms without weights, whose values tell
        if not _are_counts(values):
            msg = f"a histogram of {histogram.axes[0].label!r} has weights and no variances: make it with .Weight()"
            raise ValueError(msg)
        variances = values
    return np.asarray(variances, np.float64)


def _are_counts(values: NDArray[Any]) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


def _sum(histograms: Mapping[str, Hist[Any]]) -> tuple[Floats, Floats]:
    """The sum in each bin and its standard deviation."""
    values = np.sum([histogram.values() for histogram in histograms.values()], axis=0)
    variances = np.sum([_variances(histogram) for histogram in histograms.values()], axis=0)
    return values, np.sqrt(variances)


def _stacked(histograms: Mapping[str, Hist[Any]]) -> dict[str, tuple[Floats, Floats]]:
    """From where to where each one goes, with the others of its sign between it and zero."""
    found = {}
    above: Floats | float = 0.0
    below: Floats | float = 0.0
    for name, histogram in histograms.items():
        values = np.asarray(histogram.values(), np.float64)
        floor = np.where(values < 0, below, above)
        found[name] = (floor + values, floor)
        above, below = above + np.maximum(values, 0), below + np.minimum(values, 0)
    return found


def _interval(histogram: Hist[Any]) -> tuple[Floats, Floats]:
    """Central intervals of 68%."""
    from hist.intervals import poisson_interval

    values, variances = np.asarray(histogram.values(), np.float64), _variances(histogram)
    if np.array_equal(values, variances):
        low, high = poisson_interval(values)
        return low, high
    deviation = np.sqrt(variances)
    return values - deviation, values + deviation


def _require_part(name: str, axis: Any, passed: Hist[Any], total: Hist[Any]) -> None:
    """What passed has no larger sum of squares, which holds for negative weights too."""
    above = _variances(passed) > _variances(total) * (1 + _ROUNDING)
    if above.any():
        bin_ = int(np.argmax(above))
        part = f"{passed.values()[bin_]:g} of {total.values()[bin_]:g}"
        msg = f"efficiency {name!r}: {part} passed in the bin {axis[bin_]}: fill total with all, those that passed too"
        raise ValueError(msg)


def _effective_counts(histogram: Hist[Any]) -> Floats:
    """As many counts as have the relative uncertainties of these bins."""
    values, variances = np.asarray(histogram.values(), np.float64), _variances(histogram)
    return np.divide(values**2, variances, out=np.zeros(len(values)), where=variances > 0)


def _clopper_pearson(part: Floats, total: Floats) -> tuple[Floats, Floats]:
    from hist.intervals import clopper_pearson_interval

    low, high = clopper_pearson_interval(np.clip(part, 0, 1) * total, total)
    return np.minimum(low, part), np.maximum(high, part)  # with negative weights a part can be outside of 0 to 1


# ------------------------------------------------------------------------------------------------------------- drawing


def _draw_stack(
    axes: Axes, axis: Any, stacked: Mapping[str, tuple[Floats, Floats]], total: Floats, deviation: Floats
) -> None:
    layers = list(zip(stacked.items(), itertools.cycle(COLORS), strict=False))
    for (name, (top, floor)), color in reversed(layers):  # the legend's order is that of the stack
        axes.stairs(top, axis.edges, baseline=floor, fill=True, color=color, label=name)
    axes.stairs(total, axis.edges, color="black", linewidth=1)
    if deviation.any():
        axes.stairs(total + deviation, axis.edges, baseline=total - deviation, label="Uncertainty", **_BAND)


def _draw_points(
    axes: Axes, x: Floats, y: Floats, low: Floats, high: Floats, *, where: NDArray[np.bool_], **style: Any
) -> None:
    errors = np.stack([y - low, high - y])[:, where]
    axes.errorbar(x[where], y[where], yerr=errors, zorder=5, **(_POINTS | style))


def _draw_ratio(axes: Axes, data: Hist[Any], expected: Floats, deviation: Floats) -> None:
    axis, (low, high) = data.axes[0], _interval(data)
    there = expected > 0
    values, low, high = (
        np.divide(numbers, expected, out=np.full(len(expected), np.nan), where=there)
        for numbers in (data.values(), low, high)
    )
    band = np.divide(deviation, expected, out=np.zeros(len(expected)), where=there)
    axes.stairs(1 + band, axis.edges, baseline=1 - band, **_BAND)
    axes.axhline(1, color="black", linewidth=1, linestyle="--")
    _draw_points(axes, axis.centers, values, low, high, where=there & (data.values() != 0))
    above = values > _MAX_RATIO
    if above.any():  # an empty line that is not clipped takes place in the layout
        at = np.full(above.sum(), _MAX_RATIO)
        axes.plot(axis.centers[above], at, "^", color=COLORS[2], clip_on=False, zorder=6)
    axes.set_ylim(0, _MAX_RATIO)
    axes.set_yticks([0.5, 1, 1.5])
    axes.set_ylabel("Data / exp.", loc="center", size=14)


def _set_heights(axes: Axes, lowest: float, highest: float, *, log: bool) -> None:
    if log:
        axes.set_yscale("log")
        axes.set_ylim(0.5, max(highest, 1) * 10**_LOG_HEADROOM)
    else:
        axes.set_ylim(lowest * _FOOTROOM, (highest or 1) * _HEADROOM)
    if lowest < 0:
        axes.axhline(0, color="black", linewidth=0.5)


def _events_per(axis: Any) -> str:
    """The label of the axis of events."""
    if not np.issubdtype(type(axis[0][0]) if isinstance(axis[0], tuple) else str, np.number):
        return "Events"
    widths = axis.widths
    if not np.allclose(widths, widths[0]):
        return "Events / bin"
    unit = _UNIT.search(axis.label)
    return f"Events / {widths[0]:.3g}{f' {unit[1]}' if unit else ''}"


def _set_bins(panels: Sequence[Axes], axis: Any) -> None:
    """Limits, the label of the lowest panel and, where bins have names, those."""
    for axes in panels:
        axes.set_xlim(axis.edges[0], axis.edges[-1])
        axes.set_xlabel(axis.label if axes is panels[-1] else "")
        if not isinstance(axis[0], tuple):
            axes.set_xticks(axis.centers, [str(name) for name in axis])
            axes.tick_params(axis="x", which="minor", bottom=False, top=False)


def _write_legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", fontsize=14, borderaxespad=0.3)
