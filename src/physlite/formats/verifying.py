"""Files that are read by a manifest: that they are the ones it was made from is seen with the first bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from physlite import _core
from physlite.exceptions import CorruptDataError, FileChangedError, StaleManifestError
from physlite.formats.detect import file_uuid
from physlite.formats.manifest import PARQUET, Manifest
from physlite.formats.rootfile import HEADER_BYTES, naming
from physlite.storage import ByteSource, Range, SourceStats
from physlite.storage.perprocess import PerProcess
from physlite.storage.readahead import ReadAhead

__all__ = ["VerifyingSource", "verified"]


def verified(source: ByteSource, manifest: Manifest) -> ByteSource:
    """The file that a manifest was made from: checked now, or where that takes a round trip, when it is read first.

    Raises:
        StaleManifestError: the manifest belongs to another file.
        CorruptDataError: not a file of its format.
    """
    if isinstance(source, ReadAhead) and manifest.format != PARQUET:  # which has nothing of that in its head
        return VerifyingSource(source, manifest)
    manifest.require_file(source.name, file_uuid(source, manifest.format), source.size())
    return source


class VerifyingSource:
    """A remote file with a manifest; asks for its header together with what is read first. Pickles as the file.

    Raises, when something is read for the first time:
        StaleManifestError: the manifest belongs to another file.
    """

    remote = True

    def __init__(self, source: ReadAhead, manifest: Manifest) -> None:
        self.name = source.name
        self.reopens = source.reopens
        self._source = source
        self._manifest = manifest
        self._is_verified = False
        self._lock = PerProcess(threading.Lock)

    @property
    def stats(self) -> SourceStats:
        """What the file was asked for."""
        return self._source.stats

    def size(self) -> int:
        """Bytes in the file, as the manifest has them."""
        return self._manifest.file_bytes

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """As the file does."""
        if self._is_verified:
            return self._source.fetch(ranges)
        with self._lock.get():
            if self._is_verified:
                return self._source.fetch(ranges)
            try:
                out = self._verify(ranges)
            except StaleManifestError:
                if not self._source.forget():
                    raise
                out = self._verify(ranges)  # what was cached may be older than the manifest
            self._is_verified = True
            return out

    def _verify(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Reads ranges together with the header of the file."""
        header_range = Range(0, min(HEADER_BYTES, self._manifest.file_bytes))
        try:
            header, *out = self._source.fetch([header_range, *ranges])
        except (FileChangedError, CorruptDataError) as error:
            msg = f"{self.name}: the manifest belongs to another file, or the file is cut short: make it anew"
            raise StaleManifestError(msg) from error
        with naming(self.name):
            uuid = UUID(bytes=_core.file_header(header)["uuid"])
        self._manifest.require_file(self.name, uuid, self._source.known_size or 0)
        return out

    def close(self) -> None:
        """Closes the file."""
        self._source.close()

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self._source.__reduce__()

    def __repr__(self) -> str:
        return repr(self._source)
