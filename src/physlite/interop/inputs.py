"""The files that are converted: what has to be known of all before they are read, and each when it is its turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, cast

from physlite.exceptions import ConversionError
from physlite.formats.encoding import ListOf, Text
from physlite.formats.manifest import Manifest
from physlite.interop.choosing import positions_in, problem_of_column
from physlite.interop.metadatatrees import MergedTrees
from physlite.interop.survey import Survey
from physlite.interop.writing import OutputColumn
from physlite.model.eventformat import event_format
from physlite.model.metadata import Metadata, read_metadata
from physlite.model.originals import each_once
from physlite.model.store import ColumnStore, open_store
from physlite.storage import ByteSource, Openable
from physlite.storage.progress import progress

__all__ = ["Inputs", "entry_bytes", "survey"]

_OFFSET_BYTES = 8  # of where a list begins


class Inputs:
    """Files that are opened one after the other, each as often as it is wanted: one is open at a time.

    Args:
        where: one, as `physlite.open` takes it, or a list of such.
        threads: threads that decode; None for all cores.
        cache_bytes: what is kept of what was decoded.

    Raises:
        ConversionError: a list without files.
    """

    def __init__(self, where: Openable | Sequence[Openable], threads: int | None, cache_bytes: int) -> None:
        self._where = list(where) if isinstance(where, list | tuple) else [cast("Openable", where)]
        self._threads = threads
        self._cache_bytes = cache_bytes
        self._number = -1  # of the file that is open
        self._store: ColumnStore | None = None
        self._identities: dict[int, tuple[int, int, str]] = {}
        if not self._where:
            msg = "no files to convert"
            raise ConversionError(msg)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._where)

    def __iter__(self) -> Iterator[ColumnStore]:
        """Each file, open until the next one is wanted.

        Raises:
            ConversionError: a file is not the one that it was before.
            OSError, CorruptDataError: as `physlite.open`.
        """
        for number in range(len(self._where)):
            yield self._opened(number)

    def _opened(self, number: int) -> ColumnStore:
        if self._store is None or self._number != number:
            self._close()
            where = self._where[number]
            self._store = open_store(where, threads=self._threads, manifest=None, cache_bytes=self._cache_bytes)
            self._number = number
            if self._identities.setdefault(number, self._store.identity) != self._store.identity:
                msg = f"{self._store.name}: it was changed while it was converted: convert it again"
                raise ConversionError(msg)
        return self._store

    def _close(self) -> None:
        # What the caller opened is the caller's.
        if self._store is not None and not isinstance(self._where[self._number], ByteSource):
            self._store.close()
        self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()


def survey(inputs: Inputs, columns: Sequence[OutputColumn], thinned: Iterable[str], *, with_trees: bool) -> Survey:
    """Opens all files, and looks at what they say of themselves and of these columns.

    Args:
        inputs: the files.
        columns: of the first one.
        thinned: the names of collections that have to be the same in all files.
        with_trees: whether their MetaData trees are wanted.

    Raises:
        ConversionError: they do not fit together.
        OSError, CorruptDataError: as `physlite.open`.
    """
    first: ColumnStore | None = None
    trees = MergedTrees()
    containers: dict[int, tuple[str, str]] = {}
    problems: dict[str, str] = {}
    incomplete: set[str] = set()
    metadata: list[Metadata] = []
    entries = stored = seen = 0
    largest = 1.0
    with progress(f"looking at {len(inputs)} files", lambda: seen):
        for store in inputs:
            seen += store.manifest.file_bytes
            first = first or store
            if with_trees:
                trees.add(store)
            positions = positions_in(store, first, columns)
            _require_same_containers(store, first, thinned)
            for column, i in zip(columns, positions, strict=True):
                stored += store.stored_bytes(i)
                if problem := problem_of_column(store.manifest, i):
                    problems.setdefault(column.name, f"in {store.name}: {problem}")
                collection = store.schema.collection_of.get(i)
                if collection is not None and store.is_incomplete(i, collection.name):
                    incomplete.add(column.name)
            entries += store.manifest.num_entries
            largest = max(largest, entry_bytes(store, positions))
            _add_containers(containers, store)
            metadata.append(read_metadata(store).kept())
    assert first is not None  # noqa: S101  # there are files
    return Survey(
        first=first,
        num_files=len(metadata),
        num_entries=entries,
        stored_bytes=stored,
        entry_bytes=largest,
        problems=problems,
        incomplete=frozenset(incomplete),
        metadata=sum(metadata),  # type: ignore[arg-type]  # 0 adds nothing
        metadata_tree=trees.manifest(each_once([one.originals for one in metadata])),
        containers=containers,
    )


def _require_same_containers(store: ColumnStore, first: ColumnStore, names: Iterable[str]) -> None:
    """Raises ConversionError for a collection that is another one than in the first file."""
    for name in names:
        its, there = (each.schema.collections.get(name) for each in (store, first))
        if its is None or there is None or its.container != there.container:
            msg = (
                f"{store.name}: {name} is {its.container if its else 'not there'}, in {first.name} it is "
                f"{there.container if there else 'not there'}: thin them apart"
            )
            raise ConversionError(msg)


def entry_bytes(store: ColumnStore, positions: Iterable[int]) -> float:
    """What an event of a file has in memory of these columns, about."""
    parts = (part for i in positions for part in store.manifest.with_members(i))
    return sum(_bytes_of(store.manifest, part) for part in parts) / max(store.manifest.num_entries, 1)


def _bytes_of(manifest: Manifest, column: int) -> int:
    """What a column has in memory, about; offsets of lists, which Parquet packs more than others, come on top there."""
    encoding = manifest.encoding(column)
    offsets = 0
    if manifest.items is not None and encoding is not None and encoding.is_list:
        is_nested = isinstance(getattr(encoding.node, "item", None), ListOf | Text)
        offsets = manifest.num_entries + int(manifest.items[column]) * is_nested
    return manifest.columns[column].uncompressed_bytes + offsets * _OFFSET_BYTES


def _add_containers(known: dict[int, tuple[str, str]], store: ColumnStore) -> None:
    """Adds name and class of all containers that links of a file lead to, by key.

    Raises:
        ConversionError: a key is that of another container in the files before.
    """
    told = [*(event_format(store.metadata) if store.metadata else []), *store.written_containers]
    found = {key: (name, class_name) for name, class_name, key in told if key}
    # These are followed, whatever the file says.
    found |= {key: (target.container, target.class_name) for key, target in store.schema.links.targets.items()}
    for key, (name, class_name) in found.items():
        other, _ = known.setdefault(key, (name, class_name))
        if other != name:
            msg = f"{store.name}: links with key {key} lead to {name}, in a file before to {other}: convert them apart"
            raise ConversionError(msg)
