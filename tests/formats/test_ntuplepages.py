"""Streams that are not simply the pages of one column: later members of lists, and fields that do not add up.

ROOT writes no members that are added to lists later, though the format has them: the page lists are made here.
"""

import numpy as np
import pytest

import physlite
from physlite import _core
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.ntuplepages import NtuplePages, PageKinds, Streams
from physlite.model.summary import Size, summarize
from support.made_ntuples import FLOAT, INDEX, Cluster, Field, ntuple, record, value, variant

SPLIT_INDEX, INT = 27, 7
MOST = 1 << 30


def page_list(*clusters):
    """Of each cluster its columns: the first element, and the elements of the pages."""
    cells = [cell for cluster in clusters for cell in cluster]
    pages = [elements for _, its in cells for elements in its]
    return {
        "clusters": [(0, 0)] * len(clusters),  # only their number counts here
        "first_element": np.array([first for first, _ in cells], dtype=np.int64),
        "compression": np.zeros(len(cells), dtype=np.uint32),
        "first_page": np.cumsum([0, *(len(its) for _, its in cells)], dtype=np.int64),
        "elements": np.array(pages, dtype=np.int64),
        "has_checksum": np.zeros(len(pages), dtype=np.uint8),
        "offset": 1000 + 100 * np.arange(len(pages), dtype=np.int64),
        "bytes": 4 * np.array(pages, dtype=np.int64),
    }


def numbers(*values):
    return np.array(values, dtype=np.int64)


def streams(*codes):
    """A list (column 0) and the members of its items."""
    items = len(codes)
    return Streams(
        ["i8", *codes], np.arange(1 + items), {}, numbers(-1, *[0] * items), numbers(1, *[1] * items),
        numbers(1, *[-1] * items), numbers(*[1] * (1 + items)),
    )  # fmt: skip


def kinds(*types):
    """Of columns of these types."""
    each = [(kind, 64 if kind == SPLIT_INDEX else 32, 0.0, 0.0) for kind in dict.fromkeys(types)]
    return PageKinds.of(each, np.array([list(dict.fromkeys(types)).index(kind) for kind in types], dtype=np.int32))


MISSING = (_core.NOT_YET, [])


def test_members_that_are_added_to_lists_later():
    """They have as many elements in each cluster as those beside them: zeros at first."""
    pages = page_list(
        [(0, [2]), (0, [3]), MISSING],
        [(2, [2]), (3, [4]), (5, [2])],  # from within the cluster on
        [(4, [1]), (7, [1]), (7, [1])],
    )
    three = streams("i4", "i4")
    tables = NtuplePages([pages], kinds(SPLIT_INDEX, INT, INT), MOST).of(three, np.array([0, 2, 4, 5]))
    assert not tables.faults
    assert tables.pages.starts.tolist() == [[0, 2, 4, 5], [0, 3, 7, 8], [0, 3, 7, 8]]
    row = tables.rows[2]
    its = slice(row.first_page, row.first_page + row.pages)
    assert tables.first[its].tolist() == [0, 3, 5, 7]
    assert tables.pages.elements[its].tolist() == [3, 2, 2, 1]
    assert (tables.pages.kind[its] < 0).tolist() == [True, True, False, False]
    its = slice(tables.rows[0].first_page, tables.rows[0].first_page + 3)
    assert tables.pages.base[its].tolist() == [0, 3, 7]


def test_the_first_member_can_be_the_later_one():
    pages = page_list([(0, [2]), MISSING, (0, [3])], [(2, [2]), (5, [2]), (3, [4])])
    tables = NtuplePages([pages], kinds(SPLIT_INDEX, INT, INT), MOST).of(streams("i4", "i4"), np.array([0, 2, 4]))
    assert tables.pages.starts.tolist() == [[0, 2, 4], [0, 3, 7], [0, 3, 7]]
    assert tables.pages.base[tables.rows[0].first_page :][:2].tolist() == [0, 3]


def fault(pages, *, entries=(0, 2, 4), factor=1, most=MOST, alternates=False):
    """What is wrong with the first stream; nothing is with the second, column 2."""
    several = {0: (0, 1)} if alternates else {}
    none, one = numbers(-1, -1), numbers(1, 1)
    two = Streams(["i4", "i4"], numbers(0, 2), several, none, numbers(factor, 1), none, one)
    found = NtuplePages([pages], kinds(INT, INT, INT), most).of(two, np.array(entries)).faults
    assert 1 not in found or most < MOST
    return found.get(0, "")


