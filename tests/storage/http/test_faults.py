"""What networks and servers do wrong: the right bytes come, or a clear error, in bounded time."""

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from physlite.exceptions import CorruptDataError, CredentialError, FileChangedError, TransferError
from physlite.storage import HttpSettings, HttpSource, Range
from support.servers.faults import fault_server, random_content, redirect_to
from support.servers.process import wait_until

CONTENT = random_content(3_000_000, 7)
QUICK = HttpSettings(attempts=4, stall=0.5, connect=2, deadline=20, gap=1000, keep_alive=0.2, whole=10_000_000)


@pytest.fixture
def server():
    with fault_server(CONTENT) as found:
        yield found


def source_of(server, **changes):
    return HttpSource(server.url, settings=replace(QUICK, **changes))


def expect(source, ranges):
    """Reads ranges and compares each byte."""
    got = source.fetch(ranges)
    assert [bytes(view) for view in got] == [CONTENT[r.offset : r.offset + r.size] for r in ranges]


RETRIED = [
    "500", "503", "429", "hang_up", "reset", "short", "stall", "wrong_range", "nonsense_range", "wrong_length", "gzip",
]  # fmt: skip


@pytest.mark.parametrize("fault", RETRIED)
def test_what_passes_by_itself_is_tried_again(server, fault):
    source = source_of(server)
    server.faults.append(fault)
    expect(source, [Range(1000, 100_000)])
    assert source.stats.requests == len(server.requests) == 2
    assert source.stats.retries == (fault != "hang_up")  # aiohttp sends those again by itself, and at once


@pytest.mark.parametrize("fault", ["short", "stall"])
def test_what_has_arrived_is_not_asked_for_again(server, fault):
    source = source_of(server)
    server.faults.append(fault)
    expect(source, [Range(0, 1_000_000)])
    first, second = (request.ranges for request in server.requests)
    assert first == "0-999999"
    assert second == "500000-999999"


@pytest.mark.parametrize("fault", RETRIED)
def test_what_does_not_pass_ends(server, fault):
    source = source_of(server, attempts=2, stall=0.2)
    server.otherwise = lambda _: fault
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"^http://127.0.0.1:\d+/file.root: .*\(the last of 2 attempts\)"):
        source.fetch([Range(100, 2)] if fault in ("reset", "short", "stall") else [Range(1000, 100_000)])
    assert time.monotonic() - begin < 5


def test_progress_counts(server):
    """A connection that breaks off each time brings a file after all, as long as each brings something."""
    source = source_of(server, attempts=2)
    server.faults += ["short"] * 10
    expect(source, [Range(0, 2_000_000)])
    assert source.stats.retries == 10


def test_a_deadline(server):
    source = source_of(server, attempts=1000, deadline=1.0)
    server.otherwise = lambda _: "503"
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"503 Service Unavailable \(given up after \d s of 1 s\)"):
        source.fetch([Range(0, 10)])
    assert time.monotonic() - begin < 3


def test_a_server_says_how_long_to_wait(server):
    source = source_of(server)
    server.faults.append("429")
    begin = time.monotonic()
    expect(source, [Range(0, 10)])
    assert time.monotonic() - begin >= 1


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("404", FileNotFoundError, r"404 Not Found: it has no such file"),
        ("403", CredentialError, r"no access: the server answers 403 Forbidden; check the credentials, or whether"),
        ("other_status", TransferError, r"the server answers 418 I'm a teapot$"),
    ],
)
def test_what_is_final_is_asked_once(server, fault, error, said):
    async def teapot(request, writer):
        await server.do_status(request, writer, "418 I'm a teapot")

    source = source_of(server)
    server.faults.append(teapot if fault == "other_status" else fault)
    with pytest.raises(error, match=said):
        source.fetch([Range(0, 10)])
    assert len(server.requests) == 1


@pytest.mark.parametrize(("fault", "how"), [("other_version", 'was "1" and now is "2"'), ("other_size", "3000001")])
def test_a_file_that_is_replaced(server, fault, how):
    source = source_of(server)
    expect(source, [Range(0, 10)])
    server.faults.append(fault)
    with pytest.raises(FileChangedError, match=f"the file was replaced while it was read: .*{how}; open it again"):
        source.fetch([Range(2000, 10)])
    expect(source, [Range(2000, 10)])  # what was read is not lost


