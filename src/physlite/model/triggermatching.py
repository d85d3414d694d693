"""The objects to which the trigger was matched when the file was made.

Run 2 files have a container for each chain: combinations of objects, as element links to the reconstructed ones. Names
and content are those of Athena's PhysicsAnalysis/DerivationFramework and Trigger/TrigAnalysis/TriggerMatchingTool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import ColumnNotFoundError, TriggerNotFoundError, UnsupportedFormatError
from physlite.formats.filters import NameFilter, nearest, select
from physlite.model.follow import of_record
from physlite.model.joining import merged_form
from physlite.model.objects import EVENT, LINK, first_event_id
from physlite.model.placing import covering
from physlite.model.source import Source, source_of
from physlite.model.store import ColumnStore
from physlite.model.triggermenu import trigger_menus

__all__ = ["matched", "matched_combinations", "matched_objects"]

_FIELD = "TrigMatchedObjects"
_CONTAINER = re.compile(r"^(?:(?:Analysis)?TrigMatch_|Analysis)(?P<chain>HLT_.+)$")
_NAVIGATION = "HLTNav_"

_MATCHED = ("Electron", "IParticle", "Jet", "Muon", "Photon", "TauJet")

Integers = NDArray[Any]

_NOTHING: Integers = np.empty(0, dtype=np.int64)


def matched(objects: ak.Array | ak.Record, chain: NameFilter) -> Any:
    """Whether each object is one to which a chain was matched; see `AuxElementArray.matched`."""
    if isinstance(objects, ak.Record):
        return of_record(objects, lambda array: matched(array, chain))
    record = objects.layout.purelist_parameter("__record__")
    if record not in (*_MATCHED, None):
        msg = f"the trigger is matched to reconstructed electrons, photons, muons, taus and jets, not to {record}"
        raise TypeError(msg)
    source = source_of(objects)
    if source is None or not {EVENT, LINK} <= set(objects.layout.fields):
        msg = "trigger matches of these objects cannot be found: they do not know their file and event any more"
        raise ValueError(msg)
    event, link = (ak.materialize(objects[name]) for name in (EVENT, LINK))
    its_events = ak.to_numpy(ak.flatten(ak.drop_none(event, axis=None), axis=None))
    # First of all: what other files have of the chain is not known here.
    source = covering(source, its_events, "objects", "match them")
    found = [_matches(source, name) for name in _collections(source.store, chain) if name is not None]
    matches = [np.concatenate(parts) for parts in zip(*found, strict=True)] or [_NOTHING] * 3

    def at_leaves(layouts: list[ak.contents.Content], **_: Any) -> tuple[ak.contents.Content] | None:
        if not all(layout.is_numpy for layout in layouts):
            return None
        its_event, its_link = (np.asarray(layout.data) for layout in layouts)
        return (ak.contents.NumpyArray(matched_objects(its_event, its_link, *matches)),)

    return ak.transform(at_leaves, event, link)


def matched_objects(
    event: Integers, link: Integers, match_event: Integers, match_key: Integers, match_index: Integers
) -> NDArray[np.bool_]:
    """Which objects are among the matched ones.

    Args:
        event: events of the objects.
        link: the links that name them, key << 32 | index.
        match_event: events of the matched objects.
        match_key: keys of the links to them; 0 is a null link.
        match_index: indices of these links.
    """
    real = match_key != 0
    match_link = (match_key[real].astype(np.int64) << 32) | match_index[real].astype(np.int64)
    # Events and links have 63 bits each: together they are told by their places among those that occur.
    events, event_place = np.unique(match_event[real], return_inverse=True)
    links, link_place = np.unique(match_link, return_inverse=True)
    at = np.searchsorted(events, event) * (len(links) + 1) + np.searchsorted(links, link)
    known = np.isin(event, events) & np.isin(link, links)
    return known & np.isin(at, event_place * (len(links) + 1) + link_place)


def matched_combinations(source: Source, events: ak.Array, chain: str) -> ak.Array:
    """What `Trigger.matched` gives, for events of a source."""
    if events.layout.is_union:
        msg = "events of files with different collections in one array: find their matches before they are concatenated"
        raise ValueError(msg)
    collections = _collections(source.store, chain)
    if len(collections) != 1:
        msg = f"{source.store.name}: {chain!r} chooses {len(collections)} chains; combinations are of one chain"
        raise TriggerNotFoundError(msg)
    if collections[0] is not None:
        return events[collections[0]].follow(_FIELD)
    no_objects = merged_form({}, "IParticle").length_zero_array(highlevel=False)
    none = ak.contents.IndexedOptionArray(ak.index.Index64(_NOTHING), no_objects)
    legs = ak.contents.ListOffsetArray(_zeros(1), none)
    return ak.Array(ak.contents.ListOffsetArray(_zeros(len(events) + 1), legs), attrs=events.attrs)


def _zeros(length: int) -> ak.index.Index64:
    return ak.index.Index64(np.zeros(length, dtype=np.int64))


def _matches(source: Source, collection: str) -> tuple[Integers, Integers, Integers]:
    """Events, keys and indices of the matched objects in a source."""
    links = ak.Array(source.layout(source.store.schema.collections[collection].fields[_FIELD]))
    legs = ak.flatten(links, axis=2)
    first = first_event_id(source.token, source.start)
    flat = ak.flatten(legs, axis=1)
    events = np.repeat(np.arange(first, first + len(legs), dtype=np.int64), ak.to_numpy(ak.num(legs)))
    return events, ak.to_numpy(flat.m_persKey), ak.to_numpy(flat.m_persIndex)


def _collections(store: ColumnStore, wanted: NameFilter) -> list[str | None]:
    """The collections of the objects matched to chains; None for a chain without a match in the whole file.

    Matching is made for a list of chains. Each of them has a container, which is written without columns when there
    was no match in the whole file; of other chains nothing is known.
    """
    names = store.schema.containers
    containers = {match["chain"]: name for name in names if (match := _CONTAINER.match(name))}
    if not containers:
        raise _no_matching(store, names)
    if isinstance(wanted, str):
        wanted = [wanted]
    if isinstance(wanted, Iterable):
        # As MatchFromCompositeTool does: a name with a dot would not do for a branch.
        wanted = [branch if (branch := str(n).replace(".", "_")) in containers else n for n in wanted]
    try:
        chains = select(sorted(containers), wanted, "trigger chain with matched objects", "of all chains few have them")
    except ColumnNotFoundError as error:
        raise TriggerNotFoundError(_not_listed(store, wanted, containers) or f"{store.name}: {error}") from None
    if not chains:
        msg = f"no trigger chain is named by {wanted!r}"
        raise TriggerNotFoundError(msg)
    with_columns = {c.container: c.name for c in store.schema.collections.values() if _FIELD in c.fields}
    return [with_columns.get(containers[chain]) for chain in chains]


def _not_listed(store: ColumnStore, wanted: NameFilter, containers: Mapping[str, str]) -> str:
    """The message for a chain that the menu has, but not the matching; empty for other names."""
    in_menus = _in_menus(store)
    names = wanted if isinstance(wanted, list) else []
    missing = next((name for name in names if name in in_menus and name not in containers), None)
    if missing is None:
        return ""
    return (
        f"{store.name}: no trigger matching was made for {missing}, so what it was matched to is not known: the file "
        f"has matched objects of {len(containers)} other chains{nearest(containers, missing)}"
    )


def _in_menus(store: ColumnStore) -> set[str]:
    """The chains of the file's menus; none when it has no menu."""
    try:
        return {name for menu in trigger_menus(store).values() for name in menu.chains}
    except TriggerNotFoundError:
        return set()


def _no_matching(store: ColumnStore, names: Iterable[str]) -> Exception:
    navigation = sorted(name for name in names if name.startswith(_NAVIGATION))
    if navigation:
        msg = (
            f"{store.name}: trigger matching of Run 3 is not known here yet: instead of lists of matched objects the "
            f"file has the trigger's navigation, {', '.join(navigation)}"
        )
        return UnsupportedFormatError(msg)
    msg = f"{store.name}: no trigger matching in the file: no container TrigMatch_HLT_… or AnalysisHLT_…"
    return TriggerNotFoundError(msg)
