"""Every column that uproot reads right is the same when we read it."""

import awkward as ak
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from support import data, oracle
from support.compare import assert_same

# StoreGate's hash of the name AnalysisJets and its class.
JETS_KEY = 452794649


class Case:
    """A file, opened with one thread and with four, and the columns that uproot can be asked about."""

    def __init__(self, name):
        self.name = name
        path = data.path_of(name)
        # Without memory, so that every request decodes.
        self.files = {threads: physlite.open(path, threads=threads, cache_bytes=0) for threads in (1, 4)}
        self.manifest = self.files[1].manifest
        self.columns = [c for c in self.manifest.columns if not oracle.reason_not_asked(name, c)]


@pytest.fixture(
    scope="module",
    params=data.parameters(data.ALL_TTREES),
)
def case(request):
    return Case(request.param)


@pytest.fixture(scope="module", params=[(data.TIMES_50, 40), (data.SAMPLE, 4)], ids=lambda p: p[0])
def large(request):
    """A file of which half of the entries of each bundle of columns are enough for several threads."""
    name, bundles = request.param
    case = Case(name)
    case.bundles = [case.columns[i::bundles] for i in range(bundles)]
    for bundle in case.bundles:
        assert sum(c.uncompressed_bytes for c in bundle) > 3 * data.ENOUGH_FOR_THREADS
    return case


@pytest.mark.parametrize("threads", [1, 4])
def test_whole_columns_equal_uproot(case, threads):
    ours = case.files[threads].arrays([c.name for c in case.columns])
    for column in case.columns:
        assert_same(ours[column.name], oracle.column(case.name, column.path), column.name)


@given(random=st.data())
def test_entry_ranges_equal_the_slice_of_uproot(case, random):
    """As uproot5#798 and coffea#1280 have it: whatever the first entry."""
    n = case.manifest.num_entries
    start = random.draw(st.integers(0, n), label="start")
    stop = random.draw(st.integers(start, n), label="stop")
    columns = random.draw(st.lists(st.sampled_from(case.columns), min_size=1, max_size=8, unique=True), label="columns")
    _check_range(case, 1, columns, start, stop)


@given(random=st.data())
def test_entry_ranges_on_threads(large, random):
    """So many bytes in one request that the threads have something to do."""
    n = large.manifest.num_entries
    columns = random.draw(st.sampled_from(large.bundles), label="columns")
    start = random.draw(st.integers(0, n // 2), label="start")
    stop = random.draw(st.integers(start + n // 2, n), label="stop")
    _check_range(large, 4, columns, start, stop)


def _check_range(case, threads, columns, start, stop):
    ours = case.files[threads].arrays([c.name for c in columns], start, stop)
    assert len(ours) == stop - start
    for column in columns:
        assert_same(ours[column.name], oracle.column(case.name, column.path)[start:stop], column.name)


def test_columns_are_those_of_uproot(case):
    """Every branch is a column, save for those that are split into others and hold nothing themselves."""
    branches = dict(oracle.tree(case.name).iteritems(recursive=True, full_paths=True))
    ours = {c.path: c for c in case.manifest.columns if not c.encoding.startswith(".")}
    assert ours.keys() <= branches.keys()
    for path, branch in branches.items():
        if path not in ours:
            assert len(branch.branches) > 0, path


def test_numbers_of_entries_baskets_and_bytes_are_those_of_uproot(case):
    tree = oracle.tree(case.name)
    assert case.manifest.num_entries == tree.num_entries
    for column in [c for c in case.manifest.columns if not c.encoding.startswith(".")][::7]:
        branch = tree[column.path]
        assert branch.num_entries == case.manifest.num_entries
        assert branch.num_baskets == column.pages, column.path
        assert branch.member("fTotBytes") == column.uncompressed_bytes, column.path
        assert branch.member("fZipBytes") == column.compressed_bytes, column.path
        assert branch.title == column.title


def test_nothing_but_known_types_is_left_to_uproot(case):
    left = {c.type_name for c in case.manifest.columns if not c.encoding}
    assert [t for t in left if not oracle.LEFT_TO_UPROOT.match(t)] == []


def test_columns_not_asked_are_those_where_uproot_fails(case):
    """The list of exceptions is no longer than it must be: one of each kind is tried."""
    seen = {}
    for column in case.manifest.columns:
        reason = oracle.reason_not_asked(case.name, column)
        if reason and reason != "read through uproot, not by us":
            seen.setdefault(reason, column)
    for column in seen.values():
        branch = oracle.tree(case.name)[column.path.partition("/")[0] if column.encoding[0] == "." else column.path]
        try:
            array = branch.array()
        except (ValueError, uproot.interpretation.identify.UnknownInterpretation, uproot.DeserializationError):
            continue
        # It reads something: then not what is there.
        assert column.name == oracle.JET_LINK, column.path
        assert set(ak.flatten(array["m_persKey"], axis=None).tolist()) - {0, JETS_KEY}
