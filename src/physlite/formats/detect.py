"""Which of the formats a file's events are in."""

from __future__ import annotations

from physlite.exceptions import NotAnEventFileError
from physlite.formats import ttree
from physlite.formats.manifest import EVENT_NTUPLE, EVENT_TREE, Manifest
from physlite.formats.rootfile import RootFile

__all__ = ["read_event_manifest"]


def read_event_manifest(root: RootFile) -> Manifest:
    """The manifest of a file's events.

    Raises:
        NotAnEventFileError: it has no events; the message names the trees that it has.
        UnsupportedFormatError: they are in a format, or a version of it, that is not known here.
        CorruptDataError: what describes them is damaged.
    """
    key = root.key(EVENT_TREE)
    if key is not None and key.class_name == "TTree":
        return ttree.read_manifest(root, key)
    key = root.key(EVENT_NTUPLE)
    if key is not None and key.class_name == "ROOT::RNTuple":
        from physlite.formats import rntuple  # files with a tree do without

        return rntuple.read_manifest(root, key)
    trees = sorted({k.name for k in root.keys if k.class_name in ("TTree", "ROOT::RNTuple", "TNtuple")})
    what = f"it has the trees {', '.join(trees)}" if trees else "it has no tree at all"
    msg = (
        f"{root.name}: not a DAOD_PHYSLITE file: there is no tree '{EVENT_TREE}' and no ntuple '{EVENT_NTUPLE}'; {what}"
    )
    raise NotAnEventFileError(msg)
