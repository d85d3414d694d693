"""Functions of users that commands name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from physlite.cli.errors import CommandError
from physlite.running.codeowner import is_own

__all__ = ["loaded"]


def loaded(name: str, what: str) -> Callable[[Any], Any]:
    """The function that `file.py:function` or `module:function` names; errors call it `what`."""
    where, colon, attribute = name.rpartition(":")
    if not colon or not where or not attribute:
        msg = f"{name}: {what} is named as file.py:function"
        raise CommandError(msg)
    module = _module(where)
    found = getattr(module, attribute, None)
    if not callable(found):
        functions = [
            n for n, x in vars(module).items() if callable(x) and getattr(x, "__module__", "") == module.__name__
        ]
        has = f"it has {', '.join(functions)}" if functions else "it has none"
        msg = f"{where}: there is no function {attribute!r}: {has}"
        raise CommandError(msg)
    function: Callable[[Any], Any] = _made(name, found) if isinstance(found, type) else found
    return function


def _made(name: str, kind: type) -> Any:
    """An object of a class, as those of coffea's processors are made before they are used."""
    try:
        return kind()
    except Exception as error:
        msg = (
            f"{name}: {type(error).__name__}: {error}; a class is made without arguments: name an object of it instead"
        )
        raise CommandError(msg) from error


def _module(where: str) -> Any:
    path = Path(where)
    if path.suffix == ".py" and not path.is_file():
        msg = f"{path}: there is no such file"
        raise CommandError(msg)
    if path.suffix == ".py" and _is_taken(path.stem):
        msg = f"{path}: there is a package or a module of Python that is called {path.stem}: rename the file"
        raise CommandError(msg)
    try:
        return _imported(path) if path.suffix == ".py" else _found(where)
    except Exception as error:
        msg = f"{where}: cannot be imported: {type(error).__name__}: {error}; `physlite --debug …` shows where"
        raise CommandError(msg) from error


def _found(name: str) -> Any:
    """A module that can be imported by its name, in this folder too."""
    sys.path.insert(0, "")
    return importlib.import_module(name)


def _is_taken(name: str) -> bool:
    """Whether a file of this name would stand in the place of something else, which others import."""
    there = sys.modules.get(name)
    return name in sys.stdlib_module_names or (there is not None and not is_own(there))


def _imported(path: Path) -> Any:
    """The module in a file."""
    sys.path.insert(0, str(path.absolute().parent))  # as for a script: what is beside it can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101  # the name ends in .py
    assert spec.loader is not None  # noqa: S101  # as above
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
