"""Files on real XRootD servers, and what happens when these go away, come back or never answer."""

import gc
import logging
import multiprocessing
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError, CredentialError, FileChangedError, TransferError
from physlite.storage import Range, TransferSettings, UprootSource, XrootdSource, open_source
from support import data
from support.certificates import make_certificates
from support.servers.faults import random_content
from support.servers.process import free_port, wait_until
from support.servers.xrootd import xrootd, xrootd_proxy
from support.transports import check_events

QUICK = TransferSettings(attempts=3, answer=2, deadline=20)
LARGE = random_content(6_000_000, 3)
NAME = "DAOD_PHYSLITE.12345._000001.pool.root.1"


@pytest.fixture(scope="module")
def content():
    return data.path_of(data.R21).read_bytes()


def fill(server, content):
    (server.folder / NAME).write_bytes(content)
    (server.folder / "large").write_bytes(LARGE)
    (server.folder / "empty.root").write_bytes(b"")
    (server.folder / "folder").mkdir()
    secret = server.folder / "denied.root"
    secret.write_bytes(content)
    secret.chmod(0)


@pytest.fixture(scope="module")
def server(content):
    with xrootd() as server:
        fill(server, content)
        yield server


@pytest.fixture
def own_server(content):
    """One that may be stopped."""
    with xrootd() as server:
        fill(server, content)
        yield server


@pytest.fixture(scope="module")
def wide():
    """One that takes 8 MB in a range of a vector read."""
    with xrootd(more="xrd.buffers maxbsz 8m\n") as server:
        (server.folder / "large").write_bytes(LARGE)
        yield server


def expect(source, content, ranges):
    """Reads ranges and compares each byte."""
    got = source.fetch(ranges)
    assert [bytes(view) for view in got] == [content[r.offset : r.offset + r.size] for r in ranges]


def test_events(server):
    check_events(server.url + NAME)
    check_events(server.url.replace("root://", "xroot://") + NAME)


def test_tls(content, tmp_path, monkeypatch):
    """In processes of their own: the library reads authorities once."""
    code = "import sys, physlite; print(physlite.open(sys.argv[1]).num_entries)"
    with xrootd(tls=make_certificates(tmp_path / "certificates")) as server:
        fill(server, content)

        def run(scheme, name=NAME):
            url = server.url.replace("root", scheme, 1) + name
            return subprocess.run(
                [sys.executable, "-c", code, url], capture_output=True, text=True, timeout=60, check=False
            )

        monkeypatch.setenv("X509_CERT_DIR", str(server.authorities))
        assert [run(scheme).stdout for scheme in ("roots", "xroots", "root")] == ["40\n"] * 3
        monkeypatch.setenv("X509_CERT_DIR", str(tmp_path))
        assert "TransferError: roots://127.0.0.1" in (failed := run("roots").stderr)
        assert "check the certificates of authorities, in the folder that X509_CERT_DIR names" in failed


def test_uproot_reads_through_it(server):
    with uproot.open({server.url + NAME: "CollectionTree"}, handler=UprootSource) as tree:
        assert tree["AnalysisElectronsAuxDyn.pt"].array()[2][0] > 0
        assert "XrootdSource" in repr(tree.file.source._source)


# -------------------------------------------------------------------------------------------------------------- bytes


SIZES = st.one_of(st.integers(0, 5000), st.integers(0, 3_000_000))
SEEDS = st.lists(st.tuples(st.floats(0, 1), SIZES), max_size=30)


