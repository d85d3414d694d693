"""Sources of bytes: files, memory, file objects."""

import codecs
import io
import os
import pickle
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError
from physlite.storage import ByteSource, FileObjectSource, LocalSource, MemorySource, Range, open_source
from support import data
from support.compare import assert_same
from support.rootfiles import beyond_4_gib, three_baskets
from support.transports import check_events

CONTENT = bytes(range(256)) * 4


class ShortReads(io.RawIOBase):
    """A raw file that never returns more than seven bytes."""

    def __init__(self, content):
        super().__init__()
        self._inner = io.BytesIO(content)

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        return self._inner.seek(offset, whence)

    def readinto(self, into):
        return self._inner.readinto(memoryview(into)[:7])


@pytest.fixture(params=["local", "memory", "file", "bytesio", "short"])
def source(request, tmp_path):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        yield {
            "local": lambda: LocalSource(path),
            "memory": lambda: MemorySource(CONTENT),
            "file": lambda: FileObjectSource(file),
            "bytesio": lambda: FileObjectSource(io.BytesIO(CONTENT)),
            "short": lambda: FileObjectSource(ShortReads(CONTENT)),
        }[request.param]()


def test_ranges_come_in_their_order(source):
    assert isinstance(source, ByteSource)
    assert source.size() == len(CONTENT)
    ranges = [Range(500, 24), Range(0, 3), Range(1023, 1), Range(7, 0), Range(1024, 0), Range(0, 1024)]
    assert [bytes(view) for view in source.fetch(ranges)] == [CONTENT[o : o + n] for o, n in ranges]
    assert source.fetch([]) == []


@pytest.mark.parametrize("bad", [Range(0, 1025), Range(1024, 1), Range(-1, 2), Range(5, -1), Range(2**63, 1)], ids=str)
def test_ranges_outside_of_the_file_are_refused(source, bad):
    with pytest.raises(CorruptDataError, match=r"1024.*truncated or damaged"):
        source.fetch([Range(0, 1), bad])


def test_what_was_asked_for_is_counted(source):
    source.fetch([Range(0, 10), Range(5, 10)])
    source.fetch([Range(0, 1)])
    assert (source.stats.requests, source.stats.ranges, source.stats.bytes) == (2, 3, 21)


def test_many_threads_read_their_own_ranges(source):
    def read(i):
        return bytes(source.fetch([Range(i, 10)])[0]) == CONTENT[i : i + 10]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(1000)))


@given(ranges=st.lists(st.tuples(st.integers(0, 1024), st.integers(0, 50)), max_size=5))
def test_short_reads_are_put_together(ranges):
    source = FileObjectSource(ShortReads(CONTENT))
    wanted = [Range(o, min(n, 1024 - o)) for o, n in ranges]
    assert [bytes(v) for v in source.fetch(wanted)] == [CONTENT[o : o + n] for o, n in wanted]


