"""Checksums of all that is in a Parquet file, since what reads these relies on what they say.

Parquet has checksums for the content of pages, none for their headers and for the footer; damaged ones can end the
process within Arrow. So physlite puts a *seal* before the footer, where other readers see nothing: a table of
checksums, the CRC-32 of what each row group has of each leaf, as little-endian integers of 4 bytes, row group by row
group; the number of bytes of the table, in 8 bytes; a BLAKE2b digest of 32 bytes of these two and the footer; and
`physlite`.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, NotAnEventFileError
from physlite.storage import ByteSource, Range

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

__all__ = ["MAGIC", "Chunks", "SealedFooter", "pyarrow_parquet", "read_sealed_footer", "seal"]

MAGIC = b"PAR1"
_END_BYTES = 8  # the length of the footer, and the magic again

_SEAL = b"physlite"
_LENGTH_BYTES = 8
_DIGEST_BYTES = 32
_SEAL_BYTES = _LENGTH_BYTES + _DIGEST_BYTES + len(_SEAL)

_FOREIGN = (
    "a Parquet file, but not one that physlite has written: read it with ak.from_parquet or pyarrow.parquet, or "
    "convert the DAOD_PHYSLITE file itself with `physlite convert`"
)


def pyarrow_parquet() -> ModuleType:
    """The module that reads and writes Parquet files; raises ImportError that says how to get it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        msg = f"Parquet files need pyarrow ({error}): pip install 'physlite[parquet]'"
        raise ImportError(msg) from error
    module: ModuleType = pyarrow.parquet
    return module


class Chunks:
    """Where what row groups have of leaves is in the file; arrays of row groups and leaves.

    Attributes:
        offset: where it begins.
        size: bytes in the file.
        unpacked: bytes when it is unpacked.
    """

    def __init__(self, footer: FileMetaData) -> None:
        numbers = np.empty((3, footer.num_row_groups, footer.num_columns), dtype=np.int64)
        for i in range(footer.num_row_groups):
            group = footer.row_group(i)
            for j in range(footer.num_columns):
                leaf = group.column(j)
                dictionary = leaf.dictionary_page_offset if leaf.has_dictionary_page else None
                begin = leaf.data_page_offset if dictionary is None else min(dictionary, leaf.data_page_offset)
                numbers[:, i, j] = begin, leaf.total_compressed_size, leaf.total_uncompressed_size
        self.offset, self.size, self.unpacked = numbers


class SealedFooter:
    """The footer of a file that is as it was written.

    Attributes:
        footer: what Arrow makes of it.
        checksums: of each row group and leaf.
        chunks: where these are.
        leaves: the numbers of leaves by all beginnings of their paths that are of whole parts.
    """

    def __init__(self, footer: FileMetaData, checksums: NDArray[np.uint32]) -> None:
        self.footer = footer
        self.checksums = checksums
        self.chunks = Chunks(footer)
        self.leaves: dict[str, list[int]] = {}
        for i in range(footer.num_columns):
            path = ""
            for part in footer.schema.column(i).path.split("."):
                path = f"{path}.{part}" if path else part
                self.leaves.setdefault(path, []).append(i)


def seal(path: Path, footer: FileMetaData) -> None:
    """Puts the seal into a Parquet file that is complete, and has this footer."""
    with path.open("r+b") as file:
        size = file.seek(-_END_BYTES, io.SEEK_END)
        begin = size - int.from_bytes(file.read(4), "little")
        file.seek(begin)
        end = file.read()
        chunks = Chunks(footer)
        table = np.empty(chunks.offset.shape, dtype="<u4")
        for at in np.ndindex(table.shape):
            file.seek(int(chunks.offset[at]))
            table[at] = zlib.crc32(file.read(int(chunks.size[at])))
        sealed = table.tobytes() + table.nbytes.to_bytes(_LENGTH_BYTES, "little")
        file.seek(begin)
        file.writelines([sealed, _digest(sealed, end), _SEAL, end])


def _digest(sealed: bytes, footer: bytes) -> bytes:
    digest = hashlib.blake2b(sealed, digest_size=_DIGEST_BYTES)
    digest.update(footer)
    return digest.digest()


# Of files that are open: manifest, reader and metadata are made from it.
_known: WeakKeyDictionary[ByteSource, SealedFooter] = WeakKeyDictionary()


def read_sealed_footer(source: ByteSource) -> SealedFooter:
    """The footer of a Parquet file with a seal, read once from each source.

    Raises:
        NotAnEventFileError, CorruptDataError, ImportError: as `_read`.
    """
    found = _known.get(source)
    if found is None:
        found = _known[source] = _read(source)
    return found


def _read(source: ByteSource) -> SealedFooter:
    """The footer of a Parquet file with a seal.

    Raises:
        NotAnEventFileError: it has none.
        CorruptDataError: it is damaged, or the file is cut short.
        ImportError: pyarrow is not installed.
    """
    parquet = pyarrow_parquet()
    size = source.size()
    end = b""
    if size >= len(MAGIC) + _END_BYTES:
        end = _fetch(source, size - _END_BYTES, _END_BYTES)
    if end[-len(MAGIC) :] != MAGIC:
        msg = f"{source.name}: truncated: a Parquet file that does not end as one; copy the file again"
        raise CorruptDataError(msg)
    count = int.from_bytes(end[:4], "little")
    begin = size - _END_BYTES - count  # of the footer
    if begin < len(MAGIC):
        msg = f"{source.name}: a footer of {count} bytes in a file of {size}; the file is damaged, copy it again"
        raise CorruptDataError(msg)
    before = min(_SEAL_BYTES, begin)
    content = _fetch(source, begin - before, before + size - begin)
    head, footer = content[:before], content[before:]
    if head[-len(_SEAL) :] != _SEAL:
        msg = f"{source.name}: {_FOREIGN}"
        raise NotAnEventFileError(msg)
    table_bytes = int.from_bytes(head[:_LENGTH_BYTES], "little")
    table = b""
    if table_bytes <= begin - before:
        table = _fetch(source, begin - before - table_bytes, table_bytes)
    if _digest(table + head[:_LENGTH_BYTES], footer) != head[_LENGTH_BYTES:][:_DIGEST_BYTES]:
        msg = f"{source.name}: the footer is not as it was written; the file is damaged, copy it again"
        raise CorruptDataError(msg)
    found = parquet.read_metadata(io.BytesIO(MAGIC + footer))
    shape = (found.num_row_groups, found.num_columns)
    return SealedFooter(found, np.frombuffer(table, dtype="<u4").reshape(shape))


def _fetch(source: ByteSource, offset: int, size: int) -> bytes:
    (view,) = source.fetch([Range(offset, size)])
    return bytes(view)
