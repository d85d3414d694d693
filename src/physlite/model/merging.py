"""Objects of one class from several collections as one array, whose columns are read and joined when they are used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import MissingFieldWarning
from physlite.model.joining import join, with_gaps
from physlite.model.source import Source, wanted_field
from physlite.warning import warn

__all__ = ["MergedObjects"]


class MergedObjects:
    """The objects of the `used` ones among the collections of a class, behind one another, read when they are needed.

    The records have the fields of all collections of the class: one that some of them lack is of option type, and one
    that has different types in them is left out. Of a class without collections in the file there are no objects; they
    have no fields.

    Attributes:
        stored: the fields that are as in the file.
    """

    def __init__(self, source: Source, class_name: str, names: list[str], used: list[str]) -> None:
        self._source = source
        self.names = tuple(names)
        self._used = [name for name in names if name in used]
        changed = frozenset[str]().union(*map(source.changed_fields, names))
        if len(names) == 1 and not changed:
            self.form = source.objects_form(names[0])
            self.buffers = source.buffers
        else:
            self.form = source.merged_form(class_name, self.names)
            self.buffers = _Columns(source, self.form, self._used)
        self.stored = frozenset(self.form.fields) - changed

    @functools.cached_property
    def begins(self) -> dict[str, int]:
        """Where the objects of each collection begin."""
        begins = np.cumsum([0, *map(self._source.size_of, self._used[:-1])])
        return dict(zip(self._used, begins.tolist(), strict=False))

    @property
    def length(self) -> int:
        """Number of objects."""
        return sum(map(self._source.size_of, self._used))


class _Columns(Mapping[str, Callable[[], NDArray[Any]]]):
    """The buffers of joined columns as functions that make them, by form key and attribute."""

    def __init__(self, source: Source, form: ak.forms.Form, used: list[str]) -> None:
        self._source = source
        self._form = form
        self._used = used
        self._record = form.parameter("__record__")
        self._made: dict[str, Mapping[str, NDArray[Any]]] = {}

    def __getitem__(self, key: str) -> Callable[[], NDArray[Any]]:
        return partial(self._buffer, key)

    def _buffer(self, key: str) -> NDArray[Any]:
        field = key.partition("@")[0]
        if field not in self._made:
            self._made[field] = _buffers(self._column(field), field)
        return self._made[field][key]

    def _column(self, field: str) -> Content:
        """A joined column, of the form that all collections together give it."""
        form = self._form.content(field)
        parts = [self._part(name, field) for name in self._used]
        present = [part for part in parts if not isinstance(part, int)]
        if self._used and not present and wanted_field() == field:
            warn(
                f"links lead to objects of {'/'.join(self._used)}, which have no field {field!r} as other "
                f"{self._record}s have: it is None for all of them",
                MissingFieldWarning,
            )
        plain = form.content if form.is_option else form
        if len(present) == 1 and present[0].form.type == plain.type:
            joined = present[0]
        else:
            joined = join([*present, plain.length_zero_array(highlevel=False)])
        return with_gaps(parts, joined) if form.is_option else joined

    def _part(self, name: str, field: str) -> Content | int:
        known = self._source.objects_form(name).fields
        return self._source.object_column(name, field) if field in known else self._source.size_of(name)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def _buffers(column: Content, field: str) -> Mapping[str, NDArray[Any]]:
    """The buffers of a column, by the keys of `merged_form`."""
    if column.is_numpy:  # as most are: Awkward takes its time
        return {f"{field}@0-data": np.asarray(column.data)}
    _, _, buffers = ak.to_buffers(column, form_key=f"{field}@{{id}}", backend="cpu")
    found: Mapping[str, NDArray[Any]] = buffers
    return found
