"""Files of any origin as rows: trees and RNTuples of ROOT, Parquet."""

from __future__ import annotations

import functools
import glob
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
from awkward.contents import Content

from physlite.exceptions import (
    ColumnNotFoundError,
    CorruptDataError,
    NotAnEventFileError,
    PhysliteError,
    UnreadableColumnError,
    UnsupportedFormatError,
)
from physlite.formats import ttree
from physlite.formats.fallback import as_file, key_of
from physlite.formats.filters import nearest
from physlite.formats.manifest import Manifest
from physlite.formats.reader import default_threads
from physlite.formats.rootfile import Key, RootFile
from physlite.interop.rows import RECORD, Columns, LazyRows, Rows
from physlite.model.store import ColumnStore
from physlite.storage import ByteSource, Range, open_source
from physlite.storage.perprocess import PerProcess
from physlite.storage.redaction import short_name

__all__ = ["Where", "open_rows"]

Where = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

# Files that stay open in a process: an analysis has few friends.
_FILES_KEPT = 16

_PARQUET_MAGIC, _ROOT_MAGIC = b"PAR1", b"root"

# A TNtuple has floats only, which are no keys.
_TREES = ("TTree", "ROOT::RNTuple")


def open_rows(where: Where, tree: str | None = None) -> Rows:
    """The rows of a file, or of several behind one another; what was opened last stays open in this process.

    Args:
        where: a path, a pattern, a URL, or a list of these.
        tree: of ROOT files, the name of the tree or RNTuple; needed where there are several.

    Raises:
        FileNotFoundError: no such file.
        CorruptDataError, TransferError, CredentialError: as `physlite.open`.
        ColumnNotFoundError: no such tree, or several and nothing says which.
        UnsupportedFormatError: neither ROOT nor Parquet by its content and its name, or several files of events.
    """
    paths = [path for each in ([where] if isinstance(where, str | os.PathLike) else where) for path in _expanded(each)]
    if not paths:
        msg = "no file is named: give a path, or a list of some"
        raise FileNotFoundError(msg)
    return _kept.get().rows(tuple(paths), tree)


def _expanded(path: str | os.PathLike[str]) -> list[str]:
    text = os.fspath(path)
    if "://" in text or not glob.has_magic(text) or Path(text).exists():
        return [text]
    return sorted(glob.glob(text)) or [text]  # noqa: PTH207  # Path.glob takes no absolute patterns


