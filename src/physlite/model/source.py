"""What arrays of objects know of where they come from: the interface of `EventSource`, for all that stands on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, Self

import awkward as ak
from numpy.typing import NDArray

from physlite.model.store import ColumnStore

if TYPE_CHECKING:
    from physlite.model.overlay import Changes

__all__ = ["SOURCE", "Reduced", "Source", "array_of", "source_of", "wanted_field", "wanting"]

Buffer = NDArray[Any]
# What pickle is given for an array.
Reduced = tuple[Callable[..., Any], tuple[Any, ...]]

# Key of the attribute that ties an array to the file it is read from. For Awkward, "@" makes it transient: it is not
# written with the data into Parquet.
SOURCE = "@physlite"


class Source(Protocol):
    """Entries `start` ≤ i < `stop` of a file as events."""

    start: int
    stop: int
    on_bad_link: str

    @property
    def store(self) -> ColumnStore:
        """The columns of the file."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Which events these are, and what is known of their dataset."""

    @property
    def token(self) -> int:
        """The number by which objects know their file."""

    @property
    def buffers(self) -> Mapping[str, Callable[[], Buffer]]:
        """The buffers of all columns by form key and attribute, as functions that read them."""

    def of_range(self, start: int, stop: int) -> Self:
        """Other entries of the same file."""

    def select(self, layout: ak.contents.Content, where: Any) -> ak.Array | None:
        """`array[where]` where it can be read better than by cutting the array."""

    def events(self) -> ak.Array:
        """The events, in an array of their own."""

    def known(self, layout: ak.contents.Content) -> str | None:
        """The name of the collection that a layout is as it is in the file, "" for the events, or None for others."""

    def known_objects(self, record: ak.contents.Content) -> tuple[tuple[str, ...], set[str]]:
        """The collections that records of objects are of, and which fields are as in the file; nothing for others."""

    def remember_objects(
        self, record: ak.contents.Content, names: tuple[str, ...], fields: frozenset[str] | None = None
    ) -> None:
        """Notes that records are objects of collections, and which of their fields are as in the file; None: all."""

    def remember_changed(self, before: ak.contents.Content, after: ak.contents.Content, where: tuple[str, ...]) -> None:
        """Notes that objects are the same as before, save for the field that was given to them."""

    def column(self, column: int) -> list[Buffer]:
        """The decoded buffers of a column."""

    def layout(self, column: int) -> ak.contents.Content:
        """A column by itself, one entry an event."""

    def collection_offsets(self, name: str) -> Buffer:
        """Where each event's objects begin in a collection."""

    def size_of(self, name: str) -> int:
        """How many objects a collection has in all events."""

    def objects_form(self, name: str) -> ak.forms.Form:
        """The form of the objects of a collection, without the lists."""

    def merged_form(self, class_name: str, names: tuple[str, ...]) -> ak.forms.Form:
        """The form of objects of a class from several collections as one array."""

    def changed_fields(self, name: str) -> frozenset[str]:
        """The fields of a collection that have other values here than in the file."""

    def varied(self, changed: Mapping[str, list[Changes]]) -> Self:
        """The same entries, with other values of some objects where links lead to them."""

    def object_column(self, name: str, field: str) -> ak.contents.Content:
        """A field of the objects of a collection in all events, behind one another."""

    def event_column(self, name: str, field: str) -> ak.contents.Content:
        """A field of a collection, one entry an event, with the values that it has here."""

    def link_column(self, layout: ak.contents.Content, field: str) -> ak.contents.Content | None:
        """The column of a field of all objects of a collection, where this layout is these; else None."""


def array_of(record: ak.Record) -> ak.Array:
    """The array of a single object or event."""
    layout = record.layout
    array = ak.Array(layout.array, attrs=record.attrs, behavior=record.behavior)
    # By its number: a range of events would be made anew, with all of their columns.
    return array[[layout.at]] if array.layout.parameter("__record__") == "Events" else array[layout.at : layout.at + 1]


def source_of(array: ak.Array | ak.Record) -> Source | None:
    """Where an array comes from, or None when it does not know that any more."""
    source: Source | None = array.attrs.get(SOURCE)
    return source


_WANTED: ContextVar[str] = ContextVar("physlite.wanted_field", default="")


@contextmanager
def wanting(field: str) -> Iterator[None]:
    """Says that this field of objects is about to be read: lengths of lists that are needed before can come from it."""
    token = _WANTED.set(field)
    try:
        yield
    finally:
        _WANTED.reset(token)


def wanted_field() -> str:
    """The field that is about to be read, or an empty string."""
    return _WANTED.get()
