"""What is kept of remote files on the local disk."""

import multiprocessing
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError, CredentialError, FileChangedError
from physlite.storage import BlockCache, Range, open_source
from physlite.storage._source import SourceStats, check_ranges
from physlite.storage.blockcache import Version
from physlite.storage.cached import CachedSource
from physlite.storage.readahead import ReadAhead
from support import data
from support.compare import assert_same
from support.servers.faults import fault_server, random_content
from support.transports import check_events

CONTENT = random_content(400_000, 11)
VERSION = Version(len(CONTENT), '"1"')
BEGINNING = Range(0, 100_000)


def views(ranges, content=CONTENT):
    return [memoryview(content)[r.offset : r.offset + r.size] for r in ranges]


@pytest.fixture
def cache(tmp_path):
    return BlockCache(tmp_path / "cache", limit_bytes=1_000_000)


@pytest.fixture
def server():
    with fault_server(data.path_of(data.R21).read_bytes()) as found:
        yield found


def test_the_second_pass_makes_no_requests(server, cache):
    check_events_through(server, cache)
    asked = len(server.requests)
    assert asked > 0
    check_events_through(server, cache)
    assert len(server.requests) == asked


def check_events_through(server, cache):
    with physlite.open(server.url, cache=cache) as file:
        file.events().Electrons.trackParticles.z0.to_list()
        file.metadata.sum_of_weights()


def test_events_through_the_cache(server, tmp_path):
    for _ in range(2):
        check_events(open_source(server.url, cache=tmp_path))


