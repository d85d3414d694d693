"""Trigger menus and decisions once more, one chain and one event at a time, from what uproot reads.

Stores that are streamed whole, which uproot does not read, are taken apart in plain Python.
"""

from __future__ import annotations

import functools
import json
from itertools import pairwise

from support import slow_decoder
from support.slow_links import file_of


def _streamed_whole(name, tree, store):
    """The members of a store without branches for them, entry by entry, or None."""
    branch = file_of(name)[tree].get(store)
    if branch is None or branch.branches:
        return None
    (info,) = file_of(name).file.streamers[branch.typename].values()
    members = [(e.name, e.typename) for e in info.elements if e.member("fType") != 0]  # 0: a base class
    out = []
    for i in range(branch.num_baskets):
        basket = branch.basket(i)
        data, starts = bytes(basket.data), basket.byte_offsets.tolist()
        out += [slow_decoder.object_members(data[a:b], members) for a, b in pairwise(starts)]
    return out


@functools.cache
def column(name, tree, store, member):
    """The entries of a member of a store, as Python values."""
    whole = _streamed_whole(name, tree, store)
    if whole is not None:
        return [entry[member] for entry in whole]
    return file_of(name)[tree][store + member].array().to_list()


@functools.cache
def menu(name):
    """The numbers of chains and of items of a file's only menu."""
    if "TriggerMenuAux." in file_of(name)["MetaData"]:
        parts = [("chainNames", "chainIds"), ("itemNames", "itemCtpIds")]
        columns = [[column(name, "MetaData", "TriggerMenuAux.", part)[0] for part in pair] for pair in parts]
        assert all(len(names) == len(numbers) == 1 for names, numbers in columns)
        chains, items = (dict(zip(names[0], numbers[0], strict=True)) for names, numbers in columns)
        return chains, items
    chains, items = (
        json.loads(column(name, "MetaData", f"TriggerMenuJson_{kind}Aux.", "payload")[0][0])[part]
        for kind, part in (("HLT", "chains"), ("L1", "items"))
    )
    return (
        {chain: int(entry["counter"]) for chain, entry in chains.items()},
        {item: int(entry["ctpid"]) for item, entry in items.items()},
    )


def decisions(name, field, bit):
    """A bit of the decision words, event by event."""
    words = column(name, "CollectionTree", "xTrigDecisionAux.", field)
    return [len(event) > bit // 32 and (event[bit // 32] >> (bit % 32)) % 2 == 1 for event in words]
