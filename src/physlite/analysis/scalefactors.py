"""Scale factors of objects, from files of correctionlib (https://cms-nanoaod.github.io/correctionlib)."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, MetadataNotFoundError, ScaleFactorError
from physlite.formats.filters import nearest
from physlite.text import cut

__all__ = ["Input", "ScaleFactors", "event_product"]

_GZIP = b"\x1f\x8b"  # what it begins with
_LARGEST = 512 * 2**20  # bytes of what it unpacks to
_PIECE = 2**20

# correctionlib reads lists in lists by calling itself, which ends the process where they are too deep, and so it does
# with formulas. Files of corrections have about two levels for each input.
_DEEPEST = 200
_MOST_SIGNS = 5000  # in a formula
_WIDTH = 300  # of names of corrections and inputs in a line
_SHOWN = 500  # characters of what correctionlib says, which repeats formulas
_JSON_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NO_PARENTHESES = bytes(set(range(256)) - set(b"()"))
_NO_SIGNS = bytes(set(range(256)) - set(b"+-*/^()"))

# A field of the collection, a function of the collection, a number, an array, or the text of an input that takes texts.
Input: TypeAlias = "str | float | ak.Array | Callable[[ak.Array], Any]"


class ScaleFactors:
    """The corrections in a file, for collections of objects. It pickles, so that analyses can refer to it.

    As a rule it is made by `ScaleFactors.open`.

    Attributes:
        name: of the file, for messages.

    Args:
        name: as above.
        text: the corrections as JSON.

    Raises:
        CorruptDataError: the text is not of correctionlib, or too deep for it.
        ImportError: correctionlib is not installed.
    """

    def __init__(self, name: str, text: str) -> None:
        try:
            from correctionlib import CorrectionSet
        except ImportError:
            msg = "scale factors need correctionlib: pip install 'physlite[analysis]'"
            raise ImportError(msg) from None
        self.name = name
        self._text = text
        if problem := _too_deep(text):
            raise _damaged(name, problem)
        try:
            self._corrections = CorrectionSet.from_string(text)
        except RuntimeError as error:
            raise _damaged(name, error) from None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ScaleFactors:
        """Reads a file of JSON, compressed with gzip or not.

        Raises:
            OSError: the file cannot be read.
            CorruptDataError: it is not one of correctionlib, or is damaged.
            ImportError: correctionlib is not installed.
        """
        name = os.fsdecode(path)
        content = Path(path).read_bytes()
        try:
            text = (_unpacked(name, content) if content.startswith(_GZIP) else content).decode()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise _damaged(name, error) from None
        return cls(name, text)

    def __reduce__(self) -> tuple[type[ScaleFactors], tuple[str, str]]:
        return ScaleFactors, (self.name, self._text)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}({', '.join(self.inputs(name))})" for name in self.names)
        return f"<ScaleFactors of {self.name}: {cut(shown, _WIDTH)}>"

    @property
    def names(self) -> list[str]:
        """Names of the corrections, compound ones too."""
        return [*self._corrections, *self._corrections.compound]

    def inputs(self, name: str) -> dict[str, str]:
        """The inputs that a correction takes, with their descriptions.

        Raises:
            MetadataNotFoundError: there is no such correction; the message offers the nearest names.
        """
        return {each.name: each.description or "" for each in self._correction(name).inputs}

    def choices(self, name: str, wanted: str) -> list[str | int]:
        """What an input of a correction can be, as the names of systematic variations, in the order of the file.

        Raises:
            MetadataNotFoundError: there is no such correction or input, or the file has no list of what this input can
                be, as of numbers; the message says which inputs have one.
        """
        inputs = self.inputs(name)
        found = self._choices(name, wanted)
        if not found:
            others = ", ".join(each for each in inputs if self._choices(name, each)) or "none"
            has = f"no choices of {wanted!r}" if wanted in inputs else f"no input {wanted!r}{nearest(inputs, wanted)}"
            msg = f"{self.name}: {name} has {has}; inputs with choices: {others}"
            raise MetadataNotFoundError(msg)
        return found

    def _choices(self, name: str, wanted: str) -> list[str | int]:
        content = json.loads(self._text)
        compound = {each["name"]: each["stack"] for each in content.get("compound_corrections") or ()}
        names = compound.get(name, [name])
        data = [each["data"] for each in content["corrections"] if each["name"] in names]
        return list(dict.fromkeys(_keys(data, wanted)))

    def evaluate(self, name: str, collection: ak.Array, /, **inputs: Input) -> ak.Array:
        """The scale factor of each object.

        Args:
            name: of the correction.
            collection: the objects, in lists as events have them, one an event, or any choice of them.
            **inputs: what the inputs of the correction are: of those that take texts, as names of systematic
                variations or working points, the text; of the others the name of a field, a function of the
                collection, a number, or an array, with a number for each object, or for each event and so for all of
                its objects. Those that are called as a field need not be given. Mind the units:
                `pt=lambda electrons: electrons.pt / GeV`.

        Returns:
            One number for each object, in lists as they are; None for None.

        Raises:
            MetadataNotFoundError: there is no such correction.
            TypeError: an input that the correction does not have, or one that is missing or no text; or these are no
                objects.
            ScaleFactorError: an object is out of range, an input does not fit the objects, or there is no such
                variation.
        """
        correction = self._correction(name)
        if not isinstance(collection, ak.Array):
            msg = (
                f"{self.name}: {name} is for an array of objects, as events.Electrons, not {type(collection).__name__}"
            )
            raise TypeError(msg)
        expected = {each.name: each.type for each in correction.inputs}
        if unknown := [given for given in inputs if given not in expected]:
            msg = f"{self.name}: {name} has no input {unknown[0]!r}: it takes {', '.join(expected)}"
            raise TypeError(msg)
        values = {each: self._input(name, each, kind, collection, inputs) for each, kind in expected.items()}
        objects = _marked(collection)
        try:
            of_objects = [
                value if expected[each] == "string" else _of_each(objects, value, each)
                for each, value in values.items()
            ]
            factors = correction.evaluate(*of_objects)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise self._failed(name, expected, values, error) from None
        return _of_each(objects, factors, "the factor")  # of texts alone it is one number

    def _failed(
        self, name: str, expected: Mapping[str, str], values: Mapping[str, Any], error: Exception
    ) -> ScaleFactorError:
        """What tells which inputs a correction could not be evaluated with."""
        # It numbers the inputs.
        problem = re.sub(r"input argument (\d+)", lambda match: list(values)[int(match[1])], _line(error))
        given = ", ".join(f"{each}={_shown(value)}" for each, value in values.items())
        msg = f"{self.name}: {name} cannot be evaluated: {problem} (with {given})"
        for each, kind in expected.items():
            known = self._choices(name, each) if kind == "string" else []
            if known and values[each] not in known:
                msg += f"; {each} is one of {', '.join(map(str, known))}"
        return ScaleFactorError(msg)

    def _correction(self, name: str) -> Any:
        for corrections in (self._corrections, self._corrections.compound):
            if name in list(corrections):  # to ask them is an error where it is not there
                return corrections[name]
        others = f"; there are {', '.join(self.names)}"
        msg = f"{self.name}: no correction {name!r}{nearest(self.names, name, others)}"
        raise MetadataNotFoundError(msg)

    def _input(self, name: str, wanted: str, kind: str, collection: ak.Array, inputs: Mapping[str, Input]) -> Any:
        given = inputs.get(wanted, wanted)
        if kind == "string":
            if not isinstance(inputs.get(wanted), str):
                found = f", not {inputs[wanted]!r:.100}" if wanted in inputs else ""
                msg = f"{self.name}: {name} needs {wanted}=, a text{found}"
                raise TypeError(msg)
            return given
        if callable(given):
            try:
                return given(collection)
            except Exception as error:
                error.add_note(f"in the input {wanted!r} of {name}")
                raise
        if isinstance(given, str):
            if given not in collection.fields:
                msg = (
                    f"{self.name}: {name} needs {wanted}=, a field or a function of the objects: they have no {given!r}"
                )
                raise TypeError(msg)
            return collection[given]
        # Of numbers it wants those of Python, of the right kind.
        return float(given) if kind == "real" and isinstance(given, int | np.number) else given


def event_product(*factors: ak.Array) -> NDArray[np.float64]:
    """The product of the factors of all objects of each event, 1 where there are none; None counts as 1.

    Args:
        *factors: of the objects of several collections, each as `ScaleFactors.evaluate` gives them: in a list for each
            event, or one for each event, as of `ak.firsts(electrons)`.

    Raises:
        ValueError: they are not of the same number of events, or in lists of lists.
    """
    products = [_event_factors(each) for each in factors]
    counts = list(dict.fromkeys(map(len, products)))
    if len(counts) > 1:
        msg = f"factors of {' and '.join(map(str, counts))} events: take all of the same events"
        raise ValueError(msg)
    product: NDArray[np.float64] = np.prod(products, axis=0)
    return product


def _event_factors(factors: ak.Array) -> NDArray[np.float64]:
    if factors.ndim > 2:  # noqa: PLR2004  # a list for each event
        msg = f"factors in {factors.ndim - 1} levels of lists, where one list for each event is expected: flatten them"
        raise ValueError(msg)
    of_events = factors if factors.ndim == 1 else ak.prod(factors, axis=1)
    found: NDArray[np.float64] = ak.to_numpy(ak.fill_none(of_events, 1.0)).astype(np.float64)
    return found


def _marked(collection: ak.Array) -> ak.Array:
    """False in the place of each object, None in the place of None: no column is read for it."""

    def replaced(layout: Any, **_: Any) -> Any:
        return ak.contents.NumpyArray(np.zeros(layout.length, np.bool_)) if layout.is_record else None

    return ak.transform(replaced, collection)


def _of_each(objects: ak.Array, value: Any, what: str) -> ak.Array:
    """A value for each object, of one that is the same for all of them, or for all of an event.

    Raises:
        TypeError: it is no number.
        ValueError: it does not fit.
    """
    is_one = isinstance(value, int | float | np.number)
    array = value if isinstance(value, ak.Array) else np.asarray(value)
    if not is_one and not _is_of_numbers(array):
        msg = f"{what} is {type(value).__name__}, where a number is expected, or an array of numbers"
        raise TypeError(msg)
    try:
        _, found = ak.broadcast_arrays(objects, value if is_one else array)
    except ValueError:
        lists = "events" if objects.ndim > 1 else "objects"
        same = array.ndim == 0 or len(array) == len(objects)
        there = "not one value for each object" if same else f"{len(array)} values for {len(objects)} {lists}"
        msg = f"{what} has {there}: give one for each object, or for each event"
        raise ValueError(msg) from None
    if found.ndim != objects.ndim:
        msg = f"{what} has several numbers for an object"
        raise ValueError(msg)
    return found


def _is_of_numbers(array: ak.Array | NDArray[Any]) -> bool:
    if isinstance(array, np.ndarray):
        return array.dtype.kind in "biuf"
    leaf = array.layout.form
    while hasattr(leaf, "content"):
        leaf = leaf.content
    return not array.fields and (leaf.is_unknown or (leaf.is_numpy and leaf.parameter("__array__") is None))


def _keys(node: Any, wanted: str) -> Iterator[str | int]:
    """The keys of all categories of an input in the content of corrections."""
    if isinstance(node, dict):
        if node.get("nodetype") == "category" and node.get("input") == wanted:
            yield from (item["key"] for item in node["content"])
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _keys(each, wanted)


def _unpacked(name: str, content: bytes) -> bytes:
    unpacked = bytearray()
    with gzip.open(io.BytesIO(content)) as file:
        while piece := file.read(_PIECE):
            unpacked += piece
            if len(unpacked) > _LARGEST:
                raise _damaged(name, f"it unpacks to more than {_LARGEST // 2**20} MB")
    return bytes(unpacked)


def _too_deep(text: str) -> str:
    """What correctionlib would not survive in JSON, which is not read for that; empty where there is nothing."""
    content = text.encode()
    depth = _depth(_JSON_TEXT.sub(b"", content).translate(None, _NO_BRACKETS))
    if depth > _DEEPEST:
        return f"it is {depth:,} levels deep, {_DEEPEST} are read"
    for match in _JSON_TEXT.finditer(content):
        if match.end() - match.start() > _DEEPEST:
            depth = _depth(match[0].translate(None, _NO_PARENTHESES))
            signs = len(match[0].translate(None, _NO_SIGNS))
            if depth > _DEEPEST or signs > _MOST_SIGNS:
                most = f"{_DEEPEST} and {_MOST_SIGNS:,} are read"
                return f"a formula is {depth:,} levels deep and has {signs:,} signs, {most}"
    return ""


def _depth(brackets: bytes) -> int:
    opens = np.isin(np.frombuffer(brackets, np.uint8), list(b"[{("))
    return int(np.cumsum(np.where(opens, 1, -1)).max(initial=0))


def _damaged(name: str, problem: Exception | str) -> CorruptDataError:
    return CorruptDataError(f"{name}: no scale factors of correctionlib, or damaged: {_line(problem)[:_SHOWN]}")


def _line(error: Exception | str) -> str:
    return " ".join(str(error).split())


def _shown(value: Any) -> str:
    """A value, or the range of an array of them."""
    if not isinstance(value, ak.Array | np.ndarray):
        return repr(value)
    if not _is_of_numbers(value):
        return type(value).__name__
    low, high = ak.min(value, axis=None), ak.max(value, axis=None)
    return "nothing" if low is None else f"{low:g} to {high:g}"