def test_a_signature_does_not_count(server, cache):
    with physlite.open(server.url + "?X-Goog-Signature=one&X-Goog-Date=1", cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")
    asked = len(server.requests)
    with physlite.open(server.url + "?X-Goog-Signature=two&X-Goog-Date=2", cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")
    assert len(server.requests) == asked
    physlite.open(server.url + "?file=3", cache=cache)
    assert len(server.requests) > asked
    assert not [path for path in cache.folder.rglob("*") if path.is_file() and b"X-Goog" in path.read_bytes()]


def test_a_file_that_was_replaced_is_noticed_with_the_next_request(server, cache):
    with physlite.open(server.url, cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")
    server.etag = '"2"'
    with physlite.open(server.url, cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")  # nobody was asked
        with pytest.raises(FileChangedError, match="was replaced since parts of it were cached; open it again"):
            file.array("AnalysisJetsAuxDyn.pt")
    with physlite.open(server.url, cache=cache) as file:
        assert file.source.stats.requests > 0
        assert file.array("AnalysisJetsAuxDyn.pt").ndim == 2


def test_the_error_stays(server, cache):
    """Offsets that the old header has are of no use for the new file."""
    with physlite.open(server.url, cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")
    server.etag = '"2"'
    with physlite.open(server.url, cache=cache) as file:
        for _ in range(2):
            with pytest.raises(FileChangedError, match="open it again"):
                file.array("AnalysisJetsAuxDyn.pt")


def test_what_was_cached_before_the_manifest_is_dropped(server, cache, tmp_path):
    """Of a file that was replaced, and of which somebody made a manifest since."""
    server.content = data.path_of(data.SAMPLE).read_bytes()
    physlite.open(server.url, cache=cache).events().Electrons.pt  # noqa: B018  # reads
    other = data.path_of(data.R21).read_bytes()
    server.content, server.etag = other, '"2"'
    file = physlite.open(other)
    file.manifest.save(tmp_path / "m")
    assert_same(
        physlite.open(server.url, cache=cache, manifest=tmp_path / "m").events().Electrons.pt,
        file.events().Electrons.pt,
    )
    asked = len(server.requests)
    again = physlite.open(server.url, cache=cache, manifest=tmp_path / "m")
    assert_same(again.events().Electrons.pt, file.events().Electrons.pt)
    assert len(server.requests) == asked


def test_a_file_that_became_smaller_can_be_opened_again(server, cache):
    with physlite.open(server.url, cache=cache):
        pass
    server.content, server.etag = data.path_of(data.TREE_ONLY).read_bytes(), '"2"'
    with physlite.open(server.url, cache=cache) as file, pytest.raises((FileChangedError, CorruptDataError)):
        file.arrays([name for name in file.columns if name.startswith("AnalysisJetsAuxDyn.")])
    with physlite.open(server.url, cache=cache) as file:
        assert file.num_entries == 100


class Replaced:
    """A file that is far away, and another one than was cached."""

    name, reopens, remote, key, known_size, tag, stats = "far", True, True, "far", None, "", SourceStats()

    def __init__(self, content, tag):
        self.content, self.says = content, tag

    def _answer(self):
        self.known_size, self.tag = len(self.content), self.says

    def size(self):
        self._answer()
        return self.known_size

    def ends(self, head, tail):
        self._answer()
        return [(0, memoryview(self.content)[:head]), (self.known_size - tail, memoryview(self.content)[-tail:])]

    def fetch(self, ranges):
        self._answer()
        check_ranges(self.name, ranges, self.known_size)
        return views(ranges, self.content)

    def close(self):
        pass


@pytest.fixture
def kept(cache):
    """A cache with the beginning of a file."""
    cache.file("far").add(VERSION, [BEGINNING], views([BEGINNING]))
    return cache


@pytest.mark.parametrize("tag", ['"2"', ""])
def test_bytes_of_two_versions_are_never_mixed(kept, tag):
    """Whatever the first answer for the new file is."""
    for first in (Range(390_000, 10), Range(150_000, 10)):
        source = ReadAhead(CachedSource(Replaced(bytes(200_000), tag), kept))
        assert bytes(source.fetch([Range(0, 10)])[0]) == CONTENT[:10]
        with pytest.raises((FileChangedError, CorruptDataError)):
            source.fetch([first])
        for again in (Range(150_000, 10), Range(0, 10), Range(120_000, 10)):
            with pytest.raises(FileChangedError, match="open it again"):
                source.fetch([again])
        with pytest.raises(FileChangedError, match="open it again"):
            source.size()
        kept.file("far").add(VERSION, [BEGINNING], views([BEGINNING]))


@pytest.mark.parametrize("size", [100_000, len(CONTENT), 900_000])
def test_a_file_of_which_nothing_was_handed_out_may_be_another(kept, size):
    source = ReadAhead(CachedSource(Replaced(bytes(size), '"2"'), kept))
    assert source.size() == size
    assert bytes(source.fetch([Range(0, 10)])[0]) == bytes(10)


def test_another_thread_learns_of_another_version(kept, monkeypatch):
    source = CachedSource(Replaced(bytes(200_000), '"2"'), kept)
    find = source._kept.find

    def while_found(wanted):
        found = find(wanted)
        if wanted.offset == 0:
            assert bytes(source.fetch([Range(150_000, 10)])[0]) == bytes(10)
        return found

    monkeypatch.setattr(source._kept, "find", while_found)
    assert bytes(source.fetch([Range(0, 10)])[0]) == bytes(10)


def test_a_range_outside_says_nothing_of_the_file(kept):
    source = CachedSource(Replaced(CONTENT, VERSION.tag), kept)
    with pytest.raises(CorruptDataError, match="truncated or damaged"):
        source.fetch([Range(len(CONTENT), 1)])
    assert kept.file("far").version == VERSION
    assert bytes(source.fetch([Range(0, 10)])[0]) == CONTENT[:10]


def test_without_a_version_nothing_is_kept(server, cache):
    server.etag = ""
    with physlite.open(server.url, cache=cache) as file:
        file.array("AnalysisElectronsAuxDyn.pt")
    assert not list(cache.folder.rglob("*.blocks"))
    asked = len(server.requests)
    physlite.open(server.url, cache=cache)
    assert len(server.requests) > asked


def test_a_writer_that_is_behind_does_no_harm(cache):
    """It still has the old version when another process has begun with the new one."""
    old, new = VERSION, Version(len(CONTENT), '"2"')
    other = bytes(len(CONTENT))
    behind, ahead = cache.file("a"), cache.file("a")
    behind.add(old, [Range(0, 100)], views([Range(0, 100)]))
    ahead.add(new, [Range(0, 50)], views([Range(0, 50)], other))
    behind.add(old, [Range(100, 100)], views([Range(100, 100)]))
    assert bytes(behind.find(Range(0, 200 - 100))) == CONTENT[:100]
    reader = cache.file("a")
    assert reader.version == new
    assert bytes(reader.find(Range(0, 50))) == bytes(50)
    assert reader.find(Range(100, 100)) is None


def test_a_flipped_byte_is_noticed(cache):
    cache.file("a").add(VERSION, [Range(10, 100), Range(200, 100)], views([Range(10, 100), Range(200, 100)]))
    (path,) = cache.folder.rglob("*.blocks")
    content = bytearray(path.read_bytes())
    content[-150] ^= 1
    path.write_bytes(content)
    file = cache.file("a")
    assert file.find(Range(210, 10)) is None
    assert not path.exists()


def test_a_lock_that_leads_elsewhere(cache, tmp_path):
    cache.folder.mkdir()
    (tmp_path / "precious").write_text("content")
    (cache.folder / "lock").symlink_to(tmp_path / "precious")
    cache.file("a").add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    assert (tmp_path / "precious").read_text() == "content"


def test_the_folder_of_somebody_else(server, cache, monkeypatch):
    cache.folder.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CredentialError, match=f"{cache.folder}: this folder is somebody else's"):
        physlite.open(server.url, cache=cache)


def test_what_was_never_finished_is_removed(cache):
    file = cache.file("a")
    file.add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    (block,) = cache.folder.rglob("*.blocks")
    left = block.with_suffix(".part")
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    cache.used_bytes()
    assert not left.exists()


@pytest.mark.parametrize("was_there", [True, False])
def test_the_folder_is_for_its_owner(server, cache, was_there):
    if was_there:
        cache.folder.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        physlite.open(server.url, cache=cache)
    finally:
        os.umask(before)
    files = [*cache.folder.rglob("*")] + ([] if was_there else [cache.folder])
    assert len(files) >= 4
    assert not [path for path in files if path.stat().st_mode & 0o077]


def test_a_folder_within_that_is_somebody_elses(cache, monkeypatch):
    """Where others may write, they may put something that is to be taken for blocks."""
    cache.file("a").add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    file = cache.file("a")
    assert file.version is None
    file.add(VERSION, [Range(10, 100)], views([Range(10, 100)]))  # does without
    assert file.find(Range(10, 100)) is None


def test_a_link_that_somebody_else_made(server, cache, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    cache.folder.symlink_to(tmp_path / "mine")
    physlite.open(server.url, cache=cache)
    of_theirs = os.stat_result((0o120777, 0, 0, 1, os.getuid() + 1, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "lstat", lambda _: of_theirs)
    with pytest.raises(CredentialError, match="somebody else's"):
        physlite.open(server.url, cache=cache)


def test_what_else_is_in_the_folder_stays(tmp_path):
    """A user may name a folder of other things."""
    (tmp_path / "notes").mkdir()
    left = [tmp_path / "notes" / "thesis.tex", tmp_path / "notes" / "thesis.part", tmp_path / "thesis.json"]
    for path in left:
        path.write_bytes(bytes(1000))
        os.utime(path, (0, 0))
    cache = BlockCache(tmp_path, limit_bytes=20_000)
    for number in range(5):
        cache.file(str(number)).add(VERSION, [Range(0, 10_000)], views([Range(0, 10_000)]))
    assert cache.used_bytes() <= 20_000
    assert all(path.exists() for path in left)


def test_blocks_are_found_as_long_as_they_are_there(tmp_path):
    """The note of their version is older than they are, and does not go before them."""
    cache = BlockCache(tmp_path, limit_bytes=50_000)
    file = cache.file("a")
    for number in range(20):
        wanted = Range(number * 10_000, 10_000)
        file.add(VERSION, [wanted], views([wanted]))
        for age, path in enumerate(sorted(tmp_path.rglob("*.*"), key=os.path.getmtime)):
            os.utime(path, (age, age))  # more than the clock can tell
    assert cache.file("a").find(Range(190_000, 10_000)) is not None


def test_blocks_are_not_looked_for_with_each_that_is_added(cache, monkeypatch):
    looked = []
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: looked.append(pattern) or glob(path, pattern))
    file = cache.file("a")
    for number in range(100):
        file.add(VERSION, [Range(number, 1)], views([Range(number, 1)]))
        assert file.find(Range(number, 1)) is not None
    assert len(looked) < 20


ranges_of_content = st.builds(
    lambda at, size: Range(at, min(size, len(CONTENT) - at)), st.integers(0, len(CONTENT)), st.integers(0, 20_000)
)


@given(
    kept=st.lists(st.lists(ranges_of_content, max_size=8), max_size=6), wanted=st.lists(ranges_of_content, max_size=20)
)
def test_what_is_found_is_right(tmp_path_factory, kept, wanted):
    cache = BlockCache(tmp_path_factory.mktemp("cache"))
    file = cache.file("a")
    for ranges in kept:
        file.add(VERSION, ranges, views(ranges))
    for found_in in (file, cache.file("a")):
        for r in wanted:
            found = found_in.find(r)
            covered = any(k.offset <= r.offset and r.offset + r.size <= k.offset + k.size for ks in kept for k in ks)
            assert (found is not None) == covered
            assert found is None or bytes(found) == bytes(views([r])[0])


def test_it_stays_within_its_limit(cache):
    """What was used longest ago goes."""
    for number in range(30):
        file = cache.file(str(number))
        file.add(VERSION, [Range(0, 100_000)], views([Range(0, 100_000)]))
        assert cache.used_bytes() <= cache.limit_bytes
    assert cache.file("29").find(Range(5, 10)) is not None
    assert cache.file("0").find(Range(5, 10)) is None
    cache.file("x").add(VERSION, [Range(0, 1)] * 3, views([Range(0, 1)] * 3))
    file.add(VERSION, [Range(0, len(CONTENT))] * 3, views([Range(0, len(CONTENT))] * 3))  # more than it may hold
    assert cache.used_bytes() <= cache.limit_bytes


def test_bytes_stay_valid_when_others_remove_them(cache):
    file = cache.file("a")
    file.add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    found = file.find(Range(20, 50))
    shutil.rmtree(cache.folder)
    assert bytes(found) == CONTENT[20:70]
    file.add(VERSION, [Range(0, 5)], views([Range(0, 5)]))  # does without


@pytest.mark.parametrize("damage", ["short", "long", "negative", "many", "empty", "text"])
def test_what_is_damaged_is_passed_over(cache, damage):
    file = cache.file("a")
    file.add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    (path,) = cache.folder.rglob("*.blocks")
    content = bytearray(path.read_bytes())
    if damage == "short":
        content = content[:-1]
    elif damage == "long":
        content += b"x"
    elif damage == "negative":
        content[24:32] = b"\xff" * 8
    elif damage == "many":
        content[16:24] = b"\xff" * 7 + b"\x00"
    else:
        content = b"" if damage == "empty" else b"something else"
    path.write_bytes(content)
    assert cache.file("a").find(Range(10, 100)) is None


@pytest.mark.parametrize("version", [b"", b"[]", b"{}", b'{"size": "x", "tag": 1}', b"\xff"])
def test_a_damaged_version_counts_as_none(cache, version):
    cache.file("a").add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    (path,) = cache.folder.rglob("version.json")
    path.write_bytes(version)
    file = cache.file("a")
    assert file.version is None
    file.add(VERSION, [Range(10, 100)], views([Range(10, 100)]))
    assert cache.file("a").version == VERSION


def _fill(folder, seed):
    """What a process does that shares the cache."""
    chance = random.Random(seed)
    cache = BlockCache(folder, limit_bytes=300_000)
    for _ in range(60):
        file = cache.file(str(chance.randrange(5)))
        wanted = Range(chance.randrange(len(CONTENT) - 20_000), 20_000)
        found = file.find(wanted)
        if found is None:
            file.add(VERSION, [wanted], views([wanted]))
        elif bytes(found) != CONTENT[wanted.offset : wanted.offset + wanted.size]:
            return False
    return True


def test_several_processes_share_it(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert all(pool.starmap(_fill, [(tmp_path, seed) for seed in range(6)]))
    assert not list(Path(tmp_path).rglob("*.part"))
    # None of them saw what the others added last. Who comes next does.
    next_one = BlockCache(tmp_path, limit_bytes=300_000)
    next_one.file("next").add(VERSION, [Range(0, 20_000)], views([Range(0, 20_000)]))
    assert 20_000 < next_one.used_bytes() <= 300_000
