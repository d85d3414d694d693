"""Checksums of whole files, as Rucio keeps them."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from physlite.exceptions import CorruptDataError

__all__ = ["verify_adler32"]

_BLOCK = 2**22  # bytes read at once


def verify_adler32(path: str | os.PathLike[str], expected: str) -> None:
    """Reads a file and compares its checksum (zlib.adler32), a few megabytes at a time.

    Args:
        path: the file.
        expected: its Adler-32 checksum in hexadecimal digits, as `RucioFile.adler32` has it; zeros may be missing.

    Raises:
        CorruptDataError: it is another one.
        OSError: the file cannot be read.
        ValueError: what is expected is no hexadecimal number.
    """
    wanted, found = int(expected, 16), 1  # that of no bytes (RFC 1950, section 9)
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            found = zlib.adler32(block, found)
    if found != wanted:
        msg = f"{path}: adler32 is {found:08x}, but {wanted:08x} in the catalogue: it is damaged, copy it again"
        raise CorruptDataError(msg)
