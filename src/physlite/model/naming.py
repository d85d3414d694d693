"""Names of columns to collections and their fields.

The stores of the xAOD event data model are named `<container>Aux.` (static) and `<container>AuxDyn.` (dynamic); both
belong to one collection. See "The xAOD EDM", EPJ Web Conf. 245 (2020) 06014, and the notes in docs/explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from physlite.formats.encoding import RecordOf, is_put_together, parse_encoding

__all__ = [
    "OTHERS",
    "PARTICLES",
    "Collection",
    "Collections",
    "ColumnNames",
    "computed_components",
    "container_of",
    "find_collections",
    "is_link",
    "record_of_class",
    "short_class",
    "short_container",
]

_STORE = re.compile(r"^(?P<container>.+?)Aux(?:Dyn)?[.:](?P<field>.*)$")
_CLASS = re.compile(r"^(?:DataVector<)?xAOD::(?P<name>\w+?)_v\d+>?$")
_STORE_END = re.compile(r"Aux(?:Dyn)?[.:]?$")
_PREFIX = "Analysis"

# One object an event, whatever its columns look like.
_SINGLE = re.compile(r"^(?:EventInfo|xTrigDecision|TrigConfKeys\w*|\w*EventShape)$")
# Bookkeeping of POOL and of the online system that says nothing about the event.
_DROPPED = frozenset({"index_ref", "BunchConfKey"})

# Classes of the EDM by which objects are called; those of the first group have a four-momentum.
PARTICLES = (
    "CaloCluster", "Electron", "IParticle", "Jet", "Muon", "Photon", "TauJet", "TrackParticle", "TruthParticle",
)  # fmt: skip
OTHERS = ("AuxElement", "MissingET", "MissingETAssociation", "TruthVertex", "Vertex")

# A container is named after its elements, save for these two.
_ELEMENTS = {"MissingETContainer": "MissingET", "MissingETAssociationMap": "MissingETAssociation"}

_MOMENTUM = ({"pt", "eta", "phi"}, {"px", "py", "pz"})
# Columns that have the names of what a momentum has; each can be computed when one of these sets is there.
_COMPONENTS = ("pt", "eta", "phi", "theta", "px", "py", "pz", "p", "rapidity")


class ColumnNames(NamedTuple):
    """What the meaning of a column follows from; the fields are those of `ManifestColumn`."""

    name: str
    type_name: str
    encoding: str
    members: tuple[int, ...]


@dataclass(repr=False)
class Collection:
    """One collection of an event.

    `fields` maps each field to its column. A collection that is a single column of records has `whole` instead, and
    `fields` tells the records' members.
    """

    name: str
    container: str
    class_name: str = ""
    size_column: int | None = None
    fields: dict[str, int] = field(default_factory=dict)
    is_list: bool = True
    whole: int | None = None

    def __repr__(self) -> str:
        return f"<Collection {self.name}: {len(self.fields)} fields of {self.record}>"

    @property
    def record(self) -> str:
        """Name of the behavior of its objects: the EDM's class, or what the fields make of it."""
        if (name := record_of_class(short_class(self.class_name))) != "AuxElement":
            return name
        is_particle = any(needed <= self.fields.keys() for needed in _MOMENTUM)
        return "IParticle" if self.is_list and is_particle else "AuxElement"


class Collections(Mapping[str, Collection]):
    """Collections by name."""

    def __init__(self, found: dict[str, Collection]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Collection:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<{len(self)} collections: {', '.join(self)}>"


def short_container(name: str) -> str:
    """What the collection of a container or a store is called, as a rule: Electrons for AnalysisElectronsAuxDyn."""
    return _STORE_END.sub("", name).removeprefix(_PREFIX)


def container_of(column_name: str) -> str:
    """The container whose store, or interface object, a column is part of by its name."""
    match = _STORE.match(column_name)
    return match["container"] if match else column_name


def short_class(class_name: str) -> str:
    """`Electron` for `DataVector<xAOD::Electron_v1>`; names of other forms as they are."""
    match = _CLASS.match(class_name)
    return match["name"] if match else class_name


def computed_components(record: str, fields: Iterable[Iterable[str]]) -> set[str]:
    """The components of the momentum that only some objects of a class store, while all store what they follow from.

    Args:
        record: the class of the objects.
        fields: the fields of the objects of each collection.
    """
    each = list(fields)
    common = set.intersection(*map(set, each)) if each else set()
    if record not in PARTICLES or not any(needed <= common for needed in _MOMENTUM):
        return set()
    return set(_COMPONENTS) - common


def record_of_class(short: str) -> str:
    """The class by which objects of a container class are called, as `MissingET` for `MissingETContainer`."""
    name = _ELEMENTS.get(short, short)
    return name if name in PARTICLES + OTHERS else "AuxElement"


def is_link(encoding: str) -> bool:
    """Whether a column holds element links, at any depth."""
    return "m_persKey=" in encoding


def find_collections(columns: Sequence[ColumnNames]) -> dict[str, Collection]:
    """The collections of a tree by name, in the file's order."""
    found: dict[str, Collection] = {}
    parts = {member for column in columns for member in column.members}
    for i, container, name in _stored_fields(columns):
        if i in parts:
            continue
        if container not in found:
            found[container] = Collection(container, container)
        found[container].fields.setdefault(name, i)
    _add_interfaces(columns, found)
    for collection in found.values():
        collection.is_list = _is_list(columns, collection)
    return _shorten(_ordered(found))


def _stored_fields(columns: Sequence[ColumnNames]) -> Iterator[tuple[int, str, str]]:
    for i, column in enumerate(columns):
        match = _STORE.match(column.name)
        # What is put together is for arrays alone: no class of xAOD has it.
        if match is None or not column.encoding or is_put_together(column.encoding):
            continue
        name = match["field"].removeprefix(".")
        if name and "xAOD::" not in name:
            # An RNTuple has colons where a tree has dots.
            yield i, match["container"], name.replace(":", ".")


def _add_interfaces(columns: Sequence[ColumnNames], found: dict[str, Collection]) -> None:
    """The branches of the interface objects: their classes, their numbers, and stand-alone records."""
    for i, column in enumerate(columns):
        if column.name in found:
            found[column.name].class_name = column.type_name
            if column.encoding == "n":
                found[column.name].size_column = i
        elif column.encoding.startswith("{") and column.name not in _DROPPED and "Aux" not in column.name:
            node = parse_encoding(column.encoding).node
            if isinstance(node, RecordOf):
                names = [name.removeprefix("m_") for name, _ in node.fields]
                found[column.name] = Collection(
                    column.name, column.name, column.type_name, fields=dict.fromkeys(names, i), is_list=False, whole=i
                )


def _is_list(columns: Sequence[ColumnNames], collection: Collection) -> bool:
    if collection.whole is not None or _SINGLE.match(collection.container):
        return False
    return all(parse_encoding(columns[i].encoding).is_list for i in collection.fields.values())


def _ordered(found: dict[str, Collection]) -> dict[str, Collection]:
    """The lists of what trigger chains were matched to behind all others: there can be more than a hundred."""
    return dict(sorted(found.items(), key=lambda item: short_class(item[1].class_name) == "TrigComposite"))


def _shorten(found: dict[str, Collection]) -> dict[str, Collection]:
    """Drops the prefix `Analysis` where that leaves the names distinct."""
    out: dict[str, Collection] = {}
    for container, collection in found.items():
        short = container.removeprefix(_PREFIX)
        collection.name = short if short and short not in found else container
        out[collection.name] = collection
    return out
