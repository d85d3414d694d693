"""Files as coffea names them, opened here."""

from __future__ import annotations

from typing import Any

from physlite.interop.coffea.inputs import check_tree
from physlite.model.file import DEFAULT_CACHE_BYTES
from physlite.model.store import ColumnStore, open_store

__all__ = ["open_columns"]


def open_columns(path: Any, tree: str | None, threads: int, kept_bytes: int = DEFAULT_CACHE_BYTES) -> ColumnStore:
    """Opens a file, of which the events are wanted.

    Raises:
        NotAnEventFileError: no DAOD_PHYSLITE, or `tree` is not that of the events.
        FileNotFoundError, CorruptDataError, OSError: as `physlite.open`.
    """
    store = open_store(path, threads=threads, manifest=None, cache_bytes=kept_bytes)
    check_tree(store.manifest, tree, store.name)
    return store
