"""Which files are processed together, and which of them in parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.running.datasetfiles import DataFile
from physlite.running.datasets import Dataset
from physlite.running.plan import FileGroup, Plan

MB = 1 << 20


def dataset(name, sizes, **known):
    """With files that nobody opens, of so many bytes each."""
    return Dataset(name, [DataFile(f"https://example.org/{name}/{i}", size) for i, size in enumerate(sizes)], **known)


def parts(plan):
    """In how many parts each file is processed."""
    return [len(file) for group in plan.groups() for file in plan.parts(group)]


# ------------------------------------------------------------------------------------------------------------- groups


def test_few_files_are_finished_one_by_one():
    plan = Plan([dataset("a", [1, 2]), dataset("b", [3])], 2)
    assert list(plan.groups()) == [FileGroup(0, 0, 1), FileGroup(0, 1, 1), FileGroup(1, 0, 1)]
    assert (plan.files, plan.bytes) == (3, 6)


@pytest.mark.parametrize(
    ("files", "size", "groups"),
    [(1024, 1, 1024), (1025, 2, 513), (2048, 2, 1024), (2049, 4, 513), (100_000, 128, 782)],
)
def test_of_many_files_some_are_added_up_before_they_are_sent(files, size, groups):
    found = list(Plan([dataset("a", [None] * files)], 2).groups())
    assert [group.size for group in found[:-1]] == [size] * (groups - 1)
    assert sum(group.size for group in found) == files


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=4))
def test_each_file_is_in_one_group(numbers):
    plan = Plan([dataset(f"d{i}", [None] * number) for i, number in enumerate(numbers)], 2)
    groups = list(plan.groups())
    files = [(g.dataset, number) for g in groups for number in range(g.first, g.first + g.size)]
    assert files == [(i, number) for i, files in enumerate(numbers) for number in range(files)]
    for group in groups:
        whole = 1 << (group.size - 1).bit_length()
        assert group.first % whole == 0  # a branch of the tree of sums
    assert plan.files == sum(numbers)


# -------------------------------------------------------------------------------------------------------------- parts


def test_what_is_known_goes_with_each_part():
    first, second = Plan([dataset("a", [1, 2], cross_section=0.83)], 2).parts(FileGroup(0, 0, 2))
    ((one,), (two,)) = first, second
    assert (one.dataset, one.number, one.url) == ("a", 0, "https://example.org/a/0")
    assert (two.number, two.part, two.parts) == (1, 0, 1)
    assert two.given == {"cross_section": 0.83}


@pytest.mark.parametrize(
    ("sizes", "workers", "expected"),
    [
        ([1000, 1000, 1000], 3, [4, 4, 4]),  # more than a ninth of the whole, each
        ([1000] * 9, 3, [1] * 9),
        ([1000, 8000], 3, [1, 8]),  # the share is 1000 MB
        ([999, 8001], 3, [1, 16]),
        ([100], 2, [2]),  # 50 MB or more
        ([1000, 1000], 1, [1, 1]),  # nobody else would have the other parts
        ([101], 100, [4]),
        ([100], 100, [2]),
        ([50], 100, [1]),
        ([1_000_000], 1000, [64]),  # and no more
    ],
    ids=str,
)
def test_large_files_are_divided_where_that_shortens_the_end(sizes, workers, expected):
    assert parts(Plan([dataset("a", [size * MB for size in sizes])], workers)) == expected


def test_parts_are_numbered():
    ((one, two),) = Plan([dataset("a", [100 * MB])], 2).parts(FileGroup(0, 0, 1))
    assert [(part.number, part.part, part.parts) for part in (one, two)] == [(0, 0, 2), (0, 1, 2)]
    assert one._replace(part=1) == two


@pytest.mark.parametrize(("sizes", "workers"), [([5000 * MB, None], 4), ([5000 * MB, 1], 0)])
def test_what_is_not_known_is_not_divided(sizes, workers):
    plan = Plan([dataset("a", sizes)], workers)
    assert parts(plan) == [1, 1]


def test_bytes_that_are_not_known():
    assert Plan([dataset("a", [1, None])], 1).bytes is None


# ------------------------------------------------------------------------------------------------------------- digest


def digest(*datasets):
    return Plan(datasets, 1).digest()


def test_the_same_files_have_the_same_digest():
    one = dataset("a", [1, 2])
    assert digest(one) == digest(dataset("a", [None, None], cross_section=0.83))
    assert Plan([one], 1).digest() == Plan([one], 50).digest()
    assert len(digest(one)) == 64


def test_other_files_have_another_digest():
    one, two = dataset("a", [1]), dataset("b", [1])
    url = DataFile("https://example.org/a/0", adler32="00000001")
    different = [
        digest(one),
        digest(two),
        digest(one, two),
        digest(two, one),
        digest(dataset("a", [1, 1])),
        digest(Dataset("renamed", one.files)),
        digest(Dataset("a", [url])),
        digest(Dataset("a", [url._replace(adler32="00000002")])),
        digest(Dataset("a", [*one.files, *two.files])),
        digest(Dataset("a", [*two.files, *one.files])),
    ]
    assert len(set(different)) == len(different)


def test_a_url_that_is_signed_anew_is_the_same():
    urls = [f"https://example.org/a?version=3&X-Amz-Signature={signature}" for signature in ("5ec7e7", "0ther")]
    assert digest(Dataset("a", urls[0])) == digest(Dataset("a", urls[1]))
    assert digest(Dataset("a", urls[0])) != digest(Dataset("a", urls[0].replace("3", "4")))


def test_what_tells_whether_files_of_a_group_have_changed():
    group = FileGroup(0, 2, 2)
    before = Plan([dataset("a", [1, 2, 3, 4])], 1).sizes(group)
    assert Plan([dataset("a", [9, 9, 3, 4])], 1).sizes(group) == before
    assert Plan([dataset("a", [1, 2, 3, 5])], 1).sizes(group) != before
