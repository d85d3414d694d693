"""What users give coffea as a file, or as files: paths with the names of trees, and ranges of entries."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import uproot
from uproot.behaviors.RNTuple import HasFields
from uproot.behaviors.TBranch import HasBranches

from physlite.exceptions import NotAnEventFileError
from physlite.formats.manifest import EVENT_NTUPLE, EVENT_TREE, Manifest

__all__ = ["Input", "check_tree", "inputs_of"]

# `path:tree` as uproot takes it. What follows other colons has slashes, save for that of a scope of Rucio.
_WITH_TREE = re.compile(r"^(?P<path>(?!rucio:).+):(?P<tree>[A-Za-z_]\w*(?:;\d+)?)$")


class Input(NamedTuple):
    """A file, the name of its tree where that was given, and ranges of entries; None: all, as one."""

    path: Any
    tree: str | None
    steps: list[tuple[int, int]] | None = None


def inputs_of(file: Any, tree: str | None = None) -> Iterator[Input]:
    """The files that `from_root` was given.

    Args:
        file: a path, `path:tree`, a mapping of paths to trees (or to `object_path` and `steps`), a file or tree opened
            with uproot, a file opened in binary mode, or a list of these.
        tree: the name of the tree where `file` has none.
    """
    if isinstance(file, uproot.ReadOnlyDirectory):
        yield Input(file.file_path, tree)
    elif isinstance(file, HasBranches | HasFields):
        yield Input(file.file.file_path, file.name)
    elif isinstance(file, Mapping):
        for path, what in file.items():
            if isinstance(what, Mapping):
                steps = what.get("steps")
                yield Input(path, what.get("object_path", tree), steps and [(int(a), int(b)) for a, b in steps])
            else:
                yield Input(path, what or tree)
    elif isinstance(file, list | tuple | set):
        for one in file:
            yield from inputs_of(one, tree)
    elif isinstance(file, str) and not Path(file).exists() and (match := _WITH_TREE.match(file)):
        yield Input(match["path"], match["tree"])
    else:
        yield Input(os.fspath(file) if isinstance(file, os.PathLike) else file, tree)


def check_tree(manifest: Manifest, tree: str | None, file: str) -> None:
    """Raises NotAnEventFileError for a tree that is not that of the events.

    Its name in a TTree and that in an RNTuple both stand for it, whatever the file: datasets can have files of both.
    """
    name = None if tree is None else tree.strip("/").partition(";")[0]
    if name not in (None, EVENT_TREE, EVENT_NTUPLE):
        msg = f"{file}: {tree!r} is not the tree of the events: {manifest.tree!r} is, or take another schema"
        raise NotAnEventFileError(msg)
