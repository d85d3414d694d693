"""How far a run is, in a notebook."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Sequence

from IPython.display import display
from ipywidgets import HTML, HBox, IntProgress, VBox

from physlite.running.pace import Moment

__all__ = ["NotebookFace"]

_FINE = 1000  # steps of the bar
_MOST_NOTES = 20
_FAILED = "<span style='color: var(--jp-error-color1, #c00)'>{}</span>"


class NotebookFace:
    """A bar with numbers beside it, and the last notes above; when it is over, it stays."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_NOTES)
        self._notes, self._bar, self._label = HTML(), IntProgress(max=_FINE), HTML()
        self._is_shown = False

    def draw(self, moment: Moment) -> None:
        """Moves the bar."""
        self._move(moment, moment.words())

    def note(self, text: str) -> None:
        """Adds a line above the bar."""
        self._lines.append(html.escape(text))
        self._notes.value = "<br>".join(self._lines)
        self._show()

    def end(self, moment: Moment) -> None:
        """Leaves the bar as it is, in the color of how it ended."""
        if self._is_shown:
            is_good = moment.share == 1 and not moment.failed
            self._bar.bar_style = "success" if is_good else "danger"
            self._move(moment, moment.summary())

    def _move(self, moment: Moment, words: Sequence[str]) -> None:
        # Rounded down: full is what is done.
        self._bar.value = int(_FINE * moment.share)
        self._label.value = ", ".join(_FAILED.format(word) if word == moment.failed else word for word in words)
        self._show()

    def _show(self) -> None:
        if not self._is_shown:
            self._is_shown = True
            display(VBox([self._notes, HBox([self._bar, self._label])]))