class _Kept:
    """The rows that were used last, by what they are called; a local file that was written anew is another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[Any, Rows] = OrderedDict()

    def rows(self, paths: tuple[str, ...], tree: str | None) -> Rows:
        key = (tree, *((path, _version(path)) for path in paths))
        with self._lock:
            if key not in self._rows:
                self._rows[key] = _open(paths, tree)
            self._rows.move_to_end(key)
            while len(self._rows) > _FILES_KEPT:
                self._rows.popitem(last=False)
            return self._rows[key]


_kept = PerProcess(_Kept)


def _version(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _open(paths: tuple[str, ...], tree: str | None) -> Rows:
    parts: list[Columns] = []
    for path in paths:
        source = open_source(path)
        (head,) = source.fetch([Range(0, min(len(_PARQUET_MAGIC), source.size()))])
        _require_known(source, bytes(head))
        events = _events(source) if tree is None else None
        if events is not None and len(paths) > 1:
            msg = f"{path}: several files of events are no one friend: make one of each, or name the tree"
            raise UnsupportedFormatError(msg)
        if events is not None:
            return events
        parts.append(
            _ParquetColumns(source) if bytes(head) == _PARQUET_MAGIC else _root_columns(RootFile(source), tree)
        )
    return LazyRows(parts)


def _require_known(source: ByteSource, head: bytes) -> None:
    """Raises UnsupportedFormatError for texts and the like; what is called a ROOT file is a damaged one."""
    if head not in (_PARQUET_MAGIC, _ROOT_MAGIC) and ".root" not in short_name(source.name):
        msg = (
            f"{source.name}: neither ROOT nor Parquet: read it with what knows it, and give the table, as "
            "Friend(pandas.read_csv(…))"
        )
        raise UnsupportedFormatError(msg)


def _events(source: ByteSource) -> Rows | None:
    """The rows of a file of events; None for others."""
    try:
        return _EventRows(source)
    except NotAnEventFileError:
        return None


class _EventRows(Rows):
    """A file of events, with its collections."""

    def __init__(self, source: ByteSource) -> None:
        from physlite.model.file import open as open_file

        self._file = open_file(source)
        super().__init__(source.name, [*self._file.collections], self._file.num_entries)

    def record(self, start: int, stop: int) -> ak.Array:
        """As `Rows.record`."""
        events = self._file.events(start, stop)
        # No events themselves: the trigger and the metadata of events are those of their own file.
        layout = events.layout.copy(parameters={**events.layout.parameters, "__record__": RECORD})
        return ak.Array(layout, attrs=events.attrs)


def _root_columns(root: RootFile, tree: str | None) -> Columns:
    trees = sorted({key.name for key in root.keys if key.class_name in _TREES})
    if tree is None:
        if len(trees) != 1:
            what = f"it has the trees {', '.join(trees)}: say which with tree="
            if not trees:
                what = "it has no tree on top: name one in a folder, as tree='folder/name', or give another file"
            msg = f"{root.name}: {what}"
            raise ColumnNotFoundError(msg)
        (tree,) = trees
    key = root.key(tree) or _key_in_folder(root.source, tree)
    if key is None or key.class_name not in _TREES:
        there = ", ".join(trees) or "none on top"
        msg = f"{root.name}: no tree {tree!r}{nearest(trees, tree, f'; there are {there}')}"
        raise ColumnNotFoundError(msg)
    if key.class_name == "TTree":
        return _StoreColumns(root.source, ttree.read_manifest(root, key))
    from physlite.formats import rntuple

    return _StoreColumns(root.source, rntuple.read_manifest(root, key))


def _key_in_folder(source: ByteSource, tree: str) -> Key | None:
    import uproot

    with uproot.open(as_file(source)) as file:
        found = tree in file and file.classname_of(tree) in _TREES
        return key_of(file[tree]) if found else None


class _StoreColumns:
    """The columns of a tree or RNTuple, those that can be read."""

    def __init__(self, source: ByteSource, manifest: Manifest) -> None:
        self.name = source.name
        self.length = manifest.num_entries
        self._manifest = manifest
        self._store = ColumnStore(source, manifest, default_threads(), cache_bytes=0)  # rows keep what they read

    @functools.cached_property
    def fields(self) -> tuple[str, ...]:
        """As `Columns.fields`."""
        return tuple(column.name for i, column in enumerate(self._manifest.named) if self._is_readable(i))

    def _is_readable(self, column: int) -> bool:
        if self._manifest.unreadable_part(column) is not None:
            return False
        if self._manifest.columns[column].encoding:
            return True
        try:
            self._store.layouts([column], 0, 0)
        except UnreadableColumnError:
            return False
        return True

    def require(self, field: str) -> None:
        """As `Columns.require`."""
        if field in self._manifest.index:
            self._store.layouts([self._manifest.index[field]], 0, 0)

    def read(self, fields: Sequence[str], start: int, stop: int) -> list[Content]:
        """As `Columns.read`."""
        return self._store.layouts([self._manifest.index[field] for field in fields], start, stop)


class _ParquetColumns:
    """The columns of a Parquet file, those that can be read, by row groups."""

    def __init__(self, source: ByteSource) -> None:
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError:
            msg = f"{source.name} is Parquet, which pyarrow reads: pip install 'physlite[parquet]'"
            raise ImportError(msg) from None
        self.name = source.name
        self._lock = threading.Lock()  # a ParquetFile is for one thread at a time
        with self._named("the file"):
            self._file = ParquetFile(as_file(source))
        self.length = int(self._file.metadata.num_rows)

    @functools.cached_property
    def fields(self) -> tuple[str, ...]:
        """As `Columns.fields`."""
        return tuple(name for name in self._file.schema_arrow.names if name not in self._unknown)

    @functools.cached_property
    def _unknown(self) -> Mapping[str, str]:
        """The columns that Awkward Array does not know, as decimal numbers and maps, with their types."""
        empty = self._file.schema_arrow.empty_table()
        unknown = {}
        for number, field in enumerate(self._file.schema_arrow):
            try:
                ak.from_arrow(empty.select([number]), highlevel=False)
            except Exception:  # noqa: BLE001  # it has no common base class for what a type can make it raise
                unknown[field.name] = str(field.type)
        return unknown

    def require(self, field: str) -> None:
        """As `Columns.require`."""
        if field in self._unknown:
            its_type = self._unknown[field]
            msg = (
                f"{self.name}: column {field} cannot be read: Awkward Array does not know {its_type}: write it with "
                "another type"
            )
            raise UnreadableColumnError(msg)

    def read(self, fields: Sequence[str], start: int, stop: int) -> list[Content]:
        """As `Columns.read`."""
        groups: list[int] = []
        first, end = start, 0
        for group in range(self._file.num_row_groups):
            begin, end = end, end + self._file.metadata.row_group(group).num_rows
            if begin < stop and end > start:
                first = first if groups else begin
                groups.append(group)
        if groups:
            with self._lock, self._named(f"column {', '.join(fields)}"):
                table = self._file.read_row_groups(groups, columns=list(fields))
        else:
            table = self._file.schema_arrow.empty_table().select(list(fields))
        # A whole table, since its columns do not know what is nullable, and no slice, which Awkward gets wrong.
        record = ak.from_arrow(table, highlevel=False)[start - first : stop - first]
        return [record.content(field) for field in fields]

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Errors of Arrow, with the names of things."""
        from pyarrow import ArrowException

        try:
            yield
        except PhysliteError:  # of the source
            raise
        except (ArrowException, OSError) as error:
            first_line = str(error).strip().partition("\n")[0]
            msg = f"{self.name}: {what} cannot be read, the file is damaged: Arrow says {first_line}"
            raise CorruptDataError(msg) from error
