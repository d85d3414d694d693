"""Servers that mean harm or do odd things, and what a process does meanwhile: signals, threads, forks, its end."""

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import replace

import pytest
import uproot

import physlite
from physlite.exceptions import CorruptDataError, CredentialError, FileChangedError, TransferError
from physlite.storage import HttpSettings, HttpSource, Range, SignedUrl, UprootSource, open_source
from physlite.storage.http.answers import retry_after
from support import data
from support.servers.faults import fault_server, random_content, redirect_to
from support.servers.process import free_port, wait_until

CONTENT = random_content(1_000_000, 21)
QUICK = HttpSettings(attempts=4, stall=0.5, connect=2, deadline=20, gap=1000, keep_alive=0.2, whole=2_000_000)


@pytest.fixture
def server():
    with fault_server(CONTENT) as found:
        yield found


def source_of(server, **changes):
    return HttpSource(server.url, settings=replace(QUICK, **changes))


def expect(source, ranges):
    assert [bytes(v) for v in source.fetch(ranges)] == [CONTENT[r.offset : r.offset + r.size] for r in ranges]


# ----------------------------------------------------------------------------------------------------- odd answers


@pytest.mark.parametrize("fault", ["everything", None])
def test_ranges_outside_of_a_file_that_was_not_asked_before(server, fault):
    server.otherwise = lambda _: fault
    with pytest.raises(CorruptDataError, match="truncated"):
        source_of(server).fetch([Range(len(CONTENT) - 10, 5000)])
    with pytest.raises(CorruptDataError, match="truncated"):
        source_of(server).fetch([Range(len(CONTENT) + 10, 5000)])


def test_more_than_was_asked_for_is_not_taken(server):
    async def to_the_end(request, writer):
        begin = server.wanted(request)[0][0]
        headers = {"ETag": server.etag} | server.part(begin, len(CONTENT))
        await server.send(writer, "206 Partial Content", headers, CONTENT[begin:])

    server.otherwise = lambda _: to_the_end
    source = source_of(server)
    with pytest.raises(TransferError, match=r"bytes 100 to 1000000, which nobody asked for \(the last of 4 attempts\)"):
        source.fetch([Range(100, 300)])
    assert source.stats.received == 0


def test_versions_are_told_by_the_same_header(server):
    """An ETag on some answers only, a weak one of the same name: nothing has changed."""

    def answer(**headers):
        async def send(request, writer):
            begin, end = server.wanted(request)[0]
            await server.send(writer, "206 Partial Content", headers | server.part(begin, end), CONTENT[begin:end])

        return send

    monday, tuesday = ({"Last-Modified": f"{day} Nov 2026 10:00:00 GMT"} for day in ("Mon, 23", "Tue, 24"))
    source = source_of(server)
    server.faults += [answer(ETag='"1"'), answer(**monday), answer(ETag='W/"1"'), answer()]
    for i in range(4):
        expect(source, [Range(10_000 * i, 10)])
    server.faults.append(answer(**tuesday))
    with pytest.raises(FileChangedError, match="its Last-Modified was Mon, 23"):
        source.fetch([Range(90_000, 10)])


def test_a_server_that_never_tells_the_size(server):
    async def refuse(request, writer):
        await server.do_status(request, writer, "416 Range Not Satisfiable")

    server.otherwise = lambda _: refuse
    with pytest.raises(TransferError, match="does not tell how large the file is"):
        source_of(server).size()


@pytest.mark.parametrize("mode", ["ranges", "whole"])
def test_a_whole_file_without_its_length(server, mode):
    async def chunked(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(CONTENT), 300_000):
            part = CONTENT[at : at + 300_000]
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    server.otherwise = lambda _: chunked
    source = open_source(source_of(server), mode=mode)
    if mode == "ranges":
        with pytest.raises(TransferError, match="this one is of unknown size: open it with mode='whole'"):
            source.size()
        return
    assert source.size() == len(CONTENT)
    expect(source, [Range(5, 900_000)])


