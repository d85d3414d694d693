"""Tables and sizes as text, for terminals and notebooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["aligned", "cut", "human_bytes"]

_UNIT = 1000.0


def human_bytes(count: float) -> str:
    """Bytes for people: `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < _UNIT or unit == "TB":
            break
        count /= _UNIT
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def cut(text: str, width: int) -> str:
    """At most `width` characters; the middle goes first, since names differ at their ends."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Rows of text as a table; the columns numbered in `right` end at the same place, the others begin there."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, tuple("-" * w for w in widths), *rows):
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
