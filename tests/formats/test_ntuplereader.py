"""From streams to columns: how the parts of a column refer to each other, and what is said when they do not fit.

The files are made here: ROOT writes none that is damaged behind its checksums, and few variants.
"""

from itertools import combinations_with_replacement

import awkward as ak
import numpy as np
import pytest
import uproot

import physlite
from physlite.exceptions import CorruptDataError
from support.made_ntuples import BIT, BYTE, FLOAT, INDEX, Cluster, Pages, fixed, items, ntuple, record, value, variant
from support.rootfiles import ALGORITHMS


def opened(content):
    return physlite.open(content, cache_bytes=0)


def ranges(entries):
    """All of them: those that begin or end within clusters are read in another way than whole clusters."""
    return combinations_with_replacement(range(entries + 1), 2)


def fails(content, column, *entries):
    """What the error says that reading a column of the file raises."""
    with opened(content) as file, pytest.raises(CorruptDataError) as caught:
        file.array(column, *entries)
    return str(caught.value)


def reads(content, column, expected):
    """All ranges of a column are those of the whole."""
    with opened(content) as file:
        for start, stop in ranges(len(expected)):
            assert file.array(column, start, stop).to_list() == expected[start:stop], (start, stop)


def test_files_that_are_made_are_ntuples(tmp_path):
    """So that the other tests are about the format: uproot reads them too."""
    lists = items("v", fixed("_0", value("_0"), 2))
    content = ntuple([value("i"), lists], Cluster(2, [5, 6], [1, 3], [1, 2, 3, 4, 5, 6]), Cluster(1, [7], [0], []))
    (tmp_path / "made.root").write_bytes(content)
    expected = {"i": [5, 6, 7], "v": [[[1, 2]], [[3, 4], [5, 6]], []]}
    with uproot.open(tmp_path / "made.root") as theirs, opened(content) as ours:
        assert {name: theirs["EventData"][name].array().to_list() for name in expected} == expected
        assert {name: ours.array(name).to_list() for name in expected} == expected


@pytest.mark.parametrize("clusters", [(), (Cluster(3),)])
@pytest.mark.parametrize("fields", [[], [record("x")]])
def test_an_ntuple_without_columns(fields, clusters):
    with opened(ntuple(fields, *clusters)) as file:
        assert file.num_entries == 3 * len(clusters)
        assert [(c.name, c.type) for c in file.columns.values()] == [("x", "no values")] * len(fields)
        assert len(file.events()) == file.num_entries


def test_names_with_line_breaks_do_not_break_messages():
    content = ntuple([items("a\nb", value("_0"))], Cluster(2, [1, 3], [7, 8]))
    with opened(content) as file:
        assert list(file.columns) == ["a\nb"]
    assert "\n" not in fails(content, "a\nb")
    assert r"a\nb" in fails(content, "a\nb")


# ------------------------------------------------------------------------------------------------------------- lists

LISTS = items("v", value("_0"))
LISTS_OF_PAIRS = items("v", fixed("_0", value("_0"), 2))


def test_lists_of_arrays():
    """Offsets count arrays, the stream of items their elements."""
    content = ntuple([LISTS_OF_PAIRS], Cluster(2, [1, 3], [*range(6)]), Cluster(2, [0, 2], [*range(6, 10)]))
    reads(content, "v", [[[0, 1]], [[2, 3], [4, 5]], [], [[6, 7], [8, 9]]])


def test_arrays_of_arrays():
    """Their elements are one stream, of lists of them too."""
    arrays = fixed("a", fixed("_0", value("_0"), 2), 3)
    content = ntuple(
        [arrays, items("v", arrays)],
        Cluster(1, [*range(6)], [2], [*range(12)]),
        Cluster(2, [*range(6, 18)], [0, 1], [*range(12, 18)]),
    )
    one, two, three = ([[k, k + 1], [k + 2, k + 3], [k + 4, k + 5]] for k in (0, 6, 12))
    reads(content, "a", [one, two, three])
    reads(content, "v", [[one, two], [], [three]])


def test_offsets_that_columns_have_in_common_are_one_array():
    """Equal pages are decoded once, however many columns they are of."""
    columns = [items(name, value("_0")) for name in ("a", "b", "c")]
    content = ntuple(columns, Cluster(2, [1, 3], [1, 2, 3], [1, 3], [4, 5, 6], [2, 3], [7, 8, 9]))
    with opened(content) as file:
        a, b, c = (array.layout.offsets.data for array in ak.unzip(file.arrays()))
    assert np.shares_memory(a, b)
    assert (a.tolist(), b.tolist(), c.tolist()) == ([0, 1, 3], [0, 1, 3], [0, 2, 3])