def test_what_is_wrong_with_a_stream():
    """It is that stream's alone."""
    good = (0, [2]), (2, [2])

    def cells(first, second):
        return page_list([first, MISSING, good[0]], [second, MISSING, good[1]])

    assert fault(cells(*good)) == ""
    assert "cluster 1 has elements 3 to 5 of it, where it should have 2 to 4" in fault(cells((0, [2]), (3, [2])))
    assert "cluster 0 has elements 0 to 3 of it, where it should have 0 to 2" in fault(cells((0, [3]), (3, [1])))
    assert "cluster 1 has elements 2 to 3 of it" in fault(cells((0, [2]), (2, [1])))
    assert "begins with element 4611686018427387904" in fault(cells((0, [2]), (1 << 62, [2])))
    assert "a page of 8 bytes is more than one record" in fault(cells(*good), most=7)
    assert "no file has as many" in fault(cells(*good), factor=1 << 59)
    both = page_list([good[0], good[0], good[0]], [good[1], MISSING, good[1]])
    assert "cluster 0 has it in two representations" in fault(both, alternates=True)


def test_streams_of_some_columns():
    """They refer to each other by their new numbers."""
    two = Streams(
        ["i4", "i8", "f4"], numbers(0, 1, 2), {0: (0, 7), 2: (2, 3)}, numbers(-1, -1, 1), numbers(4, 1, 2),
        numbers(-1, 2, -1), numbers(1, 2, 1),
    )  # fmt: skip
    left = two.only(numbers(1, 2))
    assert (left.codes, left.column.tolist(), left.representations) == (["i8", "f4"], [1, 2], {1: (2, 3)})
    assert (left.parent.tolist(), left.factor.tolist()) == ([-1, 0], [1, 2])
    assert (left.child.tolist(), left.child_factor.tolist()) == ([1, -1], [2, 1])
    assert [left.columns(i) for i in range(2)] == [(1,), (2, 3)]


def test_what_a_variant_takes_counts_once():
    """Which alternative and where its value lies are one column of the file, though two streams: 12 bytes an entry."""
    content = ntuple(
        [value("i"), variant("v", value("_0"), value("_1", "float", FLOAT))],
        Cluster(2, [1, 2], [(0, 1), (0, 2)], [10], [0.5]),
        Cluster(2, [3, 4], [(0, 1), (0, 2)], [20], [1.5]),
        Cluster(1, [5], [(0, 1)], [20], []),
    )
    with physlite.open(content) as file:
        sizes = {c.name: (c.baskets, c.compressed_bytes, c.uncompressed_bytes) for c in file.columns.values()}
        summary = summarize(file)
    stored = 12 * 5 + 4 * 3 + 4 * 2
    assert sizes == {"i": (3, 20, 20), "v": (8, stored, stored)}
    assert summary.size == Size(20 + stored, 20 + stored)
    assert summary.shared_bytes == 2 * 12 + 4  # the second page of the first column of the variant, the third value


def test_names_that_are_repeated_without_end():
    """Columns are named after their store, and members that are hidden after their base class: a product."""
    store = record("x" * 100_000 + "Aux:", *(value(f"m{i}") for i in range(300)))
    members = [value(f"m{i}") for i in range(300)]
    base = record("r", record("x" * 100_000 + ":_0", *members), *members)
    for field in (store, base):
        columns = [[1]] * (300 if field is store else 600)
        with pytest.raises(CorruptDataError, match="names without end"):
            physlite.open(ntuple([field], Cluster(1, *columns)))


def test_a_list_that_is_called_a_number():
    """What a field is follows from its role."""
    field = Field("v", "float", role=1, columns=(INDEX,), children=(value("_0"),))
    with physlite.open(ntuple([field], Cluster(2, [1, 3], [7, 8, 9]))) as file:
        assert file.array("v").to_list() == [[7], [8, 9]]


def test_few_columns_that_stand_for_many():
    """Projected fields share the columns of others, which cost nothing in the file."""
    shared = Streams(
        ["i4"] * 9,
        np.zeros(9, np.int64),
        {},
        np.full(9, -1),
        np.ones(9, np.int64),
        np.full(9, -1),
        np.ones(9, np.int64),
    )
    pages = page_list(*([(i, [1])] for i in range(4)))
    tables = NtuplePages([pages], kinds(INT), most=3).of(shared, np.arange(5))
    assert tables.faults == dict.fromkeys(
        range(9), "a page of 4 bytes is more than one record of the file, which is not read"
    )


def test_clusters_in_shards():
    """The format reserves a flag for them, and asks readers to stop there; other flags mean nothing yet."""
    flag = 1 << 56
    with pytest.raises(UnsupportedFormatError, match="sharded clusters"):
        physlite.open(ntuple([value("i")], Cluster(2, [1, 2]), Cluster(flag + 1, [3])))
    with physlite.open(ntuple([value("i")], Cluster(2 * flag + 2, [1, 2]), Cluster(1, [3], first=2))) as file:
        assert file.array("i").to_list() == [1, 2, 3]
