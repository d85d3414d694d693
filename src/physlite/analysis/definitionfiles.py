"""Definitions of objects that are written down in a file."""

from __future__ import annotations

from collections.abc import Hashable
from os import PathLike
from pathlib import Path
from typing import Any

from physlite.exceptions import SelectionError
from physlite.yamlnumbers import reads_numbers

__all__ = ["definitions"]


def definitions(path: str | PathLike[str]) -> dict[str, dict[str, Any]]:
    """The definitions of objects in a YAML file, by their names.

    Each name at the top of the file stands before one definition, in the form that `selected` takes::

        signal_electrons:
          pt: [27000, null]
          identification: Tight

    Numbers can have an exponent, as 27e3. What is in definitions is checked when they are used: only then it is known
    of what they are.

    Args:
        path: of the file.

    Returns:
        For each name its definition.

    Raises:
        SelectionError: the file is not YAML, or holds something else than definitions, or a name twice.
        OSError: as `open`.
    """
    import yaml  # type: ignore[import-untyped]

    content = Path(path).read_bytes()
    try:
        found = yaml.load(content.decode("utf-8-sig"), _loader(yaml))  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of bytes and dates that are none, and of depth
        msg = f"{path}: not YAML that can be read: {' '.join(str(error).split())}"
        raise SelectionError(msg) from None
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        msg = f"{path}: expected names, each with a definition below it, as in electrons: {{pt: [27000, null]}}"
        raise SelectionError(msg)
    return {str(name): {str(key): value for key, value in definition.items()} for name, definition in found.items()}


def _loader(yaml: Any) -> Any:
    """Makes plain values only, and refuses a name that is there twice, of which YAML would take the last."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Of one file."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            names = [key.value for key, _ in node.value]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                problem = f"{twice!r} is there twice: keep one"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
            made: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return made

    return reads_numbers(Loader)
