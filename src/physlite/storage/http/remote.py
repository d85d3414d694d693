"""A file on a server: which requests bring its bytes, and what is done when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiohttp

from physlite.exceptions import TransferError
from physlite.storage._source import Range, SourceStats, check_ranges
from physlite.storage.http.answers import MOST_RANGES, BadAnswerError, is_multipart, parts, range_header
from physlite.storage.http.connections import Connections
from physlite.storage.http.exchange import Exchange
from physlite.storage.http.hosts import Host, host_of
from physlite.storage.http.urls import Urls
from physlite.storage.patience import Again, Patience
from physlite.storage.pieces import Piece, allocate, grouped
from physlite.storage.planning import both_ends, coalesce, scatter

__all__ = ["RemoteFile"]

T = TypeVar("T")
Parts = list[tuple[int, memoryview]]

_OK, _PARTIAL, _OUT_OF_RANGE = 200, 206, 416
# What servers say to a header line that they find too long, or to several ranges that they do not want.
_TOO_MUCH = (400, 413, 414, _OUT_OF_RANGE, 431)
# Answers that a URL is not good for the file any more: it is renewed, and where it came from too.
_MOST_REFUSALS = 2
_CHUNK = 1 << 18


class RemoteFile:
    """One file; all of its methods are called in the loop.

    Errors of `read` and `ends`:
        FileNotFoundError: the server does not have it.
        CredentialError: the server does not give it to us.
        FileChangedError: it was replaced.
        CorruptDataError: a range does not lie in it.
        TransferError: anything else that did not work, after all attempts.

    Attributes:
        content: all of the file, where the server gives nothing less.
        takes_everything: whether that is taken however large it is.
    """

    def __init__(self, name: str, urls: Urls, connections: Connections, stats: SourceStats) -> None:
        self.name = name
        self.content: memoryview | None = None
        self.takes_everything = False
        self._urls = urls
        self._settings = connections.settings
        self._stats = stats
        self._exchange = Exchange(name, urls, connections, stats)
        self._at_once = asyncio.Semaphore(self._settings.connections)
        self._taking_everything = asyncio.Lock()

    @property
    def size(self) -> int | None:
        """Bytes in the file; None before an answer has told it."""
        return self._exchange.size

    @property
    def tag(self) -> str:
        """The ETag, or when the file was written; empty before an answer has told it."""
        return self._exchange.tag

    async def read(self, ranges: Sequence[Range]) -> list[memoryview]:
        """The bytes of ranges."""
        async with self._in_time():
            several = (await self._host()).several
            at_once = self._settings.connections * (MOST_RANGES if several else 1)
            spans = coalesce(ranges, self._settings.gap, at_once)
            memory, pieces = allocate(spans, self._settings.largest)
            await self._fill(pieces)
        if self.size is not None:  # by now
            check_ranges(self.name, ranges, self.size)
        return scatter(ranges, spans, memory)

    async def ends(self, head: int, tail: int) -> Parts:
        """The first and the last bytes of the file: where each part begins, and its bytes. One part if it is small."""
        async with self._in_time():
            found = await self._again(lambda _: self._both_ends(head, tail))
            if self.content is not None:
                return [(0, self.content)]
            if self.size is None:
                msg = f"{self.name}: the server does not tell how large the file is"
                raise TransferError(msg)
            for start, size in both_ends(self.size, head, tail):
                if not any(at <= start and start + size <= at + len(data) for at, data in found):
                    piece = Piece(start, memoryview(bytearray(size)))
                    await self._fill([piece])
                    found.append((start, piece.view))
            return found

    # ------------------------------------------------------------------------------------------------------- requests

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raises TransferError when all together takes too long."""
        try:
            async with asyncio.timeout(self._settings.deadline):
                yield
        except TimeoutError:
            msg = f"{self.name}: not done in {self._settings.deadline:g} s"
            raise TransferError(msg) from None

    async def _host(self) -> Host:
        return host_of((await self._again(lambda _: self._urls.place())).url)

    async def _fill(self, pieces: Sequence[Piece]) -> None:
        """Fills pieces, which are in the order of the file."""
        if len(pieces) > self._settings.connections and self.content is None:
            host = await self._host()
            groups = grouped(pieces, self._settings.connections, MOST_RANGES)
            if host.several is None:
                await self._group(groups.pop(0))  # tells
            if host.several:
                await self._all([self._group(group) for group in groups])
        await self._all([self._single(piece) for piece in pieces if not piece.is_complete])

    async def _all(self, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Waits for all; the first failure ends the others."""
        tasks = [asyncio.create_task(self._in_turn(each)) for each in work]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in work:
                each.close()  # those whose turn never came

    async def _in_turn(self, work: Coroutine[Any, Any, None]) -> None:
        async with self._at_once:
            await work

    async def _single(self, piece: Piece) -> None:
        """Fills a piece with requests of one range each."""

        async def once(patience: Patience) -> None:
            with _noting_progress(patience, [piece]):
                async with self._exchange.ask(range_header([piece.missing]), accept=(_OK, _PARTIAL)) as answer:
                    if answer.status == _OK:
                        await self._take_everything(answer)
                        return
                    await self._receive(answer, [piece])
            if not piece.is_complete:
                msg = "the server's answer is too short"
                raise Again(msg)

        if self.content is None and not piece.is_complete:
            await self._again(once)
        if self.content is not None:
            piece.take(piece.start + piece.done, self.content[piece.start + piece.done : piece.stop])

    async def _group(self, pieces: list[Piece]) -> None:
        """Fills pieces with one request of several ranges, as far as the server does that; the rest is left."""
        host = await self._host()

        async def once(patience: Patience) -> None:
            missing = [piece for piece in pieces if not piece.is_complete]
            if not missing:
                return
            asked = range_header([piece.missing for piece in missing])
            with _noting_progress(patience, missing):
                async with self._exchange.ask(asked, accept=(_OK, _PARTIAL, *_TOO_MUCH)) as answer:
                    try:
                        if answer.status == _PARTIAL:
                            await self._receive(answer, missing)
                    except BadAnswerError:  # one range at a time is easier to get right
                        host.saw(several=False, for_sure=False)
                    else:
                        if len(missing) > 1:
                            _note(host, answer)

        if self.content is None:
            await self._again(once)

    async def _both_ends(self, head: int, tail: int) -> Parts:
        """Both ends, or one of them; in one request where the server may do that."""
        host = host_of((await self._urls.place()).url)
        if host.several is not False:
            asked = f"bytes=0-{head - 1},-{tail}"
            async with self._exchange.ask(asked, accept=(_OK, _PARTIAL, *_TOO_MUCH)) as answer:
                if answer.status == _PARTIAL:
                    found = await self._collect(answer, head + tail)
                    if (self.size or 0) > head + tail:  # else the server may join them
                        _note(host, answer)
                    return found
                length = answer.content_length
                if answer.status == _OK and length is not None and length <= head + tail:
                    await self._take_everything(answer)
                    return []
                _note(host, answer)
        if self.size == 0:  # of an empty file there are no ranges
            return []
        # Not all servers know ranges that count from the end.
        tasks = [
            asyncio.create_task(self._end(f"bytes=0-{head - 1}", head, accept=(_OK, _PARTIAL, _OUT_OF_RANGE))),
            asyncio.create_task(self._end(f"bytes=-{tail}", tail, accept=(_OK, _PARTIAL, *_TOO_MUCH))),
        ]
        try:
            return [part for found in await asyncio.gather(*tasks) for part in found]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, asked: str, most: int, *, accept: tuple[int, ...]) -> Parts:
        async with self._exchange.ask(asked, accept=accept) as answer:
            if answer.status == _PARTIAL:
                return await self._collect(answer, most)
            if answer.status == _OK and asked.startswith("bytes=0-"):
                await self._take_everything(answer)
            return []

    async def _again(self, once: Callable[[Patience], Awaitable[T]]) -> T:
        """What `once` returns, called until it does, or there is no hope."""
        patience = Patience(self.name, self._settings)
        refusals = 0
        while True:
            try:
                return await once(patience)
            except Again as error:
                again = error
            if again.refused:
                refusals += 1
                if refusals > _MOST_REFUSALS:
                    raise self._exchange.access_error(again.reason)
            await asyncio.sleep(patience.pause(again))
            self._stats.add(retries=1)

    # -------------------------------------------------------------------------------------------------------- answers

    async def _receive(self, answer: aiohttp.ClientResponse, pieces: Sequence[Piece]) -> None:
        """Puts what an answer brings into the pieces that it is of."""
        async for part in parts(answer):
            self._exchange.saw_size(part.total)
            check_ranges(self.name, [Range(piece.start, len(piece.view)) for piece in pieces], part.total)
            its = [piece for piece in pieces if piece.start < part.stop and part.start < piece.stop]
            if not its or part.start < its[0].start or part.stop > its[-1].stop:
                msg = f"bytes {part.start} to {part.stop}, which nobody asked for"
                raise BadAnswerError(msg)
            at = part.start
            while at < part.stop:
                data = await self._next(answer, part.stop - at)
                for piece in its:
                    piece.take(at, data)
                at += len(data)
                if all(piece.is_complete for piece in pieces):
                    return  # a server may have more to say

    async def _collect(self, answer: aiohttp.ClientResponse, most: int) -> Parts:
        """The parts of an answer, of at most so many bytes."""
        found: Parts = []
        async for part in parts(answer):
            self._exchange.saw_size(part.total)
            piece = Piece(part.start, memoryview(bytearray(min(part.stop - part.start, most + 1))))
            most -= len(piece.view)
            if most < 0:
                msg = "more bytes than were asked for"
                raise BadAnswerError(msg)
            while not piece.is_complete:
                piece.take(piece.start + piece.done, await self._next(answer, len(piece.view) - piece.done))
            found.append((part.start, piece.view))
        return found

    async def _next(self, answer: aiohttp.ClientResponse, most: int) -> bytes:
        data = await answer.content.read(most)
        if not data:
            msg = "it is shorter than it says"
            raise BadAnswerError(msg)
        self._stats.add(received=len(data))
        return data

    async def _take_everything(self, answer: aiohttp.ClientResponse) -> None:
        """Takes a whole file, if it is not too large, from a server that does not give parts.

        Raises:
            TransferError: it is too large.
        """
        async with self._taking_everything:
            if self.content is not None:  # another request has brought it
                return
            size = answer.content_length
            if not self.takes_everything and (size is None or size > self._settings.whole):
                how_large = "of unknown size" if size is None else f"of {size} bytes"
                msg = (
                    f"{self.name}: the server gives no parts of files, and this one is {how_large}: "
                    "open it with mode='whole'"
                )
                raise TransferError(msg)
            content = bytearray()
            while data := await answer.content.read(_CHUNK):
                self._stats.add(received=len(data))
                content += data
            if size is not None and size != len(content):
                msg = "it is shorter than it says"
                raise BadAnswerError(msg)
            self._exchange.saw_size(len(content))
            self.content = memoryview(content).toreadonly()


def _note(host: Host, answer: aiohttp.ClientResponse) -> None:
    """Notes how a server answers to a request of several ranges; an error may have other reasons."""
    if answer.status in (_OK, _PARTIAL):
        host.saw(several=answer.status == _PARTIAL and is_multipart(answer.headers))
    elif answer.status != _OUT_OF_RANGE:
        host.saw(several=False, for_sure=False)


@contextmanager
def _noting_progress(patience: Patience, pieces: Sequence[Piece]) -> Iterator[None]:
    """Failures in a row are those without a byte between them."""
    before = sum(piece.done for piece in pieces)
    try:
        yield
    finally:
        if sum(piece.done for piece in pieces) > before:
            patience.progress()
