"""What an analysis runs on: files that belong together, and what is known of them."""

from __future__ import annotations

import html
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from physlite.running.access import Access
from physlite.running.datasetfiles import Asked, DataFile, each_of, known, look_up, shown
from physlite.running.datasetpaths import absolute
from physlite.storage import HttpSource
from physlite.storage.redaction import redacted
from physlite.storage.rucio import Rucio, RucioFile, RucioSource
from physlite.storage.rucio.listing import known_total
from physlite.storage.signing import Signer
from physlite.text import cut, human_bytes

__all__ = ["OWN_METADATA", "Dataset", "Files"]

Files: TypeAlias = "str | os.PathLike[str] | DataFile | RucioFile | Iterable[Files]"

OWN_METADATA = ("dataset", "file", "entry_start", "entry_stop")  # what `events.metadata` says without being told

_SHOWN = 20  # files in a table; the others are counted
_VALUE = 60  # characters of a value of metadata that are shown


class Dataset:
    """Files that belong together, by a name, with what is known of them. It does not change.

    Files are looked up when they are first asked for, once: a dataset can be made without a server. A pickle of it has
    the files, when they have been looked up, and what it needs to read them; passwords and proxies of Rucio stay here.

    Args:
        name: what results are called by.
        files: one, or an iterable, of

            - a path of a file;
            - a folder: all below it whose names end in `.root`, `.root.1`, `.pool.root.1` and so on, sorted;
            - a pattern, with `*`, `?`, `[…]`, and `**` for folders within folders: what matches, sorted;
            - a text list, a path that ends in `.txt` or `.list`: any of the others, but lists, one a line; relative
              paths begin where the list is, and what follows a `#` is a comment;
            - `rucio://scope:name` of a container, a dataset or a file;
            - another URL that `physlite.open` takes;
            - a file of another dataset (`other.files[:10]`) or of `physlite.storage.rucio.files`.

            Sets are sorted; anything else keeps its order.
        rucio: the server to ask for names in Rucio, and the account; by default those in rucio.cfg.
        signer: who signs the URLs of files, on whichever machine reads them; by default they are asked for as they are.
        **metadata: whatever the analysis has to know, as `cross_section=0.83`; to be sent to other processes it has to
            be pickled.

    Raises:
        TypeError: files that are none of these.
        ValueError: a name or a path that is empty, or metadata that are called as what `events.metadata` says itself.
    """

    __slots__ = ("_access", "_asked", "_files", "_lock", "_metadata", "_name")

    def __init__(
        self, name: str, files: Files, *, rucio: Rucio | None = None, signer: Signer | None = None, **metadata: Any
    ) -> None:
        if not isinstance(name, str) or not name:
            msg = f"the name of a dataset is text, not {name!r}"
            raise ValueError(msg)
        for own in OWN_METADATA:
            if own in metadata:
                msg = (
                    f"dataset {name!r}: metadata cannot be called {own!r}, which events.metadata says itself: rename it"
                )
                raise ValueError(msg)
        self._name = name
        here = os.getcwd()  # noqa: PTH109
        self._asked = tuple(_asked(name, files, here))
        self._access = Access(rucio, signer)
        self._metadata = metadata
        self._files: tuple[DataFile, ...] | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What results are called by."""
        return self._name

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the user knows of it; read only."""
        return MappingProxyType(self._metadata)

    @property
    def access(self) -> Access:
        """What is needed beside the URLs of files."""
        return self._access

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Its files, in the order in which they were given, each once; looked up when this is first used.

        Raises:
            DatasetNotFoundError: a file, pattern or name in Rucio that is not there, or no files at all.
            ValueError: a file that is there twice, under different names too, or something else than a file.
            CredentialError, TransferError, ConfigurationError, ImportError: Rucio could not be asked.
        """
        with self._lock:
            if self._files is None:
                self._files = look_up(self._name, self._asked, self._access.rucio)
                self._asked = ()
            return self._files

    @property
    def total_bytes(self) -> int | None:
        """Bytes in all files; None when the size of one is not known, as of URLs."""
        return known_total(file.bytes for file in self.files)

    @property
    def total_events(self) -> int | None:
        """Events in all files; None when the number is not known for one of them, as outside of Rucio."""
        return known_total(file.events for file in self.files)

    def openable(self, file: DataFile) -> str | RucioSource | HttpSource:
        """What `physlite.open` takes for one of its files."""
        return self._access.openable(file.url)

    def __len__(self) -> int:
        return len(self.files)

    def __getstate__(self) -> tuple[Any, ...]:
        return self._name, self._asked, self._access, self._metadata, self._files

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._name, self._asked, self._access, self._metadata, self._files = state
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        known = "".join(f", {name}={value}" for name, value in self._shown_metadata())
        return f"<Dataset {self._name!r}: {self._content()}{known}>"

    def _repr_html_(self) -> str:
        metadata = "".join(
            f"<tr><th>{html.escape(name)}</th><td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self._shown_metadata()
        )
        files = self._files or ()
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(file.shown)}</td>"
            f"<td>{'' if file.bytes is None else human_bytes(file.bytes)}</td>"
            f"<td>{'' if file.events is None else f'{file.events:,}'}</td></tr>"
            for file in files[:_SHOWN]
        )
        table = f"<table><thead><tr><th>file</th><th>size</th><th>events</th></tr></thead><tbody>{rows}</tbody></table>"
        more = f"<div>… and {len(files) - _SHOWN} more</div>" if len(files) > _SHOWN else ""
        return (
            f"<div><b>{html.escape(self._name)}</b>: {html.escape(self._content())}"
            f"{f'<table>{metadata}</table>' if metadata else ''}{table if files else ''}{more}</div>"
        )

    def _content(self) -> str:
        """The files in a few words; nothing is looked up for them."""
        if self._files is None:
            first = ", ".join(shown(what if isinstance(what, str) else what.url) for what in self._asked[:2])
            more = f" and {len(self._asked) - 2} more" if len(self._asked) > 2 else ""  # noqa: PLR2004  # as shown
            return f"{first or 'nothing'}{more}, not looked up yet"
        counted = "1 file" if len(self._files) == 1 else f"{len(self._files):,} files"
        size = "" if self.total_bytes is None else f", {human_bytes(self.total_bytes)}"
        return counted + size + ("" if self.total_events is None else f", {self.total_events:,} events")

    def _shown_metadata(self) -> list[tuple[str, str]]:
        return [(name, cut(redacted(" ".join(repr(value).split())), _VALUE)) for name, value in self._metadata.items()]


def _asked(dataset: str, files: Any, folder: str) -> Iterator[Asked]:
    """Each thing that is asked for, its path absolute: other processes are in other folders."""
    if isinstance(files, RucioFile):
        yield known(files)
    elif isinstance(files, DataFile):
        yield files._replace(url=absolute(files.url, folder))
    elif isinstance(files, str | os.PathLike):
        text = os.fsdecode(files)
        if not text:
            msg = f"dataset {dataset!r}: an empty path: name a file or a folder"
            raise ValueError(msg)
        yield absolute(text, folder)
    elif (several := each_of(files)) is not None:
        for inner in several:
            yield from _asked(dataset, inner, folder)
    else:
        msg = f"dataset {dataset!r}: files are paths, patterns, URLs or names in Rucio, not {type(files).__name__}"
        raise TypeError(msg)
