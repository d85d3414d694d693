"""How results of several files add up."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Mapping, MutableSequence
from collections.abc import Set as AbstractSet
from typing import Any

import awkward as ak
import numpy as np

from physlite.exceptions import AddingError

__all__ = ["add", "check"]


def add(one: Any, other: Any) -> Any:
    """The sum of two results; None is the sum of none. Neither is changed.

    Numbers and histograms are added, arrays and lists put behind each other, sets united. Mappings are added key by
    key, tuples and dataclasses member by member; what only one of two mappings has is kept. Texts, flags (`bool`) and
    what else says which result this is have to be equal. Everything else is asked for its `+`.

    Raises:
        AddingError: the results do not add up; the message says where in them.
    """
    return _add(one, other, "the result")


def check(result: Any) -> None:
    """Raises AddingError for what would not add up, so that it is told with the first of many."""
    _add(result, result, "the result")


def _add(one: Any, other: Any, where: str) -> Any:
    if one is None or other is None:
        return other if one is None else one
    for kind, operation in _OPERATIONS:
        if isinstance(one, kind) and isinstance(other, kind):
            return operation(one, other, where)
    if _is_dataclass(one) and type(one) is type(other):
        return _add_members(one, other, where)
    if _is_frame(one) and _is_frame(other):
        import pandas as pd

        return pd.concat([one, other])
    return _by_operator(one, other, where)


def _equal(one: Any, other: Any, where: str) -> Any:
    if one != other:
        msg = (
            f"{where} is {one!r} for some events and {other!r} for others: texts and flags have to be the same for all"
        )
        raise AddingError(msg)
    return one


def _add_numbers(one: Any, other: Any, where: str) -> Any:  # noqa: ARG001  # as the others
    return one + other


def _add_mappings(one: Mapping[Any, Any], other: Mapping[Any, Any], where: str) -> Any:
    keys = dict.fromkeys([*one, *other])
    sums = {key: _add(one.get(key), other.get(key), f"{where}[{key!r}]") for key in keys}
    if type(one) is dict:
        return sums
    try:  # accumulators of coffea, defaultdicts, Counters
        out = one.copy()  # type: ignore[attr-defined]  # asked, not known
        for key, value in sums.items():  # update of a Counter would add
            out[key] = value
    except (AttributeError, TypeError):
        return sums
    return out


def _add_tuples(one: tuple[Any, ...], other: tuple[Any, ...], where: str) -> Any:
    if len(one) != len(other):
        msg = f"{where} has {len(one)} members for some events and {len(other)} for others"
        raise AddingError(msg)
    sums = [_add(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True))]
    return type(one)(*sums) if hasattr(one, "_fields") else tuple(sums)


def _add_members(one: Any, other: Any, where: str) -> Any:
    sums = {
        field.name: _add(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
        for field in dataclasses.fields(one)
        if field.init
    }
    return dataclasses.replace(one, **sums)


def _join_arrays(one: Any, other: Any, where: str) -> Any:
    try:
        if np.ndim(one) == 0:
            return one + other
        return np.concatenate([one, other])
    except ValueError as error:
        msg = f"{where}: arrays that do not go behind each other: {error}"
        raise AddingError(msg) from None


def _join_awkward(one: ak.Array, other: ak.Array, where: str) -> Any:
    try:
        return ak.concatenate([one, other])
    except (ValueError, TypeError) as error:
        msg = f"{where}: arrays that do not go behind each other: {str(error).splitlines()[0]}"
        raise AddingError(msg) from None


def _by_operator(one: Any, other: Any, where: str) -> Any:
    try:
        return one + other
    except Exception as error:  # noqa: BLE001  # classes of users and libraries
        names = " and ".join(dict.fromkeys(type(x).__name__ for x in (one, other)))
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = (
            f"{where}: {names} do not add up ({why}): return numbers, histograms, arrays, lists, sets, or mappings, "
            "tuples and dataclasses of these"
        )
        raise AddingError(msg) from None


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "__add__")


def _is_frame(value: Any) -> bool:
    """Whether it is a table or a column of pandas, whose `+` goes row by row."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "iloc")


_OPERATIONS: tuple[tuple[Any, Callable[[Any, Any, str], Any]], ...] = (
    ((bool, np.bool_, str, bytes), _equal),
    (numbers.Number, _add_numbers),
    (np.ndarray, _join_arrays),
    (ak.Array, _join_awkward),
    (Mapping, _add_mappings),
    (tuple, _add_tuples),
    (MutableSequence, lambda one, other, _: one + other),
    (AbstractSet, lambda one, other, _: one | other),
)
