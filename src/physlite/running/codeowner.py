"""Whose code it is: what the user wrote goes to workers by value, what is installed goes by its name."""

from __future__ import annotations

import functools
import importlib.machinery
import os
import site
import sys
import sysconfig
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["goes_by_name", "home", "is_compiled", "is_own"]

_CARRIERS = {"physlite", "cloudpickle"}  # cannot be in what they carry, wherever they are
_INSTALLED = ("site-packages", "dist-packages")  # also those of other environments that are on the path


def is_own(module: ModuleType) -> bool:
    """Whether the user wrote a module: its source is neither installed nor Python's, nor is it what sends it."""
    name = module.__name__
    if name in {"__main__", "__mp_main__"}:
        return True
    if name.partition(".")[0] in _CARRIERS or name in sys.builtin_module_names:
        return False
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.origin in {"built-in", "frozen"}:
        return False
    places = _places(module)
    if not places:
        return spec is None  # made by hand, so that nobody else can import it
    return not any(_is_installed(place) for place in places)


def is_compiled(module: ModuleType) -> bool:
    """Whether a module is machine code, which does not fit other machines."""
    return str(getattr(module, "__file__", None) or "").endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))


def home(piece: Any) -> ModuleType | None:
    """The module that says it has a function or class."""
    found = sys.modules.get(str(getattr(piece, "__module__", None)))
    return found if isinstance(found, ModuleType) else None


def goes_by_name(piece: FunctionType | type) -> bool:
    """Whether others can import a function or class by the names that it has."""
    module = home(piece)
    if module is None or module.__name__ in {"__main__", "__mp_main__"}:
        return False
    found: Any = module
    for name in piece.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is piece


def _places(module: ModuleType) -> list[str]:
    file = getattr(module, "__file__", None)
    if file:
        return [str(file)]
    return [str(folder) for folder in getattr(module, "__path__", ())]  # a namespace package


@functools.lru_cache(maxsize=4096)
def _is_installed(place: str) -> bool:
    forms = (os.path.abspath(place), os.path.realpath(place))  # noqa: PTH100  # as it is named, too
    if any(part in _INSTALLED for form in forms for part in Path(form).parts):
        return True
    return any(form.startswith(folder) for form in forms for folder in _folders())


@functools.cache
def _folders() -> tuple[str, ...]:
    """The folders of Python and of what is installed, each with a separator behind it."""
    paths = sysconfig.get_paths()
    found = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {*site.getsitepackages(), site.getusersitepackages()}
    return tuple({os.path.join(form, "") for path in found for form in (path, os.path.realpath(path))})  # noqa: PTH118  # strings to compare
