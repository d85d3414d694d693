"""Writes docs/reference/links.md from real files: python tools/make_links_page.py FILE... > docs/reference/links.md.

Each file stands for its release, which its name tells or, where it does not, the file.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import physlite
from physlite.model.linksummary import LinkSummary, summarize_links

HEAD = """\
# Links and their accessors

<!-- Written by tools/make_links_page.py: do not edit. -->

Every field of element links in published simulation files of the releases {releases} ({formats}), what it
points to there, and the name by which the targets can be had: `events.Electrons.trackParticles` is short for
`events.Electrons.follow("trackParticleLinks")`. Containers in brackets are named by links but not stored: those links
give `None`. Null links give `None` as well.

Besides there are `trackParticle`, `caloCluster`, `vertex` and `track` for the first of several, `vertices` of track
particles, `productionVertex` and `decayVertex` of truth particles, `incoming` and `outgoing` of truth vertices, and
`trackParticle` of a muon, which goes by the muon's type.

`lists` says how many lists of links an object has around each: 0 for one link, 1 for a list of links.
"""
TABLE = """
## {}

| accessor, and field of links | lists | targets |
|---|---|---|
"""

# One for each trigger chain.
_MATCHES = re.compile(r"^(?:TrigMatch_)?HLT_.*")


def page(paths: list[Path]) -> str:
    """The page, as Markdown."""
    rows: dict[tuple[str, str], list[LinkSummary]] = {}
    releases: dict[str, str] = {}
    for path in paths:
        with physlite.open(path) as file:
            release = re.search(r"[-_](\d+\.\d+)\.", f"{path.name} {file.metadata.release}")
            if release is not None:
                releases[release[1]] = file.format
            for link in summarize_links(file):
                name = "matches of a trigger chain" if _MATCHES.match(link.collection) else link.collection
                rows.setdefault((name, link.field), []).append(link)
    tables = []
    for objects in sorted({objects for objects, _ in rows}):
        lines = [_row(field, links) for (name, field), links in sorted(rows.items()) if name == objects]
        tables.append(TABLE.format(objects) + "\n".join(lines) + "\n")
    names = ", ".join(sorted(releases))
    ntuples = ", ".join(sorted(r for r, kind in releases.items() if kind == "RNTuple"))
    return HEAD.format(releases=names, formats=f"{ntuples} as an RNTuple" if ntuples else "") + "".join(tables)


def _row(field: str, links: list[LinkSummary]) -> str:
    valid = sorted({f"`{name}`" for link in links for name in link.valid})
    missing = sorted({f"(`{name}`)" for link in links for name in link.dangling} - {f"({name})" for name in valid})
    accessor = next((f"`{link.accessor}`" for link in links if link.accessor), f'`follow("{field}")`')
    targets = ", ".join(valid + missing) or f"none seen; of class {links[0].target}"
    return f"| {accessor}<br>`{field}` | {links[0].depth} | {targets} |"


if __name__ == "__main__":
    sys.stdout.write(page([Path(name) for name in sys.argv[1:]]))
