"""A file with other values in a column: its manifest has the column's only basket, which stands in the manifest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import physlite
from support.rootfiles import stored_basket


def patched(path, column, change, **options):
    """The file, opened, where a split link's member (`….m_persKey` or `….m_persIndex`) has changed values.

    `change` gets the values of all events as a list of lists and changes it.
    """
    with physlite.open(path) as file:
        manifest = file.manifest
        events = file.array(column).to_list()
    change(events)
    content = [np.array(event, ">u4").tobytes() for event in events]
    page = stored_basket(b"".join(content), np.cumsum([0, *map(len, content)]))
    return physlite.open(path, manifest=with_page(manifest, column, page), **options)


def with_page(manifest, column, page):
    """The manifest with this basket as the column's only one."""
    position = manifest.index[column]
    columns = list(manifest.columns)
    columns[position] = columns[position]._replace(first_page=len(manifest.page_offset), pages=1)
    new = replace(
        manifest,
        columns=tuple(columns),
        page_first_entry=np.append(manifest.page_first_entry, 0),
        page_offset=np.append(manifest.page_offset, -1 - len(manifest.inline)),
        page_size=np.append(manifest.page_size, len(page)),
        inline=manifest.inline + page,
    )
    new.check()
    return new
