"""How results of several files add up."""

from __future__ import annotations

import enum
import numbers
from collections.abc import Callable, Mapping, MutableSequence
from collections.abc import Set as AbstractSet
from typing import Any

import awkward as ak
import boost_histogram as bh
import numpy as np

from physlite.exceptions import AddingError
from physlite.running.members import is_dataclass, members, with_members

__all__ = ["add", "check"]


def add(one: Any, other: Any) -> Any:
    """The sum of two results; None is the sum of none. Neither is changed.

    Numbers and histograms are added, arrays and lists put behind each other, sets united. Mappings are added key by
    key, tuples and dataclasses member by member; what only one of two mappings has is kept. Texts, flags (`bool`) and
    enumerations say which result this is, and have to be equal. Everything else is asked for its `+`. Integers of
    NumPy become as wide as there are: sums of small ones would be wrong.

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
    one, other = (value[()] if isinstance(value, np.ndarray) and not value.ndim else value for value in (one, other))
    for kind in _UNMIXED:  # some would take a number, or a list, for each of their elements
        if isinstance(one, kind) is not isinstance(other, kind):
            raise _different(one, other, where, "they are of different kinds")
    for kind, operation in _OPERATIONS:
        if isinstance(one, kind) and isinstance(other, kind):
            return operation(one, other, where)
    if is_dataclass(one) and type(one) is type(other) and not hasattr(one, "__add__"):
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


def _add_numbers(one: Any, other: Any, where: str) -> Any:
    integers = [number for number in (one, other) if isinstance(number, np.integer)]
    if not integers or not isinstance(one, numbers.Integral) or not isinstance(other, numbers.Integral):
        return _by_operator(one, other, where)
    widest = np.uint64 if all(isinstance(number, np.unsignedinteger) for number in (one, other)) else np.int64
    try:
        return widest(int(one) + int(other))
    except OverflowError as error:
        raise _different(one, other, where, str(error)) from None


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
    theirs = members(other)
    return with_members(one, {n: _add(value, theirs.get(n), f"{where}.{n}") for n, value in members(one).items()})


def _join_arrays(one: Any, other: Any, where: str) -> Any:
    is_masked = isinstance(one, np.ma.MaskedArray) or isinstance(other, np.ma.MaskedArray)
    try:
        if is_masked:  # the other one forgets masks
            return np.ma.concatenate([one, other])  # type: ignore[no-untyped-call]  # NumPy's
        return np.concatenate([one, other])
    except (ValueError, TypeError) as error:
        msg = f"{where}: arrays that do not go behind each other: {error}"
        raise AddingError(msg) from None


def _join_awkward(one: Any, other: Any, where: str) -> Any:
    try:
        return ak.concatenate([one, other])
    except (ValueError, TypeError) as error:
        msg = f"{where}: arrays that do not go behind each other: {str(error).splitlines()[0]}"
        raise AddingError(msg) from None


def _by_operator(one: Any, other: Any, where: str) -> Any:
    try:
        return one + other
    except Exception as error:  # noqa: BLE001  # classes of users and libraries
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _different(one, other, where, why) from None


def _different(one: Any, other: Any, where: str, why: str) -> AddingError:
    names = " and ".join(dict.fromkeys(type(x).__name__ for x in (one, other)))
    remedy = "return numbers, histograms, arrays, lists, sets, or mappings, tuples and dataclasses of these"
    if isinstance(one, bh.Histogram) and isinstance(other, bh.Histogram):
        remedy = "all need the same axes and storage; only axes of categories may grow"
    return AddingError(f"{where}: {names} do not add up ({why}): {remedy}")


def _is_frame(value: Any) -> bool:
    """Whether it is a table or a column of pandas, whose `+` goes row by row."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "iloc")


_FLAGS = (bool, np.bool_, str, bytes, enum.Enum)
_UNMIXED: tuple[Any, ...] = (_FLAGS, (np.ndarray, ak.Array), bh.Histogram)
_OPERATIONS: tuple[tuple[Any, Callable[[Any, Any, str], Any]], ...] = (
    (_FLAGS, _equal),
    (numbers.Number, _add_numbers),
    (np.ndarray, _join_arrays),
    ((ak.Array, np.ndarray), _join_awkward),
    (Mapping, _add_mappings),
    (tuple, _add_tuples),
    (MutableSequence, lambda one, other, _: one + other),
    (AbstractSet, lambda one, other, _: one | other),
)
