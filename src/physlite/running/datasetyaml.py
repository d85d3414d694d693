"""Files in which datasets are written down, in YAML or JSON: names, and the lines in which they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from physlite.yamlnumbers import reads_numbers

__all__ = ["Entry", "entries_of"]


class Entry(NamedTuple):
    """One name at the top of a file.

    Attributes:
        name: as it is written.
        line: where; 0 where that is not known.
        value: what stands behind it.
    """

    name: str
    line: int
    value: Any


def entries_of(path: Path) -> list[Entry]:
    """The names at the top of a file, in their order.

    Args:
        path: in JSON when it ends in `.json`, otherwise in YAML, of which only what makes plain values is known.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: as `open` does.
        ImportError: PyYAML is not installed.
        ValueError: not of this format, something else than names, or a name that is there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        msg = f"{path}: not text in UTF-8"
        raise ValueError(msg) from None
    return _from_json(path, text) if path.suffix == ".json" else _from_yaml(path, text)


def _from_json(path: Path, text: str) -> list[Entry]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                msg = f"{path}: {name!r} is there twice: keep one"
                raise ValueError(msg)
            found[name] = value
        return found

    try:
        top = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        msg = f"{path}, line {error.lineno}: not JSON: {error.msg}"
        raise ValueError(msg) from None
    if not isinstance(top, dict):
        raise _no_names(path, 1, f"a {type(top).__name__}")
    return [Entry(name, 0, value) for name, value in top.items()]


def _from_yaml(path: Path, text: str) -> list[Entry]:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        msg = f"{path}: YAML needs the package PyYAML: pip install 'physlite[dask]'; or write it in JSON"
        raise ImportError(msg) from None
    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = reads_numbers(safe)(text)
    try:
        node = loader.get_single_node()
        if node is None or not isinstance(node, yaml.MappingNode):
            raise _no_names(path, 1, "nothing" if node is None else f"a {node.id}")
        _check_names(path, node)
        loader.flatten_mapping(node)
        # A name that is also in what is merged stands behind it, and counts.
        found = {key.value: (_line(key), value) for key, value in node.value}
        return [Entry(name, line, _value(loader, path, value)) for name, (line, value) in found.items()]
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        star = " (what begins with * is written in quotes)" if "alias" in f"{error.context} {error.problem}" else ""
        msg = f"{path}{line}: not YAML that can be read: {error.problem or error.context}{star}"
        raise ValueError(msg) from None
    except yaml.YAMLError as error:
        msg = f"{path}: not YAML that can be read: {' '.join(str(error).split())}"
        raise ValueError(msg) from None
    finally:
        loader.dispose()


def _value(loader: Any, path: Path, node: Any) -> Any:
    try:
        return loader.construct_document(node)
    except (AttributeError, LookupError, ValueError) as error:  # dates and numbers that are none
        msg = f"{path}, line {_line(node)}: a value that cannot be read: {error}"
        raise ValueError(msg) from None


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _no_names(path: Path, line: int, found: str) -> ValueError:
    return ValueError(f"{path}, line {line}: expected names of datasets, each with its files, not {found}")


def _check_names(path: Path, top: Any) -> None:
    """That no name is there twice, here or further inside: YAML would take the last."""
    for node in _mappings(top):
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if key.id != "scalar":
                if node is top:
                    raise _no_names(path, _line(key), f"a {key.id}")
                continue
            name, line = (key.tag, key.value), _line(key)
            if name in seen:
                msg = f"{path}, line {line}: {key.value!r} is there twice, also in line {seen[name]}: keep one"
                raise ValueError(msg)
            seen[name] = line


def _mappings(top: Any) -> Iterator[Any]:
    """All mappings below a node, each once however often it is referred to."""
    left, seen = [top], set()
    while left:
        node = left.pop()
        if id(node) in seen or not isinstance(node.value, list):
            continue
        seen.add(id(node))
        pairs = node.id == "mapping"
        if pairs:
            yield node
        left.extend(inner for item in node.value for inner in (item if pairs else (item,)))