def test_memory_handed_out_outlives_the_source(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    source = LocalSource(tmp_path / "x")
    (view,) = source.fetch([Range(0, 1024)])
    source.close()
    assert bytes(view) == CONTENT
    with pytest.raises(ValueError, match="closed"):
        source.fetch([Range(0, 1)])


def test_what_is_closed_says_what_to_do(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    file = io.BytesIO(CONTENT)
    for source in (LocalSource(tmp_path / "x"), FileObjectSource(file)):
        source.close()
        source.close()
        for ranges in ([Range(0, 1)], []):
            with pytest.raises(
                ValueError, match=r"is closed: open it again, or read what you need before the with block"
            ):
                source.fetch(ranges)
        assert source.size() == len(CONTENT)
    assert file.getvalue() == CONTENT, "it is the caller's, and open"


def test_a_file_object_that_its_owner_closes():
    file = io.BytesIO(CONTENT)
    source = FileObjectSource(file)
    file.close()
    with pytest.raises(ValueError, match="BytesIO is closed: open it again"):
        source.fetch([Range(0, 1)])


class ReadAndSeek:
    """A file object that can do no more; `seek` returns nothing, or there is no `seek`, as they come."""

    def __init__(self, content):
        self._inner = io.BytesIO(content)

    def read(self, size=-1):
        return self._inner.read(size)

    def seek(self, offset, whence=io.SEEK_SET):
        return self._inner.seek(offset, whence)


class SeekReturnsNothing(ReadAndSeek):
    def seek(self, offset, whence=io.SEEK_SET):
        self._inner.seek(offset, whence)

    def tell(self):
        return self._inner.tell()


class OnlyRead:
    def read(self, size=-1):
        return b""[:size]


class SeekFails(ReadAndSeek):
    def seek(self, offset, whence=io.SEEK_SET):
        raise io.UnsupportedOperation(f"seek to {offset}, {whence}")


@pytest.mark.parametrize("kind", [ReadAndSeek, SeekReturnsNothing])
def test_reading_and_seeking_is_all_that_is_needed(kind):
    source = open_source(kind(CONTENT))
    assert source.size() == len(CONTENT)
    assert bytes(source.fetch([Range(1000, 24)])[0]) == CONTENT[1000:]


def test_what_cannot_seek_or_gives_text_is_refused():
    words = codecs.getreader("utf-8")(io.BytesIO(b"words"))
    for file in (OnlyRead(), SeekFails(CONTENT), words):
        with pytest.raises(TypeError, match="is not a binary, seekable file: open it with mode 'rb'"):
            open_source(file)


def test_a_file_object_that_ends_early():
    file = io.BytesIO(CONTENT)
    source = FileObjectSource(file)
    file.truncate(100)
    with pytest.raises(CorruptDataError, match="ended 50 bytes early"):
        source.fetch([Range(50, 100)])


def test_text_files_and_pipes_are_refused(tmp_path):
    (tmp_path / "x").write_text("x")
    with (tmp_path / "x").open() as text, pytest.raises(TypeError, match="'rb'"):
        FileObjectSource(text)
    reader, writer = os.pipe()
    os.close(writer)
    with open(reader, "rb") as pipe, pytest.raises(TypeError, match="seekable"):  # noqa: PTH123
        FileObjectSource(pipe)


def test_the_file_object_stays_open():
    file = io.BytesIO(CONTENT)
    FileObjectSource(file).close()
    assert not file.closed


def test_sources_travel(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    for source in (LocalSource(tmp_path / "x"), MemorySource(CONTENT), FileObjectSource(io.BytesIO(CONTENT))):
        again = pickle.loads(pickle.dumps(source))  # noqa: S301
        assert bytes(again.fetch([Range(3, 4)])[0]) == CONTENT[3:7]
        assert again.stats.requests == 1


def test_what_a_user_may_call_a_file(tmp_path, monkeypatch):
    path = tmp_path / "x y.root"
    path.write_bytes(CONTENT)
    assert isinstance(open_source(str(path)), LocalSource)
    assert isinstance(open_source(path), LocalSource)
    for scheme in ("file://", "FILE://", "File://localhost"):
        assert isinstance(open_source(f"{scheme}{path}"), LocalSource)
    assert isinstance(open_source(CONTENT), MemorySource)
    assert isinstance(open_source(bytearray(CONTENT)), MemorySource)
    assert isinstance(open_source(memoryview(CONTENT)), MemorySource)
    assert isinstance(open_source(io.BytesIO(CONTENT)), FileObjectSource)
    source = MemorySource(CONTENT)
    assert open_source(source) is source
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_source("~/x y.root").size() == len(CONTENT)
    assert open_source(path.as_uri()).size() == len(CONTENT), "file URLs are percent-encoded"


def test_a_numpy_view_counts_in_bytes():
    assert MemorySource(memoryview(np.zeros(10, "f8"))).size() == 80


# ---------------------------------------------------------------------------------------------- whole files, every way


def test_all_sources_read_the_same(tmp_path):
    path = data.path_of(data.SAMPLE)
    expected = physlite.open(path).array("AnalysisJetsAuxDyn.pt")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(path, "sample.root")
    content = path.read_bytes()
    with (
        path.open("rb") as file,
        path.open("rb", buffering=0) as raw,
        zipfile.ZipFile(tmp_path / "x.zip") as archive,
        archive.open("sample.root") as member,
    ):
        for where in (str(path), content, io.BytesIO(content), file, raw, member, MemorySource(content)):
            opened = physlite.open(where)
            assert_same(opened.array("AnalysisJetsAuxDyn.pt"), expected)
            assert_same(opened.events().Jets.pt, expected)


def test_a_file_overwritten_while_it_is_open_does_not_crash(tmp_path):
    """Garbage or an error, but never the end of the interpreter."""
    content = data.path_of(data.R24).read_bytes()
    path = tmp_path / "x.root"
    path.write_bytes(content)
    file = physlite.open(path, cache_bytes=0)
    with path.open("r+b") as out:
        out.seek(200_000)
        out.write(os.urandom(500_000))
    for name in [c.name for c in file.manifest.columns if c.encoding][::10]:
        try:
            file.array(name)
        except physlite.exceptions.PhysliteError as error:
            assert name.split("/")[-1] in str(error)  # noqa: PT017


def test_a_file_cut_while_it_is_open_does_not_crash(tmp_path):
    path = tmp_path / "x.root"
    path.write_bytes(data.path_of(data.R24).read_bytes())
    file = physlite.open(path)
    os.truncate(path, 1000)
    with pytest.raises(CorruptDataError, match=r"the file has 1000: it is truncated or damaged, copy it again"):
        file.array("AnalysisJetsAuxDyn.pt")


# ------------------------------------------------------------------------------------------------------ beyond 4 GiB


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("huge")
    small = three_baskets(folder / "small.root")
    path = beyond_4_gib(folder / "huge.root", small)
    if path.stat().st_blocks * 512 > 2**24:
        pytest.skip(f"{folder} has no sparse files")
    yield small, path
    path.unlink()


def test_a_file_of_more_than_4_gib(huge):
    small, path = huge
    assert path.stat().st_size > 2**32
    with physlite.open(path) as file, physlite.open(small) as expected:
        assert (file.manifest.page_offset > 2**32).all()
        for name in ("pt", "number"):
            assert_same(file.array(name), expected.array(name))


def test_a_file_of_more_than_4_gib_as_a_file_object(huge):
    small, path = huge
    with path.open("rb") as opened:
        assert_same(physlite.open(opened).array("pt"), physlite.open(small).array("pt"))


def test_several_huge_files_at_once(huge):
    _, path = huge
    files = [physlite.open(path) for _ in range(6)]
    threads = [threading.Thread(target=file.array, args=("pt",)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for file in files:
        file.close()


def test_the_last_bytes_of_a_huge_file(tmp_path):
    path = Path(tmp_path / "sparse")
    with path.open("wb") as out:
        out.seek(2**32 + 1000)
        out.write(b"the end")
    source = LocalSource(path)
    assert source.size() == 2**32 + 1007
    assert bytes(source.fetch([Range(2**32 + 1000, 7)])[0]) == b"the end"
    with pytest.raises(CorruptDataError):
        source.fetch([Range(2**32 + 1000, 8)])


def test_events_of_bytes():
    check_events(data.path_of(data.R21).read_bytes())
