"""What goes to those who process files, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from physlite.model.events import OnBadLink
from physlite.running.access import Access
from physlite.running.records import FileRecord
from physlite.running.weights import FileWeights
from physlite.storage.redaction import redacted

__all__ = ["FailedPartError", "FilePart", "Outcome", "Settings"]


class FilePart(NamedTuple):
    """A file to be processed, or a part of one.

    Attributes:
        dataset: the name of its dataset.
        number: of the file in its dataset.
        url: what `physlite.open` takes.
        given: what the user gave with the dataset.
        access: what is needed beside the URL.
        part: number of the part.
        parts: of how many, a power of two.
    """

    dataset: str
    number: int
    url: str
    given: Mapping[str, Any]
    access: Access
    part: int = 0
    parts: int = 1

    def __repr__(self) -> str:
        # Dask shows it to whoever looks at its tasks; what is given may be as secret as what is in a URL.
        return f"FilePart({self.dataset!r}, {self.number}, {redacted(self.url)!r}, part {self.part} of {self.parts})"


@dataclass(frozen=True)
class Settings:
    """How files are processed; `run` says what each means.

    Attributes:
        token: the same for all parts of a run: what is learned of the analysis is kept under it.
    """

    token: str
    chunk_size: int
    threads: int
    prefetch: bool
    attempts: int
    on_bad_link: OnBadLink


@dataclass(frozen=True)
class Outcome:
    """What has come of a part, or of several added up.

    Attributes:
        value: the pickled sum of what the analysis returned; empty for None.
        records: of each file, where the time went.
        weights: of each file, its sum of weights.
    """

    value: bytes
    records: tuple[FileRecord, ...]
    weights: tuple[FileWeights, ...] = field(default=())


class FailedPartError(Exception):
    """A part that could not be processed. Pickles whatever it was that failed.

    Attributes:
        text: what failed, in one line.
        is_users: whether it was the analysis, not the file.
        may_pass: whether it may work another time.
        entries: in which entries, where that is known.
        is_first: whether these were the first events that the analysis was given of the part.
        details: the traceback, of what the user has written.
        attempts: how often it was tried.
        cause: what failed, in this process only.
    """

    def __init__(
        self,
        text: str,
        *,
        is_users: bool,
        may_pass: bool = False,
        entries: tuple[int, int] | None = None,
        is_first: bool = False,
        details: str = "",
        attempts: int = 1,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.is_users = is_users
        self.may_pass = may_pass
        self.entries = entries
        self.is_first = is_first
        self.details = details
        self.attempts = attempts
        self.cause = cause

    def alone(self) -> FailedPartError:
        """The same without what failed."""
        make, content = self.__reduce__()
        failed: FailedPartError = make(*content)
        return failed

    def __reduce__(self) -> tuple[Any, ...]:
        known = {name: value for name, value in vars(self).items() if name not in ("text", "cause")}
        return _failed, (self.text, known)


def _failed(text: str, known: dict[str, Any]) -> FailedPartError:
    return FailedPartError(text, **known)
