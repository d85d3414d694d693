"""Columns as Apache Arrow has them, and back: what Parquet files hold.

Lists, records, texts and numbers are those of Arrow, and nothing can be missing but what an encoding says can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.encoding import (
    Fixed,
    ListOf,
    Maybe,
    Member,
    Node,
    Objects,
    OneOf,
    Primitive,
    Ranged,
    RecordOf,
    Size,
    Text,
    ToEnd,
    Truncated,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LINK", "LinkNames", "arrow_field", "from_arrow", "is_link", "member_from_arrow", "member_path", "to_arrow"]

Buffers = list[NDArray[Any]]

LINK = ("m_persKey", "m_persIndex")
_RESOLVED = ("container", "index")  # the same, when containers are named

# What the name of a list's items is in Parquet, by its specification.
_ITEM = "element"

_LISTS = (ListOf, ToEnd, Objects)

# What there is nothing for in Parquet, or in Arrow's writer of it.
_WITHOUT: dict[type[Node], str] = {OneOf: "values of one of several types", Fixed: "arrays of size 0"}


class LinkNames:
    """Containers by the keys of links, for links that are written with their names. A null link has none.

    Containers that differ in their class only, and keys of which no container is known, have the key in their name.

    Args:
        containers: the names of containers by key.
    """

    def __init__(self, containers: Mapping[int, str]) -> None:
        names = list(containers.values())
        self._names = {
            key: name if names.count(name) == 1 and "#" not in name else f"{name}#{key}"
            for key, name in containers.items()
        }
        self._keys = {name: key for key, name in self._names.items()}

    def of(self, keys: NDArray[np.uint32]) -> pa.Array:
        """The name of the container of each key."""
        import pyarrow as pa

        distinct, places = np.unique(keys, return_inverse=True)
        names = [None if key == 0 else self._names.get(key, f"#{key}") for key in distinct.tolist()]
        return pa.array(names, type=pa.string()).take(pa.array(places))

    def keys(self, names: pa.Array) -> NDArray[np.uint32]:
        """The keys of containers with these names."""
        coded = names.dictionary_encode()
        keys = np.array([self._key(name) for name in coded.dictionary.to_pylist()] + [0], dtype=np.uint32)
        places: NDArray[np.int32] = np.asarray(coded.indices.fill_null(len(keys) - 1))
        return keys[places]

    def _key(self, name: str) -> int:
        if name in self._keys:
            return self._keys[name]
        key = name.rpartition("#")[2]
        if not (key.isascii() and key.isdigit() and int(key) < 1 << 32):
            msg = f"a link to {name!r}, which is no container of the file"
            raise CorruptDataError(msg)
        return int(key)


def is_link(node: Node) -> bool:
    """Whether it is an element link."""
    return isinstance(node, RecordOf) and tuple(name for name, _ in node.fields) == LINK


def arrow_field(name: str, node: Node, *, resolved: bool) -> pa.Field:
    """The field of a column, or of a part of one.

    Args:
        name: of the field.
        node: what it holds.
        resolved: whether links are written with the names of their containers.

    Raises:
        UnsupportedFormatError: Parquet has no such type.
    """
    import pyarrow as pa

    optional = isinstance(node, Maybe)
    while isinstance(node, Maybe):
        node = node.item
    return pa.field(name, _type(node, resolved=resolved), nullable=optional)


def _type(node: Node, *, resolved: bool) -> pa.DataType:
    import pyarrow as pa

    if isinstance(node, Primitive | Ranged | Truncated):
        return pa.from_numpy_dtype(Primitive(node.code).dtype)
    if isinstance(node, Size):
        return pa.uint32()
    if isinstance(node, Member):
        return _type(node.item, resolved=resolved)
    if isinstance(node, Text):
        return pa.string()
    if isinstance(node, Fixed) and node.number > 0:
        return pa.list_(arrow_field(_ITEM, node.item, resolved=resolved), node.number)
    if isinstance(node, _LISTS):
        return pa.list_(arrow_field(_ITEM, node.item, resolved=resolved))
    if resolved and is_link(node):
        container, index = _RESOLVED
        return pa.struct([pa.field(container, pa.string()), pa.field(index, pa.uint32(), nullable=False)])
    if isinstance(node, RecordOf):
        return pa.struct([arrow_field(name, item, resolved=resolved) for name, item in node.fields])
    msg = f"Parquet has no {_WITHOUT[type(node)]}"
    raise UnsupportedFormatError(msg)


def member_path(member: str, *, resolved: bool) -> str:
    """The path in Parquet, below that of a list of records, of a member of these."""
    return f".list.{_ITEM}.{dict(zip(LINK, _RESOLVED, strict=True)).get(member, member) if resolved else member}"


# ------------------------------------------------------------------------------------------------------------ to Arrow


def to_arrow(layout: Content, node: Node, names: LinkNames | None) -> pa.Array:
    """A packed layout as an array of Arrow; numbers and texts are not copied.

    Args:
        layout: of a column with this node.
        node: what it holds.
        names: the containers of links, which are written with them then.
    """
    import pyarrow as pa

    if isinstance(node, Member):
        return to_arrow(layout, node.item, names)
    if isinstance(node, Maybe):
        return _optional_to_arrow(layout, node, names)
    if isinstance(node, Text):
        offsets, characters = _offsets(layout), np.asarray(layout.content.data).view(np.uint8)
        return pa.StringArray.from_buffers(len(layout), pa.py_buffer(offsets), pa.py_buffer(characters))
    if isinstance(node, Fixed):
        layout = layout.to_RegularArray() if layout.is_numpy else layout
        items = to_arrow(layout.content[: len(layout) * node.number], node.item, names)
        return pa.FixedSizeListArray.from_arrays(items, type=_type(node, resolved=names is not None))
    if isinstance(node, _LISTS):
        items = to_arrow(layout.content, node.item, names)
        return pa.ListArray.from_arrays(pa.array(_offsets(layout)), items, type=_type(node, resolved=names is not None))
    if isinstance(node, RecordOf):
        return _record_to_arrow(layout, node, names)
    return pa.array(np.ascontiguousarray(layout.data))


def _offsets(layout: Content) -> NDArray[np.int32]:
    return np.asarray(layout.offsets.data).astype(np.int32)


def _record_to_arrow(layout: Content, node: RecordOf, names: LinkNames | None) -> pa.Array:
    import pyarrow as pa

    fields = list(_type(node, resolved=names is not None))
    parts = [content[: len(layout)] for content in layout.contents]
    if names is not None and is_link(node):
        keys, indices = (np.asarray(part.data) for part in parts)
        return pa.StructArray.from_arrays([names.of(keys), pa.array(indices)], fields=fields)
    arrays = [to_arrow(part, item, names) for part, (_, item) in zip(parts, node.fields, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _optional_to_arrow(layout: Content, node: Maybe, names: LinkNames | None) -> pa.Array:
    import pyarrow as pa

    item = node.item
    while isinstance(item, Maybe):
        item = item.item
    valid = np.asarray(layout.mask_as_bool(valid_when=True))
    there = to_arrow(layout.project().to_packed(), item, names)
    place = pa.array(np.cumsum(valid) - 1, mask=~valid)
    return there.take(place)


# ---------------------------------------------------------------------------------------------------------- from Arrow


def from_arrow(chunks: Iterable[pa.Array], node: Node, names: LinkNames | None) -> Buffers:
    """The buffers of a column, as `Encoding.layout` takes them, from arrays that follow one another.

    Args:
        chunks: arrays of the type of `arrow_field`.
        node: what they hold.
        names: the containers of links, where they are written with them.

    Raises:
        CorruptDataError: something is missing that cannot be.
    """
    kinds = list(_kinds(node))
    parts = [_buffers(chunk, node, names) for chunk in chunks]
    if not parts:
        import pyarrow as pa

        kind = arrow_field("", node, resolved=names is not None).type
        parts = [_buffers(pa.array([], type=kind), node, names)]
    columns = zip(*parts, strict=True)
    return [_joined(kind, list(buffers)) for kind, buffers in zip(kinds, columns, strict=True)]


def member_from_arrow(chunks: Iterable[pa.ListArray], node: Node, names: LinkNames | None) -> Buffers:
    """The buffers of a list of values, from lists of records that have these alone.

    Args and errors are those of `from_arrow`.
    """
    import pyarrow as pa

    lists = []
    for chunk in chunks:
        _require_all(chunk)
        records = chunk.values
        _require_all(records)
        (values,) = records.flatten()
        if names is not None and pa.types.is_string(values.type) and _values_are_keys(node):
            values = pa.array(names.keys(values))
        lists.append(pa.ListArray.from_arrays(chunk.offsets, values))
    return from_arrow(lists, node, names)


def _values_are_keys(node: Node) -> bool:
    """Whether a list is of numbers, which are keys of containers where Arrow has names."""
    return isinstance(node, _LISTS) and isinstance(node.item, Primitive)


def _require_all(array: pa.Array) -> None:
    if array.null_count:
        msg = f"{array.null_count} values are missing"
        raise CorruptDataError(msg)


def _joined(kind: str, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The buffer of arrays one behind the other."""
    if len(parts) == 1:
        return parts[0]
    if kind == "data":
        return np.concatenate(parts)
    if kind == "offsets":
        starts = np.cumsum([0, *(int(part[-1]) for part in parts[:-1])])
        return np.concatenate([parts[0][:1], *(part[1:] + start for part, start in zip(parts, starts, strict=True))])
    starts = np.cumsum([0, *(int(part.max(initial=-1)) + 1 for part in parts[:-1])])
    return np.concatenate([np.where(part < 0, -1, part + start) for part, start in zip(parts, starts, strict=True)])


