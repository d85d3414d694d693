"""What goes to the standard output: tables for people, plain text for pipes, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console

from physlite.model.show import aligned, cut

__all__ = ["Head", "print_json", "print_table", "print_title"]

_GAP = 2  # between the columns of a table
_MIN_WIDTH = 12


@dataclass(frozen=True)
class Head:
    """The head of a table's column.

    On a narrow terminal columns with a `weight` are cut, to widths in these proportions; in pipes nothing is cut.
    """

    text: str
    number: bool = False
    weight: int = 0


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_title(text: str) -> None:
    """Prints the line above a table."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(text, style="bold", markup=False)
    else:
        typer.echo(text)


def print_table(heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table: on a terminal as wide as that, elsewhere as wide as it is, one row a line."""
    console = Console(highlight=False)
    if console.is_terminal:
        _print_rich(console, heads, rows)
    else:
        typer.echo(aligned([h.text for h in heads], rows, right={i for i, h in enumerate(heads) if h.number}))


def _print_rich(console: Console, heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, head in enumerate(heads):
        table.add_column(head.text, justify="right" if head.number else "left", no_wrap=True, style="" if i else "cyan")
    widths = _fit(heads, rows, console.width - _GAP * (len(heads) - 1))
    for row in rows:
        # The middle of a name goes first, since names differ at their ends.
        table.add_row(*(Text(cut(cell, width)) for cell, width in zip(row, widths, strict=True)))
    console.print(table)


def _fit(heads: Sequence[Head], rows: Sequence[Sequence[str]], available: int) -> list[int]:
    """Widths of the columns: as wide as their text when there is room for all, else the widest give way."""
    widths = [max(len(cells[i]) for cells in ([h.text for h in heads], *rows)) for i in range(len(heads))]
    elastic = [i for i, head in enumerate(heads) if head.weight]
    while sum(widths) > available and any(widths[i] > _MIN_WIDTH for i in elastic):
        widest = max(elastic, key=lambda i: widths[i] / heads[i].weight)
        widths[widest] -= 1
    return widths
