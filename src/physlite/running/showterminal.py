"""How far a run is, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from physlite.running.pace import Moment

__all__ = ["TerminalFace"]

_BAR_WIDTH = 5  # at least, with the gap behind it


class TerminalFace:
    """A bar with numbers on the standard error, in one line; when it is over, the numbers alone."""

    def __init__(self) -> None:
        # Whoever wants a bar where there is no terminal gets one.
        self._console = Console(stderr=True, force_terminal=True, force_jupyter=False)
        self._bars: Progress | None = None
        self._task = TaskID(0)

    def draw(self, moment: Moment) -> None:
        """Moves the bar."""
        if self._bars is None:
            self._bars = Progress(
                BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
                TextColumn("{task.fields[words]}", table_column=Column(no_wrap=True)),
                console=self._console,
                expand=True,
                transient=True,
                auto_refresh=False,
                # What the analysis prints goes above the bar, unless it goes elsewhere.
                redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            )
            self._task = self._bars.add_task("", total=1.0, words="")
            self._bars.start()
        words = self._fitting(moment.words(), self._console.width - _BAR_WIDTH)
        self._bars.update(self._task, completed=moment.share, words=_colored(words, moment.failed))
        self._bars.refresh()

    def note(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(Text(text), soft_wrap=True)

    def end(self, moment: Moment) -> None:
        """Puts the numbers in the place of the bar."""
        if self._bars is None:
            return
        self._bars.stop()
        words = self._fitting(moment.summary(), self._console.width)
        self._console.print(_colored(words, moment.failed), highlight=False, soft_wrap=True)

    @staticmethod
    def _fitting(words: Sequence[str], width: int) -> str:
        text = "  ".join(words)
        return text if len(text) <= width else " ".join(words)


def _colored(text: str, failed: str) -> str:
    return text.replace(failed, f"[red]{failed}[/red]", 1) if failed else text
