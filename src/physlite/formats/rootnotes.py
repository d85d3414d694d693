"""What physlite adds to the ROOT files that it writes, beside the events: texts, as TObjStrings, by these names.

- `physlite`: JSON, the table of containers that links lead to;
- `physlite.metadata`: the MetaData tree of the file that was converted, its manifest with all of its pages;
- `physlite.facts`: JSON for others, what is most wanted of it.

They are those of Parquet files, save that the events of a ROOT file say the rest themselves.
"""

from __future__ import annotations

import json
from typing import Any

from physlite.exceptions import CorruptDataError
from physlite.formats.manifest import Manifest
from physlite.formats.notes import (
    FACTS,
    METADATA,
    MOST_JSON,
    MOST_METADATA_TEXT,
    NOTES,
    read_json,
    unpack_manifest,
)
from physlite.formats.rootfile import RootFile

__all__ = ["Container", "containers_text", "read_containers", "read_facts_text", "read_metadata_tree"]

Container = tuple[str, str, int]  # name, class and key

_VERSION = 1

# A TObjString is its byte count and version, then those of a TObject with 8 bytes of its own, then its text.
_BEFORE_TEXT = 6 + 10
_LONG_TEXT = 255
_LONG_LENGTH = 5


def containers_text(containers: list[Container]) -> str:
    """What `read_containers` reads."""
    return json.dumps({"version": _VERSION, "containers": containers}, separators=(",", ":"))


def read_containers(root: RootFile) -> tuple[Container, ...]:
    """Name, class and key of the containers that links led to in the file that was converted; empty in other files.

    Raises:
        CorruptDataError: they were written, and cannot be read.
    """
    text = _text(root, NOTES)
    if text is None:
        return ()
    try:
        return tuple(_container(*row) for row in read_json(text, "containers")["containers"])
    except (CorruptDataError, ValueError, KeyError, TypeError) as error:
        raise _damaged(root, NOTES, error) from None


def read_metadata_tree(root: RootFile) -> Manifest | None:
    """The manifest of the MetaData tree of the file that was converted, with all of its pages; None in other files.

    Raises:
        CorruptDataError: it was written, and cannot be read.
    """
    text = _text(root, METADATA, MOST_METADATA_TEXT)
    if text is None:
        return None
    try:
        return unpack_manifest(text.encode())
    except CorruptDataError as error:
        raise _damaged(root, METADATA, error) from None


def read_facts_text(root: RootFile) -> str:
    """What was known of the events of a file that was converted, as JSON; an empty object in other files.

    Raises:
        CorruptDataError: it was written, and cannot be read.
    """
    return _text(root, FACTS) or "{}"


def _container(name: Any, class_name: Any, key: Any) -> Container:
    if [type(part) for part in (name, class_name, key)] != [str, str, int]:
        msg = f"a container {(name, class_name, key)}"
        raise ValueError(msg)
    return name, class_name, key


def _text(root: RootFile, name: str, most: int = MOST_JSON) -> str | None:
    """The text of this name, or None where there is none."""
    key = root.key(name)
    if key is None or key.class_name != "TObjString":
        return None
    content = root.object(key, most + _BEFORE_TEXT + _LONG_LENGTH)[_BEFORE_TEXT:]
    begin, length = 1, content[0] if content else 0
    if length == _LONG_TEXT:
        begin, length = _LONG_LENGTH, int.from_bytes(content[1:5], "big")
    if len(content) < begin + length:
        raise _damaged(root, name, CorruptDataError(f"{length} characters in {len(content)} bytes"))
    return content[begin : begin + length].decode("utf-8", "replace")


def _damaged(root: RootFile, name: str, error: Exception) -> CorruptDataError:
    msg = f"{root.name}: {name}: {str(error).partition(chr(10))[0][:200]}; the file is damaged, copy it again"
    return CorruptDataError(msg)
