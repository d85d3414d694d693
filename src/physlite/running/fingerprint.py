"""Whether an analysis is still the same: a digest of its code and of the data that it refers to.

Code is what the user wrote: functions, classes and modules that the analysis reaches, by what they do, not by how they
are laid out. What is installed counts by its name; whoever keeps results adds the versions. Module names do not count,
so that a script and the module made of it are the same.

Data are what the code refers to: globals, variables around functions, defaults, attributes. Dictionaries and sets
count without order. Objects are looked into as a pickle would do. What cannot be pickled counts by its class only, and
so does what is not the user's and gives something else for a copy of itself, as with the time or an address in it.
Data that an analysis changes as it runs belong to it too: take the fingerprint before.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
import types
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from physlite.running.codecontent import content
from physlite.running.codenames import enclosed, references
from physlite.running.codeowner import goes_by_name, home, is_own
from physlite.running.codepickling import CodeUnpickler, pickled
from physlite.running.codepieces import MODULE, Shipment

__all__ = ["fingerprint"]

# How many references away functions and classes are told apart where something refers to one of several.
_FAR = 2

_SIMPLE = (bool, int, float, complex, str, type(None), type(Ellipsis), type(NotImplemented), range)
_CACHED = type(functools.cache(len))
# Python's own classes that say they are in a module which does not show them, such as that of None and of functions.
_NAMELESS = {value for value in vars(types).values() if isinstance(value, type)}
# Packages whose objects are as their copies are; to copy some of them means to open files.
_PLAIN = {"awkward", "boost_histogram", "hist", "numpy", "physlite"}
_ABOUT_MODULES = {
    "__annotations__",
    "__builtins__",
    "__cached__",
    "__doc__",
    "__file__",
    "__loader__",
    "__name__",
    "__package__",
    "__path__",
    "__spec__",
    MODULE,
}
_ABOUT_CLASSES = {
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__static_attributes__",
    "__weakref__",
    "_abc_impl",
}


def fingerprint(analysis: object) -> str:
    """A digest, 64 hexadecimal digits, that is another one when the analysis is.

    It is the same in each process and on each machine with the same minor version of Python, whatever the lines,
    comments, docstrings, annotations of functions and file names are.
    """
    digests = _Digests()
    root = digests.of(analysis, _FAR)
    return _digest("analysis", root, *sorted(digests.of_pieces())).hex()


class _Digests:
    """Digests of what refers to each other, in circles too.

    A function or class that is referred to counts as itself and what it refers to, so many references far. All that
    are reached this way are digested each on their own in the end, so that nothing is too far away.

    Args:
        is_trusting: objects are not copied to see whether copies are the same.
    """

    def __init__(self, *, is_trusting: bool = False) -> None:
        self._is_trusting = is_trusting
        self._known: dict[tuple[int, int], tuple[Any, bytes]] = {}  # by address, with the value, lest another gets it
        self._pieces: dict[int, Any] = {}
        self._around: dict[int, int] = {}  # what the value is in, and how deep that is
        self._outermost = 0  # how far up the value refers to what it is in

    def of_pieces(self) -> Iterator[bytes]:
        """The digests of all functions, classes and modules that were met, and are met on the way."""
        done: set[int] = set()
        while more := [piece for key, piece in self._pieces.items() if key not in done]:
            for piece in more:
                done.add(id(piece))
                yield self.of(piece, _FAR)

    def of(self, value: Any, far: int) -> bytes:
        """The digest of a value, with what the pieces in it refer to, `far` references away."""
        if type(value) in _SIMPLE:
            return _digest(type(value).__name__, repr(value))
        key = (id(value), far)
        if key in self._known:
            return self._known[key][1]
        if id(value) in self._around:
            depth = self._around[id(value)]
            self._outermost = min(self._outermost, depth)
            return _digest("circle", str(len(self._around) - depth))
        if _is_piece(value):
            self._pieces[id(value)] = value
            outside = self._around, self._outermost
            self._around = {}  # a circle through a piece ends where it is far enough
            found = _digest("piece", self._core(value), *(self._parts(value, far - 1) if far else ()))
            self._around, self._outermost = outside
            self._known[key] = (value, found)
            return found
        depth = len(self._around)
        outermost, self._outermost = self._outermost, depth
        self._around[id(value)] = depth
        found = self._data(value, far)
        del self._around[id(value)]
        if self._outermost >= depth:  # else it is another one when it is reached another way
            self._known[key] = (value, found)
        self._outermost = min(outermost, self._outermost)
        return found

    # -------------------------------------------------------------------------------------------------- pieces

    def _core(self, piece: Any) -> bytes:
        """The digest of a piece without what it refers to."""
        if isinstance(piece, FunctionType):
            return _digest("function", piece.__qualname__, self.of(content(piece.__code__), 0))
        return _digest("class", piece.__qualname__) if isinstance(piece, type) else _digest("module")

    def _parts(self, piece: Any, far: int) -> Iterator[bytes]:
        """The digests of what a piece refers to."""
        if isinstance(piece, FunctionType):
            found = references(piece)
            yield self._names(found.globals, far)
            yield self._names(enclosed(piece), far)
            yield self._names(piece.__kwdefaults__ or {}, far)
            yield self._names(vars(piece), far)
            yield self.of(piece.__defaults__, far)
            names = sorted((module.__name__, module) for module in (*found.attributes, *found.modules))
            for _, module in names:
                yield self._names(found.attributes.get(module, {}), far)
            for _, module in names:
                if module in found.modules:
                    yield self.of(module, far)
        elif isinstance(piece, type):
            yield self.of(type(piece), far)
            yield self.of(piece.__bases__, far)
            yield self._names({name: part for name, part in vars(piece).items() if name not in _ABOUT_CLASSES}, far)
        else:
            yield self._names({name: part for name, part in vars(piece).items() if name not in _ABOUT_MODULES}, far)

    def _names(self, names: Mapping[str, Any], far: int) -> bytes:
        return _digest("names", *(_digest(name, self.of(names[name], far)) for name in sorted(names)))

    # ---------------------------------------------------------------------------------------------------- data

    def _data(self, value: Any, far: int) -> bytes:
        kind = type(value)
        if kind in {tuple, list}:
            return _digest(kind.__name__, *(self.of(part, far) for part in value))
        if kind in {set, frozenset}:
            return _digest(kind.__name__, *sorted(self.of(part, far) for part in value))
        if kind in {dict, MappingProxyType}:
            return self._pairs(value.items(), far)
        if kind in {bytes, bytearray}:
            return _digest(kind.__name__, bytes(value))
        if kind is np.ndarray:
            return self._array(value, far)
        if isinstance(value, ModuleType):
            return _digest("module", value.__name__)
        if isinstance(value, FunctionType | type):
            return _digest("name", value.__module__, value.__qualname__)
        inner = _inner(value)
        if inner is not None:
            return _digest(kind.__name__, *(self.of(part, far) for part in inner))
        return self._object(value, far)

    def _pairs(self, pairs: Iterable[tuple[Any, Any]], far: int) -> bytes:
        return _digest("pairs", *sorted(_digest("pair", self.of(key, far), self.of(part, far)) for key, part in pairs))

    def _array(self, array: np.ndarray[Any, Any], far: int) -> bytes:
        inner = self.of(array.tolist(), far) if array.dtype.hasobject else array.tobytes()
        return _digest("array", str(array.dtype.descr), str(array.shape), inner)

    def _object(self, value: Any, far: int) -> bytes:
        kind = type(value)
        name = _digest("object", *(() if _is_piece(kind) else (kind.__module__,)), kind.__qualname__)
        if not (self._is_trusting or _is_piece(kind) or kind.__module__.partition(".")[0] in _PLAIN):
            if not _is_as_its_copy(value):
                return name
            self._is_trusting = True
            try:
                return self._reduced(value, far) or name
            finally:
                self._is_trusting = False
        return self._reduced(value, far) or name

    def _reduced(self, value: Any, far: int) -> bytes | None:
        """The digest of what an object is pickled as; None if it is not pickled."""
        try:
            reduced = _reduce(value)
        except Exception:  # noqa: BLE001  # objects raise what they like
            return None
        if isinstance(reduced, str):
            return _digest("name", str(getattr(value, "__module__", None)), reduced)
        make, args, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self.of(part, far) for part in (make, args, state, list(items or ()))]
        return _digest("reduced", *parts, self._pairs(pairs or (), far))


def _is_piece(value: Any) -> bool:
    """Whether something is code that counts by its content."""
    if isinstance(value, ModuleType):
        return is_own(value)
    if not isinstance(value, FunctionType | type):
        return False
    module = home(value)
    return (module is not None and is_own(module)) or not (goes_by_name(value) or value in _NAMELESS)


def _inner(value: Any) -> tuple[Any, ...] | None:
    """What is in the small things that Python makes around functions."""
    if isinstance(value, MethodType):
        return value.__func__, value.__self__
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, staticmethod | classmethod):
        return (value.__func__,)
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    if isinstance(value, functools.cached_property):
        return (value.func,)
    if isinstance(value, _CACHED):
        return value.cache_parameters(), value.__wrapped__
    return None


def _reduce(value: Any) -> Any:
    reduce = copyreg.dispatch_table.get(type(value))
    return reduce(value) if reduce is not None else value.__reduce_ex__(4)


def _is_as_its_copy(value: Any) -> bool:
    try:
        copied = CodeUnpickler(pickled(value), Shipment("", {})).load()
    except Exception:  # noqa: BLE001  # objects raise what they like
        return False
    one, other = _Digests(is_trusting=True), _Digests(is_trusting=True)
    return one.of(value, 0) == other.of(copied, 0)


def _digest(*parts: str | bytes) -> bytes:
    """The SHA-256 of parts, each with its length, so that they do not run together."""
    out = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        out.update(len(raw).to_bytes(8, "little"))
        out.update(raw)
    return out.digest()