def test_mode_whole_takes_what_servers_give_as_a_whole_only(server):
    server.otherwise = lambda _: "everything"
    with pytest.raises(TransferError, match="open it with mode='whole'"):
        source_of(server, whole=1000).size()
    source = open_source(source_of(server, whole=1000), mode="whole")
    expect(source, [Range(5, 900_000)])


@pytest.mark.parametrize(
    "text", ["Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "1 Jan 2026 00:00:00 +99999999", "\x00"]
)
def test_times_to_come_back_that_are_none(text):
    assert retry_after(text) == 0


def test_requests_of_several_ranges_that_break_off_each_time(server):
    """As long as each brings something, it goes on."""

    async def half(request, writer):
        wanted = server.wanted(request)
        body = server.multipart(wanted)
        headers = {"ETag": server.etag} | server.multipart_type()
        await server.send(writer, "206 Partial Content", headers, body[: len(body) // 2], length=len(body))
        return "close"

    source = source_of(server, connections=1, attempts=2)
    source.size()  # so that it is known what the server can
    server.otherwise = lambda request: half if "," in request.ranges else None
    expect(source, [Range(20_000 * i, 5000) for i in range(40)])


# -------------------------------------------------------------------------------------------------------- redirects


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "h:99999", "h:-1", "[::1", "é"])
def test_redirects_to_hosts_that_are_none(server, host):
    server.otherwise = lambda _: redirect_to(f"http://{host}/x".encode().decode("latin-1"))
    with pytest.raises(TransferError, match=r"none|no web address|no host"):
        source_of(server).size()


def test_who_refuses_is_named(server):
    server.otherwise = lambda _: redirect_to(f"http://localhost:{free_port()}/x")
    with pytest.raises(TransferError, match=r"no connection to localhost: Connection refused"):
        source_of(server).size()


def test_a_place_that_is_overloaded_is_left(server):
    with fault_server(CONTENT) as first, fault_server(CONTENT) as second:
        server.faults.append(redirect_to(first.url))
        source = source_of(server)
        expect(source, [Range(0, 10)])
        first.otherwise = lambda _: "503"
        server.otherwise = lambda _: redirect_to(second.url)
        expect(source, [Range(50_000, 10)])
        assert (len(first.requests), len(second.requests)) == (2, 1)


# ---------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "url",
    ["http://user:SECRET@h\u2100/f", "http://h/f f?sig=SECRET", "http://h/é?sig=SECRET", "http://h:99999/?SECRET"],
)
def test_what_is_no_address_is_said_without_secrets(url):
    with pytest.raises(TransferError, match="is no web address") as raised:
        HttpSource(url).size()
    assert "SECRET" not in str(raised.value)


def test_tracebacks_have_no_secrets(server):
    source = HttpSource(server.url + "?sig=SECRET", settings=QUICK)
    for fault in (
        "403",
        "404",
        "other_version",
        redirect_to("http://x..y/?sig=SECRET"),
        redirect_to("http://h:0x/?SECRET"),
    ):
        source.__init__(server.url + "?sig=SECRET", settings=QUICK)
        source.fetch([Range(0, 1)])
        server.faults.append(fault)
        with pytest.raises(OSError, match=r"file.root") as raised:  # of several classes
            source.fetch([Range(100_000, 1)])
        assert "SECRET" not in "".join(traceback.format_exception(raised.value))
        assert raised.value.__context__ is None


