"""Whether an array holds events or objects of several files: together these have the columns that all of them have."""

from __future__ import annotations

import awkward as ak

from physlite.model.objects import EVENT
from physlite.model.placing import covering
from physlite.model.source import source_of
from physlite.model.structure import record_in

__all__ = ["is_of_several_files", "require_one_file"]


def require_one_file(array: ak.Array | ak.Record, what: str, remedy: str) -> None:
    """Makes sure that events or objects are of one file, as far as they know that.

    Args:
        array: of events, or of objects in any structure; a single one is of one file.
        what: what is to be done with what, for the message, as `links, of objects`.
        remedy: what to do with each array, as `follow them`.

    Raises:
        ValueError: they are of several files.
    """
    if isinstance(array, ak.Record):
        return
    source = source_of(array)
    places = array["EventInfo"] if "EventInfo" in ak.fields(array) else array
    if source is None or not _knows_events(places.layout):
        return
    events = ak.to_numpy(ak.drop_none(ak.flatten(places[EVENT], axis=None)))
    covering(source, events, what, remedy)


def is_of_several_files(objects: ak.Array | ak.Record) -> bool:
    """Whether objects are of several files, as far as they know that."""
    try:
        require_one_file(objects, "", "")
    except ValueError:
        return True
    return False


def _knows_events(layout: ak.contents.Content) -> bool:
    """Whether all records in a layout know their event."""
    while layout.is_list or layout.is_option or layout.is_indexed:
        layout = layout.content
    if layout.is_union:
        return all(map(_knows_events, layout.contents))
    record = record_in(layout)
    return record is not None and EVENT in record.fields
