"""Tables of results for terminals, pipes and notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from physlite.text import aligned

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["Table", "Tabular"]


class Table(NamedTuple):
    """Cells of text: names in the first column, numbers in the others.

    Attributes:
        head: the names of the columns.
        rows: each with as many cells.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Tabular:
    """What shows itself as a table: `print` makes an aligned one, `rich.print` one with lines, a notebook its own."""

    def table(self) -> Table:
        """The cells."""
        raise NotImplementedError

    def __repr__(self) -> str:
        head, rows = self.table()
        return aligned(head, rows, right=range(1, len(head)))

    def __rich__(self) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        head, rows = self.table()
        shown = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for i, name in enumerate(head):
            shown.add_column(Text(name), justify="right" if i else "left", no_wrap=bool(i))
        for row in rows:
            shown.add_row(*map(Text, row))
        return shown

    def _repr_html_(self) -> str:
        head, rows = self.table()
        cells = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
        return f"<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{cells}</tbody></table>"


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(
        f"<{tag} style='text-align:{'right' if i else 'left'}'>{html.escape(cell)}</{tag}>"
        for i, cell in enumerate(cells)
    )
