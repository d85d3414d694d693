"""Checksums of whole files, as Rucio keeps them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from physlite.exceptions import CorruptDataError

__all__ = ["adler32_of", "check_adler32", "verify_adler32"]

_BLOCK = 2**22  # bytes read at once


def adler32_of(blocks: Iterable[bytes | memoryview]) -> str:
    """The Adler-32 checksum of bytes that come in blocks (zlib.adler32): eight hexadecimal digits."""
    value = 1  # that of no bytes (RFC 1950, section 9)
    for block in blocks:
        value = zlib.adler32(block, value)
    return f"{value:08x}"


def check_adler32(name: str, found: str, expected: str) -> None:
    """Raises CorruptDataError, which names the file and both checksums, unless they are the same.

    Catalogues write them with and without leading zeros, in capitals or not.
    """
    wanted = expected.strip().lower().rjust(len(found), "0")
    if found != wanted:
        msg = f"{name}: adler32 is {found}, but {wanted} in the catalogue: it is damaged, copy it again"
        raise CorruptDataError(msg)


def verify_adler32(path: str | os.PathLike[str], expected: str) -> None:
    """Reads a file and compares its checksum, a few megabytes at a time.

    Args:
        path: the file.
        expected: its Adler-32 checksum in hexadecimal digits, as `RucioFile.adler32` has it.

    Raises:
        CorruptDataError: it is another one.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        found = adler32_of(iter(lambda: file.read(_BLOCK), b""))
    check_adler32(str(path), found, expected)
