"""A file's own table of containers with their keys, wherever its MetaData tree has it."""

from __future__ import annotations

import awkward as ak

from physlite.exceptions import CorruptDataError
from physlite.formats.metadata import EventFormatRow, event_format_rows, read_event_format
from physlite.model.store import ColumnStore

__all__ = ["event_format"]

_CLASS = "xAOD::EventFormat"
_BRANCH = "EventFormat"
# Of the members those that matter, with their types.
_MEMBERS = {
    "m_branchNames": "vector<string>",
    "m_classNames": "vector<string>",
    "m_branchHashes": "vector<unsigned int>",
}


def event_format(tree: ColumnStore) -> list[EventFormatRow]:
    """The table of containers, as a MetaData tree has it; empty where it has none.

    Raises:
        CorruptDataError: it is damaged.
    """
    if tree.manifest.num_entries == 0:
        return []
    rows: list[EventFormatRow] = []
    for i, column in enumerate(tree.manifest.columns):
        if column.type_name.startswith(_CLASS) and column.pages and not column.encoding:
            rows += tree.object(i, read_event_format)
        branch, _, member = column.path.rpartition("/")
        if member == "m_branchNames" and branch.startswith(_BRANCH):
            rows += _split(tree, branch)
    return rows


def _split(tree: ColumnStore, branch: str) -> list[EventFormatRow]:
    """The table where each of its members is a column, as old releases wrote it."""
    columns = [tree.manifest.index.get(f"{branch}/{member}", -1) for member in _MEMBERS]
    types = [tree.manifest.columns[i].type_name if i >= 0 else "" for i in columns]
    if types != list(_MEMBERS.values()):
        return []
    members = [ak.to_list(layout)[0] for layout in tree.layouts(columns, 0, 1)]
    try:
        return event_format_rows(*members)
    except CorruptDataError as error:
        raise tree.damaged(branch, error) from None
