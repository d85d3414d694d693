"""Pickles with the user's code in them, and what reads them.

cloudpickle knows how to take functions and classes apart. What it lacks is here: modules as modules, with functions
that keep them as their globals, also where they refer to each other in circles; modules that are imported inside
functions; functions with caches. And what has been sent once comes back as what it was.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import socket
import sys
import threading
import types
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any, NewType, TypeVar

import awkward as ak
import cloudpickle

from physlite.exceptions import CodeError
from physlite.model.source import SOURCE
from physlite.running.codenames import References, references
from physlite.running.codeowner import goes_by_name, home, is_compiled, is_own
from physlite.running.codepieces import MODULE, Absent, Identity, Shipment, known, number_of, number_of_made, recalled
from physlite.running.detaching import detached
from physlite.storage.perprocess import PerProcess

__all__ = ["CodePickler", "CodeUnpickler", "ResultPickler", "Soundness", "pickled"]

_HERE = object()  # stands for the shipment that a pickle is read for
_KEPT = ("__name__", "__package__", "__path__", "__file__")  # of modules
_OMITTED = {*_KEPT, "__builtins__", "__spec__", "__loader__", "__cached__", "__doc__", MODULE}
_CACHED = type(functools.cache(len))
_PIECES = (FunctionType, type, ModuleType, _CACHED)
_SIMPLE = (str, bytes, int, float, complex, types.NoneType)
# What runs when a class is made. It has run already, where the class comes from: to run it again would enter the class
# into a list of all classes a second time, and its arguments are not known.
_OF_SUBCLASSES = ("__init_subclass__",)
_OF_CLASSES = ("__new__", "__init__", "__prepare__")  # of a metaclass
_DEEP = 10_000  # for code whose functions call each other in long chains

Reduced = tuple[Any, ...]


class _Namespace:
    """The globals of functions: a module, of which only what the functions use is sent."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module


