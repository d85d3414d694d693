"""Files with other metadata than they have, or of another identity."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

import physlite
from physlite.exceptions import CorruptDataError
from physlite.model.store import ColumnStore
from physlite.storage import MemorySource
from support import data
from support.patching import with_pages
from support.rootfiles import stored_basket

# Where a small file has its UUID, behind the version of that.
_UUID = 47


def twin(path, number=1, name=None):
    """Another file with the same content: only its UUID differs."""
    content = bytearray(path.read_bytes())
    content[_UUID : _UUID + 16] = number.to_bytes(16, "big")
    return physlite.open(MemorySource(content, name or f"{number}-{path.name}"))


def altered(columns, entries=1, name=data.R21, number=0):
    """The file, opened, with other bytes in the entries of some columns of its MetaData tree; None takes a column away.

    What else the metadata are read from is repeated in each entry. With a `number` the file is a `twin`.
    """
    path = data.path_of(name)
    file = twin(path, number) if number else physlite.open(path)
    tree = file._store.metadata
    kept = list(tree.manifest.columns)
    pages = {}
    for i, column in enumerate(tree.manifest.columns):
        if columns.get(column.name, ...) is None or column.name == "FileMetaDataAuxDyn.beamEnergy":
            kept[i] = column._replace(name=f"no {column.name}", path=f"no {column.path}")
        elif column.name in columns or (entries > 1 and column.pages and "[" not in column.type_name):
            try:
                content = columns.get(column.name) or [tree.raw(i, 0)] * entries
            except CorruptDataError:  # numbers, whose entries have no bounds
                continue
            pages[i] = stored_basket(b"".join(content), np.cumsum([0, *map(len, content)]))
    manifest = with_pages(replace(tree.manifest, num_entries=entries, columns=tuple(kept)), pages)
    file._store.metadata = ColumnStore(tree.source, manifest, 1, 0)
    return file


def numbers(code, values):
    """The bytes of a vector of numbers, of a code of `struct`."""
    return _vector(len(values), struct.pack(f">{len(values)}{code}", *values))


def texts(values):
    """The bytes of a vector of short texts."""
    return _vector(len(values), b"".join(map(_text, values)))


def text_lists(lists):
    """The bytes of a vector of vectors of short texts."""
    return _vector(len(lists), b"".join(struct.pack(">I", len(each)) + b"".join(map(_text, each)) for each in lists))


def _text(value):
    return bytes([len(value)]) + value.encode()


def _vector(count, items):
    content = struct.pack(">HI", 9, count) + items
    return struct.pack(">I", 0x40000000 | len(content)) + content
