"""What all plots share: the ATLAS style, the text that says what is shown, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from physlite.units import fb, pb

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from physlite.analysis.luminosity import Luminosity

__all__ = ["COLORS", "Caption", "drawing", "save", "write_caption"]

# Distinct for all kinds of colour vision: M. Petroff, arXiv:2107.02270, the palette of ten.
COLORS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

_WIDTH, _HEIGHT, _RATIO_HEIGHT = 8.0, 6.0, 1.6  # inches
_DPI = 100
_LINE = 0.065  # of the height of a panel, for a line of text

# Without them the same plot has the same bytes.
_METADATA: dict[str, dict[str, None]] = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}


class Caption(NamedTuple):
    """What is written into a plot.

    Attributes:
        label: text, of one line or more.
        luminosity: of the data, in 1/pb.
        energy: of the collisions, in TeV.
        atlas: what follows the word ATLAS; None: the word is not there.
    """

    label: str
    luminosity: float | Luminosity | None
    energy: float | None
    atlas: str | None


@contextmanager
def drawing(panels: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """An empty figure in the style of ATLAS, with a panel or with a small one below it.

    Raises:
        ImportError: a package of the extra `plot` is missing.
    """
    try:
        import mplhep  # type: ignore[import-untyped]
        from matplotlib import style
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        msg = f"plots need {error.name}: pip install 'physlite[plot]'"
        raise ImportError(msg) from None
    with style.context(mplhep.style.ATLAS):
        height = _HEIGHT + _RATIO_HEIGHT * (panels - 1)
        layout = ConstrainedLayoutEngine(h_pad=0.03, hspace=0)
        figure = Figure(figsize=(_WIDTH, height), layout=layout, dpi=_DPI)
        ratios = (_HEIGHT, _RATIO_HEIGHT)[:panels]
        axes = figure.subplots(panels, 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
        yield figure, list(axes)


def write_caption(axes: Axes, caption: Caption) -> None:
    """Writes the caption into the upper left corner."""
    lines = [_conditions(caption), *caption.label.splitlines()]
    y = 0.93
    if caption.atlas is not None:
        name = axes.text(0.04, y, "ATLAS", transform=axes.transAxes, weight="bold", style="italic", size=18)
        axes.annotate(f" {caption.atlas}", (1, 0), xycoords=name, va="bottom", size=18)
        y -= _LINE
    for line in filter(None, lines):
        axes.text(0.04, y, line, transform=axes.transAxes, size=14)
        y -= _LINE


def _conditions(caption: Caption) -> str:
    parts = []
    if caption.energy is not None:
        parts.append(f"√$s$ = {caption.energy:g} TeV")  # the style's fonts have no root to draw over letters
    if caption.luminosity is not None:
        luminosity = float(caption.luminosity)
        number, unit = (luminosity * fb, "fb") if luminosity >= 1 / fb else (luminosity * pb, "pb")
        parts.append(rf"{number:.4g} {unit}$^{{-1}}$")
    return ", ".join(parts)


def save(figure: Figure, out: str | os.PathLike[str]) -> None:
    """Writes a figure as PNG and as PDF.

    Args:
        figure: what is drawn.
        out: path, of which a suffix `.png` or `.pdf` is left out; its folder is made.
    """
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.with_suffix("") if path.suffix in _METADATA else path
    for suffix, metadata in _METADATA.items():
        figure.savefig(f"{stem}{suffix}", metadata=metadata)
