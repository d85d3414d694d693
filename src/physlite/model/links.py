"""What the element links of a file point to: from keys to containers.

An element link is a pair: `m_persKey`, the StoreGate key of the target's container, and `m_persIndex`, its place in the
container of the same event. Key 0 is a null link, whatever its index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from physlite.model.naming import Collection, ColumnNames, is_link, short_class
from physlite.model.storegate import CLASS_IDS, NOT_STORED, sg_key

__all__ = ["LinkField", "LinkTable", "Target"]

_LINK_TYPE = re.compile(r"ElementLink<\s*(?:DataVector<)?xAOD::(?P<target>\w+?)(?:_v\d+)?\s*>")


@dataclass(frozen=True)
class Target:
    """A container that links can name. `collection` is its name in the events, or None when the file has none of it."""

    container: str
    class_name: str
    collection: str | None


@dataclass(frozen=True)
class LinkField:
    """A field of links: `target` is the class that its C++ type names, as `TrackParticle` or `IParticle`."""

    collection: str
    field: str
    column: int
    target: str

    @property
    def name(self) -> str:
        """`Electrons.trackParticleLinks`."""
        return f"{self.collection}.{self.field}"


class LinkTable:
    """The links of a tree, whatever their values.

    Attributes:
        targets: containers by key, those stored in the file and those that PHYSLITE is known to leave out.
        keys: the key of each collection; 0 for classes without a known ID, to which no link can be resolved.
        stored_keys: the keys of collections that are in the file.
        fields: the fields that are links.
    """

    def __init__(self, columns: Sequence[ColumnNames], collections: Mapping[str, Collection]) -> None:
        self._collections = collections
        self.targets: dict[int, Target] = {}
        for container, class_name in NOT_STORED:
            self.targets[sg_key(container, CLASS_IDS[class_name])] = Target(container, class_name, None)
        stored = {c.container for c in collections.values() if c.is_list}
        for column in columns:
            # The interface of a container, which may have no columns: then it has no objects either.
            if column.name not in stored and column.type_name in CLASS_IDS:
                key = sg_key(column.name, CLASS_IDS[column.type_name])
                self.targets[key] = Target(column.name, column.type_name, None)
        self.keys: dict[str, int] = {}
        for c in collections.values():
            class_id = CLASS_IDS.get(c.class_name, 0)
            key = sg_key(c.container, class_id) if class_id else 0
            self.keys[c.name] = key
            if key:
                self.targets[key] = Target(c.container, c.class_name, c.name if c.is_list else None)
        self.fields = tuple(
            LinkField(c.name, field, column, _declared_target(columns[column].type_name))
            for c in collections.values()
            for field, column in c.fields.items()
            if is_link(columns[column].encoding)
        )
        self._of_class: dict[str, list[str]] = {}
        for c in collections.values():
            if c.is_list:
                self._of_class.setdefault(short_class(c.class_name), []).append(c.name)
        self.stored_keys = [key for key, target in self.targets.items() if target.collection is not None]
        self._declared: dict[tuple[str, str], set[str]] = {}
        for link in self.fields:
            self._declared.setdefault((collections[link.collection].record, link.field), set()).add(link.target)

    def declared_target(self, record: str, field: str) -> str:
        """The class that a field of objects of a class links to; empty when collections differ in it."""
        found = self._declared.get((record, field), set())
        return next(iter(found)) if len(found) == 1 else ""

    def collections_of(self, class_name: str) -> list[str]:
        """The collections of objects of a class (as `TruthParticle`), in the file's order."""
        return self._of_class.get(class_name, [])

    def classes_of(self, names: Iterable[str]) -> list[str]:
        """The classes of collections, in the order in which the file has the first of each."""
        found = {short_class(self._collections[name].class_name) for name in names}
        return [name for name in self._of_class if name in found]

    def told_by(self, rows: Iterable[tuple[str, str, int]]) -> dict[int, Target]:
        """The targets that a file's own table of (container, class, key) names.

        Of several containers of one name, that can differ in their class, the events have one.
        """
        stored = {(c.container, c.class_name): c.name for c in self._collections.values() if c.is_list}
        return {key: Target(name, class_name, stored.get((name, class_name))) for name, class_name, key in rows}


def _declared_target(type_name: str) -> str:
    match = _LINK_TYPE.search(type_name)
    return match["target"] if match else ""
