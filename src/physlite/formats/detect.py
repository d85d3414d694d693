"""Which of the formats a file's events are in."""

from __future__ import annotations

from uuid import UUID

from physlite.exceptions import NotAnEventFileError
from physlite.formats import ttree
from physlite.formats.manifest import EVENT_NTUPLE, EVENT_TREE, PARQUET, Manifest
from physlite.formats.rootfile import RootFile, read_head
from physlite.storage import ByteSource

__all__ = ["file_uuid", "read_event_manifest"]

_PARQUET_MAGIC = b"PAR1"


def file_uuid(source: ByteSource, manifest_format: str) -> UUID:
    """The own identifier of a file whose events are in a format, as `Manifest.format` names it.

    Raises:
        CorruptDataError, NotAnEventFileError, UnsupportedFormatError: as `read_event_manifest`.
    """
    if manifest_format != PARQUET:
        return RootFile(source).uuid
    from physlite.formats import parquet  # which other files do without

    return UUID(parquet.read_notes(source).uuid)


def read_event_manifest(source: ByteSource) -> Manifest:
    """The manifest of a file's events.

    Raises:
        NotAnEventFileError: it has no events; the message names the trees that it has.
        UnsupportedFormatError: they are in a format, or a version of it, that is not known here.
        CorruptDataError: what describes them is damaged, or it is neither a ROOT file nor one of Parquet.
        ImportError: a Parquet file, and pyarrow is not installed.
    """
    head = read_head(source)
    if bytes(head[: len(_PARQUET_MAGIC)]) == _PARQUET_MAGIC:
        from physlite.formats import parquet  # as above

        return parquet.read_manifest(source)
    root = RootFile(source, head)
    key = root.key(EVENT_TREE)
    if key is not None and key.class_name == "TTree":
        return ttree.read_manifest(root, key)
    key = root.key(EVENT_NTUPLE)
    if key is not None and key.class_name == "ROOT::RNTuple":
        from physlite.formats import rntuple  # files with a tree do without

        return rntuple.read_manifest(root, key)
    trees = sorted({k.name for k in root.keys if k.class_name in ("TTree", "ROOT::RNTuple", "TNtuple")})
    what = f"it has the trees {', '.join(trees)}" if trees else "it has no tree at all"
    from physlite.formats.notes import FACTS  # as above

    if root.key(FACTS) is not None:
        what += ": physlite has written them for others, read them with uproot"
    msg = (
        f"{root.name}: not a DAOD_PHYSLITE file: there is no tree '{EVENT_TREE}' and no ntuple '{EVENT_NTUPLE}'; {what}"
    )
    raise NotAnEventFileError(msg)