@pytest.mark.parametrize("kind", ["server", "wide"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=SEEDS, gap=st.integers(0, 100_000), largest=st.sampled_from([7001, 4_000_000]), at_once=st.integers(1, 4))
def test_any_ranges(kind, request, *, seeds, gap, largest, at_once):
    limits = TransferSettings(gap=gap, largest=largest, requests=at_once)
    source = XrootdSource(request.getfixturevalue(kind).url + "large", settings=limits)
    expect(source, LARGE, [Range(int(at * (len(LARGE) - size)), size) for at, size in seeds])
    source.close()


@pytest.mark.parametrize(("kind", "most"), [("server", 2_097_136), ("wide", 8_388_592)])
def test_what_a_server_can_do_in_a_vector_read_is_asked(kind, most, request):
    source = XrootdSource(request.getfixturevalue(kind).url + "large")
    expect(source, LARGE, [Range(0, 100), Range(500_000, 100), Range(1_000_000, 3_000_000)])
    assert source._file.get().limits() == (1024, most)
    looks = 1  # whether it is still the same, with the first bytes
    assert source.stats.requests == 1 + looks + (1 if most > 3_000_000 else 2)
    source.close()


def test_more_ranges_than_a_vector_read_takes(server, content):
    source = XrootdSource(server.url + NAME, settings=TransferSettings(requests=1))
    ranges = [Range(i * 1500, 100) for i in range(1200)]
    expect(source, content, ranges)
    # One to open it, one to see whether it is still the same; the nearest ranges are joined, so that 1024 are left.
    assert source.stats.requests == 1 + 1 + 1
    source = XrootdSource(server.url + NAME, settings=TransferSettings(requests=2))
    expect(source, content, ranges)
    assert source.stats.requests == 1 + 1 + 2
    assert source.stats.received == 1200 * 100


def test_many_threads_read_one_source(server, content):
    source = XrootdSource(server.url + NAME)

    def read(i):
        expect(source, content, [Range(i * 1000 + 20_000 * k, 5000) for k in range(50)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(40)))
    assert server.log().count("open rt /" + NAME) > 0
    source.close()


def test_what_it_took_is_counted(server, content):
    source = XrootdSource(server.url + NAME)
    assert source.known_size is None
    assert source.size() == source.known_size == len(content)
    assert source.stats.requests == 1
    (_, head), (at, tail) = source.ends(1000, 2000)
    assert (bytes(head), at, bytes(tail)) == (content[:1000], len(content) - 2000, content[-2000:])
    expect(source, content, [Range(5000, 100), Range(5050, 100), Range(7, 0)])
    stats = source.stats
    assert (stats.requests, stats.ranges, stats.bytes, stats.received, stats.retries) == (5, 5, 3200, 3150, 0)
    assert source.tag == str(int((server.folder / NAME).stat().st_mtime))
    with pytest.raises(CorruptDataError, match="truncated or damaged"):
        source.fetch([Range(len(content), 1)])


def test_opening_a_file_takes_few_requests(server):
    with physlite.open(server.url + NAME) as file:
        assert file.source.stats.requests == 3  # to open it, for both ends, and whether it is still the same
        file.array("AnalysisElectronsAuxDyn.pt")
        assert file.metadata.sum_of_weights() == 29465.34912109375
        assert file.source.stats.requests <= 7


# --------------------------------------------------------------------------------------------------------------- URLs


def opened(server):
    """Paths that the server was asked to open, with their queries."""
    return [line.split(" /", 1)[1] for line in server.log().splitlines() if re.search(r": [0-9a-f]{4} open r", line)]


def test_capitals_in_the_scheme(server, content):
    expect(open_source(server.url.replace("root", "ROOT") + NAME), content, [Range(10, 10)])


def test_the_query_is_kept(own_server):
    """uproot5#1168: the token of a URL is dropped."""
    query = "authz=Bearer%20abc+d/e%2Bf==&xyz=%7e"
    source = open_source(own_server.url + NAME + "?" + query)
    assert source.size() > 0
    assert opened(own_server) == [f"{NAME}?{query}"]
    assert source.name == own_server.url + NAME + "?…"
    assert source.inner.key == own_server.url + NAME + "?xyz=%7e"


def test_through_a_cache(server, content):
    """The URL of the origin in the path of the cache, and the query for both."""
    with xrootd_proxy() as proxy:
        check_events(proxy.url + server.url + NAME)
        source = XrootdSource(proxy.url + server.url + NAME + "?authz=for-both")
        expect(source, content, [Range(10, 10), Range(500_000, 10)])
        assert f"{server.url}{NAME}?authz=for-both" in opened(proxy)
        assert f"{NAME}?authz=for-both" in opened(server)
        source.close()
        with pytest.raises(FileNotFoundError):
            XrootdSource(proxy.url + server.url + "missing.root").size()


# ------------------------------------------------------------------------------------------------------ what goes wrong


def test_files_that_are_none(server):
    with pytest.raises(FileNotFoundError, match=r"\[3011\].*it has no such file: 'root://127.0.0.1:\d+//missing"):
        physlite.open(server.url + "missing.root")
    with pytest.raises(CorruptDataError, match="the file is empty"):
        physlite.open(server.url + "empty.root")
    with pytest.raises(TransferError, match="it is a directory"):
        physlite.open(server.url + "folder")
    with pytest.raises(CredentialError, match=r"no access: the server answers \[3010\].*X509_USER_PROXY.*BEARER_TOKEN"):
        physlite.open(server.url + "denied.root")
    empty = XrootdSource(server.url + "empty.root")
    assert (empty.size(), [bytes(view) for _, view in empty.ends(10, 10)]) == (0, [b"", b""])


def test_nobody_there():
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"//x.root: no connection to 127.0.0.1:\d+ \(the last of 3 attempts\)"):
        XrootdSource(f"root://127.0.0.1:{free_port()}//x.root", settings=QUICK).size()
    with pytest.raises(TransferError, match=r"there is no host nowhere.invalid"):
        XrootdSource("root://nowhere.invalid//x.root", settings=QUICK).size()
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("said", [pytest.param(b"", marks=pytest.mark.slow), b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100])
def test_what_is_no_xrootd_server(said):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        clients = []

        def serve():
            while True:
                try:
                    clients.append(listening.accept()[0])
                except OSError:
                    return
                clients[-1].sendall(said)

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        begin = time.monotonic()
        with pytest.raises(TransferError, match=r"\(the last of 2 attempts\)"):
            XrootdSource(f"root://127.0.0.1:{port}//x.root", settings=TransferSettings(attempts=2, answer=1)).size()
        assert time.monotonic() - begin < 10
        for client in clients:
            client.close()
        listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_ends_while_a_file_is_read(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=QUICK)
    expect(source, content, [Range(0, 10)])
    own_server.stop()
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"attempts\)"):
        source.fetch([Range(10_000, 10)])
    assert time.monotonic() - begin < 10
    own_server.start()
    expect(source, content, [Range(10_000, 10)])  # it is not given up for ever
    source.close()


