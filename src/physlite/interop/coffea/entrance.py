"""Where coffea's factory is asked for events: `NanoEventsFactory.from_root`, for schemas that are ours."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from coffea import nanoevents
from coffea.nanoevents import NanoEventsFactory, schemas

from physlite.interop.coffea.factory import make_factory
from physlite.interop.coffea.schema import CoffeaSchema, PHYSLITESchema

__all__ = ["Patch", "install", "patch_nanoevents"]

# Schemas that are read here, they and what is made from them; a patch adds coffea's own.
_ours: list[type] = [PHYSLITESchema]


def install() -> None:
    """Has `NanoEventsFactory.from_root` ask us for schemas that are ours."""
    theirs: Callable[..., Any] = NanoEventsFactory.from_root.__func__
    signature = inspect.signature(theirs)

    @functools.wraps(theirs)
    def from_root(cls: type, *arguments: Any, **options: Any) -> Any:
        given = signature.bind(cls, *arguments, **options).arguments
        schema = given.get("schemaclass")
        if not (isinstance(schema, type) and issubclass(schema, tuple(_ours))):
            return theirs(cls, *arguments, **options)
        return make_factory(given["file"], given)

    NanoEventsFactory.from_root = classmethod(from_root)


class Patch:
    """Coffea's own `PHYSLITESchema` is ours until `undo()`, or until the `with` block ends."""

    def __init__(self) -> None:
        self._done = False

    def undo(self) -> None:
        """Gives coffea its schema back, when no other patch is in place."""
        if not self._done:
            self._done = True
            _ours.remove(CoffeaSchema)
            _name_schema()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.undo()


def patch_nanoevents() -> Patch:
    """Makes coffea's `PHYSLITESchema` ours, in this process: for code that is to stay as it is.

    `from coffea.nanoevents import PHYSLITESchema` gives ours from now on. The class that was imported before does the
    same here; but other processes know it as coffea's, so import it after the patch where work is sent to such.

    Returns:
        What takes it back: `.undo()`, or a `with` block.
    """
    _ours.append(CoffeaSchema)
    _name_schema()
    return Patch()


def _name_schema() -> None:
    """Names the schema that is in force, where coffea publishes its own."""
    for module in (nanoevents, schemas):
        module.PHYSLITESchema = PHYSLITESchema if CoffeaSchema in _ours else CoffeaSchema
