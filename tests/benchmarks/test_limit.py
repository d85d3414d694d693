"""The limit decompresses all that a reader has to."""

import numpy as np
import pytest

import columns
import limit
import physlite
from physlite import _core
from support.made_ntuples import FLOAT, Cluster, Pages, ntuple, value
from support.rootfiles import ALGORITHMS, three_baskets

pytestmark = pytest.mark.checkout


def two_columns(path, compression):
    n = np.arange(30_000)
    cluster = Cluster(len(n), Pages(n[:20_000] % 7, n[20_000:] % 7), n % 11)
    path.write_bytes(ntuple([value("pt", "float", FLOAT), value("number")], cluster, compressed=compression))


@pytest.mark.parametrize("make", [three_baskets, two_columns])
@pytest.mark.parametrize("compression", list(ALGORITHMS.values()), ids=list(ALGORITHMS))
def test_pages_add_up_for_each_compression_and_kind(tmp_path, compression, make):
    path = tmp_path / "made.root"
    make(path, compression=compression)
    with physlite.open(path) as file:
        names = list(file.columns)
        expected = file.arrays(names)
    pages = limit.stored_pages(str(path), names)
    assert sum(size for _, size in pages) == sum(np.asarray(expected[name]).nbytes for name in names)
    compressed = [(data, size) for data, size in pages if len(data) != size]
    assert compressed
    for data, size in compressed:
        _core.decompress([data], [size], 1)
    limit.decompress(str(path), names, 2).run(None)


@pytest.mark.parametrize("kind", ["tree", "rntuple"])
def test_pages_of_the_sample_are_what_the_file_says(kind):
    path = physlite.sample(kind)
    with physlite.open(path) as file:
        wanted = columns.LIST15 if kind == "tree" else [columns.in_ntuple(name) for name in columns.LIST15]
        names = [name for name in wanted if name in file.columns]
        stored = {name: limit.stored_pages(str(path), [name]) for name in names}
        together = limit.stored_pages(str(path), names)
        for name, pages in stored.items():
            whole = file.array(name)
            assert sum(size for _, size in pages) >= 4 * len(np.asarray(whole.layout.content.data)), name
    assert len(together) <= sum(map(len, stored.values()))  # what columns share comes once
    limit.decompress(str(path), names, 1).run(None)
