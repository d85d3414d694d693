"""Remote files that are downloaded as a whole, or when it pays."""

import pickle

import pytest

import physlite
from physlite.storage import Range, open_source
from support import data
from support.servers.faults import fault_server, random_content
from support.transports import check_events

CONTENT = random_content(1_000_000, 3)


@pytest.fixture
def server():
    with fault_server(CONTENT) as found:
        yield found


@pytest.mark.parametrize("where", ["memory", "scratch"])
def test_the_whole_file(where, tmp_path):
    with fault_server(data.path_of(data.R21).read_bytes()) as server:
        cache = tmp_path / "scratch" if where == "scratch" else None
        source = open_source(server.url, mode="whole", cache=cache)
        check_events(source)
        assert source.stats.received >= len(server.content)
        again = pickle.loads(pickle.dumps(source))  # noqa: S301  # from above
        assert len(pickle.dumps(source)) < 2000
        check_events(again)
        assert not list(tmp_path.rglob("*.*"))


def test_no_request_is_made_behind_the_download(server):
    source = open_source(server.url, mode="whole")
    assert source.size() == len(CONTENT)
    asked = len(server.requests)
    assert [bytes(v) for v in source.fetch([Range(5, 10), Range(0, 900_000)])] == [CONTENT[5:15], CONTENT[:900_000]]
    assert len(server.requests) == asked


def test_auto_downloads_when_half_of_the_file_was_asked_for(server):
    source = open_source(server.url, mode="auto")
    source.inner.fetch([Range(0, 200_000)])
    source.inner.fetch([Range(200_000, 290_000)])
    assert source.stats.received < 600_000
    assert bytes(source.inner.fetch([Range(900_000, 50_000)])[0]) == CONTENT[900_000:950_000]
    asked = len(server.requests)
    assert bytes(source.inner.fetch([Range(0, 1_000_000)])[0]) == CONTENT
    assert len(server.requests) == asked


def test_an_empty_file():
    with fault_server(b"") as server:
        for mode in ("whole", "auto", "ranges"):
            assert open_source(server.url, mode=mode).size() == 0


@pytest.mark.parametrize("where", ["memory", "scratch"])
def test_files_that_there_is_no_room_for(server, tmp_path, where):
    async def huge(request, writer):
        begin = int(request.ranges.split("-")[0])
        headers = {"ETag": server.etag} | server.part(begin, begin + 1, total=10**17)
        await server.send(writer, "206 Partial Content", headers, b"x")

    server.otherwise = lambda _: huge
    source = open_source(server.url, mode="whole", cache=tmp_path if where == "scratch" else None)
    with pytest.raises(OSError, match=r"it has 100000.0 TB, and .* has not as much room"):
        source.size()


def test_memory_that_the_system_would_promise(server, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda _: 512)  # in pages, and bytes of each
    with pytest.raises(OSError, match=r"it has 1\.0 MB, and memory has not as much room: read it in ranges"):
        open_source(server.url, mode="whole").size()


def test_a_mode_that_is_none():
    with pytest.raises(ValueError, match="mode='all': it is one of 'ranges', 'whole', 'auto'"):
        physlite.open("http://127.0.0.1/file", mode="all")


def test_local_files_are_what_they_are():
    assert physlite.open(data.path_of(data.R21), mode="whole").num_entries == 40


def test_ranges_outside(server):
    source = open_source(server.url, mode="whole")
    with pytest.raises(ValueError, match="truncated or damaged"):
        source.fetch([Range(999_999, 2)])
