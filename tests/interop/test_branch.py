"""A branch of uproot is the same array, type and all, when we decode it; where uproot fails, it is what is there."""

import gc
import io
import re
import weakref

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError, UnreadableColumnError
from physlite.interop import branch, branch_to_array
from support import data, oracle
from support.compare import assert_same, difference

NTUPLES = (data.RNTUPLE, data.SAMPLE_RNTUPLE)


# Of uproot; KeyError: for empty ranges of branches whose values are objects.
FAILURES = (
    KeyError,
    NotImplementedError,
    ValueError,
    uproot.DeserializationError,
    uproot.interpretation.identify.UnknownInterpretation,
)


def tree_of(name, **options):
    """Without a cache, so that both decode."""
    file = uproot.open(data.path_of(name), array_cache=None, **options)
    return file["EventData" if name in NTUPLES else "CollectionTree"]


def branches_of(tree):
    """By their full paths; of an RNTuple the fields of the top level."""
    if isinstance(tree, uproot.TTree):
        return dict(tree.iteritems(recursive=True, full_paths=True))
    return {name: tree[name] for name in tree.keys(recursive=False)}


@pytest.fixture(scope="module", params=data.parameters(n for n in data.ALL_FILES if n != data.TIMES_50))
def tree(request):
    return tree_of(request.param)


def one_of_each_kind(tree):
    """Branches of all types, and with several numbers of members."""
    kinds = {(b.typename, len(getattr(b, "branches", ()))): b for b in branches_of(tree).values()}
    return list(kinds.values())


def check(one, *entries):
    """Compares the arrays of a branch; says where uproot has none."""
    try:
        expected = one.array(*entries) if not entries else one.array(entry_start=entries[0], entry_stop=entries[1])
    except FAILURES:
        return one.typename
    found = branch_to_array(one, *entries)
    if "char" in one.typename and not isinstance(one, uproot.TBranch):
        expected = ak.values_astype(expected, np.int8)  # a char of an RNTuple, that uproot takes for unsigned
    if one.name != oracle.JET_LINK:  # which uproot reads from the wrong bytes
        assert str(found.type) == str(expected.type), one.name
        assert_same(found, expected, one.name)
    return ""


def test_branches_of_all_types(tree):
    failing = {check(one) for one in one_of_each_kind(tree)} - {""}
    known = re.compile(
        r"unknown$|xAOD::\w+_v\d$|DataVector<|xAOD::Aux\w+$|(std::vector<)?ElementLink<|PileUpEventInfo_p5$"
    )
    assert [name for name in failing if not known.match(name)] == []


@pytest.mark.slow
def test_all_branches(tree):
    for one in branches_of(tree).values():
        check(one)


@given(random=st.data())
def test_ranges_of_entries(tree, random):
    """As slices: negative ones count from the end, what is not there is left out."""
    n = tree.num_entries
    names = [
        "AnalysisElectronsAuxDyn?pt",
        "AnalysisJetsAuxDyn?NumTrkPt500",
        "AnalysisMuonsAuxDyn?inDetTrackParticleLink",
    ]
    name = random.draw(st.sampled_from(names)).replace("?", "." if isinstance(tree, uproot.TTree) else ":")
    entry = st.none() | st.integers(-n - 2, n + 2)
    if name in branches_of(tree):
        check(tree[name], random.draw(entry, label="start"), random.draw(entry, label="stop"))


@pytest.mark.parametrize("name", data.parameters([*data.REAL_TTREES, data.SAMPLE]))
def test_what_uproot_cannot_read(name):
    """uproot5#951 and uproot5#1177, and containers without members."""
    tree, path = tree_of(name), data.path_of(name)
    with physlite.open(path) as file:
        names = {oracle.JET_LINK, oracle.HARD_SCATTER, "AnalysisElectrons"} & {*tree.keys(full_paths=False)}
        assert names
        for one in (tree[name] for name in names):
            if len(one.branches) == 0:
                assert difference(branch_to_array(one), file.array(one.name)) == ""
    static = tree["xTrigDecisionAux."]
    if static.branches:  # the base class holds nothing, and uproot has no type for it
        found = branch_to_array(static)
        assert "xTrigDecisionAux.smk" in found.fields
        assert_same(found["xTrigDecisionAux.tav"], static["xTrigDecisionAux.tav"].array())


@pytest.mark.parametrize("name", [data.SAMPLE, data.SAMPLE_RNTUPLE, data.R24])
def test_numpy(name):
    tree = tree_of(name)
    kinds = set()
    for one in one_of_each_kind(tree)[::2]:
        try:
            expected = one.array(library="np", entry_stop=20)
        except FAILURES:
            continue
        if "char" in one.typename or isinstance(expected, dict):
            continue
        found = branch_to_array(one, entry_stop=20, library="np")
        kinds.add(found.dtype.kind)
        assert (type(found), found.dtype, found.shape) == (type(expected), expected.dtype, expected.shape)
        for ours, theirs in zip(found, expected, strict=True):
            if isinstance(ours, np.ndarray | np.generic):
                assert ours.dtype == theirs.dtype
                assert ours.dtype.kind in "OV" or np.array_equal(ours, theirs)
            else:
                assert type(ours) is type(theirs)
    assert "u" in kinds


