"""The files of a dataset: from what is asked for to a list in which each is once."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple

from physlite.exceptions import DatasetNotFoundError, PhysliteError
from physlite.running.datasetpaths import absolute, local_files, near
from physlite.storage.redaction import redacted_url, without_signature
from physlite.storage.rucio import Rucio, RucioFile, RucioFiles
from physlite.storage.rucio import files as rucio_files
from physlite.storage.transports import scheme_of

__all__ = ["Asked", "DataFile", "each_of", "is_list", "known", "look_up", "shown"]

_AT_ONCE = 8  # questions to Rucio
_COMMENT = re.compile(r"(^|\s)#.*")
_OF_DATASETS = (".yaml", ".yml", ".json")


class DataFile(NamedTuple):
    """A file of a dataset. What is not known is None.

    Attributes:
        url: what `physlite.open` takes: an absolute path, a URL, or `rucio://scope:name`.
        bytes: its size; known of local files, and of those in Rucio.
        events: the number of events, where Rucio has it.
        adler32: its checksum in Rucio, eight hexadecimal digits.
        guid: ROOT's identifier of the file in Rucio, 32 hexadecimal digits.
    """

    url: str
    bytes: int | None = None
    events: int | None = None
    adler32: str | None = None
    guid: str | None = None

    @property
    def key(self) -> str:
        """What tells it from others, and stays when a URL is signed anew."""
        if not any(mark in self.url for mark in "?#@") or not scheme_of(self.url)[0]:
            return self.url
        return without_signature(self.url)

    @property
    def shown(self) -> str:
        """The path or URL as others may see it: without password and signature."""
        return shown(self.url)

    def __repr__(self) -> str:
        rest = zip(self._fields[1:], self[1:], strict=True)
        return f"DataFile({self.shown!r}{''.join(f', {name}={value!r}' for name, value in rest if value is not None)})"


Asked = str | DataFile


class _Item(NamedTuple):
    """Something asked for, and the list and its line in which it stands."""

    what: Asked
    list: str
    line: int


class _Found(NamedTuple):
    file: DataFile
    inode: int


def each_of(files: object) -> list[Any] | None:
    """The files that an iterable has, those of a set sorted; None of what is none, or is one file."""
    is_one = isinstance(files, str | os.PathLike | DataFile | RucioFile | bytes | bytearray | memoryview)
    if is_one or not isinstance(files, Iterable):
        return None
    return sorted(files, key=str) if isinstance(files, AbstractSet) else list(files)


def shown(text: str) -> str:
    """A path or URL without password and signature."""
    return redacted_url(text) if scheme_of(text)[0] else text


def is_list(path: str) -> bool:
    """Whether a path is that of a text with a file in each line."""
    return path.endswith((".txt", ".list")) and not scheme_of(path)[0] and not os.path.isdir(path)  # noqa: PTH112


def look_up(dataset: str, asked: Sequence[Asked], rucio: Rucio | None) -> tuple[DataFile, ...]:
    """All files, in the order in which they are asked for.

    Args:
        dataset: its name, for messages.
        asked: absolute paths and patterns, URLs, names in Rucio, text lists, and files that are known already.
        rucio: the server to ask; by default the one in rucio.cfg.

    Raises:
        DatasetNotFoundError: a file, pattern or name in Rucio that is not there, or no files at all.
        ValueError: a file that is there twice, or something else than a file.
        CredentialError, TransferError, ConfigurationError: Rucio could not be asked.
    """
    files: list[DataFile] = []
    seen: dict[str | int, str] = {}
    where = f"dataset {dataset!r}"
    with closing(_found(where, asked, rucio)) as found:
        for file, inode in found:
            key: str | int = inode or file.key
            if inode in seen and os.path.realpath(seen[inode]) != os.path.realpath(file.url):
                key = os.path.realpath(file.url)  # on another disk; and some that are mounted make numbers up
            if key in seen:
                first = shown(seen[key])
                other = "" if first == file.shown else f", also as {first!r}"
                msg = f"{where}: {file.shown!r} is in it twice{other}: its events would count twice, so name it once"
                raise ValueError(msg)
            seen[key] = file.url
            files.append(file)
    if not files:
        msg = f"{where} has no files: give it paths, patterns, URLs, or names in Rucio as rucio://scope:name"
        raise DatasetNotFoundError(msg)
    return tuple(files)


def _found(where: str, asked: Sequence[Asked], rucio: Rucio | None) -> Generator[_Found, None, None]:
    """The files of each item; Rucio is asked for several at a time."""
    items = list(_items(where, asked))
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="physlite-rucio")
    try:
        names = [item.what for item in items if isinstance(item.what, str) and _is_in_rucio(item.what)]
        listings = pool.map(lambda name: _listing(name, rucio), names)
        for what, text_list, line in items:
            try:
                if isinstance(what, str) and _is_in_rucio(what):
                    yield from (_Found(known(file), 0) for file in next(listings))
                else:
                    yield from _at_hand(what)
            except (PhysliteError, ValueError) as error:
                at = f"{text_list}, line {line}: " if text_list else ""
                msg = f"{where}: {at}{error}"
                raise type(error)(msg) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def known(file: RucioFile) -> DataFile:
    """A file that Rucio has told of."""
    return DataFile(file.url, file.bytes, file.events, file.adler32, file.guid)


def _at_hand(what: Asked) -> Iterator[_Found]:
    """Files that nobody has to be asked for."""
    file = what if isinstance(what, DataFile) else DataFile(what)
    if not scheme_of(file.url)[0]:
        for local in local_files(_checked(file.url)):
            yield _Found(file._replace(url=local.path, bytes=local.bytes), local.inode)
        return
    if "*" in re.split("[?#]", file.url)[0]:
        msg = f"{file.shown!r}: only paths can be patterns: name each file, or the dataset in Rucio"
        raise ValueError(msg)
    yield _Found(file, 0)


def _items(where: str, asked: Sequence[Asked]) -> Iterator[_Item]:
    """What is asked for, with lists replaced by their lines."""
    for what in asked:
        if isinstance(what, DataFile) or not is_list(what):
            yield _Item(what, "", 0)
        else:
            lists = sorted(glob.glob(what, recursive=True)) if glob.has_magic(what) else [what]  # noqa: PTH207
            for path in lists or [what]:
                yield from _lines(where, path)


def _lines(where: str, path: str) -> Iterator[_Item]:
    folder = os.path.dirname(path)  # noqa: PTH120
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123
            for number, line in enumerate(file, 1):
                text = _COMMENT.sub("", line).strip()
                if text:
                    yield _Item(absolute(text, folder), path, number)
    except FileNotFoundError:
        msg = f"{where}: no such list {path!r}{near(path)}"
        raise DatasetNotFoundError(msg) from None
    except UnicodeDecodeError:
        msg = f"{where}: {path!r} is no text: a list has the name of a file in each line"
        raise ValueError(msg) from None


def _is_in_rucio(text: str) -> bool:
    return scheme_of(text) == ("rucio", False)


def _listing(name: str, rucio: Rucio | None) -> RucioFiles:
    listing = rucio_files(name, rucio)
    if not listing:
        msg = f"{listing.did}: a dataset without files: check its name, or wait until it is filled"
        raise DatasetNotFoundError(msg)
    return listing


def _checked(path: str) -> str:
    """A path that is meant to be of files with events.

    Raises:
        ValueError: of a list, which is read elsewhere.
    """
    if path.endswith(_OF_DATASETS):
        msg = f"{path!r} is a list of datasets: datasets_from reads it"
        raise ValueError(msg)
    if is_list(path):
        msg = f"{path!r} is a list within a list: name its files, or give both lists"
        raise ValueError(msg)
    return path
