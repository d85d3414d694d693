"""Columns as branches with one level of lists: how they are called, and what is in them.

- `Electrons_pt`: a number for each object; `nElectrons` objects.
- `EventInfo_runNumber`: a number an event.
- `EventInfo_mcEventWeights`: a list an event; it has `nEventInfo_mcEventWeights` items.
- `Jets_NumTrkPt500`: a list for each object: all items of an event behind one another, `nJets_NumTrkPt500`, of which
  each object has `Jets_NumTrkPt500_counts`. What is deeper has the numbers of its lists as well: `…_counts` of
  the outermost, `…_counts2` of those in it, and so on.
- Of a link `X_fooLink` the index of its target, `X_fooLink_idx`, in the collection whose key is `X_fooLink_key`. The
  index is -1 where there is no target: the link is null, or the collection is not in the file. An index that its
  collection does not have is an error.

The names are those of CMS NanoAOD, which knows no lists in lists and no links to several collections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import BadLinkError
from physlite.formats.arrowcolumns import LINK, is_link
from physlite.formats.encoding import (
    Fixed,
    ListOf,
    Member,
    Node,
    Objects,
    Primitive,
    Ranged,
    RecordOf,
    Size,
    ToEnd,
    Truncated,
)

__all__ = ["Branch", "Targets", "Values", "branches", "flat_name", "flat_problem", "values"]

_NO_TARGET = -1

_LISTS = (ListOf, ToEnd, Objects, Fixed)
_NUMBERS = (Primitive, Ranged, Truncated)
_COUNT = np.dtype(np.int32)

_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)


class Branch(NamedTuple):
    """A branch.

    Attributes:
        suffix: what is behind the name of its column.
        dtype: of its numbers.
        depth: 0: a number an event. 1: the list that the column has for an event. 2: a list for each event of what
            is deeper in the column.
    """

    suffix: str
    dtype: np.dtype[Any]
    depth: int


class Values(NamedTuple):
    """What a branch holds of some events: numbers, and where each event's begin; None for one number an event."""

    offsets: NDArray[np.int64] | None
    numbers: NDArray[Any]


class Targets(NamedTuple):
    """What links of some events can lead to.

    Attributes:
        sizes: of the collections that are in the file, by key, the number of objects in each of these events.
        names: what these collections are called.
        first: the number of the first of these events.
    """

    sizes: Mapping[int, NDArray[np.int64]]
    names: Mapping[int, str]
    first: int


def flat_name(name: str) -> str:
    """A name of letters, digits and underscores, which no program takes for an expression."""
    return _NOT_IN_NAMES.sub("_", name)


def flat_problem(node: Node) -> str:
    """Why a column of such a node cannot be branches; empty when it can."""
    try:
        list(branches(node))
    except _NotFlatError as error:
        return str(error)
    return ""


class _NotFlatError(Exception):
    """Never leaves this module."""


def branches(node: Node) -> Iterator[Branch]:
    """The branches of a column of such a node, for which `flat_problem` finds none."""
    yield from _branches(node, 0, "")


def _branches(node: Node, level: int, suffix: str) -> Iterator[Branch]:
    if isinstance(node, Member):
        yield from _branches(node.item, level, suffix)
    elif isinstance(node, _LISTS):
        if level:
            yield Branch(f"{suffix}{_counts(level)}", _COUNT, min(level, 2))
        yield from _branches(node.item, level + 1, suffix)
    elif isinstance(node, Size):
        yield Branch(suffix, _COUNT, min(level, 2))
    elif isinstance(node, _NUMBERS):
        dtype = node.dtype if isinstance(node, Primitive) else Primitive(node.code).dtype
        yield Branch(suffix, dtype, min(level, 2))
    elif is_link(node):
        yield Branch(f"{suffix}_key", np.dtype(np.uint32), min(level, 2))
        yield Branch(f"{suffix}_idx", np.dtype(np.int32), min(level, 2))
    elif isinstance(node, RecordOf):
        for name, item in node.fields:
            yield from _branches(item, level, f"{suffix}_{flat_name(name.removeprefix('m_'))}")
    else:
        msg = "it holds texts, or values that can be missing, for which branches of numbers have no place"
        raise _NotFlatError(msg)


def values(node: Node, layout: Content, targets: Targets) -> Iterator[Values]:
    """What the branches of a column hold, in their order.

    Args:
        node: of the column.
        layout: its values, packed, one item an event.
        targets: of its links.

    Raises:
        BadLinkError: an index that its collection does not have; the message names the event, no column and no file.
    """
    yield from _values(node, layout, targets, None, 0)


def _values(
    node: Node, layout: Content, targets: Targets, offsets: NDArray[np.int64] | None, level: int
) -> Iterator[Values]:
    """`offsets`: where the items of each event begin in the layout; None where there is one an event."""
    if isinstance(node, Member):
        yield from _values(node.item, layout, targets, offsets, level)
    elif isinstance(node, _LISTS):
        lists = layout.to_ListOffsetArray64(True) if layout.is_regular else layout
        own = np.asarray(lists.offsets.data, dtype=np.int64)
        if level:
            yield Values(offsets, np.diff(own).astype(_COUNT))
        items = lists.content[: own[-1]] if layout.is_regular else lists.content
        yield from _values(node.item, items, targets, own if offsets is None else own[offsets], level + 1)
    elif is_link(node):
        key, index = (np.asarray(layout.content(name).data, dtype=np.uint32) for name in LINK)
        yield Values(offsets, key)
        yield Values(offsets, _places(key, index, targets, offsets))
    elif isinstance(node, RecordOf):
        for (_, item), content in zip(node.fields, layout.contents, strict=True):
            yield from _values(item, content, targets, offsets, level)
    else:
        yield Values(offsets, np.asarray(layout.data))


def _places(
    key: NDArray[np.uint32], index: NDArray[np.uint32], targets: Targets, offsets: NDArray[np.int64] | None
) -> NDArray[np.int32]:
    """The indices of links, -1 for those without a target."""
    counts = np.ones(len(index), dtype=np.int64) if offsets is None else np.diff(offsets)
    event = np.repeat(np.arange(len(counts)), counts)
    place = np.full(len(index), _NO_TARGET, dtype=np.int32)
    for each in np.unique(key).tolist():
        if each not in targets.sizes:
            continue
        its = np.flatnonzero(key == each)
        there = targets.sizes[each][event[its]]
        bad = np.flatnonzero(index[its] >= there)
        if len(bad):
            at = int(bad[0])
            link = int(its[at])
            msg = (
                f"event {targets.first + int(event[link])}: index {int(index[link])} of {targets.names[each]}, which "
                f"has {int(there[at])} objects there"
            )
            raise BadLinkError(msg)
        place[its] = index[its]
    return place


def _counts(level: int) -> str:
    return "_counts" if level == 1 else f"_counts{level}"
