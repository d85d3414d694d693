"""What the events of a file look like, whatever its values: collections and the form of the event array.

Files of one production are alike, and there can be thousands of them: those with the same columns share a schema.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import awkward as ak

from physlite.formats.encoding import parse_encoding
from physlite.formats.manifest import Manifest
from physlite.model.naming import (
    Collection,
    Collections,
    ColumnNames,
    container_of,
    find_collections,
    is_link,
    record_of_class,
)
from physlite.model.objects import HIDDEN

if TYPE_CHECKING:
    from physlite.model.links import LinkTable

__all__ = ["Schema", "schema_of"]

# A job reads a few kinds of files (data, simulation, releases), many of each.
_SCHEMAS_KEPT = 16


class Schema:
    """The collections of a tree, and the form of its events.

    Form keys are `#<column>@<buffer>` for columns, the collection's name for the offsets of its lists, and
    `<collection>@<field>` for what objects know of themselves.
    """

    def __init__(self, columns: tuple[ColumnNames, ...]) -> None:
        self._columns = columns
        self._merged: dict[tuple[str, tuple[str, ...]], ak.forms.Form] = {}
        self.collections: Mapping[str, Collection] = Collections(find_collections(columns))
        self.collection_of: Mapping[int, Collection] = MappingProxyType(
            {i: c for c in self.collections.values() for i in c.fields.values()}
        )

    @functools.cached_property
    def form(self) -> ak.forms.Form:
        """The form of the event array: a record of collections."""
        forms = [self._collection_form(c) for c in self.collections.values()]
        return ak.forms.RecordForm(forms, list(self.collections), parameters={"__record__": "Events"})

    @functools.cached_property
    def links(self) -> LinkTable:
        """What the links of these events point to."""
        from physlite.model.links import LinkTable  # opening a file does not need it

        return LinkTable(self._columns, self.collections)

    @functools.cached_property
    def containers(self) -> frozenset[str]:
        """The names of all containers, of those without columns too."""
        return frozenset(container_of(column.name) for column in self._columns)

    def objects_form(self, name: str) -> ak.forms.Form:
        """The form of the objects of a collection that is a list, without the lists."""
        return self.form.content(name).content

    def merged_form(self, class_name: str, names: tuple[str, ...]) -> ak.forms.Form:
        """The form of objects of a class from several collections as one array."""
        known = self._merged.get((class_name, names))
        if known is None:
            from physlite.model.joining import merged_form  # nor this

            record = self.collections[names[0]].record if names else record_of_class(class_name)
            known = merged_form({name: self.objects_form(name) for name in names}, record)
            self._merged[class_name, names] = known
        return known

    def _collection_form(self, collection: Collection) -> ak.forms.Form:
        parameters = {"__record__": collection.record}
        names = list(collection.fields)
        if collection.whole is not None:
            return ak.forms.RecordForm(self._column_form(collection.whole).contents, names, parameters=parameters)
        hidden = [ak.forms.NumpyForm("int64", form_key=f"{collection.name}@{name}") for name in HIDDEN]
        if not collection.is_list:
            forms = [self._column_form(i) for i in collection.fields.values()]
            # One an event, that nothing links to; where it has links itself, its event has to be known.
            if any(is_link(self._columns[i].encoding) for i in collection.fields.values()):
                forms, names = forms + hidden, [*names, *HIDDEN]
            return ak.forms.RecordForm(forms, names, parameters=parameters)
        forms = [parse_encoding(self._columns[i].encoding).item_form(f"#{i}") for i in collection.fields.values()]
        record = ak.forms.RecordForm(forms + hidden, [*names, *HIDDEN], parameters=parameters)
        return ak.forms.ListOffsetForm("i64", record, form_key=collection.name)

    def _column_form(self, column: int) -> ak.forms.Form:
        return parse_encoding(self._columns[column].encoding).form(f"#{column}")


def schema_of(manifest: Manifest) -> Schema:
    """The schema of a file, made once for all files with the same columns."""
    return _schema(tuple(ColumnNames(c.name, c.type_name, c.encoding, c.members) for c in manifest.named))


_schema = functools.lru_cache(maxsize=_SCHEMAS_KEPT)(Schema)
