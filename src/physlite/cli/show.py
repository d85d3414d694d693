"""`physlite show`: the columns of a file."""

from __future__ import annotations

from dataclasses import asdict

from physlite.cli.output import Head, print_json, print_table
from physlite.cli.wanted import WantedFile
from physlite.text import human_bytes

_HEADS = (
    Head("column", weight=2),
    Head("C++ type", weight=1),
    Head("type of an entry", weight=1),
    Head("on disk", number=True),
)


def run(wanted: WantedFile, filters: list[str] | None, *, as_json: bool) -> None:
    """Lists the columns that any of the filters chooses, or all."""
    with wanted.open() as file:
        columns = file.select(filters)
    if as_json:
        print_json({"file": file.name, "columns": [asdict(c) for c in columns]})
        return
    rows = [(c.name, c.type_name, c.type, human_bytes(c.compressed_bytes)) for c in columns]
    print_table(_HEADS, rows)
