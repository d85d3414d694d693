"""What the links of a file point to, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import awkward as ak
import numpy as np

from physlite.formats.filters import NameFilter, select
from physlite.model.accessors import accessors
from physlite.model.file import File
from physlite.model.links import LinkField

__all__ = ["LinkSummary", "summarize_links"]


@dataclass(frozen=True)
class LinkSummary:
    """One field of links, counted over all events.

    Attributes:
        collection: as in `events`.
        field: its name.
        accessor: the name by which the targets can be reached too; empty when there is none, then `follow` does it.
        depth: lists around a link within an object: 0 for one link, 1 for a list of links, 2 for lists of lists.
        target: the class that the C++ type names.
        valid: links to objects in the file, by container.
        dangling: links to containers that are not in the file, by container.
        unknown: links with a key that belongs to no known container, by key.
        out_of_range: links to containers in the file that have no object of this index.
        null: null links.
    """

    collection: str
    field: str
    accessor: str
    depth: int
    target: str
    valid: dict[str, int]
    dangling: dict[str, int]
    unknown: dict[int, int]
    out_of_range: int
    null: int


def summarize_links(file: File, names: NameFilter = None) -> list[LinkSummary]:
    """Counts the links of fields. Reads their columns, and the sizes of the containers they point to.

    Args:
        file: the file.
        names: names of fields (`Electrons.trackParticleLinks`) or patterns, as `columns` of `File.arrays`.

    Raises:
        ColumnNotFoundError: `names` chooses nothing.
        CorruptDataError, UnreadableColumnError, OSError: a column cannot be read.
    """
    events = file.events()
    links = {link.name: link for link in file.links}
    return [_count(file, events, links[name]) for name in select(list(links), names, "link", "see File.links")]


def _count(file: File, events: ak.Array, link: LinkField) -> LinkSummary:
    collection = file.collections[link.collection]
    column = file.manifest.columns[link.column].name
    links = file.array(column)
    valid: Counter[str] = Counter()
    dangling: Counter[str] = Counter()
    unknown: Counter[int] = Counter()
    bad = 0
    keys = ak.to_numpy(ak.flatten(links["m_persKey"], axis=None))
    for key, number in zip(*np.unique(keys[keys != 0], return_counts=True), strict=True):
        target = file.link_target(int(key))
        if target is None:
            unknown[int(key)] += int(number)
        elif target.collection is None:
            dangling[target.container] += int(number)
        else:
            wrong = _out_of_range(events, links, int(key), target.collection)
            bad += wrong
            valid[target.container] += int(number) - wrong
    named = accessors(collection.record, collection.fields)
    return LinkSummary(
        collection=link.collection,
        field=link.field,
        accessor=next((name for name, a in named.items() if a.field == link.field and not a.first), ""),
        depth=links.ndim - (2 if collection.is_list else 1),
        target=link.target,
        valid={name: n for name, n in valid.most_common() if n},
        dangling=dict(dangling.most_common()),
        unknown=dict(unknown),
        out_of_range=bad,
        null=int(np.count_nonzero(keys == 0)),
    )


def _out_of_range(events: ak.Array, links: ak.Array, key: int, collection: str) -> int:
    sizes = ak.num(events[collection], axis=1)
    wanted = (links["m_persKey"] == key) & (links["m_persIndex"] >= sizes)
    return int(ak.sum(wanted, axis=None))
