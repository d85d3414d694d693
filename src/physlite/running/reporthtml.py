"""A report in a notebook."""

from __future__ import annotations

import html as _html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from physlite.running.reportrows import Table, datasets, failures, slowest, stages
from physlite.running.wording import distinct

if TYPE_CHECKING:
    from physlite.running.account import Account

__all__ = ["html"]

_NAME_WIDTH = 60
_MOST = 50  # files and failures: a notebook is saved with them


def html(report: Account) -> str:
    """A line about the run, tables of datasets and stages, and, folded, of failures and files."""
    parts = [f"<b>Run</b>: {_html.escape(report.summary)}", _table(datasets(report)), _table(stages(report))]
    if report.failures:
        parts.append(_folded(f"Failures: {_of(len(report.failures))}", failures(report, _MOST)))
    parts.append(_folded(f"Slowest files: {_of(len(report.files))}", slowest(report, _MOST)))
    return f"<div>{''.join(parts)}</div>"


def _of(number: int) -> str:
    return f"{_MOST} of {number:,}" if number > _MOST else f"{number}"


def _folded(title: str, table: Table) -> str:
    inside = f"<div style='max-height:30em;overflow:auto'>{_table(table)}</div>"
    return f"<details><summary>{title}</summary>{inside}</details>"


def _table(table: Table) -> str:
    names = distinct([row[0] for row in table.rows], _NAME_WIDTH)
    rows = "".join(
        f"<tr title='{_html.escape(row[0])}'>{_cells('td', (name, *row[1:]), table)}</tr>"
        for name, row in zip(names, table.rows, strict=True)
    )
    return f"<table><thead><tr>{_cells('th', table.head, table)}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(tag: str, cells: Sequence[str], table: Table) -> str:
    out = []
    for i, cell in enumerate(cells):
        side = "right" if i in table.right else "left"
        wrapping = "normal" if i == table.long else "nowrap"
        out.append(f"<{tag} style='text-align:{side};white-space:{wrapping}'>{_html.escape(cell)}</{tag}>")
    return "".join(out)
