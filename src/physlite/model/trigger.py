"""Trigger decisions of events by the names of chains and items; what `events.trigger` is."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import ColumnNotFoundError, CorruptDataError, TriggerNotFoundError
from physlite.formats.filters import NameFilter, nearest, select
from physlite.model.source import source_of
from physlite.model.store import ColumnStore
from physlite.model.triggermatching import matched_combinations
from physlite.model.triggermenu import Prescales, TriggerMenu, trigger_menus

__all__ = ["EventTrigger", "Stage", "Trigger", "TriggerSummary"]

Stage = Literal["before prescale", "after prescale", "after veto"]

_DECISIONS = "xTrigDecision"
_KEYS = "TrigConfKeys"

# xAOD::TrigDecision: "tbp" trigger before prescale, "tap" after prescale, "tav" after veto (of the dead time).
_STAGES: Mapping[str, str] = {"before prescale": "tbp", "after prescale": "tap", "after veto": "tav"}

_WORD_BITS = 32


@dataclass(frozen=True)
class TriggerSummary:
    """What a chain or an item did in some events.

    Attributes:
        name: of the chain or the item.
        prescales: the prescales it had, each once; below or equal zero: switched off. Empty where the file tells none.
        passed: number of events that passed it.
    """

    name: str
    prescales: tuple[float, ...]
    passed: int


class _Words(NamedTuple):
    """Decisions of events as words of 32 bits: those of event i are `values[start[i] : start[i] + length[i]]`."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    values: NDArray[np.uint32]

    def of(self, chosen: NDArray[np.bool_]) -> Self:
        return self._replace(start=self.start[chosen], length=self.length[chosen])

    def word(self, number: int) -> NDArray[np.uint32]:
        """A word of each event; 0 in events that have fewer."""
        out = np.zeros(len(self.start), dtype=np.uint32)
        there = self.length > number
        out[there] = self.values[self.start[there] + number]
        return out

    def any_of(self, bits: list[int]) -> NDArray[np.bool_]:
        """Whether any of these bits is set."""
        masks: dict[int, int] = {}
        for bit in bits:
            masks[bit // _WORD_BITS] = masks.get(bit // _WORD_BITS, 0) | 1 << bit % _WORD_BITS
        out = np.zeros(len(self.start), dtype=np.bool_)
        for number, mask in masks.items():
            out |= (self.word(number) & np.uint32(mask)) != 0
        return out

    def events_with(self, bits: list[int]) -> list[int]:
        """In how many events each of these bits is set."""
        counts = {}
        for number in {bit // _WORD_BITS for bit in bits}:
            octets = self.word(number).astype("<u4").view(np.uint8).reshape(-1, _WORD_BITS // 8)
            counts[number] = np.unpackbits(octets, axis=1, bitorder="little").sum(axis=0, dtype=np.int64)
        return [int(counts[bit // _WORD_BITS][bit % _WORD_BITS]) for bit in bits]


class Trigger:
    """The trigger of some events: its menu, its decisions, and the objects it was matched to.

    Events know by their super master key which menu they were taken with; the menus are those of the file that the
    events are from. Results have one value for each event of the array, whichever events it holds.

    Args:
        events: events of a file, or a selection of them.

    Raises:
        ValueError: the array does not know its file any more, or its events are in lists.
    """

    def __init__(self, events: ak.Array) -> None:
        source = source_of(events)
        if source is None:
            msg = "the trigger menu of these events cannot be found: the array does not know its file any more"
            raise ValueError(msg)
        if events.ndim != 1:
            msg = f"a trigger decision is for events, not for lists of them: {events.ndim} dimensions"
            raise ValueError(msg)
        layout = events.layout
        self._present = np.asarray(layout.mask_as_bool(valid_when=True)) if layout.is_option else None
        self._events = events if self._present is None else ak.drop_none(events, axis=0)
        self._source = source

    @property
    def _store(self) -> ColumnStore:
        return self._source.store

    @property
    def menus(self) -> Mapping[int, TriggerMenu]:
        """The menus of the file, by super master key.

        Raises:
            TriggerNotFoundError: the file has no menu.
            CorruptDataError: a menu is damaged.
        """
        return trigger_menus(self._store)

    def names(self, pattern: NameFilter = None) -> list[str]:
        """The HLT chains of the file's menus, sorted: all, or those that a filter chooses.

        Args:
            pattern: a name, a glob pattern, `/regular expression/i`, several of them, or a function.

        Raises:
            TriggerNotFoundError: nothing is chosen (the message offers the nearest names), or there is no menu.
        """
        return self._choose(pattern, self._numbers_of_chains(), "chain")

    def items(self, pattern: NameFilter = None) -> list[str]:
        """The L1 items, as `names`."""
        return self._choose(pattern, self._numbers_of_items(), "L1 item")

    def passed(self, chain: NameFilter) -> ak.Array:
        """Whether each event passed a chain of the HLT, or any of those that a pattern chooses.

        The decision is the bit of `xTrigDecision.efPassedPhysics` with the number that the menu gives the chain. An
        event whose menu does not have a chain did not pass it.

        Args:
            chain: a name such as `HLT_e26_lhtight_nod0_ivarloose`, or a filter, as of `names`.

        Returns:
            One bool an event.

        Raises:
            TriggerNotFoundError: no menu of the file has such a chain, there is no menu, or none of an event's key.
            ColumnNotFoundError: the events have no decisions.
        """
        names = self.names(chain)
        return self._result(self._any_passed(names, self._numbers_of_chains(), "efPassedPhysics"))

    def passed_l1(self, item: NameFilter, stage: Stage = "after veto") -> ak.Array:
        """Whether each event passed an item of the first level, or any of those that a pattern chooses.

        Args:
            item: a name such as `L1_EM22VHI`, or a filter, as of `names`.
            stage: "before prescale", "after prescale" or, as the trigger decided in the end, "after veto".

        Returns:
            One bool an event.

        Raises:
            ValueError: there is no such stage.
            TriggerNotFoundError, ColumnNotFoundError: as `passed`.
        """
        names = self.items(item)
        return self._result(self._any_passed(names, self._numbers_of_items(), _words_at(stage)))

    def prescale(self, name: str) -> ak.Array:
        """The prescale of a chain of the HLT (without that of its L1 item), or of an L1 item, in each event.

        Returns:
            One float an event: zero or below zero where it was switched off, nan where the menu does not have it.

        Raises:
            TriggerNotFoundError: no menu of the file has such a chain or item, or the prescales of an event are not
                in the file.
            ColumnNotFoundError: the events have no keys of prescales.
        """
        on_l1 = any(name in menu.items for menu in self.menus.values())
        if not on_l1 and not any(name in menu.chains for menu in self.menus.values()):
            known = [n for menu in self.menus.values() for n in (*menu.chains, *menu.items)]
            msg = f"{self._store.name}: no trigger chain and no L1 item {name!r} (one name){nearest(known, name)}"
            raise TriggerNotFoundError(msg)
        out = np.full(len(self._events), np.nan)
        for menu, chosen in self._by_menu():
            for prescales, at in self._by_prescales(menu, chosen, on_l1=on_l1):
                out[at] = prescales.get(name, np.nan)
        return self._result(out)

    def summary(self, pattern: NameFilter = None) -> list[TriggerSummary]:
        """How many events passed each chain that a filter chooses, sorted by name.

        Args and errors are those of `names` and `passed`.
        """
        return self._summary(self.names(pattern), self._numbers_of_chains(), "efPassedPhysics", on_l1=False)

    def summary_l1(self, pattern: NameFilter = None, stage: Stage = "after veto") -> list[TriggerSummary]:
        """How many events passed each L1 item that a filter chooses, sorted by name.

        Args and errors are those of `items` and `passed_l1`.
        """
        return self._summary(self.items(pattern), self._numbers_of_items(), _words_at(stage), on_l1=True)

    def matched(self, chain: str) -> ak.Array:
        """The reconstructed objects to which a chain was matched, from the lists that Run 2 files have of them.

        For one kind of objects see their `matched`, as `events.Electrons.matched(chain)`.

        Returns:
            For each event a list of combinations, each a list of objects, one for each leg of the chain; None where
            an object is not in the file.

        Raises:
            TriggerNotFoundError: there is no such chain, matching was not made for it, or the file has no matching.
            UnsupportedFormatError: the file has the navigation of Run 3 instead.
            ValueError: the events are of several files that differ in their collections.
        """
        combinations = matched_combinations(self._source, self._events, chain)
        if self._present is None:
            return combinations
        index = np.where(self._present, np.cumsum(self._present) - 1, -1)
        layout = ak.contents.IndexedOptionArray.simplified(ak.index.Index64(index), combinations.layout)
        return ak.Array(layout, attrs=combinations.attrs)

    def __repr__(self) -> str:
        return f"<Trigger of {len(self._events)} events>"

    # ------------------------------------------------------------------------------------------------------- names

    def _numbers_of_chains(self) -> dict[int, Mapping[str, int]]:
        return {smk: menu.chains for smk, menu in self.menus.items()}

    def _numbers_of_items(self) -> dict[int, Mapping[str, int]]:
        return {smk: menu.items for smk, menu in self.menus.items()}

    def _choose(self, wanted: NameFilter, numbers: Mapping[int, Mapping[str, int]], kind: str) -> list[str]:
        if isinstance(wanted, str) and any(wanted in names for names in numbers.values()):
            return [wanted]  # as a rule: then thousands of names need not be sorted
        known = sorted(set().union(*numbers.values()))
        try:
            found = sorted(select(known, wanted, kind, f"see trigger.{'items' if kind == 'L1 item' else 'names'}()"))
        except ColumnNotFoundError as error:
            msg = f"{self._store.name}: {error}{self._other_level(wanted, kind)}"
            raise TriggerNotFoundError(msg) from None
        if not found:
            msg = f"no {kind} is named by {wanted!r}"
            raise TriggerNotFoundError(msg)
        return found

    def _other_level(self, wanted: NameFilter, kind: str) -> str:
        """A hint where a name of one level was asked of the other."""
        names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, Iterable) else []
        others, how = {
            "chain": (self._numbers_of_items(), "an item of the first level: see items, passed_l1"),
            "L1 item": (self._numbers_of_chains(), "a chain of the HLT: see names, passed"),
        }[kind]
        found = next((name for name in names for menu in others.values() if name in menu), None)
        return "" if found is None else f"; {found} is {how}"

    # --------------------------------------------------------------------------------------------------- decisions

    def _any_passed(self, names: list[str], numbers: Mapping[int, Mapping[str, int]], field: str) -> NDArray[np.bool_]:
        words = self._words(field)
        out = np.zeros(len(self._events), dtype=np.bool_)
        for menu, chosen in self._by_menu():
            known = numbers[menu.smk]
            out[chosen] = words.of(chosen).any_of([known[name] for name in names if name in known])
        return out

    def _summary(
        self, names: list[str], numbers: Mapping[int, Mapping[str, int]], field: str, *, on_l1: bool
    ) -> list[TriggerSummary]:
        words = self._words(field)
        passed = dict.fromkeys(names, 0)
        prescales: dict[str, set[float]] = {name: set() for name in names}
        for menu, chosen in self._by_menu():
            known = {name: numbers[menu.smk][name] for name in names if name in numbers[menu.smk]}
            for name, count in zip(known, words.of(chosen).events_with(list(known.values())), strict=True):
                passed[name] += count
            for found in self._prescales_told(menu, chosen, on_l1=on_l1):
                for name in known.keys() & found.keys():
                    prescales[name].add(found[name])
        return [TriggerSummary(name, tuple(sorted(prescales[name])), passed[name]) for name in names]

    def _result(self, values: NDArray[Any]) -> ak.Array:
        if self._present is None:
            return ak.Array(values)
        out = np.zeros(len(self._present), dtype=values.dtype)
        out[self._present] = values
        return ak.mask(ak.Array(out), self._present)

    def _by_menu(self) -> Iterator[tuple[TriggerMenu, NDArray[np.bool_]]]:
        """The menus of the events, and which events are of each."""
        keys = self._smk
        for key in np.unique(keys).tolist():
            if key not in self.menus:
                msg = (
                    f"{self._store.name}: no trigger menu with the super master key {key}, which events have: the "
                    f"menus in the file have {_listed(self.menus)}; are the events of several files?"
                )
                raise TriggerNotFoundError(msg)
            yield self.menus[key], keys == key

    def _prescales_told(self, menu: TriggerMenu, chosen: NDArray[np.bool_], *, on_l1: bool) -> list[Prescales]:
        """The prescales of events with a menu, as far as the file has them."""
        if _KEYS not in self._events.fields:
            return []
        told = menu.item_prescales if on_l1 else menu.chain_prescales
        keys = np.unique(self._prescale_keys(on_l1=on_l1)[chosen]).tolist()
        return [told[key] for key in keys if key in told]

    def _by_prescales(
        self, menu: TriggerMenu, chosen: NDArray[np.bool_], *, on_l1: bool
    ) -> Iterator[tuple[Prescales, NDArray[np.bool_]]]:
        """The sets of prescales that events with a menu have, and which events have each."""
        told = menu.item_prescales if on_l1 else menu.chain_prescales
        keys = self._prescale_keys(on_l1=on_l1)
        for key in np.unique(keys[chosen]).tolist():
            if key not in told:
                level = "L1" if on_l1 else "HLT"
                msg = (
                    f"{self._store.name}: no prescales with the {level} prescale key {key}, which events have: the "
                    f"file has those of {_listed(told) or 'no key'} with their menu"
                )
                raise TriggerNotFoundError(msg)
            yield told[key], chosen & (keys == key)

    # ------------------------------------------------------------------------------------------------------ columns

    @functools.cached_property
    def _smk(self) -> NDArray[np.uint32]:
        return self._numbers(_KEYS if _KEYS in self._events.fields else _DECISIONS, "smk")

    def _prescale_keys(self, *, on_l1: bool) -> NDArray[np.uint32]:
        return self._numbers(_KEYS, "l1psk" if on_l1 else "hltpsk")

    def _numbers(self, collection: str, field: str) -> NDArray[np.uint32]:
        values = self._field(collection, field)
        if values.ndim != 1 or not np.issubdtype(ak.type(values).content.primitive, np.integer):
            raise self._not_numbers(collection, field)
        return np.asarray(ak.to_numpy(values), dtype=np.uint32)

    def _words(self, field: str) -> _Words:
        """Decisions of the events. As many words as are stored: the trigger writes none behind its last bit."""
        layout = ak.to_packed(self._field(_DECISIONS, field)).layout
        if not layout.is_list or not layout.content.is_numpy or layout.content.dtype != np.uint32:
            raise self._not_numbers(_DECISIONS, field)
        offsets = np.asarray(layout.to_ListOffsetArray64(True).offsets)
        return _Words(offsets[:-1], np.diff(offsets), np.asarray(layout.content.data))

    def _not_numbers(self, collection: str, field: str) -> CorruptDataError:
        msg = f"{self._store.name}: {collection}.{field} is not of the type that trigger decisions and keys have"
        return CorruptDataError(msg)

    def _field(self, collection: str, field: str) -> ak.Array:
        if collection not in self._events.fields or field not in self._events[collection].fields:
            msg = f"{self._store.name}: these events have no {collection}.{field}, which the trigger is told by"
            raise ColumnNotFoundError(msg)
        return self._events[collection][field]


class EventTrigger(Trigger):
    """The trigger of a single event: as `Trigger`, with one value in place of an array of them."""

    def matched(self, chain: str) -> Any:
        """The combinations of the event; args and errors as of `Trigger.matched`."""
        return super().matched(chain)[0]

    def _result(self, values: NDArray[Any]) -> Any:
        return super()._result(values)[0]


def _words_at(stage: str) -> str:
    if stage not in _STAGES:
        msg = f"stage={stage!r}: it is one of {', '.join(map(repr, _STAGES))}"
        raise ValueError(msg)
    return _STAGES[stage]


def _listed(keys: Mapping[int, object]) -> str:
    return ", ".join(map(str, sorted(keys)))