def test_a_file_that_shrinks(server):
    source = source_of(server)
    expect(source, [Range(0, 10)])
    server.content = CONTENT[:1000]
    with pytest.raises(FileChangedError, match="it had 3000000 bytes and now has 1000; open it again"):
        source.fetch([Range(2000, 10)])


def test_ranges_outside(server):
    source = source_of(server)
    assert source.size() == len(CONTENT)
    asked = len(server.requests)
    with pytest.raises(CorruptDataError, match="truncated or damaged"):
        source.fetch([Range(len(CONTENT) - 1, 2)])
    assert len(server.requests) == asked


# ----------------------------------------------------------------------------------------------- several ranges at once

MANY = [Range(20_000 * i, 100) for i in range(140)]


def test_a_server_that_gives_several_ranges(server):
    source = source_of(server, connections=4)
    expect(source, MANY)
    assert len(server.requests) == 4
    assert sum(request.ranges.count(",") + 1 for request in server.requests) == 140


def test_header_lines_stay_below_4_kb():
    content = random_content(20_000, 8)
    with fault_server(content) as small:
        source = HttpSource(small.url, settings=replace(QUICK, connections=1, gap=0))
        ranges = [Range(2 * i, 1) for i in range(8000)]
        assert b"".join(source.fetch(ranges)) == content[: 2 * 8000 : 2]
        assert max(len(request.headers["range"]) for request in small.requests) < 4000
        assert len(small.requests) == 77


@pytest.mark.parametrize("fault", ["one_part", "everything", "refuse_several", "damaged_parts", "endless_header"])
def test_a_server_that_does_not(server, fault):
    """It is noticed, and remembered for the next file of that server."""
    server.otherwise = lambda request: fault if "," in request.ranges else None
    source = source_of(server, connections=4)
    expect(source, MANY)
    for_sure = fault in ("one_part", "everything")
    asked = [sum("," in request.ranges for request in server.requests)]
    for _ in range(2):
        expect(source_of(server, connections=4), MANY)
        asked.append(sum("," in request.ranges for request in server.requests))
    # An error can have other reasons: it counts when it comes again.
    assert asked == ([1, 1, 1] if for_sure else [1, 2, 2])


def test_parts_in_another_order_or_joined(server):
    async def joined(request, writer):
        wanted = server.wanted(request)[::-1]
        wanted[:2] = [(wanted[1][0], wanted[0][1])]
        headers = {"ETag": server.etag} | server.multipart_type()
        await server.send(writer, "206 Partial Content", headers, server.multipart(wanted))

    server.otherwise = lambda request: joined if "," in request.ranges else None
    source = source_of(server, connections=4)
    expect(source, MANY)
    assert source.stats.retries == 0


def test_bytes_that_nobody_asked_for(server):
    async def elsewhere(request, writer):
        headers = {"ETag": server.etag} | server.part(2_000_000, 2_000_100)
        await server.send(writer, "206 Partial Content", headers, CONTENT[2_000_000:2_000_100])

    server.otherwise = lambda _: elsewhere
    with pytest.raises(TransferError, match="which nobody asked for"):
        source_of(server, attempts=2).fetch([Range(0, 100)])


# ------------------------------------------------------------------------------------------------------- whole files


def test_a_server_without_ranges_gives_small_files_as_a_whole(server):
    server.otherwise = lambda _: "everything"
    source = source_of(server)
    expect(source, MANY)
    asked = len(server.requests)
    expect(source, [Range(5, 1_000_000)])
    assert source.size() == len(CONTENT)
    assert len(server.requests) == asked


def test_and_large_ones_not(server):
    server.otherwise = lambda _: "everything"
    with pytest.raises(
        TransferError, match=r"gives no parts of files, and this one is of 3000000 bytes: open it with mode"
    ):
        source_of(server, whole=1_000_000).fetch([Range(0, 10)])


def test_an_answer_that_claims_to_be_huge(server):
    async def huge(_, writer):
        await server.send(
            writer, "206 Partial Content", {"Content-Range": f"bytes 0-{10**17}/{10**17 + 1}"}, b"x" * 100
        )

    server.otherwise = lambda _: huge
    with pytest.raises(TransferError):
        source_of(server, attempts=2, stall=0.2).fetch([Range(0, 100)])
    with pytest.raises(TransferError, match="more bytes than were asked for"):
        source_of(server, attempts=2, stall=0.2).size()


# --------------------------------------------------------------------------------------------------------- redirects