def test_a_server_that_is_started_again_while_a_file_is_read(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=TransferSettings(attempts=20, deadline=30))
    expect(source, content, [Range(0, 10)])
    own_server.stop()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(expect, source, content, [Range(10_000, 10), Range(50_000, 500_000)])
        wait_until(lambda: source.stats.retries >= 2)
        own_server.start()
        reading.result(30)
    source.close()


def test_many_threads_read_while_a_server_is_started_again(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=TransferSettings(attempts=50, deadline=30))
    begun = threading.Barrier(9)

    def read(i):
        for k in range(30):
            if k == 2:
                begun.wait(30)
            expect(source, content, [Range(i * 1000 + 20_000 * k, 5000) for k in range(50)])

    with ThreadPoolExecutor(8) as pool:
        reading = [pool.submit(read, i) for i in range(8)]
        begun.wait(30)
        own_server.stop()
        wait_until(lambda: source.stats.retries >= 2)
        own_server.start()
        for future in reading:
            future.result(60)
    source.close()
    assert not threads()


def test_a_file_that_is_replaced_in_between(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=QUICK)
    expect(source, content, [Range(0, 10)])
    own_server.stop()
    (own_server.folder / NAME).write_bytes(content[:-1])
    own_server.start()
    with pytest.raises(FileChangedError, match=f"it had {len(content)} bytes and now has {len(content) - 1}, w"):
        source.fetch([Range(10_000, 10)])


def test_a_file_that_is_written_again_while_it_is_open(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=QUICK)
    expect(source, content, [Range(0, 10)])
    os.utime(own_server.folder / NAME, (1e9, 1e9))
    with pytest.raises(FileChangedError, match="written at 2001-09-09 01:46:40"):
        source.fetch([Range(10_000, 10)])


def test_a_replica_on_another_server_may_be_younger(own_server, content):
    """The server that answers next may be another one than that which has failed."""
    source = XrootdSource(own_server.url + NAME, settings=QUICK)
    expect(source, content, [Range(0, 10)])
    source._version = (len(content), 1, "elsewhere:1094")
    expect(source, content, [Range(10_000, 10)])
    source._version = (len(content) + 1, 1, "elsewhere:1094")
    with pytest.raises(FileChangedError, match=f"it had {len(content) + 1} bytes and now has {len(content)}, w"):
        source.fetch([Range(10_000, 10)])


def test_a_file_that_shrinks_while_it_is_read(own_server, content):
    source = XrootdSource(own_server.url + NAME, settings=QUICK)
    expect(source, content, [Range(0, 10)])
    with (own_server.folder / NAME).open("r+b") as file:
        file.truncate(1000)
    for ranges in ([Range(10_000, 10)], [Range(10, 10), Range(10_000, 10)]):
        with pytest.raises(FileChangedError, match="and now has 1000, written at"):
            source.fetch(ranges)


