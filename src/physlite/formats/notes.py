"""What files that were converted say beside their events: texts by name, and the MetaData tree as one of them.

Of Parquet files they stand in the footer, of ROOT files as objects of their own.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any
from uuid import UUID

import numpy as np

from physlite.exceptions import ConversionError, CorruptDataError, StaleManifestError
from physlite.formats.manifest import Manifest, ManifestColumn

__all__ = [
    "FACTS",
    "METADATA",
    "MOST_JSON",
    "MOST_METADATA",
    "MOST_METADATA_TEXT",
    "NOTES",
    "pack_manifest",
    "read_json",
    "unpack_manifest",
]

NOTES, METADATA, FACTS = "physlite", "physlite.metadata", "physlite.facts"

# What is read of a MetaData tree at most, unpacked, and so written: those of production have some MB.
MOST_METADATA = 1 << 28
MOST_METADATA_TEXT = MOST_METADATA // 3 * 4 + 4

# What is read of JSON at most: as objects it can have thirty times the bytes.
MOST_JSON = 1 << 23

_ARRAYS = ("clusters", "page_first_entry", "page_offset", "page_size")


def read_json(text: str | bytes, what: str) -> dict[str, Any]:
    """An object in JSON.

    Raises:
        CorruptDataError: it is none, or has more than `MOST_JSON` bytes; the message says `what` it is.
    """
    if len(text) > MOST_JSON:
        msg = f"{what}: {len(text)} bytes, more than {MOST_JSON}"
        raise CorruptDataError(msg)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{what}: {type(error).__name__}: {error}"
        raise CorruptDataError(msg) from None
    if not isinstance(found, dict):
        msg = f"{what}: no object of JSON"
        raise CorruptDataError(msg)
    return found


def pack_manifest(manifest: Manifest) -> bytes:
    """A manifest that has all of its pages in `inline`, as a text.

    The size of a header in JSON in 8 bytes, the header, arrays of integers of 8 bytes, and the pages; compressed by
    zlib, in base64.

    Raises:
        ConversionError: it is too large to be read again; the message names no file.
    """
    arrays = {name: np.ascontiguousarray(getattr(manifest, name), dtype="<i8") for name in _ARRAYS}
    header = {
        "format": manifest.format,
        "tree": manifest.tree,
        "uuid": str(manifest.uuid),
        "file_bytes": manifest.file_bytes,
        "compression": manifest.compression,
        "num_entries": manifest.num_entries,
        "columns": manifest.columns,
        **{name: len(array) for name, array in arrays.items()},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    parts = [len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays.values()), manifest.inline]
    size = sum(map(len, parts))
    if size >= MOST_METADATA or len(text) > MOST_JSON:
        msg = f"{size} bytes of MetaData, where less than {MOST_METADATA} can be read again"
        raise ConversionError(msg)
    packing = zlib.compressobj()
    return base64.b64encode(b"".join([*(packing.compress(part) for part in parts), packing.flush()]))


def unpack_manifest(packed: bytes) -> Manifest:
    """The manifest in a text.

    Raises:
        CorruptDataError: it is damaged.
    """
    try:
        content = _decompressed(packed)
        at = 8 + int.from_bytes(content[:8], "little")
        header = read_json(content[8:at], "header")
        columns = tuple(ManifestColumn._make([*c[:6], tuple(c[6]), *c[7:]]) for c in header.pop("columns"))
        for name in _ARRAYS:
            header[name] = np.frombuffer(content, dtype="<i8", count=header[name], offset=at)
            at += header[name].nbytes
        manifest = Manifest(columns=columns, uuid=UUID(header.pop("uuid")), inline=content[at:], **header)
        manifest.check()
    except CorruptDataError:
        raise
    # Of base64, zlib and numpy, of a header whose parts are of other types, and of arrays that are too large.
    except (ValueError, zlib.error, LookupError, TypeError, AttributeError, OverflowError, StaleManifestError) as error:
        msg = f"{type(error).__name__}: {error}"
        raise CorruptDataError(msg) from None
    return manifest


def _decompressed(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(base64.b64decode(packed, validate=True), MOST_METADATA)
    if not unpacking.eof:
        msg = "it is cut short"
        raise CorruptDataError(msg)
    return content
