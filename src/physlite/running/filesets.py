"""What a fileset of coffea says of files beside where they are: the tree, and ranges of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from physlite.formats.manifest import EVENT_NTUPLE, EVENT_TREE
from physlite.running.datasetfiles import shown

__all__ = ["require_all_events", "require_tree"]


def require_tree(where: str, tree: object) -> None:
    """Raises ValueError where the events of another tree are asked for than those that are read.

    Args:
        where: the place, for messages.
        tree: its name, perhaps with a cycle; None: not said.
    """
    if tree is None or (isinstance(tree, str) and tree.partition(";")[0] in (EVENT_TREE, EVENT_NTUPLE)):
        return
    msg = f"{where}: the tree {tree!r} cannot be chosen: events are those of {EVENT_TREE} or {EVENT_NTUPLE}"
    raise ValueError(msg)


def require_all_events(where: str, files: Mapping[Any, Any]) -> None:
    """Raises ValueError where less than all events of a file, or those of another tree, are asked for.

    Args:
        where: the place, for messages.
        files: by path what is known of each: the name of a tree, or a mapping as coffea's `preprocess` makes it.
    """
    for path, known in files.items():
        place = f"{where}: {shown(str(path))}"
        if not isinstance(known, Mapping):
            require_tree(place, known)
            continue
        require_tree(place, known.get("object_path"))
        steps = known.get("steps")
        if steps is not None and not _is_whole(steps, known.get("num_entries")):
            msg = (
                f"{place}: its `steps` are not known to be all events, 0 to `num_entries` without gaps, and `run` cuts "
                "files itself: drop `steps`, and take fewer events in the analysis, as events[:50]"
            )
            raise ValueError(msg)


def _is_whole(steps: Any, entries: Any) -> bool:
    """Whether ranges follow each other from the first event to the last, of so many."""
    end = 0
    try:
        for start, stop in steps:
            if start != end or stop < start:
                return False
            end = stop
    except (TypeError, ValueError):  # not ranges
        return False
    return bool(end == entries)
