"""What files that were converted say beside their events: texts by name, and the MetaData tree as one of them.

Of Parquet files they stand in the footer, of ROOT files as objects of their own.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from uuid import UUID

import numpy as np

from physlite.exceptions import ConversionError, CorruptDataError
from physlite.formats.manifest import Manifest, ManifestColumn

__all__ = ["FACTS", "METADATA", "NOTES", "pack_manifest", "unpack_manifest"]

NOTES, METADATA, FACTS = "physlite", "physlite.metadata", "physlite.facts"

# What is read of a MetaData tree at most, unpacked, and so written: those of production have some MB.
_MOST_METADATA = 1 << 28


def pack_manifest(manifest: Manifest) -> bytes:
    """A manifest that has all of its pages in `inline`, as a text.

    Raises:
        ConversionError: it is too large to be read again; the message names no file.
    """
    header = {
        "format": manifest.format,
        "tree": manifest.tree,
        "uuid": str(manifest.uuid),
        "file_bytes": manifest.file_bytes,
        "compression": manifest.compression,
        "num_entries": manifest.num_entries,
        "columns": manifest.columns,
        "clusters": manifest.clusters.tolist(),
        "page_first_entry": manifest.page_first_entry.tolist(),
        "page_offset": manifest.page_offset.tolist(),
        "page_size": manifest.page_size.tolist(),
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    content = len(text).to_bytes(8, "little") + text + manifest.inline
    if len(content) >= _MOST_METADATA:
        msg = f"{len(content)} bytes of MetaData, where less than {_MOST_METADATA} can be read again"
        raise ConversionError(msg)
    return base64.b64encode(zlib.compress(content))


def unpack_manifest(packed: bytes) -> Manifest:
    """The manifest in a text.

    Raises:
        CorruptDataError, and what json and numpy raise: it is damaged.
    """
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(packed, validate=True), _MOST_METADATA)
    except (binascii.Error, zlib.error) as error:
        raise CorruptDataError(str(error)) from None
    if not unpacking.eof:
        msg = "it is cut short"
        raise CorruptDataError(msg)
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    columns = tuple(ManifestColumn._make([*c[:6], tuple(c[6]), *c[7:]]) for c in header.pop("columns"))
    for name in ("clusters", "page_first_entry", "page_offset", "page_size"):
        header[name] = np.array(header[name], dtype=np.int64)
    uuid = UUID(header.pop("uuid"))
    manifest = Manifest(columns=columns, uuid=uuid, inline=content[end:], **header)
    manifest.check()
    return manifest
