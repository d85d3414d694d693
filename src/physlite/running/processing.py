"""One file, or a part of one: opened, cut into chunks, and given to the analysis chunk by chunk."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from physlite.exceptions import AddingError, CodeError, CorruptDataError, CredentialError, PhysliteError
from physlite.formats.detect import read_event_manifest
from physlite.model.events import EventSource
from physlite.model.store import ColumnStore
from physlite.running.adding import add, check
from physlite.running.chunks import chunks_of
from physlite.running.code import dumps, loads
from physlite.running.detaching import detached
from physlite.running.ordered import OrderedSum, branches
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.running.prefetching import ColumnWatch, Learned, WatchedSource, ranges_of
from physlite.running.records import FileRecord
from physlite.running.stopwatch import Stopwatch
from physlite.running.weights import FileWeights, weights_of
from physlite.storage import ByteSource, open_source
from physlite.storage.opening import open_bare
from physlite.storage.redaction import redacted
from physlite.storage.transports import scheme_of

__all__ = ["process"]

Analysis = Callable[[Any], Any]

_PAUSE = 1.0  # seconds before a file is tried again, more before each further attempt
# So far ahead that a round trip to a server overseas passes while small chunks are processed; of large ones the next,
# so that memory stays small beside what decoding takes.
_CHUNKS_AHEAD = 4
_BYTES_AHEAD = 32 << 20
_MOST_RUNS = 8  # that a process remembers what it has learned of
_DEPTH = 12  # lines of a traceback that are kept: the last ones are the user's

_learned: OrderedDict[str, Learned] = OrderedDict()


def process(part: FilePart, analysis: Analysis, settings: Settings) -> Outcome:
    """What the analysis makes of a part of a file, added up.

    What may be better the next time is tried again, with another replica of the file if it has any.

    Raises:
        FailedPartError: the file cannot be read, after all attempts, or the analysis fails on its events.
    """
    avoid: set[str] = set()
    for attempt in range(1, settings.attempts + 1):
        try:
            return _Attempt(part, settings, attempt, avoid).run(analysis)
        except FailedPartError as error:
            if not error.may_pass or attempt == settings.attempts:
                raise
        time.sleep(_PAUSE * attempt)
    raise AssertionError  # the last attempt returns or raises


class _Attempt:
    """One attempt to process a part; `avoid` has the replicas that were bad, and is added to."""

    def __init__(self, part: FilePart, settings: Settings, number: int, avoid: set[str]) -> None:
        self._part = part
        self._settings = settings
        self._number = number
        self._avoid = avoid
        self._stopwatch = Stopwatch()
        self._begin = time.perf_counter()
        self._learned = _what_is_learned(settings.token)
        self._asked: dict[int, int] = {}  # of how many columns a chunk was asked for

    def run(self, analysis: Analysis) -> Outcome:
        """Opens the file and processes the part."""
        bare: ByteSource | None = None
        try:
            with self._stopwatch.stage("open"):
                bare = open_bare(self._part.access.openable(self._part.url, self._avoid))
                source = WatchedSource(open_source(bare), self._stopwatch)
            try:
                return self._processed(analysis, source)
            finally:
                source.close()
        except FailedPartError:
            raise
        except Exception as error:
            self._avoid.update(filter(None, [getattr(bare, "replica", None)]))
            raise self._failed(error) from error

    def _processed(self, analysis: Analysis, source: WatchedSource) -> Outcome:
        with self._stopwatch.stage("open"):
            # Chunks are read once: what was decoded is not kept.
            manifest = read_event_manifest(source)
            store = ColumnStore(source, manifest, self._settings.threads, cache_bytes=0)
        watch = ColumnWatch(store.manifest, self._learned, self._stopwatch)
        store.observer = watch
        chunks = chunks_of(store.manifest.clusters.tolist(), self._settings.chunk_size)
        chosen = list(branches(len(chunks), self._part.parts))[self._part.part]
        total: OrderedSum[Any] = OrderedSum(add)
        for i in chosen:
            self._ask_ahead(source, store, chunks, range(i, chosen.stop))
            value = self._analysed(analysis, store, watch, chunks[i], is_first=i == chosen.start)
            try:
                total.append(value)
            except AddingError as error:
                raise self._failed_analysis(error, chunks[i], is_first=i == chosen.start + 1) from error
            source.done(i)
        clock = store.clock.tolist()  # of what the analysis has read
        weights: tuple[FileWeights, ...] = ()
        store.observer = None  # what follows the analysis has not asked for
        if self._part.part == 0:
            with self._stopwatch.stage("open"):
                weights = (weights_of(store),)
        pickled = self._pickled(total, [chunks[i] for i in chosen])
        stats = source.stats
        record = FileRecord(
            dataset=self._part.dataset,
            file=store.name,
            events=sum(chunks[i][1] - chunks[i][0] for i in chosen),
            chunks=len(chosen),
            bytes=stats.received if source.remote else stats.bytes,
            requests=stats.requests,
            retries=stats.retries,
            stages=self._stopwatch.stages(clock),
            wall=time.perf_counter() - self._begin,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            attempts=self._number,
            columns=tuple(sorted(watch.columns)),
            prefetched_bytes=source.prefetched_bytes,
            bad_links=sum(store.bad_links.values()),
        )
        return Outcome(pickled, (record,), weights)

    def _pickled(self, total: OrderedSum[Any], chunks: Sequence[tuple[int, int]]) -> bytes:
        """The sum as it is sent; nothing of None."""
        try:
            value = total.total()
            return b"" if value is None else dumps(value)
        except (AddingError, CodeError) as error:
            raise self._failed_analysis(error, (chunks[0][0], chunks[-1][1]), is_first=True) from error

    def _ask_ahead(
        self, source: WatchedSource, store: ColumnStore, chunks: Sequence[tuple[int, int]], left: range
    ) -> None:
        """Asks for the columns that are known to be used, in the chunk that comes next and some after it."""
        names = self._learned.names()
        if not (names and self._settings.prefetch and source.remote):
            return
        with self._stopwatch.stage("fetch"):
            for number in left[: 1 + _CHUNKS_AHEAD]:
                if number > left.start + 1 and source.bytes_after(left.start) >= _BYTES_AHEAD:
                    return
                # Once, unless the analysis has used other columns since.
                if self._asked.get(number) != len(names):
                    source.prefetch(ranges_of(store.manifest, names, *chunks[number]), number)
                    self._asked[number] = len(names)

    def _analysed(
        self, analysis: Analysis, store: ColumnStore, watch: ColumnWatch, chunk: tuple[int, int], *, is_first: bool
    ) -> Any:
        """What the analysis returns for a range of events."""
        # Its own each time: what the analysis does to it must not depend on which events came before.
        given = {**_copied(self._part.given), "dataset": self._part.dataset}
        if callable(getattr(getattr(analysis, "__self__", None), "postprocess", None)):
            given |= _names_of_coffea(store, chunk)
        events = EventSource(store, *chunk, self._settings.on_bad_link, MappingProxyType(given)).events()
        watch.failure = None
        try:
            value = detached(analysis(events))
            if not self._learned.is_checked:
                check(loads(dumps(value)))  # a copy, as `+` of a class of the user may change it
                self._learned.is_checked = True
        except (Exception, SystemExit) as error:  # who leaves has not analysed these events
            if watch.failure is not None:  # it is the file, whatever the analysis has made of that
                raise watch.failure from None
            raise self._failed_analysis(error, chunk, is_first=is_first) from error
        if watch.failure is not None:  # and the analysis went on without
            raise watch.failure
        return value

    # -------------------------------------------------------------------------------------------------------- errors

    def _failed(self, error: Exception) -> FailedPartError:
        """Of an error with the file."""
        is_ours = isinstance(error, PhysliteError | OSError | MemoryError)
        text = _line(error)
        return FailedPartError(
            text if self._part.url in text or is_ours else f"{redacted(self._part.url)}: {text}",
            is_users=False,
            may_pass=_may_pass(error, is_local=not scheme_of(self._part.url)[0]),
            details="" if is_ours else _traceback(error),
            attempts=self._number,
            cause=error,
        )

    def _failed_analysis(self, error: BaseException, chunk: tuple[int, int], *, is_first: bool) -> FailedPartError:
        """Of an error in what the user has written."""
        start, stop = chunk
        where = f"dataset {self._part.dataset}, {redacted(self._part.url)}, entries {start} to {stop}"
        return FailedPartError(
            f"{where}: the analysis fails: {_line(error)}{_notes(error)}",
            is_users=True,
            entries=chunk,
            is_first=is_first,
            details=_traceback(error),
            attempts=self._number,
            cause=error,
        )


def _copied(value: Any) -> Any:
    """A value whose lists, mappings and sets are its own; what else is in it is not."""
    if type(value) in (dict, MappingProxyType):  # classes of the user's stay what they are
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    return set(value) if type(value) is set else value


def _what_is_learned(token: str) -> Learned:
    """What this process knows of the analysis of a run."""
    if token not in _learned:
        _learned[token] = Learned()
        while len(_learned) > _MOST_RUNS:
            _learned.popitem(last=False)
    return _learned[token]


def _may_pass(error: Exception, *, is_local: bool) -> bool:
    """Whether it can be another time, or with another replica."""
    if isinstance(error, FileNotFoundError | CredentialError) or (is_local and isinstance(error, CorruptDataError)):
        return False
    return isinstance(error, CorruptDataError | OSError | MemoryError)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        text = f"{text or 'there was not enough'}: a smaller chunk_size, or fewer workers, need less"
    if isinstance(error, PhysliteError):
        return redacted(text)
    return redacted(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _notes(error: BaseException) -> str:
    """What was noted of an error, as in which variation it comes; longer notes are in the traceback."""
    notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
    return redacted(f" ({'; '.join(notes)})") if notes else ""


def _traceback(error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return redacted("".join(lines[-_DEPTH:]))


def _names_of_coffea(store: ColumnStore, chunk: tuple[int, int]) -> dict[str, Any]:
    """What `events.metadata` has in coffea, for processors that are written for it."""
    start, stop = chunk
    uuid = str(store.manifest.uuid)
    names = {"filename": store.name, "treename": store.manifest.tree, "entrystart": start, "entrystop": stop}
    return {**names, "fileuuid": uuid}
