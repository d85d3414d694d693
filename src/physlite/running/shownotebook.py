"""How far a run is, in a notebook."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Sequence
from typing import Any

from IPython.display import display
from ipywidgets import HTML, HBox, IntProgress, Layout, VBox

from physlite.running.pace import Moment

__all__ = ["NotebookFace"]

_FINE = 1000  # steps of the bar
_WIDTH = "12em"
_MOST_NOTES = 20
_GOOD_COLOR, _BAD_COLOR = "var(--jp-success-color1, #388e3c)", "var(--jp-error-color1, #c00)"


class NotebookFace:
    """A bar with numbers beside it, and the last notes above.

    When it is over, text and a drawn bar take its place: a widget that is saved with a notebook is dead without its
    kernel.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_NOTES)
        self._notes, self._label = HTML(), HTML()
        self._bar = IntProgress(max=_FINE, layout=Layout(width=_WIDTH, flex="none"))
        self._box = VBox([self._notes, HBox([self._bar, self._label])])
        self._shown: Any = None  # what the notebook gives to change what it shows

    def draw(self, moment: Moment) -> None:
        """Moves the bar."""
        # Rounded down: full is what is done.
        self._bar.value = int(_FINE * moment.share)
        self._label.value = _words(moment.words(), moment.failed)
        self._show()

    def note(self, text: str) -> None:
        """Adds a line above the bar."""
        self._lines.append(text)
        self._notes.value = "<br>".join(map(html.escape, self._lines))
        self._show()

    def end(self, moment: Moment) -> None:
        """Leaves the notes, the bar in the color of how it ended, and the numbers."""
        if self._shown is None:
            return
        words = moment.summary()
        self._shown.update(
            {
                "text/plain": "\n".join([*self._lines, ", ".join(words)]),
                "text/html": _final(moment.share, words, moment.failed, self._lines),
            },
            raw=True,
        )
        for widget in (self._box, *self._box.children, self._bar, self._label):
            widget.close()

    def _show(self) -> None:
        if self._shown is None:
            self._shown = display(self._box, display_id=True)


def _words(words: Sequence[str], failed: str) -> str:
    red = f"<span style='color: {_BAD_COLOR}'>{failed}</span>"
    return ", ".join(red if word == failed else html.escape(word) for word in words)


def _final(share: float, words: Sequence[str], failed: str, notes: Sequence[str]) -> str:
    """What stays: looks as the widgets did, and where styles are not shown it is text."""
    color = _GOOD_COLOR if share == 1 and not failed else _BAD_COLOR
    bar = (
        f"<span style='display: inline-block; width: {_WIDTH}; height: 1em; margin-right: 0.5em; "
        f"vertical-align: text-bottom; background: var(--jp-layout-color2, #eee)'>"
        f"<span style='display: block; width: {int(100 * share)}%; height: 100%; background: {color}'></span></span>"
    )
    return "".join(f"<div>{line}</div>" for line in (*map(html.escape, notes), bar + _words(words, failed)))