class CodePickler(cloudpickle.Pickler):  # type: ignore[misc]  # has no types
    """Writes objects with the user's functions, classes and modules by value.

    Args:
        file: what to write to.
        parts: for a trial of one function, class or value: takes what it refers to, which is not written then.
    """

    def __init__(self, file: io.BytesIO, parts: list[Any] | None = None) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._parts = parts
        self._tried: Any = None
        self._namespaces: dict[int, _Namespace] = {}
        self._is_sound = Soundness(type(self))

    def dump(self, obj: Any) -> None:
        """Writes an object."""
        self._tried = obj
        super().dump(obj)

    def persistent_id(self, obj: Any) -> Any:
        """The shipment is what is known on both sides."""
        if obj is _HERE:
            return "shipment"
        if self._parts is not None and obj is not self._tried and isinstance(obj, _PIECES):
            self._parts.append(obj)
            return "part"
        return None

    def reducer_override(self, obj: Any) -> Any:
        """What becomes of functions, classes, modules, and of what the standard pickles forget."""
        if isinstance(obj, ModuleType):
            return self._module(obj) if self.owns(obj) else (_import, (_HERE, obj.__name__))
        if isinstance(obj, _Namespace):
            return _make_module, self._described(obj.module)
        if isinstance(obj, FunctionType):
            return self._function(obj) if self._is_sent(obj) else NotImplemented
        if isinstance(obj, type):
            return self._class(obj)
        if isinstance(obj, CellType):
            return _make_cell, ()
        if isinstance(obj, CodeType):
            make, args = cloudpickle.Pickler.dispatch_table[CodeType](obj)
            return _make_code, (make, args, obj.co_filename)
        if isinstance(obj, BuiltinFunctionType):
            _require_source(obj)
        elif isinstance(obj, _CACHED) and self._is_sent(obj.__wrapped__):
            return _make_cached, (_HERE, self.number(obj), obj.cache_parameters(), obj.__wrapped__)
        elif isinstance(obj, functools.cached_property):  # has a lock until Python 3.12
            return _make_cached_property, (obj.func, obj.attrname)
        elif isinstance(obj, weakref.WeakKeyDictionary | weakref.WeakValueDictionary):
            return type(obj), (dict(obj),)
        elif isinstance(obj, NewType) and self.owns(home(obj)):
            return _make_new_type, (obj.__name__, obj.__module__, obj.__supertype__)
        elif isinstance(obj, getattr(sys.modules.get("ctypes"), "CDLL", ())):
            msg = "a library that is loaded here"  # its pickle would be its address in this process
            raise pickle.PicklingError(msg)
        elif isinstance(obj, TypeVar):
            with _by_value(home(obj) if self.owns(home(obj)) else None):
                return cloudpickle.Pickler.dispatch_table[TypeVar](obj)
        return NotImplemented

    def owns(self, module: ModuleType | None) -> bool:
        """Whether a module goes by value."""
        if module is None or not is_own(module):
            return False
        if is_compiled(module):
            msg = f"the module `{module.__name__}` is compiled: install it on the workers, as a package"
            raise CodeError(msg)
        return True

    def number(self, piece: Any) -> str:
        """What a piece is known by."""
        return number_of(piece)

    def _described(self, module: ModuleType) -> Reduced:
        kept = {name: vars(module)[name] for name in _KEPT if name in vars(module)}
        if "__path__" in kept:
            kept["__path__"] = []  # nothing is there
        is_importable = sys.modules.get(module.__name__) is module or MODULE in vars(module)
        return _HERE, self.number(module), module.__name__, kept, is_importable

    def _is_sent(self, piece: Any) -> bool:
        return self.owns(home(piece)) or not goes_by_name(piece)

    def _function(self, function: FunctionType) -> Reduced:
        number = self.number(function)
        code, closure = function.__code__, function.__closure__
        args = (_HERE, number, code, self._namespace(function.__globals__), function.__name__, closure)
        found = references(function)
        if self._parts is not None:
            for names in (found.globals, *found.attributes.values()):
                self._parts += names.values()
            found = References()
        state = {
            "globals": found.globals,
            "attributes": [(self._namespace(vars(module)), names) for module, names in found.attributes.items()],
            "modules": list(found.modules),
            "cells": [(cell, cell.cell_contents) for cell in closure or () if not _is_empty(cell)],
            "dict": vars(function),
            "own": {
                "__defaults__": function.__defaults__,
                "__kwdefaults__": function.__kwdefaults__,
                "__qualname__": function.__qualname__,
                "__module__": function.__module__,
                "__doc__": function.__doc__,
            },
        }
        return _make_function, args, (_HERE, number, state), None, None, _fill_function

    def _namespace(self, names: dict[str, Any]) -> _Namespace:
        """The module that has these globals; made up where there is none, as for code that was executed."""
        if id(names) not in self._namespaces:
            name = str(names.get("__name__", "__main__"))
            module = names.get(MODULE) or sys.modules.get(name)
            if module is None or vars(module) is not names or not (self.owns(module) or MODULE in names):
                module = ModuleType(name)
                vars(module).update({key: names[key] for key in _KEPT if key in names})
            self._namespaces[id(names)] = _Namespace(module)
        return self._namespaces[id(names)]

    def _class(self, cls: type) -> Any:
        if not self._is_sent(cls):
            _require_source(cls)
            return super().reducer_override(cls)
        module = home(cls)
        with _by_value(module if self.owns(module) else None):
            reduced = super().reducer_override(cls)
        if not isinstance(reduced, tuple) or len(reduced) <= 2:  # noqa: PLR2004  # one of Python's own
            return reduced
        make, args, state, _, _, fill = reduced
        number = self.number(cls)
        if vars(cls).get("__slots__") and not issubclass(cls, Enum):  # which cloudpickle forgets
            args = (*args[:3], {**args[3], "__slots__": vars(cls)["__slots__"]}, *args[4:])
        # The last but one is cloudpickle's number of the class: by that, all shipments would share one class.
        made = (_HERE, number, make, (*args[:-2], None, args[-1]))
        return _make_class, made, (_HERE, number, fill, state), None, None, _fill_class

    def _module(self, module: ModuleType) -> Reduced:
        """A module that is used as an object: whatever is in it and can be sent."""
        made = self._described(module)
        if self._parts is not None:
            return _make_module, made
        items, left = {}, {}
        for name, value in list(vars(module).items()):
            if name in _OMITTED:
                continue
            if self._is_sound(value):
                items[name] = value
            else:
                left[name] = type(value).__qualname__
        return _make_module, made, (_HERE, made[1], items, left), None, None, _fill_module


