"""Which part of an analysis cannot be pickled, by its names. Values are never shown: they may be secrets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from physlite.running.codenames import enclosed, references

__all__ = ["culprit"]

_DEEPEST = 50


def culprit(value: Any, is_sound: Callable[[Any], bool]) -> str:
    """What to blame for a value that is not sound, as in "the global `lock` of `helpers.select` (a _thread.lock)".

    Args:
        value: what cannot be pickled as a whole.
        is_sound: whether something can be pickled.
    """
    said, seen = _name(value) or "it", {id(value)}
    for _ in range(_DEEPEST):
        found = next(((said_of, part) for said_of, part in _parts(value, said) if not is_sound(part)), None)
        if found is None or id(found[1]) in seen:
            break
        said, value = _name(found[1]) or found[0], found[1]
        seen.add(id(value))
    return f"{said} (a {_type(value)})"


def _type(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _name(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module `{value.__name__}`"
    if isinstance(value, FunctionType | type):
        module = "" if value.__module__ == "__main__" else f"{value.__module__}."
        return f"`{module}{value.__qualname__}`"
    return ""


def _parts(value: Any, said: str) -> Iterator[tuple[str, Any]]:
    """What a value consists of, and how to say which part."""
    if isinstance(value, FunctionType):
        yield from _parts_of_function(value, said)
    elif isinstance(value, MethodType):
        yield f"the object of {said}", value.__self__
        yield f"the function of {said}", value.__func__
    elif isinstance(value, type):
        yield from ((f"the attribute `{name}` of {said}", part) for name, part in vars(value).items())
        yield from ((f"a base of {said}", base) for base in value.__bases__)
    elif isinstance(value, functools.partial):
        yield f"the function of {said}", value.func
        yield from ((f"argument {number} of {said}", part) for number, part in enumerate(value.args, 1))
        yield from ((f"the argument `{name}` of {said}", part) for name, part in value.keywords.items())
    elif isinstance(value, staticmethod | classmethod):
        yield said, value.__func__
    elif isinstance(value, property):
        yield from ((said, part) for part in (value.fget, value.fset, value.fdel) if part is not None)
    elif isinstance(value, Mapping):
        yield from ((f"a key of {said}", key) for key in value)
        yield from ((f"an item of {said}", part) for part in value.values())
    elif isinstance(value, tuple | list | set | frozenset):
        yield from ((f"an item of {said}", part) for part in value)
    elif hasattr(value, "__wrapped__"):
        yield said, value.__wrapped__
    else:
        yield from _parts_of_object(value, said)


def _parts_of_function(function: FunctionType, said: str) -> Iterator[tuple[str, Any]]:
    found = references(function)
    yield from ((f"the variable `{name}` around {said}", part) for name, part in enclosed(function).items())
    yield from ((f"the global `{name}` of {said}", part) for name, part in found.globals.items())
    for module, names in found.attributes.items():
        yield from ((f"`{module.__name__}.{name}`, used by {said},", part) for name, part in names.items())
    yield from ((f"the module `{module.__name__}`, used by {said},", module) for module in found.modules)
    yield from ((f"a default of {said}", part) for part in function.__defaults__ or ())
    defaults = function.__kwdefaults__ or {}
    yield from ((f"the default of `{name}` of {said}", part) for name, part in defaults.items())
    yield from ((f"the attribute `{name}` of {said}", part) for name, part in vars(function).items())


def _parts_of_object(value: Any, said: str) -> Iterator[tuple[str, Any]]:
    """What an object wants to be pickled as."""
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001  # objects raise what they like: it is to blame itself
        return
    if not isinstance(reduced, tuple):
        return
    _, args, state, items, pairs = (*reduced, None, None, None)[:5]
    for part in state if isinstance(state, tuple) else (state,):
        if isinstance(part, dict):
            yield from ((f"the attribute `{name}` of {said}", inner) for name, inner in part.items())
        elif part is not None:
            yield f"the state of {said}", part
    yield from ((f"an item of {said}", part) for part in items or ())
    yield from ((f"an item of {said}", part) for _, part in pairs or ())
    yield from ((_name(part) or f"a part of {said}", part) for part in args or ())
