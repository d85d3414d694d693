"""Arrays of single branches for those who stay with uproot: `branch_to_array(tree["…"])` for `tree["…"].array()`.

The project that this package grew out of had a function of this name (nikoladze/physlite_experiments,
physlite_experiments/deserialization_hacks.py); what it decoded, uproot has learned since, but some columns it cannot
read, or reads wrong (uproot5#951, uproot5#1177).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from weakref import WeakKeyDictionary, WeakValueDictionary

import awkward as ak
import numpy as np
import uproot
from awkward.contents import Content

from physlite.exceptions import PhysliteError, UnreadableColumnError
from physlite.formats import ttree
from physlite.formats.encoding import Size
from physlite.formats.fallback import key_of
from physlite.formats.manifest import HOLDS_NOTHING
from physlite.formats.reader import ColumnReader, default_threads
from physlite.formats.rootfile import Key, RootFile
from physlite.storage import Range, SourceStats

__all__ = ["branch_to_array"]


def branch_to_array(
    branch: Any, entry_start: int | None = None, entry_stop: int | None = None, library: str = "ak"
) -> Any:
    """A branch of a tree, or a field of an RNTuple, as its `array()` gives it, decoded by the core of this package.

    The types are those of uproot, names of records too. Where uproot fails, or reads something else than is there, it
    is what the file has. Where this package has no decoder, or NumPy no arrays for it, uproot does it. The array goes
    into the cache of arrays of uproot's file, if there is one, and comes from there the next time; what uproot has put
    there itself is replaced.

    Args:
        branch: of a file that uproot has opened, of whatever source.
        entry_start: first entry; a negative number counts from the end, as for a slice.
        entry_stop: behind the last entry.
        library: "ak" for Awkward Arrays; "np" for NumPy, where lists are arrays in an array of objects; others that
            uproot knows, and other names that it has for these.

    Raises:
        TypeError: it is no branch, and no field of the top level of an RNTuple.
        ValueError: uproot knows no such library.
        UnreadableColumnError: neither we nor uproot can read it; the message names file and branch.
        CorruptDataError: it is damaged, as for `File.arrays`.
        OSError: uproot has not the bytes.
    """
    if not isinstance(branch, uproot.TBranch | uproot.models.RNTuple.RField):
        msg = f"something of type {type(branch).__name__} is no branch: give one of a tree that uproot has opened"
        raise TypeError(msg)
    library = uproot.interpretation.library._regularize_library(library).name  # noqa: SLF001  # of its many names
    start, stop, _ = slice(entry_start, entry_stop).indices(branch.num_entries)
    stop = max(start, stop)
    tree, cache = _Tree.of(branch), _file_of(branch).array_cache
    if cache is None:
        return tree.array(branch, start, stop, library)
    key = _cache_key(branch, start, stop, library)
    found = cache.get(key)
    if found is None or tree.made.get(key) is not found:
        found = cache[key] = tree.array(branch, start, stop, library)
        if not isinstance(found, dict):  # which uproot makes of groups for NumPy, and finds in its cache itself
            tree.made[key] = found
    return found


def _file_of(branch: Any) -> Any:
    return branch.file if isinstance(branch, uproot.TBranch) else branch.ntuple.file


def _cache_key(branch: Any, start: int, stop: int, library: str) -> str:
    """As uproot has it in `TBranch.array`, so that it finds what is there; for ntuples it keeps no whole arrays."""
    if not isinstance(branch, uproot.TBranch):
        return f"{branch.ntuple.cache_key}:{_path(branch)}:{start}-{stop}:{library}"
    try:
        interpretation = branch.interpretation.cache_key
    except uproot.interpretation.identify.UnknownInterpretation:
        interpretation = "unknown"
    return f"{branch.cache_key}:{branch.name}:{interpretation}:{start}-{stop}:{library}"


def _path(branch: Any) -> str:
    """The names of a branch and of those that it is in, as a manifest has them."""
    names = [branch.name]
    while isinstance(branch.parent, type(branch)):
        branch = branch.parent
        names.append(branch.name)
    return "/".join(reversed(names))


class _UprootBytes:
    """The source of a file of uproot as a `ByteSource`."""

    reopens = False
    remote = False

    def __init__(self, file: Any) -> None:
        self._source = file.source
        self._end = file.fEND
        self.name = str(file.file_path)
        self.stats = SourceStats()

    def size(self) -> int:
        """As `ByteSource.size`."""
        known = self._source.num_bytes
        return int(self._end if known is None else known)  # of file objects uproot does not know it

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """As `ByteSource.fetch`."""
        self.stats.count(ranges)
        asked = [(offset, offset + size) for offset, size in ranges if size]
        chunks = iter(self._source.chunks(asked, queue.Queue()))
        return [memoryview(next(chunks).raw_data if size else b"") for _, size in ranges]

    def close(self) -> None:
        """The file is uproot's."""