def test_what_servers_say_is_shown_on_one_line(server):
    async def shout(request, writer):
        writer.write(b"HTTP/1.1 418 \x1b[31mred" + b"x" * 5000 + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    server.faults.append(shout)
    with pytest.raises(TransferError, match="418") as raised:
        source_of(server).fetch([Range(0, 1)])
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


def test_passwords_of_netrc_stay_there(server, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password SECRET\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    source_of(server).size()
    assert "authorization" not in server.requests[0].headers
    source = HttpSource(
        server.url.replace("//", "//user:pass@"), settings=HttpSettings(headers=(("Authorization", "Bearer x"),))
    )
    source.size()
    assert server.requests[-1].headers["authorization"] == "Bearer x"
    assert "pass" not in source.name


# ------------------------------------------------------------------------------------------------------------ time


def test_a_deadline_is_for_everything(server):
    server.several = False
    server.delay = 0.4
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"not done in 1 s"):
        source_of(server, connections=1, deadline=1.0, gap=0).fetch([Range(20_000 * i, 10) for i in range(10)])
    assert time.monotonic() - begin < 3


class SlowSigner:
    def __init__(self, url, seconds):
        self._url, self._seconds = url, seconds

    def url(self, file):
        time.sleep(self._seconds)
        return SignedUrl(self._url, time.time() + 3600)


def test_signers_that_are_slow(server):
    slow = [
        HttpSource("gs://b/f", signer=SlowSigner(server.url, 4), settings=HttpSettings(deadline=1)) for _ in range(8)
    ]

    def give_up(source):
        with pytest.raises(TransferError, match="not done in 1 s"):
            source.size()

    threads = [threading.Thread(target=give_up, args=(source,)) for source in slow]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    expect(HttpSource(server.url.replace("127.0.0.1", "localhost")), [Range(0, 10)])  # needs the address of a host
    assert time.monotonic() - begin < 1
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 3


def test_a_signer_whose_service_is_away_for_a_moment(server):
    class Flaky:
        calls = 0

        def url(self, file):
            self.calls += 1
            if self.calls == 1:
                raise ConnectionResetError
            return SignedUrl(server.url, time.time() + 3600)

    signer = Flaky()
    expect(HttpSource("gs://b/f", signer=signer, settings=QUICK), [Range(0, 10)])
    assert signer.calls == 2


# ---------------------------------------------------------------------------------------- threads, signals, processes


def test_close_while_another_thread_reads(server):
    server.delay = 0.7  # longer than connections are kept
    source = source_of(server, stall=5)
    read = []
    thread = threading.Thread(target=lambda: read.extend(source.fetch([Range(0, 10)])))
    thread.start()
    wait_until(lambda: server.requests)
    source.close()
    thread.join(5)
    assert bytes(read[0]) == CONTENT[:10]


def test_the_collector_of_garbage_ends_sources_anywhere(server):
    """Also while a lock is held that others need to open one."""
    gc.collect()
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for i in range(40):
            source = source_of(server, connect=2 + i)  # connections of its own
            source.size()
            loop = [source]
            loop.append(loop)
            del source, loop
    finally:
        gc.set_threshold(*thresholds)


def test_inside_of_a_running_loop(server):
    async def notebook():
        return source_of(server).fetch([Range(0, 10)])

    assert bytes(asyncio.run(notebook())[0]) == CONTENT[:10]


def test_an_interrupt_ends_the_waiting(server):
    server.otherwise = lambda _: "stall"
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        source_of(server, stall=30).size()
    assert time.monotonic() - begin < 5
    server.otherwise = None
    expect(source_of(server), [Range(0, 10)])


def _pt(tree):
    return len(tree["AnalysisElectronsAuxDyn.pt"].array())


def test_a_tree_of_uproot_in_a_forked_process():
    with fault_server(data.path_of(data.R21).read_bytes()) as server:
        tree = uproot.open({server.url: "CollectionTree"}, handler=UprootSource)
        assert _pt(tree) == 40
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply_async(_forked, (None,)).get(20) is None
        process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(_pt(tree)))
        process.start()
        process.join(20)
        assert process.exitcode == 40


def _forked(value):
    return value


@pytest.mark.parametrize("pause", [0.0, 0.25, 0.35])
def test_a_process_ends_quietly(server, pause):
    """Also when it does so while connections are being closed, and with other finalizers."""
    code = f"""
import weakref, time
class Other: pass
other = Other()
weakref.finalize(other, print, end="")
from physlite.storage import HttpSettings, HttpSource
source = HttpSource({server.url!r}, settings=HttpSettings(keep_alive=0.2))
source.size()
left = HttpSource({server.url!r})
left.size()
source.close()
time.sleep({pause})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_denied_is_a_permission_error(server):
    server.otherwise = lambda _: "403"
    with pytest.raises(PermissionError) as raised:
        physlite.open(server.url)
    assert isinstance(raised.value, CredentialError)