def test_offsets_in_common_of_which_one_column_needs_the_end_before():
    """In entry 1 the inner lists of `a` begin with the cluster, those of `b` where another one ends."""
    a, b = (items(name, items("_0", value("_0"))) for name in ("a", "b"))
    content = ntuple([a, b], Cluster(3, [0, 2, 2], [1, 3], [1, 2, 3], [1, 2, 2], [1, 3], [1, 2, 3]))
    with opened(content) as file:
        assert file.arrays(["a", "b"], 1, 2).to_list() == [{"a": [[1], [2, 3]], "b": [[2, 3]]}]
        assert file.arrays(["b", "a"], 1, 2).to_list() == [{"a": [[1], [2, 3]], "b": [[2, 3]]}]


def test_lists_whose_only_member_is_added_later():
    """Nothing beside it says with which item its clusters begin, but it says so itself."""
    lists = items("v", record("_0", value("late")))
    content = ntuple([lists], Cluster(2, [1, 3]), Cluster(1, [2], Pages([7, 8], first=3)))
    reads(content, "v", [[{"late": 0}], [{"late": 0}, {"late": 0}], [{"late": 7}, {"late": 8}]])


def test_members_that_are_added_later_can_be_arrays():
    """As many as there are of the member beside them, times their items."""
    members = record("_0", fixed("x", value("_0"), 3), fixed("late", value("_0"), 2))
    content = ntuple(
        [items("v", members)],
        Cluster(2, [1, 2], [*range(6)]),
        Cluster(1, [1], [*range(6, 9)], Pages([10, 11], first=4)),
    )
    first, second, third = ([k, k + 1, k + 2] for k in (0, 3, 6))
    none = [0, 0]
    reads(content, "v", [[{"x": first, "late": none}], [{"x": second, "late": none}], [{"x": third, "late": [10, 11]}]])


@pytest.mark.parametrize("entries", [(), (0, 1), (0, 2), (1, 2)])
def test_lists_of_items_that_are_not_there(entries):
    """Whether the items are asked for together with the lists, of whole clusters, or after them."""
    expected = "<bytes>: column v has lists of items that are not there; copy the file again"
    assert fails(ntuple([LISTS], Cluster(2, [6, 9], [1, 2, 3, 4, 5])), "v", *entries) == expected
    assert fails(ntuple([LISTS_OF_PAIRS], Cluster(2, [3, 4], [1, 2, 3, 4, 5])), "v", *entries) == expected


def test_the_last_items_that_are_there():
    reads(ntuple([LISTS], Cluster(2, [2, 5], [1, 2, 3, 4, 5])), "v", [[1, 2], [3, 4, 5]])
    reads(ntuple([LISTS_OF_PAIRS], Cluster(2, [1, 2], [1, 2, 3, 4])), "v", [[[1, 2]], [[3, 4]]])


def test_lists_that_do_not_fit_their_items():
    """A whole cluster has all of its items; what is left over shows that the lists are wrong."""
    expected = "<bytes>: column v has lists that do not fit their items; copy the file again"
    assert fails(ntuple([LISTS], Cluster(2, [2, 4], [1, 2, 3, 4, 5])), "v") == expected
    assert fails(ntuple([LISTS_OF_PAIRS], Cluster(2, [1, 2], [1, 2, 3, 4, 5])), "v") == expected
    lists_of_lists = items("v", items("_0", value("_0")))
    assert fails(ntuple([lists_of_lists], Cluster(1, [1], [1, 2], [1, 2])), "v") == expected


def test_lists_that_do_not_fit_spoil_no_other_clusters():
    content = ntuple([LISTS], Cluster(2, [1, 2], [1, 2]), Cluster(2, [1, 2], [3, 4, 5]))
    assert "lists that do not fit their items" in fails(content, "v")
    with opened(content) as file:
        assert file.array("v", 0, 2).to_list() == [[1], [2]]


# ----------------------------------------------------------------------------------------------------- options, sizes


def test_options():
    option = items("v", value("_0"), "std::optional")
    reads(ntuple([option], Cluster(3, [1, 1, 2], [5, 6]), Cluster(2, [0, 1], [7])), "v", [5, None, 6, None, 7])


def test_options_of_several_items():
    content = ntuple([items("v", value("_0"), "std::optional")], Cluster(3, [1, 1, 3], [5, 6, 7]))
    expected = "<bytes>: column v has options of several items; copy the file again"
    assert fails(content, "v") == expected
    assert fails(content, "v", 2, 3) == expected
    with opened(content) as file:
        assert file.array("v", 0, 2).to_list() == [5, None]


SIZES = value("n", "ROOT::RNTupleCardinality<std::uint32_t>", INDEX)


def test_numbers_of_objects():
    """Ends are counted from the beginning of each cluster; a cluster without entries begins and ends nowhere."""
    content = ntuple([SIZES], Cluster(2, [3, 3]), Cluster(0, []), Cluster(3, [2, 6, (1 << 32) + 5]))
    reads(content, "n", [3, 0, 2, 4, (1 << 32) - 1])


@pytest.mark.parametrize("ends", [[3, 2], [3, 3 + (1 << 32)], [0, 1 << 32]])
def test_numbers_of_objects_that_cannot_be(ends):
    """Below zero, or more than 32 bits hold."""
    expected = "<bytes>: column n has numbers of objects that cannot be; copy the file again"
    content = ntuple([SIZES], Cluster(1, [1]), Cluster(2, ends))
    assert fails(content, "n") == expected
    assert fails(content, "n", 2, 3) == expected
    with opened(content) as file:
        assert file.array("n", 0, 2).to_list() == [1, ends[0]]


