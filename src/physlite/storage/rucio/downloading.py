"""Files of Rucio as files on a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from physlite.storage._source import ByteSource, Range
from physlite.storage.checksum import adler32_of, check_adler32
from physlite.storage.rucio.catalogue import Rucio
from physlite.storage.rucio.did import Did
from physlite.storage.rucio.source import RucioSource

__all__ = ["download"]

_BLOCK = 2**23  # bytes copied at once


def download(did: str | Did, path: str | os.PathLike[str], rucio: Rucio | None = None) -> None:
    """Copies a file to a disk. Its checksum is compared; where it is wrong the next replica is copied.

    Args:
        did: `scope:name`, `rucio://scope:name`, or a name that its scope can be read from.
        path: the new file; it appears when it is complete.
        rucio: the server, and the account to ask with; by default the server in rucio.cfg.

    Raises:
        DatasetNotFoundError, CredentialError, TransferError, ValueError: as `RucioSource.fetch`.
        OSError: the file cannot be written.
    """
    source = RucioSource(did, rucio)
    part = Path(f"{os.fspath(path)}.part")
    try:
        located = source.locate()
        with part.open("wb") as out:

            def copy(replica: ByteSource) -> None:
                out.seek(0)
                checksum = adler32_of(_written(replica, located.bytes, out))
                if located.adler32:
                    check_adler32(source.name, checksum, located.adler32)

            source.read(copy)
    except _NotWrittenError as error:
        part.unlink()
        raise error.reason from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        source.close()
    part.replace(path)


class _NotWrittenError(Exception):
    """The copy cannot be written: no other replica would help."""

    def __init__(self, reason: OSError) -> None:
        super().__init__()
        self.reason = reason


def _written(replica: ByteSource, size: int, out: BinaryIO) -> Iterator[memoryview]:
    """The blocks of a file, each after it was written."""
    for start in range(0, size, _BLOCK):
        (block,) = replica.fetch([Range(start, min(_BLOCK, size - start))])
        try:
            out.write(block)
        except OSError as error:
            raise _NotWrittenError(error) from None
        yield block
