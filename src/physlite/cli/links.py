"""`physlite links`: where the element links of a file lead."""

from __future__ import annotations

from dataclasses import asdict

import physlite
from physlite.cli.output import Head, print_json, print_table
from physlite.model.linksummary import LinkSummary, summarize_links

_HEADS = (
    Head("link", weight=2),
    Head("accessor", weight=1),
    Head("depth", number=True),
    Head("targets", weight=3),
    Head("valid", number=True),
    Head("not in file", number=True),
    Head("null", number=True),
    Head("wrong", number=True),
)


def run(path: str, filters: list[str] | None, *, as_json: bool) -> None:
    """Counts the links of the fields that any of the filters chooses, or of all."""
    with physlite.open(path) as file:
        links = summarize_links(file, filters)
    if as_json:
        print_json({"file": path, "links": [asdict(link) for link in links]})
        return
    print_table(_HEADS, [_row(link) for link in links])


def _row(link: LinkSummary) -> tuple[str, ...]:
    """`wrong` are those that nobody can follow: of an unknown key, or with an index out of range."""
    targets = [f"{name} {n:,}" for name, n in link.valid.items()]
    targets += [f"({name} {n:,})" for name, n in link.dangling.items()]
    targets += [f"(unknown key {key} {n:,})" for key, n in link.unknown.items()]
    return (
        f"{link.collection}.{link.field}",
        link.accessor,
        str(link.depth),
        ", ".join(targets) or f"none, of class {link.target}",
        f"{sum(link.valid.values()):,}",
        f"{sum(link.dangling.values()):,}",
        f"{link.null:,}",
        f"{sum(link.unknown.values()) + link.out_of_range:,}",
    )
