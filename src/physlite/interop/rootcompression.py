"""Compressions of ROOT files, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.exceptions import UnsupportedFormatError

if TYPE_CHECKING:
    from uproot.compression import Compression

__all__ = ["root_compression"]

# Where nobody says: the level that production writes DAOD_PHYSLITE with (zstd), and the others as ROOT's
# RCompressionSetting recommends them.
_LEVELS = {"zlib": 1, "lzma": 7, "lz4": 4, "zstd": 5}


def root_compression(name: str) -> Compression | None:
    """The compression of a name, as `zstd` or `zstd-5`; None for `none`.

    Raises:
        UnsupportedFormatError: ROOT has no such algorithm, or no such level of it.
    """
    import uproot

    if name == "none":
        return None
    algorithm, hyphen, level = name.partition("-")
    if algorithm not in _LEVELS or (hyphen and level not in map(str, range(1, 10))):
        msg = f"compression {name!r}: a ROOT file has {', '.join(_LEVELS)} with levels 1 to 9, as zstd-5, or none"
        raise UnsupportedFormatError(msg)
    kinds = {"zlib": uproot.ZLIB, "lzma": uproot.LZMA, "lz4": uproot.LZ4, "zstd": uproot.ZSTD}
    compression: Compression = kinds[algorithm](int(level or _LEVELS[algorithm]))
    return compression
