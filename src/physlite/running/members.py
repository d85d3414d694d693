"""Members of dataclasses, read and replaced without making anew what `__init__` has made."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

__all__ = ["is_dataclass", "members", "with_members"]


def is_dataclass(value: Any) -> bool:
    """Whether a value is of a dataclass, and not one itself."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def members(value: Any) -> dict[str, Any]:
    """All members by name, those that `__init__` does not take too."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if hasattr(value, field.name)}


def with_members(value: Any, changed: Mapping[str, Any]) -> Any:
    """A copy with other members. Nothing is computed again: `__post_init__` has made the members what they are."""
    out = copy.copy(value)
    for name in list(vars(out)) if hasattr(out, "__dict__") else ():
        if isinstance(getattr(type(out), name, None), functools.cached_property):  # of the members before
            del vars(out)[name]
    for name, member in changed.items():
        object.__setattr__(out, name, member)  # frozen ones too
    return out
