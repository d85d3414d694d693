"""The files of a dataset."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from physlite.storage.rucio.did import Did
from physlite.text import aligned, human_bytes

__all__ = ["RucioFile", "RucioFiles"]

_HEAD = ("file", "size", "events", "adler32", "guid")
_RIGHT = frozenset({1, 2})
_SHOWN = 20  # files in a table; the others are counted


class RucioFile(NamedTuple):
    """A file in the catalogue.

    Attributes:
        scope, name: what it is called.
        bytes: its size, None where the catalogue does not know.
        adler32: its checksum, eight hexadecimal digits, or None.
        guid: ROOT's identifier of the file, 32 hexadecimal digits, or None.
        events: number of events, or None.
    """

    scope: str
    name: str
    bytes: int | None
    adler32: str | None
    guid: str | None
    events: int | None

    @property
    def did(self) -> Did:
        """Scope and name."""
        return Did(self.scope, self.name)

    @property
    def url(self) -> str:
        """What `physlite.open` takes: `rucio://scope:name`."""
        return f"rucio://{self.did}"


class RucioFiles(Sequence[RucioFile]):
    """The files of a dataset or container, sorted by scope and name, each once; shown as a table."""

    def __init__(self, did: Did, files: Iterable[RucioFile]) -> None:
        self.did = did
        self._files = tuple(files)

    @property
    def total_bytes(self) -> int | None:
        """Bytes in all files; None when the size of one is not known."""
        return known_total(file.bytes for file in self._files)

    @property
    def total_events(self) -> int | None:
        """Events in all files; None when the number is not known for one of them."""
        return known_total(file.events for file in self._files)

    @property
    def urls(self) -> list[str]:
        """`rucio://scope:name` of each."""
        return [file.url for file in self._files]

    @overload
    def __getitem__(self, index: int) -> RucioFile: ...
    @overload
    def __getitem__(self, index: slice) -> RucioFiles: ...
    def __getitem__(self, index: int | slice) -> RucioFile | RucioFiles:
        if isinstance(index, slice):
            return RucioFiles(self.did, self._files[index])
        return self._files[index]

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[RucioFile]:
        return iter(self._files)

    def __repr__(self) -> str:
        if not self._files:
            return self.title
        more = len(self._files) - _SHOWN
        return "\n".join(
            [self.title, aligned(_HEAD, self._rows(), _RIGHT), *([f"… and {more} more"] if more > 0 else [])]
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        heads = "".join(f"<th style='text-align:left'>{head}</th>" for head in _HEAD)
        more = len(self._files) - _SHOWN
        rest = f"<div>… and {more} more</div>" if more > 0 else ""
        return (
            f"<div><b>{html.escape(self.title)}</b><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
            f"{rest}</div>"
        )

    @property
    def title(self) -> str:
        """The name, and how much there is of it, in a line."""
        size = "unknown size" if self.total_bytes is None else human_bytes(self.total_bytes)
        events = "unknown number of" if self.total_events is None else f"{self.total_events:,}"
        return f"{self.did}: {len(self._files)} {'file' if len(self._files) == 1 else 'files'}, {size}, {events} events"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                str(file.did),
                "" if file.bytes is None else human_bytes(file.bytes),
                "" if file.events is None else f"{file.events:,}",
                file.adler32 or "",
                file.guid or "",
            )
            for file in self._files[:_SHOWN]
        ]


def known_total(numbers: Iterable[int | None]) -> int | None:
    """The sum of numbers; None when one of them is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
