"""The trigger menus that a file keeps in its MetaData tree: which bit of a decision belongs to which name.

Run 2 files have them as the xAOD::TriggerMenu container, Run 3 files as the JSON texts of xAOD::TriggerMenuJson. Both
are looked up by their keys as Athena's xAODConfigTool does (Trigger/TrigConfiguration/TrigConfxAOD).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import awkward as ak

from physlite.exceptions import CorruptDataError, TriggerNotFoundError
from physlite.model.store import ColumnStore

__all__ = ["Prescales", "TriggerMenu", "trigger_menus"]

Prescales = Mapping[str, float]

_RUN_2 = "TriggerMenuAux."
_RUN_3 = "TriggerMenuJson_"

# Bits of a decision are counted by 16-bit numbers in Run 2; more than this are not in any decision.
_MOST_ID = 2**31

_DIGITS = re.compile(r"-?[0-9]{1,10}")

# The CTP lets an item pass when a random number of 24 bits is not below its cut (TrigConf::L1PrescalesSet).
_CTP_RANGE = 0x1000000


@dataclass(frozen=True)
class TriggerMenu:
    """The trigger menu that one super master key stands for.

    Attributes:
        smk: the super master key.
        chains: HLT chains by name: the number of their bit in HLT decisions ("id" in Run 2, "counter" in Run 3).
        items: L1 items by name: the number of their bit in L1 decisions (the CTP id).
        chain_prescales: for each HLT prescale key the prescales of chains; zero or below zero: switched off.
        item_prescales: for each L1 prescale key the prescales of items; likewise.
    """

    smk: int
    chains: Mapping[str, int]
    items: Mapping[str, int]
    chain_prescales: Mapping[int, Prescales]
    item_prescales: Mapping[int, Prescales]

    def __repr__(self) -> str:
        return f"<TriggerMenu {self.smk}: {len(self.chains)} chains, {len(self.items)} L1 items>"


# Parsed once for each opened file.
_parsed: WeakKeyDictionary[ColumnStore, dict[int, TriggerMenu]] = WeakKeyDictionary()


def trigger_menus(store: ColumnStore) -> Mapping[int, TriggerMenu]:
    """The menus of a file by super master key.

    Raises:
        TriggerNotFoundError: the file has no menu.
        CorruptDataError: a menu is damaged.
    """
    menus = _parsed.get(store)
    if menus is None:
        menus = _read_menus(store)
        _parsed[store] = menus
    if not menus:
        where = "it has no MetaData tree" if store.metadata is None else "none is in its MetaData tree"
        msg = (
            f"{store.name}: the file has no trigger menu ({where}): the bits of events.xTrigDecision can be read, but "
            "not what they stand for"
        )
        raise TriggerNotFoundError(msg)
    return menus


def _read_menus(store: ColumnStore) -> dict[int, TriggerMenu]:
    metadata = store.metadata
    return {} if metadata is None else _run_2(metadata) | _run_3(metadata)


def _column(metadata: ColumnStore, name: str) -> list[Any] | None:
    """What a column has for each menu, or None when there is no such column. Merged files can have several entries."""
    position = metadata.manifest.index.get(name)
    if position is None:
        return None
    (layout,) = metadata.layouts([position], 0, metadata.manifest.num_entries)
    if not layout.is_list or layout.parameter("__array__") == "string":
        raise _damaged(metadata, name, f"is of type {layout.form.type}, no list")
    return list(ak.to_list(ak.flatten(ak.Array(layout), axis=1)))


def _required(metadata: ColumnStore, name: str) -> list[Any]:
    found = _column(metadata, name)
    if found is None:
        raise _damaged(metadata, name, "is not there, though the others of the menu are")
    return found


def _damaged(metadata: ColumnStore, name: str, problem: str) -> CorruptDataError:
    msg = f"{metadata.name}: the trigger menu is damaged: MetaData column {name} {problem}"
    return CorruptDataError(msg)


def _keyed(metadata: ColumnStore, keys: str, name: str) -> Iterator[tuple[int, Any]]:
    """The keys of menus with what another column has for each."""
    numbers, values = _required(metadata, keys), _required(metadata, name)
    if len(numbers) != len(values):
        raise _damaged(metadata, name, f"has {len(values)} menus where {keys} has {len(numbers)}")
    for key, value in zip(numbers, values, strict=True):
        if type(key) is not int:
            raise _damaged(metadata, keys, "holds no integers")
        yield key, value


# -------------------------------------------------------------------------------------------------------------- Run 2


def _run_2(metadata: ColumnStore) -> dict[int, TriggerMenu]:
    if _column(metadata, f"{_RUN_2}smk") is None:
        return {}
    chains = list(_numbers(metadata, "smk", "chainNames", "chainIds"))
    items = dict(_numbers(metadata, "smk", "itemNames", "itemCtpIds"))
    keys = [smk for smk, _ in chains]
    chain_prescales = _of_each(keys, _prescales(metadata, "hltpsk", "chainNames", "chainPrescales"))
    item_prescales = _of_each(keys, _prescales(metadata, "l1psk", "itemNames", "itemPrescales"))
    return {
        smk: TriggerMenu(smk, found, items[smk], chain_prescales[smk], item_prescales[smk]) for smk, found in chains
    }


def _of_each(keys: list[int], found: list[tuple[int, Prescales]]) -> dict[int, dict[int, Prescales]]:
    """The prescales of menus by super master key. A menu is there once for each set of prescales that was used."""
    out: dict[int, dict[int, Prescales]] = {smk: {} for smk in keys}
    for smk, (key, prescales) in zip(keys, found, strict=bool(found)):
        out[smk][key] = prescales
    return out


def _numbers(metadata: ColumnStore, keys: str, names: str, ids: str) -> Iterator[tuple[int, dict[str, int]]]:
    for key, found in _by_name(metadata, keys, names, ids):
        if not all(type(i) is int and 0 <= i < _MOST_ID for i in found.values()):
            raise _damaged(metadata, f"{_RUN_2}{ids}", "holds no numbers of bits")
        yield key, found


def _prescales(metadata: ColumnStore, keys: str, names: str, values: str) -> list[tuple[int, Prescales]]:
    if f"{_RUN_2}{values}" not in metadata.manifest.index:  # xAOD::TriggerMenu has them as optional
        return []
    sets: list[tuple[int, Prescales]] = list(_by_name(metadata, keys, names, values))
    if not all(type(value) is float for _, prescales in sets for value in prescales.values()):
        raise _damaged(metadata, f"{_RUN_2}{values}", "holds no real numbers")
    return sets


def _by_name(metadata: ColumnStore, keys: str, names: str, values: str) -> Iterator[tuple[int, dict[str, Any]]]:
    keys, names, values = (f"{_RUN_2}{name}" for name in (keys, names, values))
    for (key, its_names), (_, its_values) in zip(
        _keyed(metadata, keys, names), _keyed(metadata, keys, values), strict=True
    ):
        if not isinstance(its_names, list) or not isinstance(its_values, list) or len(its_names) != len(its_values):
            raise _damaged(metadata, values, f"and {names} do not fit each other in the menu of key {key}")
        if not all(type(name) is str for name in its_names):
            raise _damaged(metadata, names, "holds no names")
        yield key, dict(zip(its_names, its_values, strict=True))


# -------------------------------------------------------------------------------------------------------------- Run 3


def _run_3(metadata: ColumnStore) -> dict[int, TriggerMenu]:
    chains = _texts(metadata, "HLT", "chains", lambda entry: _bit(entry["counter"]))
    items = _texts(metadata, "L1", "items", lambda entry: _bit(entry["ctpid"]))
    chain_prescales = _texts(metadata, "HLTPS", "prescales", _hlt_prescale)
    item_prescales = _texts(metadata, "L1PS", "cutValues", _l1_prescale)
    return {
        smk: TriggerMenu(smk, found, items.get(smk, {}), chain_prescales, item_prescales)
        for smk, found in chains.items()
    }


def _texts(metadata: ColumnStore, kind: str, part: str, value: Any) -> dict[int, dict[str, Any]]:
    """For each key of a kind of JSON text a part of it: names and the values of their entries."""
    keys, payload = f"{_RUN_3}{kind}Aux.key", f"{_RUN_3}{kind}Aux.payload"
    if payload not in metadata.manifest.index:
        return {}
    out = {}
    for key, text in _keyed(metadata, keys, payload):
        try:
            out[key] = {name: value(entry) for name, entry in json.loads(text, object_pairs_hook=_unique)[part].items()}
        # Text that is no JSON, that is nested deeper than Python goes, and JSON of another structure.
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError, OverflowError) as error:
            problem = f"has no sound JSON {part!r} for key {key} ({type(error).__name__}: {str(error)[:100]})"
            raise _damaged(metadata, payload, problem) from error
    return out


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        msg = "a name that is there twice"
        raise ValueError(msg)
    return out


def _integer(value: Any) -> int:
    """Of a number or its decimal digits; `int` takes more than that."""
    if type(value) is int or (type(value) is str and _DIGITS.fullmatch(value)):
        return int(value)
    msg = f"{value!r} is no integer"
    raise ValueError(msg)


def _bit(value: Any) -> int:
    number = _integer(value)
    if not 0 <= number < _MOST_ID:
        msg = f"{number} is not the number of a bit"
        raise ValueError(msg)
    return number


def _hlt_prescale(entry: Any) -> float:
    """As TrigConf::HLTPrescalesSet has it, but below zero where the chain is switched off, as in Run 2."""
    value = entry["prescale"]
    if isinstance(value, bool) or not math.isfinite(prescale := float(value)):
        msg = f"a prescale of {value!r}"
        raise ValueError(msg)
    return _signed(prescale, entry)


def _l1_prescale(entry: Any) -> float:
    """As TrigConf::L1PrescalesSet has it, but below zero where the item is switched off, as in Run 2."""
    cut = _integer(entry["cut"])
    if abs(cut) >= _CTP_RANGE:
        msg = f"a cut of {cut}"
        raise ValueError(msg)
    return _signed(math.copysign((_CTP_RANGE - 1) / (_CTP_RANGE - abs(cut)), cut), entry)


def _signed(prescale: float, entry: Mapping[str, Any]) -> float:
    enabled = entry.get("enabled")  # where it is missing, the sign of the prescale says so
    if enabled is None:
        return prescale
    size = abs(prescale) or 1.0
    return size if str(enabled).lower() in ("true", "1") else -size
