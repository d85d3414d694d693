"""Numbers of items told by the sizes of baskets are those that the lists have."""

import awkward as ak
import pytest
import uproot

import physlite
from physlite.formats.counts import number_of_items
from support.data import ALL_FILES, SAMPLE, path_of


@pytest.mark.parametrize("name", ALL_FILES)
def test_numbers_of_items(name):
    with physlite.open(path_of(name)) as file:
        manifest = file.manifest
        told = {i: n for i in range(len(manifest.named)) if (n := number_of_items(manifest, i)) is not None}
        layouts = file._store.layouts(list(told), 0, file.num_entries)
        assert {i: int(layout.offsets[-1]) for i, layout in zip(told, layouts, strict=True)} == told
        assert len(told) > (20 if name == SAMPLE else 100)


def test_numbers_of_items_of_uproot(tmp_path):
    """Its lists have no headers."""
    lists = ak.Array([[1, 2, 3], [5, 6], []])
    with uproot.recreate(tmp_path / "x.root") as out:
        out.mktree("CollectionTree", {"ThingsAuxDyn.a": "var * float32", "ThingsAuxDyn.longer": "var * int64"})
        for _ in range(3):
            out["CollectionTree"].extend(
                {"ThingsAuxDyn.a": ak.values_astype(lists, "f4"), "ThingsAuxDyn.longer": lists[::-1]}
            )
    with physlite.open(tmp_path / "x.root") as file:
        columns = [file.manifest.index[name] for name in ("ThingsAuxDyn.a", "ThingsAuxDyn.longer")]
        assert [number_of_items(file.manifest, i) for i in columns] == [15, 15]