class ResultPickler(CodePickler):
    """Writes results: what was sent before is named, and found again by those who have it."""

    def owns(self, module: ModuleType | None) -> bool:  # noqa: ARG002  # whatever it is
        """Modules that are not known from a shipment go by their names."""
        return False

    def number(self, piece: Any) -> str:
        """What a piece is known by."""
        return number_of_made(piece)

    def reducer_override(self, obj: Any) -> Any:
        """Names what arrived here, or was sent from here. Arrays come without their file, wherever they are."""
        if isinstance(obj, ak.Array | ak.Record) and SOURCE in obj.attrs:
            return detached(obj).__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        piece = obj.module if isinstance(obj, _Namespace) else obj
        if isinstance(piece, _PIECES):
            identity = known(piece)
            if identity is not None:
                is_module = isinstance(piece, ModuleType)
                names = (piece.__name__, "") if is_module else (piece.__module__, piece.__qualname__)
                return _recall, (*identity, *names)
        return super().reducer_override(obj)


class CodeUnpickler(pickle.Unpickler):
    """Reads what the picklers write, for a shipment."""

    def __init__(self, content: bytes, shipment: Shipment) -> None:
        super().__init__(io.BytesIO(content))
        self._shipment = shipment

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002  # there is one
        """The shipment."""
        return self._shipment

    def find_class(self, module: str, name: str) -> Any:
        """What is installed; what is not says so when it is used."""
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            return _absent(self._shipment, f"{module}.{name}", error)


def pickled(value: Any, pickler: type[CodePickler] = CodePickler, parts: list[Any] | None = None) -> bytes:
    """The bytes of an object."""
    try:
        return _pickled(value, pickler, parts)
    except pickle.PicklingError as error:
        if not isinstance(error.__cause__, RecursionError):
            raise
    with _deep():
        return _pickled(value, pickler, parts)


def _pickled(value: Any, pickler: type[CodePickler], parts: list[Any] | None) -> bytes:
    file = io.BytesIO()
    pickler(file, parts).dump(value)
    return file.getvalue()


class Soundness:
    """Tells whether values can be pickled, leaving aside what else is in modules.

    Functions, classes and globals are tried one by one, and once, however many refer to them.
    """

    def __init__(self, pickler: type[CodePickler] = CodePickler) -> None:
        self._pickler = pickler
        self._tried: dict[int, tuple[Any, list[Any] | None]] = {}  # with the value, lest another gets its address
        self._sound: set[int] = set()

    def __call__(self, value: Any) -> bool:
        """Whether a value, and what it refers to, can be pickled."""
        seen: set[int] = set()
        waiting = [value]
        while waiting:
            each = waiting.pop()
            if isinstance(each, _SIMPLE) or id(each) in self._sound or id(each) in seen:
                continue
            seen.add(id(each))
            parts = self._parts(each)
            if parts is None:
                return False
            waiting += parts
        self._sound |= seen
        return True

    def _parts(self, value: Any) -> list[Any] | None:
        """What a value refers to; None if it cannot be pickled itself."""
        if id(value) not in self._tried:
            parts: list[Any] | None = []
            try:
                pickled(value, self._pickler, parts)
            except Exception:  # noqa: BLE001  # objects raise what they like
                parts = None
            self._tried[id(value)] = (value, parts)
        return self._tried[id(value)][1]


def _require_source(piece: Any) -> None:
    module = home(piece)
    if module is not None and is_own(module) and is_compiled(module):
        msg = f"the module `{module.__name__}` is compiled: install it on the workers, as a package"
        raise CodeError(msg)


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # raises
    except ValueError:
        return True
    return False


# ------------------------------------------------------------------------------------------------ for cloudpickle

_registering = PerProcess(threading.Lock)
_registered: Counter[str] = Counter()


@contextmanager
def _by_value(module: ModuleType | None) -> Iterator[None]:
    """Has cloudpickle take a module's classes apart. What the user has registered stays so."""
    if module is None:
        yield
        return
    name = module.__name__
    with _registering.get():
        if _registered[name] or name not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(module)
            _registered[name] += 1
        else:
            module = None
    try:
        yield
    finally:
        if module is not None:
            with _registering.get():
                _registered[name] -= 1
                if not _registered[name]:
                    cloudpickle.unregister_pickle_by_value(module)


