"""Files on real web servers: nginx in its ways with ranges, TLS with client certificates, HTTP/2, proxies."""

import contextlib
import logging
import multiprocessing
import pickle
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import awkward as ak
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    CorruptDataError,
    CredentialError,
    FileChangedError,
    StaleManifestError,
    TransferError,
)
from physlite.storage import HttpSettings, HttpSource, Range, SignedUrl, open_source
from support import data
from support.certificates import make_certificates
from support.compare import assert_same
from support.servers.faults import fault_server
from support.servers.nginx import nginx, tls_server
from support.servers.process import free_port, wait_until
from support.transports import check_events

QUICK = {"attempts": 3, "stall": 1.0, "connect": 2.0, "deadline": 20.0, "keep_alive": 0.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the servers serve: the release 21.2 file, and others."""
    folder = tmp_path_factory.mktemp("served")
    (folder / data.R21).write_bytes(data.path_of(data.R21).read_bytes())
    (folder / "empty.root").write_bytes(b"")
    (folder / "page.root").write_text("<!DOCTYPE html><html>please log in</html>")
    (folder / "a b+c%2Fd.root").write_bytes(data.path_of(data.R21).read_bytes())
    return folder


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def ports():
    return {"h1": free_port(), "h2": free_port()}


@pytest.fixture(scope="module")
def server(folder, certificates, ports, tmp_path_factory):
    tls = tls_server(folder, ports["h1"], certificates) + tls_server(folder, ports["h2"], certificates, http2=True)
    with nginx(folder, tmp_path_factory.mktemp("nginx"), tls=tls) as found:
        yield found


WAYS = ["several", "single", "whole"]


@pytest.fixture(params=WAYS)
def url(request, server):
    """The file, served with several ranges in a request, with one, or as a whole only."""
    return getattr(server, request.param) + data.R21


def test_events(url):
    check_events(url)


@pytest.mark.parametrize("port", ["h1", "h2"])
def test_events_over_tls_with_a_client_certificate(server, certificates, ports, port, monkeypatch):
    url = f"https://127.0.0.1:{ports[port]}/{data.R21}"
    check_events(HttpSource(url, settings=HttpSettings(ca=certificates.ca, certificate=certificates.user)))
    monkeypatch.setenv("X509_USER_PROXY", str(certificates.user))
    monkeypatch.setenv("X509_CERT_DIR", str(certificates.ca))
    check_events(url)
    check_events(url.replace("https", "davs"))


def test_tls_that_fails(server, certificates, ports):
    url = f"https://127.0.0.1:{ports['h1']}/{data.R21}"
    with pytest.raises(TransferError, match=r"no secure connection to 127.0.0.1: .*certificate.*; name its authority"):
        HttpSource(url, settings=HttpSettings(**QUICK)).size()
    with pytest.raises(TransferError, match="400 Bad Request"):  # what nginx says without a client certificate
        HttpSource(url, settings=HttpSettings(ca=certificates.ca, **QUICK)).size()
    with pytest.raises(TransferError, match=r"it does not speak TLS; should the URL begin with http://\?"):
        HttpSource(server.several.replace("http", "https"), settings=HttpSettings(**QUICK)).size()
    unverified = HttpSettings(certificate=certificates.user, verify=False, **QUICK)
    assert HttpSource(url, settings=unverified).size() == (server.folder / data.R21).stat().st_size


@pytest.mark.parametrize("what", ["ca", "certificate"])
def test_certificates_that_cannot_be_read(ports, certificates, tmp_path, what):
    url = f"https://127.0.0.1:{ports['h1']}/{data.R21}"
    missing, bad = tmp_path / "missing.pem", tmp_path / "bad.pem"
    bad.write_text("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n")
    for path in (missing, bad):
        with pytest.raises(CredentialError, match=str(path)) as raised:
            HttpSource(url, settings=HttpSettings(**{what: path}, **QUICK)).size()
        assert "secret" not in str(raised.value)


def test_a_certificate_is_read_again_when_it_was_renewed(server, certificates, ports, tmp_path):
    other = make_certificates(tmp_path / "other")
    proxy = tmp_path / "proxy.pem"
    proxy.write_bytes(other.user.read_bytes())
    chosen = HttpSettings(ca=certificates.ca, certificate=proxy, **QUICK)
    source = HttpSource(f"https://127.0.0.1:{ports['h1']}/{data.R21}", settings=chosen)
    with pytest.raises(TransferError, match="400 Bad Request"):
        source.size()
    proxy.write_bytes(certificates.user.read_bytes())
    assert source.size() > 0


# -------------------------------------------------------------------------------------------------------------- bytes


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 70_000)), max_size=60), gap=st.integers(0, 100_000))
def test_any_ranges(url, folder, seeds, gap):
    content = (folder / data.R21).read_bytes()
    source = HttpSource(url, settings=HttpSettings(gap=gap, connections=4, largest=50_000))
    ranges = [Range(int(at * (len(content) - size)), size) for at, size in seeds]
    assert [bytes(view) for view in source.fetch(ranges)] == [content[r.offset : r.offset + r.size] for r in ranges]


def test_many_threads_read_one_source(url, folder):
    content = (folder / data.R21).read_bytes()
    source = HttpSource(url)

    def read(i):
        ranges = [Range(i * 1000 + 20_000 * k, 5000) for k in range(50)]
        return all(
            bytes(v) == content[r.offset : r.offset + r.size] for r, v in zip(ranges, source.fetch(ranges), strict=True)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(40)))


def test_names_are_kept_to_the_letter(server):
    source = open_source(server.several + "a%20b+c%252Fd.root?X-Sig=a%2Bb/c+d==&x=%7e")
    assert source.size() > 0
    assert '"/a%20b+c%252Fd.root?X-Sig=a%2Bb/c+d==&x=%7e"' in server.requests()[-1]
    assert source.name == server.several + "a%20b+c%252Fd.root?…"


def test_the_reads_of_an_opening_and_what_comes_behind(server):
    before = len(server.requests())
    with physlite.open(server.several + data.R21) as file:
        assert file.source.stats.requests == 1
        file.array("AnalysisElectronsAuxDyn.pt")
        assert file.source.stats.requests <= 2
        assert file.metadata.sum_of_weights() == 29465.34912109375
        assert file.source.stats.requests <= 5
    assert len(server.requests()) - before <= 5


# ---------------------------------------------------------------------------------------------------------- manifests


def test_with_a_manifest_there_is_no_request_before_the_data(server):
    manifest = physlite.open(data.path_of(data.R21)).manifest
    before = len(server.requests())
    with physlite.open(server.several + data.R21, manifest=manifest) as file:
        events = file.events()
        assert file.source.stats.requests == 0
        assert len(server.requests()) == before
        expected = physlite.open(data.path_of(data.R21)).array("AnalysisElectronsAuxDyn.pt")
        assert_same(ak.materialize(events.Electrons.pt), expected)
    check_events_with = physlite.open(server.several + data.R21, manifest=manifest)
    assert check_events_with.metadata.sum_of_weights() == 29465.34912109375


def test_a_manifest_of_another_file_is_noticed_with_the_first_bytes(server, folder):
    other = physlite.open(data.path_of(data.R22)).manifest
    with (
        physlite.open(server.several + data.R21, manifest=other) as file,
        pytest.raises(StaleManifestError, match=r"the manifest belongs to another file"),
    ):
        file.array("AnalysisElectronsAuxDyn.pt")


# ---------------------------------------------------------------------------------------------------------- bad files


def test_files_that_are_none(server):
    with pytest.raises(FileNotFoundError, match="404 Not Found"):
        physlite.open(server.several + "missing.root")
    with pytest.raises(CorruptDataError, match="the file is empty"):
        physlite.open(server.several + "empty.root")
    with pytest.raises(CorruptDataError, match="but an HTML page"):
        physlite.open(server.several + "page.root")


def test_a_file_that_is_replaced(server, folder):
    path = folder / "replaced.root"
    path.write_bytes(data.path_of(data.R21).read_bytes())
    file = physlite.open(server.several + path.name)
    path.write_bytes(data.path_of(data.R22).read_bytes())
    with pytest.raises(FileChangedError, match="was replaced while it was read"):
        file.arrays([name for name in file.columns if name.startswith("AnalysisJetsAuxDyn.")])


# --------------------------------------------------------------------------------------------------------- processes


def _size_of(source):
    return source.size()


def test_sources_go_to_other_processes(server, folder):
    source = HttpSource(server.several + data.R21)
    size = source.size()
    for way in ("fork", "spawn"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            assert pool.apply(_size_of, (source,)) == size
    file = pickle.loads(pickle.dumps(physlite.open(server.several + data.R21)))  # noqa: S301  # from above
    assert file.num_entries == 40


def test_a_forked_process_has_connections_of_its_own(server):
    source = HttpSource(server.several + data.R21)
    first = bytes(source.fetch([Range(0, 4)])[0])
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = [pool.apply_async(_first_bytes, (source,)) for _ in range(4)]
        assert [r.get(20) for r in results] == [first] * 4


def _first_bytes(source):
    return bytes(source.fetch([Range(0, 4)])[0])


def test_idle_connections_that_the_server_closes(folder, tmp_path):
    """uproot5#1274: the second read, after a pause, fails."""
    with nginx(folder, tmp_path, keep_alive="1") as server:
        source = HttpSource(server.several + data.R21)
        source.fetch([Range(0, 10)])
        time.sleep(1.5)  # longer than nginx keeps a connection
        source.fetch([Range(100_000, 10)])


def test_nothing_is_left_behind(server):
    before = set(threading.enumerate())
    source = HttpSource(server.several + data.R21, settings=HttpSettings(keep_alive=0.1))
    source.size()
    source.close()
    with pytest.raises(ValueError, match=r"is closed: open it again"):
        source.size()
    wait_until(lambda: "physlite-network" not in {t.name for t in set(threading.enumerate()) - before})


def test_a_process_that_closes_nothing(server):
    """What others have registered for its end decides in which order sources and their loop come to theirs."""
    code = """
import sys, weakref
class Others: pass
others = Others()
weakref.finalize(others, print, "the end")
from physlite.storage import HttpSource
source = HttpSource(sys.argv[1])
print(source.size() > 0)
"""
    command = [sys.executable, "-c", code, server.several + data.R21]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nthe end\n", "")


def test_sources_that_nobody_closes(server):
    code = f"""
import physlite
events = physlite.events({server.several + data.R21!r})
print(events.Electrons.pt[2][0])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------------------------------------------------- HTTP proxy


@contextlib.contextmanager
def forward_proxy():
    """A proxy that sends on what it is asked for, and notes it."""
    asked = []

    def serve(client):
        with client, client.makefile("rb") as reader:
            first = reader.readline()
            headers = b""
            while (line := reader.readline()) not in (b"\r\n", b""):
                headers += line
            asked.append(first.decode().split()[1])
            host, _, path = asked[-1].removeprefix("http://").partition("/")
            name, _, port = host.partition(":")
            with socket.create_connection((name, int(port))) as target:
                target.sendall(f"GET /{path} HTTP/1.1\r\n".encode() + headers + b"Connection: close\r\n\r\n")
                while block := target.recv(65536):
                    client.sendall(block)

    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def test_proxies_of_the_environment(server, monkeypatch):
    with forward_proxy() as (proxy, asked):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        assert HttpSource(server.several + data.R21).size() > 0
        assert asked == [server.several + data.R21]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert HttpSource(server.several + data.R21, settings=HttpSettings(keep_alive=1)).size() > 0
        assert len(asked) == 1


# ------------------------------------------------------------------------------------------------------- signed URLs


class CountingSigner:
    """Signs with a number that counts, for a server that knows which are good."""

    def __reduce__(self):
        return (dict, ())  # a module of tests cannot be imported elsewhere

    def __init__(self, url, life=3600.0):
        self.base, self.life, self.signed = url, life, 0

    def url(self, file):
        assert file == "gs://bucket/file.root"
        self.signed += 1
        return SignedUrl(f"{self.base}?signature=secret-{self.signed}", time.time() + self.life)


@pytest.fixture
def signing():
    content = data.path_of(data.R21).read_bytes()
    with fault_server(content) as server:
        server.good = set()
        server.otherwise = lambda request: None if request.target.rpartition("-")[2] in server.good else "403"
        yield server


def signed(server, signer):
    return HttpSource("gs://bucket/file.root", signer=signer, settings=HttpSettings(**QUICK))


def test_signed_urls(signing):
    signing.good = {"1"}
    signer = CountingSigner(signing.url)
    check_events(signed(signing, signer))
    assert signer.signed == 1
    assert {request.target for request in signing.requests} == {"/file.root?signature=secret-1"}


def test_a_url_that_expires_is_signed_anew(signing):
    """Whatever its holder has thought: clocks differ, and servers end signatures."""
    signing.good = {"1"}
    signer = CountingSigner(signing.url)
    source = signed(signing, signer)
    size = source.size()
    signing.good = {"2"}
    assert len(source.fetch([Range(0, size)])[0]) == size
    assert signer.signed == 2


def test_a_url_is_signed_anew_before_it_expires(signing):
    signing.good = {"1", "2"}
    signer = CountingSigner(signing.url, life=0.5)
    source = signed(signing, signer)
    source.size()
    assert signer.signed == 1
    time.sleep(0.5)
    source.fetch([Range(100_000, 1)])
    assert signer.signed == 2
    assert all(request.target.endswith(("-1", "-2")) for request in signing.requests)


def test_a_server_that_takes_no_signature(signing):
    source = signed(signing, CountingSigner(signing.url))
    with pytest.raises(
        CredentialError, match=r"^gs://bucket/file.root: no access: the server answers 403 Forbidden; check"
    ):
        source.size()
    assert len(signing.requests) == 3


def test_many_requests_share_one_renewal(signing):
    signing.good = {"1"}
    signer = CountingSigner(signing.url)
    source = HttpSource(
        "gs://bucket/file.root", signer=signer, settings=HttpSettings(**{**QUICK, "gap": 0, "attempts": 5})
    )
    source.size()
    signing.good = {"2"}
    source.fetch([Range(20_000 * i, 10) for i in range(30)])
    assert signer.signed == 2


def test_no_secret_is_shown(signing, caplog):
    caplog.set_level(logging.DEBUG)
    source = HttpSource(signing.url + "?signature=secret-0", settings=HttpSettings(**QUICK))
    with pytest.raises(CredentialError) as raised:
        source.size()
    signing.faults += ["reset", "503"]
    signer = CountingSigner(signing.url)
    renewed = signed(signing, signer)
    signing.good = {"1"}
    renewed.size()
    file = physlite.open(renewed)
    shown = [str(raised.value), repr(source), repr(renewed), repr(SignedUrl(signing.url + "?secret-", 0)), repr(file)]
    shown += [caplog.text, source.name, file._repr_html_(), repr(physlite.open(renewed).events())]
    assert not [text for text in shown if "secret-" in text]
    assert caplog.text
    assert b"secret-" not in pickle.dumps(renewed)


def test_a_signer_that_fails(signing):
    class Failing:
        def url(self, file):
            raise CredentialError(f"{file}: no key in the environment")

    with pytest.raises(CredentialError, match="no key in the environment"):
        signed(signing, Failing()).size()


# ------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connections", 0),
        ("connections", 101),
        ("gap", -1),
        ("largest", 0),
        ("deadline", 0),
        ("attempts", 0),
        ("stall", -1),
    ],
)
def test_settings_that_cannot_be_meant(name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        HttpSettings(**{name: value})


def test_no_more_connections_than_allowed(folder):
    content = (folder / data.R21).read_bytes()
    with fault_server(content, delay=0.05, several=False) as server:
        source = HttpSource(server.url, settings=HttpSettings(connections=5, gap=0, **QUICK))
        source.fetch([Range(20_000 * i, 10) for i in range(40)])
        assert server.most_connections == 5
        assert len(server.requests) == 1 + 40  # the first one asks for several
