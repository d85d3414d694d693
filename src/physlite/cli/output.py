"""What goes to the standard output: tables for people, plain text for pipes, JSON for programs."""

from __future__ import annotations

import functools
import itertools
import json
import operator
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import typer
from rich.console import Console

from physlite.text import aligned, cut

__all__ = ["Head", "print_json", "print_table", "print_title"]

_GAP = 2  # between the columns of a table
_MIN_WIDTH = 12


@dataclass(frozen=True)
class Head:
    """The head of a table's column.

    On a narrow terminal columns that are `optional` are left out, and those with a `weight` are cut, to widths in these
    proportions; in pipes nothing is cut. Of rows that follow each other with the same text in the first column a
    terminal shows that, and what is in other columns with `once`, once, in as many lines as it takes.
    """

    text: str
    number: bool = False
    weight: int = 0
    optional: bool = False
    once: bool = False


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

    if sum(_widths(heads, rows)) + _GAP * (len(heads) - 1) > console.width:
        kept = [i for i, head in enumerate(heads) if not head.optional]
        heads, rows = [heads[i] for i in kept], [[row[i] for i in kept] for row in rows]
    widths = _fit(heads, rows, console.width - _GAP * (len(heads) - 1))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, (head, width) in enumerate(zip(heads, widths, strict=True)):
        justify: Literal["left", "right"] = "right" if head.number else "left"
        table.add_column(cut(head.text, width), justify=justify, no_wrap=True, style="" if i else "cyan")
    for _, group in itertools.groupby(rows, key=operator.itemgetter(0)):
        columns = [_lines(head, cells, width) for head, *cells, width in zip(heads, *group, widths, strict=True)]
        for line in itertools.zip_longest(*columns, fillvalue=""):
            table.add_row(*map(Text, line))
    console.print(table)


def _lines(head: Head, cells: Sequence[str], width: int) -> list[str]:
    """What a terminal shows in a column of rows with the same first text."""
    if not head.once:
        # The middle of a name goes first, since names differ at their ends.
        return [cut(cell, width) for cell in cells]
    if len(cells[0]) <= width:
        return [cells[0]]
    before, dot, after = cells[0].rpartition(".")
    wrapped = functools.partial(textwrap.wrap, width=width, break_on_hyphens=False)
    return [*wrapped(before), *wrapped(dot + after)]


def _widths(heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(cells[i]) for cells in ([h.text for h in heads], *rows)) for i in range(len(heads))]


def _fit(heads: Sequence[Head], rows: Sequence[Sequence[str]], available: int) -> list[int]:
    """Widths of the columns: as wide as their text when there is room for all, else the widest give way."""
    widths = _widths(heads, rows)
    elastic = [i for i, head in enumerate(heads) if head.weight]
    while sum(widths) > available and any(widths[i] > _MIN_WIDTH for i in elastic):
        widest = max(elastic, key=lambda i: widths[i] / heads[i].weight)
        widths[widest] -= 1
    return widths