def test_redirects_are_followed_and_remembered(server):
    with fault_server(CONTENT) as pool:
        target = pool.url + "?token=a%2Fb+c"
        server.otherwise = lambda _: redirect_to(target)
        source = source_of(server)
        expect(source, [Range(0, 1000)])
        expect(source, [Range(50_000, 1000)])
        assert [request.target for request in pool.requests] == ["/file.root?token=a%2Fb+c"] * 2
        assert len(server.requests) == 1
        pool.faults.append("403")  # the token has expired: back to where it came from
        expect(source, [Range(90_000, 1000)])
        assert len(server.requests) == 2


def test_redirects_in_circles(server):
    server.otherwise = lambda _: redirect_to(server.url)
    with pytest.raises(TransferError, match="sends on to another address, 10 times in a row"):
        source_of(server).fetch([Range(0, 10)])
    assert len(server.requests) == 11


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher:x"])
def test_redirects_to_what_is_no_web_address(server, target):
    server.otherwise = lambda _: redirect_to(target)
    with pytest.raises(TransferError, match="sends on to something that is no web address"):
        source_of(server).fetch([Range(0, 10)])


def test_credentials_stay_with_the_host_that_they_are_for(server):
    with fault_server(CONTENT) as other:
        source = source_of(server, headers=(("Authorization", "Bearer secret-token"),))
        expect(source, [Range(0, 10)])
        server.otherwise = lambda request: None if request.target == "/here" else redirect_to("/here")
        expect(source, [Range(100_000, 10)])
        server.otherwise = lambda _: redirect_to(other.url)
        source = source_of(server, headers=(("Authorization", "Bearer secret-token"),))
        expect(source, [Range(200_000, 10)])
        assert {request.headers.get("authorization") for request in server.requests} == {"Bearer secret-token"}
        assert {request.headers.get("authorization") for request in other.requests} == {None}
        assert "secret-token" not in repr(source) + repr(source._settings)


# ------------------------------------------------------------------------------------------------------ no server


def test_nobody_listens():
    with fault_server(CONTENT) as gone:
        pass
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"no connection to 127.0.0.1: .*refused \(the last of 4 attempts\)"):
        source_of(gone).size()
    assert time.monotonic() - begin < 5


def test_no_such_host():
    source = HttpSource("https://no-such-host.invalid/file.root", settings=QUICK)
    with pytest.raises(
        TransferError, match=r"^https://no-such-host.invalid/file.root: (there is no host|the address of)"
    ):
        source.size()


@pytest.mark.parametrize("url", ["http://", "https://:x/", "http://[::1/file"])
def test_not_an_address(url):
    with pytest.raises(TransferError, match="is no web address"):
        HttpSource(url, settings=QUICK).size()


# ------------------------------------------------------------------------------------------------------------- a soak


@pytest.mark.slow
def test_two_thousand_reads_with_faults_of_all_kinds():
    """Each read is right, the counts add up, and nothing is left behind."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    faults = [*RETRIED, "one_part", "everything"]
    faults.remove("429")  # a second each
    faults.remove("stall")
    given = Counter()

    def sometimes(_):
        if chance.random() >= 0.05:
            return None
        fault = chance.choice(faults)
        given[fault] += 1
        return fault

    threads_before, sockets_before = set(threading.enumerate()), open_sockets()
    with fault_server(CONTENT, otherwise=sometimes) as server:
        sources = [source_of(server, connections=8, attempts=8, whole=1_000) for _ in range(4)]
        server.otherwise = lambda request: (
            f if (f := sometimes(request)) != "everything" or "," in request.ranges else None
        )
        for i in range(2000):
            number = chance.choice([1, 1, 2, 5, 20])
            ranges = [Range(a := chance.randrange(len(CONTENT) - 1), chance.randint(1, min(20_000, len(CONTENT) - a)))
                      for _ in range(number)]  # fmt: skip
            expect(sources[i % 4], ranges)
        requests = sum(source.stats.requests for source in sources)
        assert requests == len(server.requests)
        assert sum(given.values()) > 0.02 * requests
        for source in sources:
            source.close()
        wait_until(lambda: [t.name for t in set(threading.enumerate()) - threads_before] == ["fault-server"])
    wait_until(lambda: open_sockets() <= sockets_before)


def open_sockets():
    """The sockets of this process."""
    out = set()
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            out.add(str(fd.readlink()))
    return {link for link in out if link.startswith("socket:")}
