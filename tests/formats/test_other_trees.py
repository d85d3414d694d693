"""Trees beside the event tree, and trees of other writers: all of them scan, and what can be decoded is right."""

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite.formats import ttree
from physlite.formats.reader import ColumnReader
from physlite.formats.rootfile import RootFile
from physlite.storage import LocalSource
from support import data
from support.compare import assert_same
from support.data import ENOUGH_FOR_THREADS
from support.rootfiles import ALGORITHMS, TREE, write_tree


def _trees(name):
    root = RootFile(LocalSource(data.path_of(name)))
    return root, [key for key in root.keys if key.class_name == "TTree" and key.name != TREE]


@pytest.mark.parametrize(
    "name", [data.R21, data.R22, data.R24, pytest.param(data.RNTUPLE, marks=pytest.mark.slow), data.SAMPLE]
)
def test_trees_of_metadata_in_every_cycle(name):
    """Many keep their baskets in the tree object: they were written while the job went on."""
    root, keys = _trees(name)
    assert keys
    inline = 0
    with uproot.open(root.name) as file:
        for key in keys:
            manifest = ttree.read_manifest(root, key)
            tree = file[f"{key.name};{key.cycle}"]
            branches = dict(tree.iteritems(recursive=True, full_paths=True))
            assert manifest.num_entries == tree.num_entries
            inline += len(manifest.inline)
            reader = ColumnReader(manifest, root.source, 1)
            compared = 0
            for i, column in enumerate(manifest.columns):
                if not column.encoding or column.encoding[0] in "n." or column.members or compared > 40:
                    continue
                try:
                    expected = branches[column.path].array()
                except (ValueError, uproot.DeserializationError, uproot.interpretation.identify.UnknownInterpretation):
                    continue
                (buffers,) = reader.buffers([i], 0, manifest.num_entries)
                ours = manifest.require_encoding(i).layout(buffers)
                assert_same(ours, expected, f"{key.name};{key.cycle} {column.path}")
                compared += 1
    if name == data.R21:
        assert inline > 0, "some baskets stand in the trees"


@pytest.mark.parametrize(("name", "versions"), [(data.R21, {19}), (data.R24, {20}), (data.SAMPLE, {20})])
def test_old_and_new_versions_of_the_tree_class(name, versions):
    with uproot.open(data.path_of(name)) as file:
        assert {file[TREE].instance_version} == versions


def test_clusters_are_ranges_of_entries_that_share_no_basket():
    manifest = physlite.open(data.path_of(data.SAMPLE)).manifest
    clusters = manifest.clusters.tolist()
    assert clusters[0] == 0
    assert clusters[-1] == manifest.num_entries
    assert clusters == sorted(set(clusters))
    inner = set(clusters[1:-1])
    for i, column in enumerate(manifest.columns):
        if column.pages:
            assert inner <= set(manifest.pages(i).first_entry.tolist()), column.name


# ------------------------------------------------------------------------------------------------- written by uproot

RANDOM = np.random.default_rng(5)
# So many that the core finds work for all of its threads.
BATCHES = [1, 1500, 700]

FLAT = {
    **{f"n_{t}": t for t in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")},
    "flag": "?",
}


def _values(dtype, shape):
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return RANDOM.integers(0, 2, shape).astype(bool)
    if kind.kind == "f":
        return RANDOM.normal(size=shape).astype(kind)
    limits = np.iinfo(kind)
    return RANDOM.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)


def _jagged(dtype, n):
    counts = RANDOM.integers(0, 5, n)
    return ak.unflatten(_values(dtype, int(counts.sum())), counts)


@pytest.fixture(scope="module", params=[None, *ALGORITHMS], ids=["stored", *ALGORITHMS])
def written(request, tmp_path_factory):
    """A file and what was written to it."""
    path = tmp_path_factory.mktemp("uproot") / "x.root"
    batches = []
    with uproot.recreate(path, compression=ALGORITHMS.get(request.param)) as file:
        types = {name: np.dtype(t) for name, t in FLAT.items()}
        types |= {"fixed": np.dtype(("f4", (3,))), "matrix": np.dtype(("i2", (2, 3)))}
        types |= {f"list_{t}": f"var * {np.dtype(t).name}" for t in ("f4", "i8", "?", "u1")}
        types |= {"words": "string"}
        file.mktree(TREE, types)
        for n in BATCHES:
            batch = {name: _values(t, n) for name, t in FLAT.items()}
            batch |= {"fixed": _values("f4", (n, 3)), "matrix": _values("i2", (n, 2, 3))}
            batch |= {f"list_{t}": _jagged(t, n) for t in ("f4", "i8", "?", "u1")}
            batch |= {"words": ak.Array(["w" * int(k) for k in RANDOM.integers(0, 400, n)])}
            file[TREE].extend(batch)
            batches.append(batch)
    return path, {name: ak.concatenate([b[name] for b in batches]) for name in batches[0]}


@pytest.mark.parametrize("threads", [1, 4])
def test_all_widths_fixed_arrays_lists_and_strings(written, threads):
    path, expected = written
    with physlite.open(path, threads=threads, cache_bytes=0) as file:
        assert file.num_entries == sum(BATCHES)
        assert sum(c.uncompressed_bytes for c in file.manifest.columns) > ENOUGH_FOR_THREADS
        together = file.arrays(list(expected))
        for name, values in expected.items():
            ours = file.array(name)
            assert_same(together[name], ours, name)
            regular = name in ("fixed", "matrix")
            assert_same(ours, ak.from_numpy(ak.to_numpy(values), regulararray=True) if regular else values, name)
            assert_same(file.array(name, 1, 1445), ours[1:1445], name)
            assert file.columns[name].baskets == len(BATCHES)


def test_an_empty_tree(tmp_path):
    with uproot.recreate(tmp_path / "x.root") as file:
        file.mktree(TREE, {"x": "f4", "y": "var * float64"})
    with physlite.open(tmp_path / "x.root") as file:
        assert file.num_entries == 0
        assert file.array("x").to_list() == file.array("y").to_list() == []
        assert str(file.array("y").type) == "0 * var * float64"
        assert len(file.events()) == 0


def test_a_tree_of_one_entry(tmp_path):
    path = write_tree(tmp_path / "x.root", [{"x": np.array([2.5])}])
    with physlite.open(path) as file:
        assert file.array("x").to_list() == [2.5]
        assert file.array("x", 1, 1).to_list() == []


def test_many_baskets(tmp_path):
    """More than a table of baskets holds at first."""
    path = write_tree(tmp_path / "x.root", [{"x": np.arange(3.0) + 3 * i} for i in range(150)])
    with physlite.open(path) as file:
        assert file.columns["x"].baskets == 150
        assert file.array("x").to_list() == list(range(450))
        assert file.array("x", 298, 302).to_list() == [298, 299, 300, 301]


def test_the_newest_cycle_of_the_tree_counts(tmp_path):
    path = tmp_path / "x.root"
    with uproot.recreate(path) as file:
        for n in (3, 5):
            file.mktree(TREE, {"x": "i4"})
            file[TREE].extend({"x": np.arange(n, dtype="i4")})
    assert physlite.open(path).num_entries == 5