def test_no_secret_is_shown(own_server, caplog):
    caplog.set_level(logging.DEBUG)
    url = own_server.url + "missing.root?authz=Bearer%20not-for-you&x=1"
    source = XrootdSource(url, settings=QUICK)
    with pytest.raises(FileNotFoundError) as missing:
        source.size()
    own_server.stop()
    with pytest.raises(TransferError) as down:
        source.size()
    assert caplog.text
    for shown in (str(missing.value), str(down.value), repr(source), source.name, source.key, caplog.text):
        assert "not-for-you" not in shown


def test_without_the_package():
    code = """
import sys
sys.modules["XRootD"] = None
import physlite
try:
    physlite.open("root://127.0.0.1//x.root")
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("pip install 'physlite[grid]'\n")


@pytest.mark.parametrize(
    ("name", "value"), [("requests", 0), ("gap", -1), ("largest", 0), ("answer", 0), ("attempts", 0), ("deadline", 0)]
)
def test_settings_that_cannot_be_meant(name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        TransferSettings(**{name: value})


# ----------------------------------------------------------------------------------------------------------- processes


def _first_bytes(source):
    return bytes(source.fetch([Range(0, 4)])[0])


def test_sources_go_to_other_processes(server):
    source = XrootdSource(server.url + NAME)
    assert _first_bytes(source) == b"root"
    for way in ("fork", "spawn"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            assert pool.apply_async(_first_bytes, (source,)).get(60) == b"root"
    assert _first_bytes(source) == b"root"
    assert "authz=a" in pickle.loads(pickle.dumps(XrootdSource(server.url + NAME + "?authz=a")))._url  # noqa: S301
    file = pickle.loads(pickle.dumps(physlite.open(server.url + NAME)))  # noqa: S301  # from above
    assert file.num_entries == 40
    source.close()


@pytest.mark.slow
def test_a_process_that_forks_while_others_read(server, content):
    """What XRootD does not like: its threads are ended before a fork, and started again behind it."""
    source = XrootdSource(server.url + NAME)
    ended = threading.Event()

    def read():
        while not ended.is_set():
            expect(source, content, [Range(1000 * i, 500) for i in range(100)])

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(read) for _ in range(4)]
        try:
            context = multiprocessing.get_context("fork")
            for _ in range(10):
                child = context.Process(target=_read_and_close, args=(source,))
                child.start()
                child.join(30)
                assert child.exitcode == 0
        finally:
            ended.set()
        for future in reading:
            future.result(30)
    source.close()


def _read_and_close(source):
    assert _first_bytes(source) == b"root"
    source.close()


# ------------------------------------------------------------------------------------------------------ what is left


def threads(before=()):
    """Those of XRootD, but for what other tests have not ended yet."""
    names = [thread for thread in threading.enumerate() if thread.name.startswith("physlite-xrootd")]
    return [thread for thread in names if thread not in before]


def test_nothing_is_left_behind(own_server, content):
    before = threads()
    source = XrootdSource(own_server.url + NAME)
    expect(source, content, [Range(0, 10)])
    assert threads()
    source.close()
    assert not threads(before)
    assert "close rc=0" in own_server.log()
    with pytest.raises(ValueError, match=r"is closed: open it again"):
        source.size()
    with pytest.raises(ValueError, match=r"is closed: open it again"):
        source.fetch([Range(0, 1)])


def test_a_source_that_nobody_closes(own_server, content):
    before = threads()
    source = XrootdSource(own_server.url + NAME)
    expect(source, content, [Range(0, 10)])
    del source
    wait_until(lambda: not threads(before))
    wait_until(lambda: "close rc=0" in own_server.log())


@pytest.mark.usefixtures("nothing_else_collected")
def test_the_garbage_collector_may_come_at_any_time(server, content):
    """Also while a thread is started for another source, as it does here."""
    before = threads()
    begin = threading.Thread.start

    def start(thread):
        gc.collect()
        begin(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        for _ in range(3):
            source = XrootdSource(server.url + NAME)
            expect(source, content, [Range(0, 10)])
            source.itself = source  # so that nothing but the collector ends it
    del source
    gc.collect()
    wait_until(lambda: not threads(before))


@pytest.mark.slow
def test_a_process_that_closes_nothing(server):
    code = f"""
import physlite
events = physlite.events({server.url + NAME!r})
print(events.Electrons.pt[2][0])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
