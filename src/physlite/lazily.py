"""Names of a package that are looked up when they are first used, so that importing it costs next to nothing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["looked_up"]


def looked_up(module: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a module whose names are in other modules: `home` says in which."""

    def find(name: str) -> Any:
        if name not in home:
            msg = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[module], name, value)
        return value

    return find