# ---------------------------------------------------------------------------------------------------------- variants

EITHER = variant("v", value("_0"), value("_1", "float", FLOAT))


def test_variants_of_arrays():
    """Places count arrays from the beginning of their cluster; the stream counts elements of all clusters."""
    content = ntuple(
        [variant("v", fixed("_0", value("_0"), 2), value("_1", "float", FLOAT))],
        Cluster(3, [(0, 1), (0, 2), (1, 1)], [1, 2, 3, 4], [0.5]),
        Cluster(1, [(0, 2)], [], [1.5]),
        Cluster(3, [(0, 1), (1, 1), (0, 2)], [5, 6, 7, 8], [2.5]),
    )
    reads(content, "v", [[1, 2], 0.5, [3, 4], 1.5, [5, 6], [7, 8], 2.5])


@pytest.mark.parametrize("entries", [(), (0, 2), (1, 2)])
def test_alternatives_that_the_type_does_not_have(entries):
    content = ntuple([EITHER], Cluster(2, [(0, 1), (0, 3)], [5], []))
    expected = "<bytes>: column v has alternatives that its type does not have; copy the file again"
    assert fails(content, "v", *entries) == expected


@pytest.mark.parametrize("entries", [(), (0, 2), (1, 2)])
def test_variants_with_values_that_are_not_there(entries):
    expected = "<bytes>: column v has variants with values that are not there; copy the file again"
    assert fails(ntuple([EITHER], Cluster(2, [(0, 2), (1, 2)], [5, 6, 7], [0.5])), "v", *entries) == expected
    pairs = variant("v", fixed("_0", value("_0"), 2), value("_1", "float", FLOAT))
    assert fails(ntuple([pairs], Cluster(2, [(0, 1), (1, 1)], [5, 6, 7], [])), "v", *entries) == expected


LATER = ntuple(
    [value("i"), EITHER, value("small", "std::int8_t", BYTE)],
    Cluster(2, [10, 11]),
    Cluster(3, [12, 13, 14], Pages([(0, 2)], first=4), [], [0.5], Pages([7], first=4)),
    Cluster(2, [15, 16], [(0, 1), (0, 0)], [3], [], [8, 9]),
)


def test_variants_that_are_added_later():
    """They have no value in entries before: in a cluster of their own, and in one where they begin; nor later ones."""
    reads(LATER, "v", [None, None, None, None, 0.5, 3, None])
    reads(LATER, "small", [0, 0, 0, 0, 7, 8, 9])


def test_what_is_not_stored_is_nothing_in_a_variant_and_zero_beside_it():
    """Of both the core makes the same zeros, once; they become no value in the variant alone."""
    with opened(LATER) as file:
        for start, stop in ranges(7):
            arrays = file.arrays(["small", "v"], start, stop)
            assert arrays.v.to_list() == [None, None, None, None, 0.5, 3, None][start:stop]
            assert arrays.small.to_list() == [0, 0, 0, 0, 7, 8, 9][start:stop]


def test_an_alternative_that_is_added_later():
    """There are none of it before, whatever there is of the others."""
    content = ntuple([EITHER], Cluster(2, [(0, 1), (1, 1)], [5, 6]), Cluster(2, [(0, 2), (0, 1)], [7], [0.5]))
    reads(content, "v", [5, 6, 0.5, 7])


# -------------------------------------------------------------------------------------------------- few bytes for many

FLAG = value("flag", "bool", BIT)
MANY = 1 << 23  # flags, a kilobyte compressed; eight times as many are what needs no second look


def flags(*true):
    page = np.zeros(MANY, bool)
    page[list(true)] = True
    return page


def test_as_many_elements_as_need_no_second_look():
    content = ntuple([FLAG], *[Cluster(MANY, flags(1))] * 9, compressed=ALGORITHMS["zlib"])
    assert len(content) < 10_000
    with opened(content) as file:
        array = file.array("flag", 0, 8 * MANY)
        assert np.flatnonzero(array).tolist() == [1 + k * MANY for k in range(8)]


def test_few_bytes_that_claim_to_be_many_elements():
    """A page that is there nine times is stored once, and counts once."""
    content = ntuple([FLAG], *[Cluster(MANY, flags())] * 9, compressed=ALGORITHMS["zlib"])
    assert fails(content, "flag") == (
        "<bytes>: 0.6 GB of 0.0 MB that are stored: read fewer columns or entries at a time; "
        "if they are as few as that already, the file is damaged"
    )


def test_more_bytes_may_be_more_elements():
    content = ntuple([FLAG], *[Cluster(MANY, flags(k)) for k in range(9)], compressed=ALGORITHMS["zlib"])
    with opened(content) as file:
        assert np.flatnonzero(file.array("flag")).tolist() == [k + k * MANY for k in range(9)]
