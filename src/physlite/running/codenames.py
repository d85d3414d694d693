"""What a function refers to by name: globals, what it encloses, attributes of modules, modules it imports when it runs.

Read from bytecode, flow aside: a name counts wherever it stands. Names that are made when the function runs, as in
`getattr(module, text)` and `importlib.import_module(text)`, are not seen.
"""

from __future__ import annotations

import dis
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import CodeType, FunctionType, ModuleType
from typing import Any

from physlite.running.codeowner import is_own

__all__ = ["References", "enclosed", "references"]

_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_LOCAL = ("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_GLOBAL", "LOAD_NAME")
_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_SILENT = {"CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP"}


@dataclass
class References:
    """What a function refers to.

    Attributes:
        globals: by name, as far as they are there.
        attributes: for each of the user's modules, what is taken from it by name.
        modules: those that are used whole: imported, or an attribute of a package that is a module.
    """

    globals: dict[str, Any] = field(default_factory=dict)
    attributes: dict[ModuleType, dict[str, Any]] = field(default_factory=dict)
    modules: dict[ModuleType, None] = field(default_factory=dict)


def references(function: FunctionType) -> References:
    """What a function refers to, with the functions and classes that are defined inside it.

    The user's modules that it imports when it runs are imported now; those that cannot be are left out.
    """
    found = References()
    known = {name: value for name, value in enclosed(function).items() if isinstance(value, ModuleType)}
    _Reader(function.__globals__, found).read(function.__code__, known)
    return found


def enclosed(function: FunctionType) -> dict[str, Any]:
    """The variables of other functions that a function uses, as far as they have values."""
    values: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
    return values


class _Reader:
    def __init__(self, names: dict[str, Any], found: References) -> None:
        self._globals = names
        self._found = found

    def read(self, code: CodeType, known: dict[str, ModuleType]) -> None:
        """Notes what code refers to; `known` are variables that hold modules."""
        known = dict(known)
        self._read_globals(code)
        steps = [step for step in dis.get_instructions(code) if step.opname not in _SILENT]
        current: ModuleType | None = None  # on top of the stack
        for at, step in enumerate(steps):
            name = step.argval
            if step.opname == "IMPORT_NAME":
                level, names = steps[at - 2].argval, steps[at - 1].argval
                current = self._import(name, level, names or ())
            elif step.opname == "IMPORT_FROM" or step.opname in _ATTRIBUTE:
                after = self._attribute(current, name)
                if step.opname != "IMPORT_FROM":
                    current = after
                elif after is not None and steps[at + 1].opname.startswith("STORE_"):
                    known[steps[at + 1].argval] = after
            elif step.opname.startswith("STORE_"):
                if current is not None and isinstance(name, str) and steps[at - 1].opname == "IMPORT_NAME":
                    known[name] = current
                current = current if steps[at - 1].opname == "IMPORT_FROM" else None
            elif step.opname.startswith(_LOCAL) and isinstance(name, str):
                value = known.get(name, self._globals.get(name))
                current = value if isinstance(value, ModuleType) else None
            else:
                current = None
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self.read(constant, known)

    def _read_globals(self, code: CodeType) -> None:
        for step in dis.get_instructions(code):
            if step.opname in _GLOBAL and step.argval in self._globals:
                self._found.globals[step.argval] = self._globals[step.argval]

    def _attribute(self, module: ModuleType | None, name: str) -> ModuleType | None:
        """Notes that something is taken from a module; returns it if it is a module itself."""
        if module is None or name not in vars(module):
            return None
        value = vars(module)[name]
        if isinstance(value, ModuleType):
            self._found.modules[value] = None
        if is_own(module):
            self._found.attributes.setdefault(module, {})[name] = value
        return value if isinstance(value, ModuleType) else None

    def _import(self, name: str, level: int, names: tuple[str, ...]) -> ModuleType | None:
        """The module that an import leaves on the stack."""
        if level:
            package = self._globals.get("__package__") or _package(self._globals)
            if not package:
                return None
            name = importlib.util.resolve_name("." * level + name, package)
        module = _imported(name)
        if module is None:
            return None
        if names:
            self._found.attributes.setdefault(module, {})
            for each in names:
                if hasattr(module, "__path__") and each not in vars(module):
                    _imported(f"{name}.{each}")  # becomes an attribute
            return module
        self._found.modules.update(dict.fromkeys(_parents(name)))
        return sys.modules[name.partition(".")[0]]


def _package(names: dict[str, Any]) -> str:
    name = str(names.get("__name__", ""))
    return name if "__path__" in names else name.rpartition(".")[0]


def _parents(name: str) -> Iterator[ModuleType]:
    parts = name.split(".")
    for number in range(1, len(parts) + 1):
        yield sys.modules[".".join(parts[:number])]


def _unloaded(spec: ModuleSpec) -> ModuleType:
    module = ModuleType(spec.name)
    module.__spec__ = spec
    module.__file__ = spec.origin if spec.has_location else None
    module.__path__ = spec.submodule_search_locations or []
    return module


def _imported(name: str) -> ModuleType | None:
    """One of the user's modules; others are imported when the function runs, if at all."""
    if name not in sys.modules:
        try:
            top = importlib.util.find_spec(name.partition(".")[0])
            if top is None or not is_own(_unloaded(top)):
                return None
            importlib.import_module(name)
        except Exception:  # noqa: BLE001  # whatever it is, the function meets it where it runs
            return None
    found = sys.modules[name]
    return found if isinstance(found, ModuleType) and is_own(found) else None