_deepening = PerProcess(threading.Lock)


@contextmanager
def _deep() -> Iterator[None]:
    with _deepening.get():
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _DEEP))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


# ----------------------------------------------------------------------------------------------------- on arrival


def _absent(shipment: Shipment, name: str, error: Exception) -> Absent:
    module = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    remedy = f"install {module.partition('.')[0]} there" if module else "install the same version as here there"
    absent = Absent(name, f"cannot be imported on {socket.gethostname()}: {remedy}")
    shipment.absent.append(absent)
    return absent


def _import(shipment: Shipment, name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        return _absent(shipment, name, error)


def _make_module(
    shipment: Shipment, number: str, name: str, attributes: Mapping[str, Any], is_importable: bool
) -> ModuleType:
    return shipment.module(number, name, attributes, is_importable=is_importable)


def _fill_module(module: ModuleType, state: tuple[Shipment, str, dict[str, Any], dict[str, str]]) -> None:
    shipment, number, items, left = state
    if not shipment.is_new(number):
        return
    vars(module).update(items)
    if left and "__getattr__" not in items:

        def find(name: str) -> Any:
            if name in left:
                msg = f"`{module.__name__}.{name}` was not sent: a {left[name]} cannot be pickled: "
                msg += "make it inside the function"
                raise CodeError(msg)
            msg = f"module {module.__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)

        vars(module)["__getattr__"] = find


def _make_cell() -> CellType:
    return CellType()


def _make_code(make: Callable[..., CodeType], args: tuple[Any, ...], file: str) -> CodeType:
    return make(*args).replace(co_filename=file)


def _make_function(
    shipment: Shipment,
    number: str,
    code: CodeType,
    module: ModuleType,
    name: str,
    closure: tuple[CellType, ...] | None,
) -> Any:
    return shipment.piece(number, lambda: FunctionType(code, vars(module), name, None, closure))


def _fill_function(function: FunctionType, state: tuple[Shipment, str, dict[str, Any]]) -> None:
    shipment, number, content = state
    if not shipment.is_new(number):
        return
    if MODULE in function.__globals__:
        function.__globals__.update(content["globals"])
    for module, names in content["attributes"]:
        if MODULE in vars(module):
            vars(module).update(names)
    for cell, value in content["cells"]:
        cell.cell_contents = value
    vars(function).update(content["dict"])
    for name, value in content["own"].items():
        setattr(function, name, value)


def _make_class(shipment: Shipment, number: str, make: Callable[..., type], args: tuple[Any, ...]) -> Any:
    return shipment.piece(number, lambda: make(*args))


def _fill_class(cls: type, state: tuple[Shipment, str, Callable[[type, Any], None], Any]) -> None:
    shipment, number, fill, content = state
    if not shipment.is_new(number):
        return
    attributes, slots = content
    hooks = (*_OF_SUBCLASSES, *(_OF_CLASSES if issubclass(cls, type) else ()))
    later = {name: attributes.pop(name) for name in hooks if name in attributes}
    fill(cls, (attributes, slots))
    shipment.later(cls, later)


def _make_new_type(name: str, module: str, supertype: Any) -> Any:
    made: Any = NewType(name, supertype)  # type: ignore[misc]  # its name is known when it arrives
    made.__module__ = module
    return made


def _make_cached(shipment: Shipment, number: str, parameters: dict[str, Any], function: Callable[..., Any]) -> Any:
    return shipment.piece(number, lambda: functools.lru_cache(**parameters)(function))


def _make_cached_property(function: Callable[[Any], Any], name: str | None) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    made.attrname = name
    return made


def _recall(token: str, number: str, module: str, name: str) -> Any:
    """What is here already, or the same by name."""
    found = recalled(Identity(token, number))
    if found is not None:
        return found
    try:
        found = importlib.import_module(module)
        for part in name.split(".") if name else ():
            found = getattr(found, part)
    except (ImportError, AttributeError):
        msg = f"a result has a `{module}.{name}`, which is not here: unpack the analysis first, or import its module"
        raise CodeError(msg) from None
    return found
