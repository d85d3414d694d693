"""A report on a terminal, or in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from physlite.running.reportrows import Table, datasets, failures, slowest, stages
from physlite.running.wording import distinct
from physlite.text import aligned

if TYPE_CHECKING:
    from physlite.running.account import Account

__all__ = ["show"]

_MOST_FAILURES = 10
_MOST_FILES = 5
_GAP = 2  # between the columns of a table
_NARROW = 12  # names are not cut to less
_WIDE = 28  # names beside a text that takes several lines


def show(report: Account) -> None:
    """Prints the report, as `Report.show` says."""
    console = Console(highlight=False)
    _line(console, report.summary, "bold")
    for table in (datasets(report), stages(report), failures(report, _MOST_FAILURES), slowest(report, _MOST_FILES)):
        if table.rows:
            _line(console, f"\n{table.title}", "bold")
            _print(console, table)
        if table.title == "Failures" and len(report.failures) > _MOST_FAILURES:
            _line(console, f"and {len(report.failures) - _MOST_FAILURES:,} more, see report.failures", "")


def _line(console: Console, text: str, style: str) -> None:
    if console.is_terminal:
        console.print(text, style=style, markup=False)
    else:
        print(text)  # noqa: T201  # what it is for


def _print(console: Console, table: Table) -> None:
    if not console.is_terminal:
        print(aligned(table.head, table.rows, table.right))  # noqa: T201  # as above
        return
    widths = [max(len(row[i]) for row in (table.head, *table.rows)) for i in range(len(table.head))]
    if table.long:
        widths[0] = min(widths[0], _WIDE)
    others = sum(widths) - widths[table.long] + _GAP * (len(widths) - 1)
    widths[table.long] = max(min(widths[table.long], console.width - others), _NARROW)
    shown = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, (head, width) in enumerate(zip(table.head, widths, strict=True)):
        justify: Literal["left", "right"] = "right" if i in table.right else "left"
        shown.add_column(head, justify=justify, width=width, overflow="fold", style="" if i else "cyan")
    names = distinct([row[0] for row in table.rows], widths[0])
    for name, row in zip(names, table.rows, strict=True):
        shown.add_row(Text(name), *map(Text, row[1:]))  # errors are worth several lines
    console.print(shown)
