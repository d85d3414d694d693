"""Tables of columns, for terminals and notebooks."""

from __future__ import annotations

import html as _html
from collections import Counter
from collections.abc import Sequence

from physlite.formats.rootfile import compression_name
from physlite.model.columns import Column
from physlite.model.naming import container_of
from physlite.model.store import ColumnStore
from physlite.text import aligned, cut, human_bytes

__all__ = ["html", "table"]

_TYPE_WIDTH = 42


def table(columns: Sequence[Column], name_width: int | None) -> str:
    """An aligned table of columns."""
    names = [c.name if name_width is None else cut(c.name, name_width) for c in columns]
    kinds = [(cut(c.type_name, _TYPE_WIDTH), cut(c.type, _TYPE_WIDTH)) for c in columns]
    sizes = [human_bytes(c.compressed_bytes) for c in columns]
    rows = [(name, *kind, size) for name, kind, size in zip(names, kinds, sizes, strict=True)]
    return aligned(("column", "C++ type", "type of an entry", "on disk"), rows, right={3})


def html(store: ColumnStore) -> str:
    """What a notebook shows of a file: a line about it, and its collections."""
    manifest = store.manifest
    sizes: Counter[str] = Counter()
    for column in manifest.named:
        sizes[container_of(column.name)] += column.compressed_bytes
    cells = []
    for collection in store.schema.collections.values():
        fields = ", ".join(collection.fields)
        size = human_bytes(sizes[collection.container])
        cells.append(
            f"<tr><td style='text-align:left'>{_html.escape(collection.name)}</td>"
            f"<td style='text-align:left'>{_html.escape(collection.record)}</td><td>{len(collection.fields)}</td>"
            f"<td>{size}</td><td style='text-align:left'>{_html.escape(cut(fields, 100))}</td></tr>"
        )
    return (
        f"<div><b>{_html.escape(store.name)}</b>: {manifest.num_entries:,} events, {len(manifest.named)} columns, "
        f"{manifest.format}, {compression_name(manifest.compression)}, {human_bytes(manifest.file_bytes)}"
        "<details open><summary>Collections</summary><div style='max-height:30em;overflow:auto'><table>"
        "<thead><tr><th>collection</th><th>class</th><th>fields</th><th>on disk</th><th>names</th></tr></thead>"
        f"<tbody>{''.join(cells)}</tbody></table></div></details></div>"
    )
