"""Our reading of bytes for those who stay with uproot: `uproot.open(url, handler=physlite.storage.UprootSource)`."""

from __future__ import annotations

import queue
from concurrent.futures import Future
from typing import Any, Self

from uproot.source.chunk import Chunk, Source, notifier

from physlite.storage._source import ByteSource, Range
from physlite.storage.http.settings import HttpSettings
from physlite.storage.http.source import HttpSource
from physlite.storage.opening import open_source
from physlite.storage.perprocess import PerProcess
from physlite.storage.signing import Signer
from physlite.storage.workers import Workers

__all__ = ["UprootSource"]


class UprootSource(Source):
    """Any file that `physlite.open` can open, as uproot wants its bytes.

    All chunks that uproot asks for together are read together: ranges that are next to each other in one request, the
    others over many connections at the same time, with retries, renewed signatures, and the query of a URL as it is.
    Pickles by opening the file again.

    Args:
        file_path: a path or URL.
        signer: for files on web servers: who signs the URLs.
        settings: for files on web servers: how they are asked.
        _: uproot passes all of its options on.
    """

    def __init__(
        self, file_path: str, *, signer: Signer | None = None, settings: HttpSettings | None = None, **_: Any
    ) -> None:
        super().__init__()
        self._where: str | ByteSource = file_path
        if signer is not None or settings is not None:
            self._where = HttpSource(file_path, signer=signer, settings=settings)
        self._open()

    def _open(self) -> None:
        self._source = open_source(self._where)
        self._file_path = self._source.name
        self._workers = PerProcess(lambda: Workers(1, "physlite-uproot"))
        self._closed = False

    @property
    def num_bytes(self) -> int:
        """Bytes in the file."""
        return self._source.size()

    @property
    def closed(self) -> bool:
        """Whether the file was closed."""
        return self._closed

    def chunk(self, start: int, stop: int) -> Chunk:
        """Bytes `start` ≤ i < `stop` of the file."""
        (chunk,) = self.chunks([(start, stop)], queue.Queue())
        chunk.wait(insist=False)
        return chunk

    def chunks(self, ranges: list[tuple[int, int]], notifications: queue.Queue[Chunk]) -> list[Chunk]:
        """Chunks that are filled in the background; each is put into `notifications` when it is."""
        self._num_requests += 1
        self._num_requested_chunks += len(ranges)
        self._num_requested_bytes += sum(stop - start for start, stop in ranges)
        futures: list[Future[memoryview]] = [Future() for _ in ranges]
        out = [Chunk(self, *r, future) for r, future in zip(ranges, futures, strict=True)]
        for chunk, future in zip(out, futures, strict=True):
            future.add_done_callback(notifier(chunk, notifications))
        self._workers.get().submit(self._fill, ranges, futures)
        return out

    def _fill(self, ranges: list[tuple[int, int]], futures: list[Future[memoryview]]) -> None:
        try:
            # Uproot asks for as many bytes as it may need, also of files that have fewer.
            size = self._source.size()
            views = self._source.fetch([Range(start, max(min(stop, size) - start, 0)) for start, stop in ranges])
            for future, view in zip(futures, views, strict=True):
                future.set_result(view)
        except BaseException as error:  # noqa: BLE001  # raised where a chunk is waited for
            for future in futures:
                if not future.done():
                    future.set_exception(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        workers = self._workers.known()
        if workers is not None:
            workers.end(self._source.close)
            workers.join()
        self._source.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_source", "_workers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __repr__(self) -> str:
        return f"UprootSource({self._file_path!r})"