def test_arrays_are_kept_where_uproot_looks_for_them():
    name = "AnalysisElectronsAuxDyn.pt"
    with uproot.open(data.path_of(data.SAMPLE)) as file:
        one = file["CollectionTree"][name]
        found = branch_to_array(one, 10, 20)
        assert branch_to_array(one, 10, 20) is found
        assert one.array(entry_start=10, entry_stop=20) is found
        assert branch_to_array(one) is not found
        ours = branch_to_array(one, library="np")
        assert one.array(library="np") is ours
    with uproot.open(data.path_of(data.SAMPLE_RNTUPLE)) as file:
        one = file["EventData"][name.replace(".", ":")]
        assert branch_to_array(one) is branch_to_array(one)
    assert branch_to_array(tree_of(data.SAMPLE)[name]) is not branch_to_array(tree_of(data.SAMPLE)[name])


def test_what_uproot_has_kept_itself_is_not_trusted():
    """It may be read wrong; what is in its cache afterwards is right."""
    with uproot.open(data.path_of(data.TREE_ONLY)) as file, physlite.open(data.path_of(data.TREE_ONLY)) as expected:
        one = file["CollectionTree"][oracle.JET_LINK]
        theirs = one.array()
        found = branch_to_array(one)
        assert difference(theirs, found)
        assert_same(found, expected.array(oracle.JET_LINK))
        assert one.array() is branch_to_array(one) is found
        one.file.array_cache.clear()
        again = one.array()
        assert branch_to_array(one) is not again


def test_groups_are_kept_by_uproot():
    """For NumPy they are no arrays, and uproot's."""
    with uproot.open(data.path_of(data.SAMPLE)) as file:
        groups = (one for one in branches_of(file["CollectionTree"]).values() if len(one.branches) > 0)
        group = next(one for one in groups if isinstance(_or_none(one), dict))
        assert branch_to_array(group, library="np").keys() == group.array(library="np").keys()


def _or_none(group):
    try:
        return group.array(library="np")
    except FAILURES:
        return None


@pytest.mark.parametrize("names", [("ak", "awkward", "Awkward"), ("np", "numpy", "NumPy")])
def test_other_names_of_libraries(names):
    with uproot.open(data.path_of(data.TREE_ONLY)) as file:
        one = file["CollectionTree"][oracle.JET_LINK if names[0] == "ak" else "AnalysisElectronsAuxDyn.pt"]
        found = branch_to_array(one, library=names[0])
        for name in (*names, uproot.interpretation.library._libraries[names[0]]):
            assert branch_to_array(one, library=name) is found
        with pytest.raises(ValueError, match="library 'root' not recognized"):
            branch_to_array(one, library="root")


def test_a_tree_is_scanned_once_and_forgotten_with_its_file():
    tree_of(data.SAMPLE)["AnalysisElectronsAuxDyn.pt"].array()  # the first file of a process is never forgotten
    tree = tree_of(data.SAMPLE, object_cache=None)  # that cache would keep the file
    known = branch._Tree._known
    branch_to_array(tree["AnalysisElectronsAuxDyn.pt"])
    ((_, scanned),) = known[tree.file].items()
    branch_to_array(tree["AnalysisElectronsAuxDyn.eta"])
    assert list(known[tree.file].values()) == [scanned]
    file = weakref.ref(tree.file)
    del tree
    gc.collect()
    assert file() is None


def test_files_from_anywhere_and_trees_in_folders(tmp_path):
    content = data.path_of(data.SAMPLE).read_bytes()
    for where in (io.BytesIO(content), {str(data.path_of(data.SAMPLE)): None}):
        with uproot.open(where, array_cache=None) as file:
            for name in ("AnalysisElectronsAuxDyn.trackParticleLinks", "AnalysisElectronsAuxDyn.pt"):
                assert check(file["CollectionTree"][name]) == ""
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        for folder, values in (("", [1.5]), ("deep/er/", [2.5, 3.5])):
            file[f"{folder}tree"] = {"x": np.array(values), "y": ak.Array([[v, v] for v in values])}
            file.mkrntuple(f"{folder}ntuple", ak.Array([{"x": v} for v in values]))
    with uproot.open(path, array_cache=None) as file:
        for folder in ("", "deep/er/"):
            for one in (*branches_of(file[f"{folder}tree"]).values(), file[f"{folder}ntuple"]["x"]):
                assert check(one) == ""


# ------------------------------------------------------------------------------------------------------------ errors


def test_a_damaged_basket(tmp_path):
    name = "AnalysisElectronsAuxDyn.pt"
    one = tree_of(data.SAMPLE)[name]
    begin, size = one.member("fBasketSeek")[1], one.basket_compressed_bytes(1)
    content = bytearray(data.path_of(data.SAMPLE).read_bytes())
    content[begin + size // 2 : begin + size] = bytes(size - size // 2)
    path = tmp_path / "damaged.root"
    path.write_bytes(content)
    one = uproot.open(path)["CollectionTree"][name]
    entries = one.member("fBasketEntry")
    assert_same(branch_to_array(one, None, entries[1]), tree_of(data.SAMPLE)[name].array(entry_stop=entries[1]))
    with pytest.raises(CorruptDataError, match=rf"damaged\.root: column {re.escape(name)}, basket 1 \(entries"):
        branch_to_array(one)


def test_what_is_no_branch_or_has_nothing():
    tree = tree_of(data.SAMPLE)
    with pytest.raises(TypeError, match="str is no branch: give one of a tree"):
        branch_to_array("AnalysisElectronsAuxDyn.pt")
    with pytest.raises(TypeError, match="is no branch"):
        branch_to_array(tree)
    with pytest.raises(UnreadableColumnError, match=r"sample\.root: branch EventInfo cannot be read: it holds no data"):
        branch_to_array(tree["EventInfo"])
