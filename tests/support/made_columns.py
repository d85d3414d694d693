"""Columns made from Python values, as loops make them: arrays of exactly the types that a file has."""

import awkward as ak
import numpy as np


def column(encoding, values):
    """A column of an encoding with these values, one an event."""
    return ak.Array(encoding.layout(list(_buffers(encoding.node, values))))


def _buffers(node, values):
    """Offsets and numbers, outermost first."""
    kind = type(node).__name__
    if kind == "Text":
        texts = [value.encode() for value in values]
        yield np.cumsum([0, *map(len, texts)], dtype=np.int64)
        yield np.frombuffer(b"".join(texts), dtype=np.uint8)
    elif kind == "RecordOf":
        for i, (name, item) in enumerate(node.fields):
            yield from _buffers(item, [value[i if isinstance(value, tuple) else name] for value in values])
    elif kind == "Maybe":
        there = [value is not None for value in values]
        yield np.array([sum(there[:i]) if is_there else -1 for i, is_there in enumerate(there)], dtype=np.int64)
        yield from _buffers(node.item, [value for value in values if value is not None])
    elif kind in ("ListOf", "Fixed"):
        if kind == "ListOf":
            yield np.cumsum([0, *map(len, values)], dtype=np.int64)
        yield from _buffers(node.item, [item for value in values for item in value])
    else:
        yield np.array(values, dtype=node.dtype)
