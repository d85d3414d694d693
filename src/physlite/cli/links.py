"""`physlite links`: where the element links of a file lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from physlite.cli.output import Head, print_json, print_table
from physlite.cli.wanted import WantedFile
from physlite.model.linksummary import LinkSummary, summarize_links

_HEADS = (
    Head("link", weight=3, once=True),
    Head("accessor", weight=1, optional=True, once=True),
    Head("leads to (not in the file)", weight=2),
    Head("links", number=True),
)


def run(wanted: WantedFile, filters: list[str] | None, *, as_json: bool) -> None:
    """Counts the links of the fields that any of the filters chooses, or of all."""
    with wanted.open() as file:
        links = summarize_links(file, filters)
    if as_json:
        print_json({"file": file.name, "links": [asdict(link) for link in links]})
        return
    print_table(_HEADS, [row for link in links for row in _rows(link)])


def _rows(link: LinkSummary) -> Iterator[tuple[str, ...]]:
    """A row for each container, in brackets if it is not in the file, and for those links that lead nowhere."""
    targets = [*link.valid.items()]
    targets += [(f"({name})", n) for name, n in link.dangling.items()]
    targets += [(f"unknown key {key}", n) for key, n in link.unknown.items()]
    targets += [("index out of range", link.out_of_range)] * (link.out_of_range > 0)
    targets += [("null", link.null)] * (link.null > 0)
    for target, number in targets or [(f"no links to {link.target}", 0)]:
        yield f"{link.collection}.{link.field}", link.accessor, target, f"{number:,}"
