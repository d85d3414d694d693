"""Files processed by several processes of this machine."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pickle
import tempfile
from collections.abc import Sequence
from typing import IO, Any

import loky
from loky.process_executor import BrokenProcessPool

from physlite.running.childprocess import begin, work
from physlite.running.code import PackedCode
from physlite.running.engines import FutureEngine
from physlite.running.merging import merged, of_one_file
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.storage.redaction import redacted

__all__ = ["InProcesses"]

_AHEAD = 3  # parts for each worker that are on their way to it
_MOST_ATTEMPTS = 3  # of a part whose process, or one beside it, was killed; all but the first by itself


class InProcesses(FutureEngine):
    """Processes that start with nothing of this one: scripts need no `if __name__ == "__main__"`.

    When one is killed, all that were under way are lost with it, and it cannot be told which of them it worked on.
    So these are processed again one by one: what then dies has itself to blame.

    Args:
        code: the analysis.
        settings: how files are processed.
        workers: number of processes.
    """

    retries_alone = True

    def __init__(self, code: PackedCode, settings: Settings, workers: int) -> None:
        self._workers = workers
        self._code = code
        self._settings = settings
        self._executor: Any = None
        # In a file, since processes start one after the other where what each is given does not fit into a pipe.
        self._code_file: IO[bytes] | None = None

    @property
    def workers(self) -> int:
        """As the interface says."""
        return self._workers

    def begin(self) -> None:
        """As the interface says."""
        packed = pickle.dumps(self._code)
        if self._code_file is not None:
            self._code_file.close()  # who knows what has become of it since
        try:
            self._code_file = tempfile.NamedTemporaryFile(prefix="physlite-")  # noqa: SIM115  # until the end
            self._code_file.write(packed)
            self._code_file.flush()
        except OSError as error:
            where = tempfile.gettempdir()
            msg = f"{where}: the analysis cannot be written there for other processes: {error.strerror}; set TMPDIR"
            raise OSError(error.errno, msg) from error
        given = (self._code_file.name, hashlib.sha256(packed).hexdigest(), os.getpid())
        self._executor = loky.ProcessPoolExecutor(self._workers, initializer=begin, initargs=given)

    def window(self) -> int:
        """As the interface says."""
        return _AHEAD * self.workers

    def submit(self, parts: Sequence[FilePart]) -> list[Any]:
        """As the interface says."""
        return [self._submit(part) for part in parts]

    def _submit(self, part: FilePart) -> Any:
        try:
            return self._executor.submit(work, part, self._settings)
        except BrokenProcessPool:
            self._executor.shutdown(wait=False, kill_workers=True)
            self.begin()
            return self._executor.submit(work, part, self._settings)

    def wait(self, futures: Sequence[Any]) -> Sequence[Any]:
        """As the interface says."""
        return list(concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED).done)

    def taken(self, part: FilePart, future: concurrent.futures.Future[Outcome]) -> Outcome:
        """As the interface says."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            text = (
                f"dataset {part.dataset}, {redacted(part.url)}: the process that worked on it was killed, each time: "
                "is there enough memory? a smaller chunk_size needs less"
            )
            raise FailedPartError(text, is_users=False, may_pass=True, cause=error) from None

    def is_worth_another(self, error: FailedPartError, attempt: int) -> bool:
        """As the interface says."""
        return isinstance(error.cause, BrokenProcessPool) and attempt < _MOST_ATTEMPTS

    def size_of(self, parts: list[Outcome]) -> tuple[int, int]:
        """As the interface says."""
        records = [record for part in parts for record in part.records]
        return sum(r.events for r in records), sum(r.bytes for r in records)

    def collected(self, files: list[list[Outcome] | None]) -> concurrent.futures.Future[Outcome]:
        """As the interface says. What was sent here is added here: to send it again would take longer."""
        done: concurrent.futures.Future[Outcome] = concurrent.futures.Future()
        done.set_result(merged([None if parts is None else of_one_file(parts) for parts in files]))
        return done

    def outcome_of(self, future: concurrent.futures.Future[Outcome]) -> Outcome:
        """As the interface says."""
        return future.result()

    def end(self, futures: Sequence[Any]) -> None:  # noqa: ARG002  # the interface
        """As the interface says."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
        if self._code_file is not None:
            self._code_file.close()