def _kinds(node: Node) -> Iterable[str]:
    """What the buffers of a node are, in their order."""
    if isinstance(node, Member | Fixed):
        yield from _kinds(node.item)
    elif isinstance(node, Text):
        yield from ("offsets", "data")
    elif isinstance(node, Maybe):
        yield "places"
        yield from _kinds(node.item)
    elif isinstance(node, _LISTS):
        yield "offsets"
        yield from _kinds(node.item)
    elif isinstance(node, RecordOf):
        for _, item in node.fields:
            yield from _kinds(item)
    else:
        yield "data"


def _buffers(array: pa.Array, node: Node, names: LinkNames | None) -> Buffers:
    if isinstance(node, Maybe):
        valid = np.asarray(array.is_valid())
        places = np.where(valid, np.cumsum(valid) - 1, -1).astype(np.int64)
        return [places, *_buffers(array.drop_null(), node.item, names)]
    _require_all(array)
    if isinstance(node, Member):
        return _buffers(array, node.item, names)
    if isinstance(node, Text):
        offsets, characters = _text_buffers(array)
        return [offsets, characters]
    if isinstance(node, Fixed):
        return _buffers(array.flatten(), node.item, names)
    if isinstance(node, _LISTS):
        offsets = np.asarray(array.offsets).astype(np.int64)
        first, last = int(offsets[0]), int(offsets[-1])
        return [offsets - first, *_buffers(array.values[first:last], node.item, names)]
    if isinstance(node, RecordOf):
        parts = array.flatten()
        if names is not None and is_link(node):
            return [names.keys(parts[0]), np.asarray(parts[1])]
        return [
            buffer for part, (_, item) in zip(parts, node.fields, strict=True) for buffer in _buffers(part, item, names)
        ]
    return [np.ascontiguousarray(array.to_numpy(zero_copy_only=False))]


def _text_buffers(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets_buffer, characters = array.buffers()
    if offsets_buffer is None or len(array) == 0:
        return np.zeros(len(array) + 1, dtype=np.int64), np.empty(0, dtype=np.uint8)
    stored = np.frombuffer(offsets_buffer, dtype=np.int32)
    offsets = stored[array.offset : array.offset + len(array) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    found = np.empty(0, dtype=np.uint8) if characters is None else np.frombuffer(characters, dtype=np.uint8)
    return offsets - first, found[first:last]
