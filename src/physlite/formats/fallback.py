"""Columns whose types are not decoded here, read through uproot.

uproot is the field's reader of everything in ROOT files; it is opened only when such a column is used.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import awkward as ak

from physlite.exceptions import PhysliteError, UnreadableColumnError
from physlite.formats.rootfile import Key
from physlite.storage import ByteSource, Range

__all__ = ["FallbackReader", "as_file", "key_of"]


class _SourceFile(io.RawIOBase):
    """A ByteSource as the binary file that uproot can read from."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size()}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, into: Any) -> int:
        count = max(min(len(into), self._source.size() - self._at), 0)
        if count:
            (data,) = self._source.fetch([Range(self._at, count)])
            into[:count] = data
        self._at += count
        return count


def as_file(source: ByteSource) -> io.RawIOBase:
    """A source as the binary file that other readers want."""
    return _SourceFile(source)


def key_of(tree: Any) -> Key:
    """The key of a tree or ntuple that uproot has opened, in whatever folder of its file."""
    key = tree.parent
    return Key(key.fName, key.fCycle, key.fClassName, key.fTitle, int(key.fSeekKey), int(key.fNbytes), int(key.fKeylen))


class FallbackReader:
    """Reads single columns of one tree through uproot."""

    def __init__(self, source: ByteSource, tree: str) -> None:
        self._source = source
        self._tree_name = tree

    @functools.cached_property
    def _tree(self) -> Any:
        import uproot

        return uproot.open(_SourceFile(self._source))[self._tree_name]

    def read(self, path: str, start: int, stop: int) -> ak.contents.Content:
        """Entries `start` to `stop` of a branch.

        Raises:
            UnreadableColumnError: uproot cannot read it either.
            CorruptDataError, OSError, ValueError: the source has not the bytes, or it is closed.
        """
        try:
            array = self._tree[path].array(entry_start=start, entry_stop=stop, library="ak")
        except (OSError, PhysliteError):
            raise
        except Exception as error:  # uproot has no common base class for what a type can make it raise
            self._source.fetch([])  # complains when it is closed
            first_line = str(error).strip().partition("\n")[0]
            msg = f"{self._source.name}: column {path} cannot be read: uproot says {type(error).__name__}: {first_line}"
            raise UnreadableColumnError(msg) from error
        if len(array) != stop - start:
            msg = f"{self._source.name}: column {path} cannot be read: {len(array)} entries of {stop - start} are there"
            raise UnreadableColumnError(msg)
        return ak.to_layout(array)
