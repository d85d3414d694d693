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
    return with_pages(manifest, {manifest.index[column]: page})


def with_pages(manifest, pages):
    """The manifest with other baskets: of columns, by position, the only one that each of them then has."""
    columns = list(manifest.columns)
    at = len(manifest.inline)
    offsets = []
    for number, (position, page) in enumerate(pages.items()):
        first_page = len(manifest.page_offset) + number
        columns[position] = columns[position]._replace(first_page=first_page, pages=1)
        offsets.append(-1 - at)
        at += len(page)
    new = replace(
        manifest,
        columns=tuple(columns),
        page_first_entry=np.append(manifest.page_first_entry, np.zeros(len(pages), np.int64)),
        page_offset=np.append(manifest.page_offset, np.array(offsets, np.int64)),
        page_size=np.append(manifest.page_size, np.array([len(page) for page in pages.values()], np.int64)),
        inline=manifest.inline + b"".join(pages.values()),
    )
    new.check()
    return new
