"""Functions, classes and modules that were sent: which is which, on the machine they come from and where they arrive.

Each has a number that is like no other. Where it comes from, the number leads to the original. Where it arrives, it
leads to what was made there for one shipment, so that shipments with different versions of a module stay apart: their
modules are known to their own functions only. These have an `__import__` of their own, which finds what came along
first; `sys.modules` stays as it is, but for names that nobody else can import there.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

from physlite.exceptions import CodeError
from physlite.storage.perprocess import PerProcess

__all__ = ["MODULE", "Absent", "Identity", "Shipment", "known", "number_of", "number_of_made", "recalled"]

MODULE = "__physlite_module__"  # in the globals of a module that arrived: the module itself


class Identity(NamedTuple):
    """Which function, class or module: the token of the shipment it came with, "" for an original, and its number."""

    token: str
    number: str


_lock = PerProcess(threading.Lock)
_identities: WeakKeyDictionary[Any, Identity] = WeakKeyDictionary()  # of what was sent from here, or arrived here
_made: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # numbers of what was made by code that arrived
_originals: WeakValueDictionary[str, Any] = WeakValueDictionary()
_shipments: WeakValueDictionary[str, Shipment] = WeakValueDictionary()


def number_of(piece: Any) -> str:
    """The number of what is sent; given now, if it has none."""
    with _lock.get():
        found = _identities.get(piece)
        if found is None:
            found = _identities[piece] = Identity("", uuid.uuid4().hex)
            _originals[found.number] = piece
        return found.number


def number_of_made(piece: Any) -> str:
    """The number of what goes back with a result, and is not known where that goes."""
    with _lock.get():
        found = _made.get(piece)
        if found is None:
            found = _made[piece] = uuid.uuid4().hex
            _originals[found] = piece
        return found


def known(piece: Any) -> Identity | None:
    """Which one it is, if it was sent from here or arrived here."""
    with _lock.get():
        return _identities.get(piece)


def recalled(identity: Identity) -> Any | None:
    """What was sent from here, or has arrived here with that shipment; None if it is gone."""
    found = _originals.get(identity.number)
    if found is None:
        shipment = _shipments.get(identity.token)
        found = shipment.pieces.get(identity.number) if shipment is not None else None
    return found


class Shipment:
    """What arrives together.

    Args:
        token: of the shipment; "" for results.
        pieces: by number; filled as they arrive.
    """

    def __init__(self, token: str, pieces: MutableMapping[str, Any]) -> None:
        self.token = token
        self.pieces = pieces
        self.absent: list[Absent] = []
        if token:
            _shipments[token] = self
        self._filling: set[str] = set()
        self._modules: dict[str, ModuleType] = {}
        self._later: list[tuple[type, Mapping[str, Any]]] = []
        self._builtins = {**vars(builtins), "__import__": self._import}

    def piece(self, number: str, make: Callable[[], Any]) -> Any:
        """The original, where this is the process it comes from; else what is made for this shipment, once."""
        found = _originals.get(number)
        if found is None:
            found = self.pieces.get(number)
        if found is None:
            found = self.pieces[number] = make()
            self._filling.add(number)
            with _lock.get():
                if self.token:
                    _identities[found] = Identity(self.token, number)
                else:
                    _made[found] = number
        return found

    def module(self, number: str, name: str, attributes: Mapping[str, Any], *, is_importable: bool) -> ModuleType:
        """A module, empty but for what makes it one."""

        def make() -> ModuleType:
            module = ModuleType(name)
            vars(module).update(attributes)
            vars(module).update({"__builtins__": self._builtins, MODULE: module})
            return module

        found: ModuleType = self.piece(number, make)
        if is_importable:
            self._modules[name] = found
        return found

    def is_new(self, number: str) -> bool:
        """Whether a piece was made by this shipment, so that its content is to be set."""
        return number in self._filling

    def later(self, cls: type, attributes: Mapping[str, Any]) -> None:
        """Sets attributes of a class when all has arrived."""
        self._later.append((cls, attributes))

    def publish(self) -> None:
        """All has arrived: sets what was left for later, and makes modules known that are looked up by name.

        That is, those into `sys.modules` whose names nobody can import.
        """
        for cls, attributes in self._later:
            for name, value in attributes.items():
                setattr(cls, name, value)
        for name, module in self._modules.items():
            if name == "__main__" or MODULE not in vars(module):
                continue
            there = sys.modules.get(name)
            if MODULE in vars(there) if there is not None else _is_free(name):
                sys.modules[name] = module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  # as Python calls it
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        full = name
        if level:
            full = importlib.util.resolve_name("." * level + name, str((globals or {}).get("__package__")))
        module = self._modules.get(full)
        if module is None:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if not fromlist:
            return self._modules[full.partition(".")[0]]
        return module


def _is_free(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is None
    except (ImportError, ValueError):
        return False


class Absent:
    """Stands for what is not installed here, and says so when it is used."""

    def __init__(self, name: str, remedy: str) -> None:
        self.message = f"`{name}` {remedy}"

    def __getattr__(self, name: str) -> Any:
        if name == "message":  # not yet there
            raise AttributeError(name)
        raise CodeError(self.message)

    def __call__(self, *_: object, **__: object) -> Any:  # noqa: D102  # as the class says
        raise CodeError(self.message)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        raise CodeError(self.message)