class _Tree:
    """A tree or RNTuple of a file of uproot, as we read it.

    Attributes:
        made: the arrays that were made here, as long as anybody has them, by their keys in uproot's cache. Those that
            uproot itself has put there may be read wrong.
    """

    _lock = threading.Lock()
    _known: ClassVar[WeakKeyDictionary[Any, dict[int, _Tree]]] = WeakKeyDictionary()

    def __init__(self, file: Any, key: Key) -> None:
        root = RootFile(_UprootBytes(file))
        if key.class_name == "ROOT::RNTuple":
            from physlite.formats import rntuple

            self._manifest = rntuple.read_manifest(root, key)
        else:
            self._manifest = ttree.read_manifest(root, key)
        self._reader = ColumnReader(self._manifest, root.source, default_threads())
        self.made: WeakValueDictionary[str, Any] = WeakValueDictionary()

    @classmethod
    def of(cls, branch: Any) -> _Tree:
        """The tree of a branch, which is scanned once for each file that is open."""
        file = _file_of(branch)
        key = key_of(branch.tree if isinstance(branch, uproot.TBranch) else branch.ntuple)
        with cls._lock:
            trees = cls._known.setdefault(file, {})
            if key.offset not in trees:
                trees[key.offset] = cls(file, key)
            return trees[key.offset]

    def array(self, branch: Any, start: int, stop: int, library: str) -> Any:
        """A branch as an array of a library."""
        if library == "ak":
            layout = self._layout(branch, start, stop)
            return self._by_uproot(branch, start, stop, library) if layout is None else ak.Array(layout)
        layout = self._layout(branch, start, stop) if library == "np" and not _has_members(branch) else None
        found = None if layout is None else _as_numpy(layout, branch, start, stop)
        return self._by_uproot(branch, start, stop, library) if found is None else found

    def _layout(self, branch: Any, start: int, stop: int) -> Content | None:
        """A branch as uproot has it; None where it is uproot's to read."""
        if _has_members(branch):
            return self._group(branch, start, stop)
        column = self._manifest.index.get(_path(branch))
        encoding = None if column is None else self._manifest.encoding(column)
        is_field = not isinstance(branch, uproot.TBranch)
        if column is None or encoding is None or self._manifest.unreadable_part(column) is not None:
            return None
        if is_field and isinstance(encoding.node, Size):  # uproot has lists of what has no members
            return None
        (buffers,) = self._reader.buffers([column], start, stop)
        layout = encoding.layout(buffers)
        return layout if is_field else _named(layout, branch)

    def _group(self, branch: Any, start: int, stop: int) -> Content:
        """A branch that is split: a record of its members, without those that hold nothing, on which uproot fails."""
        members = {}
        for member in branch.branches:
            column = self._manifest.index.get(_path(member))
            if column is not None and self._manifest.columns[column].problem.startswith(HOLDS_NOTHING):
                continue
            layout = self._layout(member, start, stop)
            if layout is None:
                layout = ak.to_layout(self._by_uproot(member, start, stop, "ak"))
            members[member.name] = layout
        return ak.contents.RecordArray([*members.values()], [*members], stop - start)

    def _by_uproot(self, branch: Any, start: int, stop: int, library: str) -> Any:
        try:
            return branch.array(entry_start=start, entry_stop=stop, library=library)
        except (OSError, PhysliteError):
            raise
        except Exception as error:  # uproot has no common base class for what a type can make it raise
            column = self._manifest.index.get(_path(branch))
            part = None if column is None else self._manifest.unreadable_part(column)
            said = " ".join(str(error).split())
            why = f"uproot says {type(error).__name__}: {said}" if part is None else part.problem
            msg = f"{self._reader.source.name}: branch {_path(branch)} cannot be read: {why}"
            raise UnreadableColumnError(msg) from error


def _has_members(branch: Any) -> bool:
    return isinstance(branch, uproot.TBranch) and len(branch.branches) > 0


def _as_numpy(layout: Content, branch: Any, start: int, stop: int) -> Any:
    """What uproot makes of numbers and of lists of numbers for NumPy; None for others."""
    if layout.is_numpy or layout.is_regular:
        numbers = layout
        while numbers.is_regular:
            numbers = numbers.content
        return ak.to_numpy(ak.Array(layout)) if numbers.is_numpy else None
    if not layout.is_list or not layout.content.is_numpy or layout.parameter("__array__") is not None:
        return None
    counts = np.diff(layout.offsets.data)
    if not isinstance(branch, uproot.TBranch) and (counts == counts[:1]).all():  # as it has fields of ntuples
        return ak.to_numpy(ak.Array(layout))
    jagged = uproot.interpretation.jagged.JaggedArray(layout.offsets.data, layout.content.data)
    return uproot.interpretation.library.NumPy().finalize(jagged, branch, None, start, stop, {})


def _named(layout: Content, branch: Any) -> Content:
    """A layout whose records are called as uproot calls them."""
    if _has_records(layout):
        try:
            form = branch.interpretation.awkward_form(branch.file)
        except (uproot.interpretation.identify.UnknownInterpretation, uproot.interpretation.objects.CannotBeAwkward):
            return layout
        return _like(layout, form)
    return layout


def _has_records(layout: Content) -> bool:
    while not (layout.is_record or layout.is_leaf):
        layout = layout.content
    return bool(layout.is_record)


def _like(layout: Content, form: ak.forms.Form) -> Content:
    if layout.is_list and form.is_list:
        return layout.copy(content=_like(layout.content, form.content))
    if layout.is_record and form.is_record and layout.fields == form.fields:
        contents = [_like(*pair) for pair in zip(layout.contents, form.contents, strict=True)]
        names: Mapping[str, Any] = {k: v for k, v in form.parameters.items() if k == "__record__"}
        return ak.contents.RecordArray(
            contents, layout.fields, layout.length, parameters={**layout.parameters, **names}
        )
    return layout
