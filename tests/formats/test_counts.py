"""Numbers of items told by the sizes of baskets are those that the lists have."""

import pytest

import physlite
from physlite.formats.counts import number_of_items
from support.data import ALL_TTREES, SAMPLE, path_of


@pytest.mark.parametrize("name", ALL_TTREES)
def test_numbers_of_items(name):
    with physlite.open(path_of(name)) as file:
        manifest = file.manifest
        simple = [i for i, c in enumerate(manifest.columns) if c.type_name.startswith("vector<") and c.encoding]
        told = {i: n for i in simple if (n := number_of_items(manifest, i)) is not None}
        layouts = file._store.layouts(list(told), 0, file.num_entries)
        assert {i: int(layout.offsets[-1]) for i, layout in zip(told, layouts, strict=True)} == told
        assert len(told) > (20 if name == SAMPLE else 100)
