"""Files through fsspec: S3 with signatures, Google's store, memory, archives; and filesystems that misbehave."""

import logging
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    CorruptDataError,
    CredentialError,
    FileChangedError,
    TransferError,
    UnsupportedFormatError,
)
from physlite.storage import FsspecSource, Range, TransferSettings, open_source
from support import data
from support.servers.faults import random_content
from support.servers.process import free_port, wait_until
from support.transports import check_events

# Whoever imports gcsfs waits a minute for a service that no emulator has.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"

from support.servers.gcs import gcs
from support.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, seaweedfs

QUICK = TransferSettings(attempts=2, answer=2, deadline=20)
CONTENT = random_content(3_000_000, 5)


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        for name, content in contents().items():
            server.put(f"bucket/{name}", content)
        yield server


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    with gcs(tmp_path_factory.mktemp("gcs") / "stored") as server:
        for name, content in contents().items():
            server.put(f"bucket/{name}", content)
        yield server


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    for name, content in contents().items():
        filesystem.pipe_file(f"/bucket/{name}", content)
    yield filesystem
    filesystem.store.clear()


def contents():
    return {data.R21: data.path_of(data.R21).read_bytes(), "random": CONTENT, "empty.root": b""}


@pytest.fixture(params=["s3", "google", "memory"])
def source_of(request):
    """A function from the name of a file to its source."""
    server = request.getfixturevalue(request.param)
    scheme, options = {
        "s3": lambda: ("s3", server.options()),
        "google": lambda: ("gs", server.options),
        "memory": lambda: ("memory", {}),
    }[request.param]()
    return lambda name, **changes: FsspecSource(
        f"{scheme}://bucket/{name}", settings=TransferSettings(**changes), **options
    )


def expect(source, ranges):
    """Reads ranges and compares each byte."""
    got = source.fetch(ranges)
    assert [bytes(view) for view in got] == [CONTENT[r.offset : r.offset + r.size] for r in ranges]


def test_events(source_of):
    check_events(source_of(data.R21))


def test_events_by_url(s3, memory, monkeypatch):
    check_events(f"memory://bucket/{data.R21}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    source = open_source(f"s3://bucket/{data.R21}")
    check_events(source)
    check_events(pickle.loads(pickle.dumps(source)))  # noqa: S301  # from this line


def test_a_file_in_an_archive(memory, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "some.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(data.path_of(data.R21), "folder/file.root")
    memory.pipe_file("/some.zip", (tmp_path / "some.zip").read_bytes())
    check_events(f"zip://folder/file.root::{tmp_path / 'some.zip'}")
    check_events("zip://folder/file.root::memory://some.zip")
    cache = {"cache_storage": str(tmp_path / "cache")}
    check_events(FsspecSource(f"simplecache::memory://bucket/{data.R21}", simplecache=cache))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zip::not.root").write_bytes(data.path_of(data.R21).read_bytes())
    check_events("zip::not.root")  # a file of this name goes first


# -------------------------------------------------------------------------------------------------------------- bytes


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300_000)), max_size=40),
    gap=st.integers(0, 100_000),
    largest=st.sampled_from([70_001, 4_000_000]),
    at_once=st.integers(1, 5),
)
def test_any_ranges(source_of, *, seeds, gap, largest, at_once):
    source = source_of("random", gap=gap, largest=largest, requests=at_once)
    expect(source, [Range(int(at * (len(CONTENT) - size)), size) for at, size in seeds])


def test_many_threads_read_one_source(source_of):
    source = source_of("random")

    def read(i):
        expect(source, [Range(i * 1000 + 200_000 * k, 5000) for k in range(10)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(16)))


def test_many_threads_read_one_file_in_an_archive(tmp_path):
    """Filesystems that are not asynchronous are asked one thing at a time."""
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("random", CONTENT)
    source = FsspecSource(f"zip://random::{tmp_path / 'some.zip'}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: expect(source, [Range(i * 1000, 5000), Range(1_000_000, 5000)]), range(16)))


def test_what_it_took_is_counted(source_of):
    source = source_of("random", gap=1000)
    assert source.known_size is None
    assert source.size() == source.known_size == len(CONTENT)
    assert source.stats.requests == 1
    assert source.tag
    (_, head), (at, tail) = source.ends(1000, 2000)
    assert (bytes(head), at, bytes(tail)) == (CONTENT[:1000], len(CONTENT) - 2000, CONTENT[-2000:])
    stats = source.stats  # after each reading, the version is asked for
    assert (stats.requests, stats.ranges, stats.bytes, stats.received, stats.retries) == (1 + 2 + 1, 2, 3000, 3000, 0)
    expect(source, [Range(5000, 100), Range(5050, 100), Range(7, 0)])
    assert (stats.requests, stats.ranges, stats.bytes, stats.received) == (4 + 2, 5, 3200, 3150)
    with pytest.raises(CorruptDataError, match="truncated or damaged"):
        source.fetch([Range(len(CONTENT), 1)])


# ------------------------------------------------------------------------------------------------------ what goes wrong


def test_files_that_are_none(source_of):
    with pytest.raises(FileNotFoundError, match=r"there is no such file: '\w+://bucket/missing.root'"):
        source_of("missing.root").size()
    with pytest.raises(CorruptDataError, match="the file is empty"):
        physlite.open(source_of("empty.root"))
    empty = source_of("empty.root")
    assert (empty.size(), [bytes(view) for _, view in empty.ends(10, 10)]) == (0, [b"", b""])


def test_a_folder(memory):
    with pytest.raises(TransferError, match="it is a directory"):
        FsspecSource("memory://bucket").size()


@pytest.mark.parametrize("wrong", ["key", "secret"])
def test_wrong_keys(s3, wrong):
    source = FsspecSource(f"s3://bucket/{data.R21}", **s3.options(**{wrong: "wrong-and-not-for-you"}))
    with pytest.raises(
        CredentialError, match="no access: Forbidden; check the credentials, in the environment"
    ) as raised:
        source.size()
    assert source.stats.requests == 1
    for shown in (str(raised.value), repr(source), source.name, source.key):
        assert "not-for-you" not in shown
        assert SECRET_KEY not in shown


def test_no_keys(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialError, match="no access: Unable to locate credentials"):
        FsspecSource("s3://bucket/name", endpoint_url=f"http://127.0.0.1:{free_port()}").size()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_nobody_there(scheme):
    url = f"http://127.0.0.1:{free_port()}"
    options = {"s3": {"key": "a", "secret": "b"}, "gs": {"token": "anon"}}[scheme]
    begin = time.monotonic()
    with pytest.raises(TransferError, match=rf"^{scheme}://bucket/x: .*\(the last of 2 attempts\)"):
        FsspecSource(f"{scheme}://bucket/x", settings=QUICK, endpoint_url=url, **options).size()
    assert time.monotonic() - begin < 10


@pytest.fixture
def own_google(tmp_path):
    """One that may be stopped."""
    with gcs(tmp_path / "stored") as server:
        server.put("bucket/random", CONTENT)
        yield server


@pytest.mark.slow
def test_a_server_that_ends_while_a_file_is_read(own_google):
    source = FsspecSource("gs://bucket/random", settings=QUICK, **own_google.options)
    expect(source, [Range(0, 10)])
    own_google.stop()
    begin = time.monotonic()
    with pytest.raises(TransferError, match=r"attempts\)"):
        source.fetch([Range(10_000, 10)])
    assert time.monotonic() - begin < 10


@pytest.mark.slow
def test_a_server_that_is_started_again_while_a_file_is_read(own_google):
    source = FsspecSource(
        "gs://bucket/random", settings=TransferSettings(attempts=20, answer=1, deadline=30), **own_google.options
    )
    expect(source, [Range(0, 10)])
    own_google.stop()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(expect, source, [Range(10_000, 10), Range(500_000, 500_000)])
        wait_until(lambda: source.stats.retries >= 1)
        own_google.start()
        reading.result(30)


def test_a_file_that_is_replaced_in_between(s3, google, memory):
    """Of the same size, too: these filesystems tell versions apart."""
    for scheme, put, options in (
        ("s3", s3.put, s3.options()),
        ("gs", google.put, google.options),
        ("memory", memory.pipe_file, {}),
    ):
        put("bucket/replaced", CONTENT)
        source = FsspecSource(f"{scheme}://bucket/replaced", **options)
        expect(source, [Range(0, 10)])
        put("bucket/replaced", CONTENT[::-1])
        with pytest.raises(
            FileChangedError, match=r"was replaced while it was read: its version was .* and now is .*;"
        ):
            source.fetch([Range(10_000, 10)])
        put("bucket/replaced", CONTENT[:100])
        with pytest.raises(FileChangedError, match=r"and now is \(100, "):
            source.fetch([Range(10_000, 10)])


class Misbehaving(MemoryFileSystem):
    """Fails in the ways of `faults`, one for each range that is asked for, in their order."""

    protocol = "misbehaving"
    faults = ()
    size = len(CONTENT)

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("misbehaving://"))

    def info(self, path, **kwargs):
        return super().info(path) | {"size": self.size}

    def cat_file(self, path, start=None, end=None, **kwargs):
        fault = Misbehaving.faults.pop(0) if Misbehaving.faults else None
        if isinstance(fault, Exception):
            raise fault
        out = super().cat_file(path, start, end, **kwargs)
        return {"short": out[:-1], "long": out + b"1", "empty": b""}.get(fault, out)


@pytest.fixture
def misbehaving(memory):
    fsspec.register_implementation("misbehaving", Misbehaving, clobber=True)
    Misbehaving.faults = []
    return FsspecSource("misbehaving://bucket/random", settings=QUICK, password="not-for-you")  # noqa: S106  # of nobody


@pytest.mark.parametrize(
    "fault", ["short", "long", "empty", OSError("reset"), TimeoutError(), RuntimeError("odd")], ids=str
)
def test_what_passes_by_itself_is_tried_again(misbehaving, fault):
    Misbehaving.faults += [None, fault, None]
    expect(misbehaving, [Range(0, 10), Range(100_000, 10), Range(200_000, 10)])
    assert misbehaving.stats.retries == 1
    assert misbehaving.stats.requests == 1 + 3 + 1 + 1 + 1  # only what did not come is asked for again


@pytest.mark.parametrize("fault", ["short", "long", "empty", OSError("not-for-you?")], ids=str)
def test_what_does_not_pass_ends(misbehaving, fault, caplog):
    caplog.set_level(logging.DEBUG)
    Misbehaving.faults += [fault] * 10
    with pytest.raises(TransferError, match=r"^misbehaving://bucket/random: .*\(the last of 2 attempts\)") as raised:
        misbehaving.fetch([Range(0, 10)])
    assert caplog.text
    assert "not-for-you" not in str(raised.value) + caplog.text


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (FileNotFoundError("x"), FileNotFoundError, "there is no such file"),
        (PermissionError("no, not-for-you"), CredentialError, "no access: no, …; check the credentials"),
        (OSError("Forbidden: bucket/random"), CredentialError, "no access: Forbidden"),
        (NotImplementedError("no ranges"), TransferError, r"no ranges \(NotImplementedError\); check the URL"),
    ],
    ids=["missing", "denied", "forbidden", "not implemented"],
)
def test_what_is_final_is_asked_once(misbehaving, fault, error, said):
    Misbehaving.faults.append(fault)
    with pytest.raises(error, match=said):
        misbehaving.fetch([Range(0, 10)])
    assert misbehaving.stats.retries == 0


@pytest.mark.slow
def test_a_library_that_hangs(misbehaving, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(Misbehaving, "info", lambda *_, **__: ended.wait(60))
    begin = time.monotonic()
    source = FsspecSource("misbehaving://bucket/random", settings=TransferSettings(attempts=2, answer=1))
    with pytest.raises(TransferError, match=r"no answer in 1 s \(the last of 2 attempts\)"):
        source.size()
    assert time.monotonic() - begin < 5
    ended.set()


@pytest.mark.parametrize("size", [None, -1, "3"])
def test_a_server_that_does_not_tell_sizes(misbehaving, monkeypatch, size):
    monkeypatch.setattr(Misbehaving, "size", size)
    with pytest.raises(TransferError, match="does not tell the size of the file"):
        misbehaving.size()


def test_urls_that_cannot_be_meant():
    with pytest.raises(TransferError, match=r"Protocol not known: foo \(ValueError\); check the URL and the options"):
        FsspecSource("zip://a::foo://b").size()


def test_what_nobody_knows():
    with pytest.raises(UnsupportedFormatError, match=r"cannot read foo://, but file, http, .*roots, .* fsspec .*s3"):
        open_source("foo://server/name?token=secret")
    with pytest.raises(UnsupportedFormatError, match=r"cannot read foo://"):
        open_source("foo::memory://name")


# ------------------------------------------------------------------------------------------------------------ packages


@pytest.mark.parametrize(
    ("package", "url", "remedy"),
    [
        ("s3fs", "s3://bucket/name", "pip install 'physlite[cloud]'"),
        ("gcsfs", "zip://x::gs://bucket/name", "pip install 'physlite[cloud]'"),
        ("paramiko", "ssh://host/name", 'SFTPFileSystem requires "paramiko" to be installed'),
    ],
)
def test_without_the_package(package, url, remedy):
    code = f"""
import sys
sys.modules[{package!r}] = None
import physlite
try:
    physlite.open({url!r})
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{url.partition('://')[0]}:// needs a package that is not installed: {remedy}\n"


def test_nothing_is_imported_before_it_is_used():
    code = "import sys, physlite.storage; print('fsspec' in sys.modules or 'XRootD' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


# ----------------------------------------------------------------------------------------------------------- processes


@pytest.mark.parametrize(
    "options",
    [
        {"secret": "x"},
        {"key": "x"},
        {"token": "ya29.x"},
        {"token": {"private_key": "x"}},
        {"client_kwargs": {"aws_secret_access_key": "x"}},
        {"s3": {"session_token": "x"}},
        {"connection_string": "x"},
    ],
    ids=str,
)
def test_secrets_do_not_go_into_pickles(options):
    with pytest.raises(
        pickle.PicklingError, match=r"s3://bucket/name: its \w+ does not go into a pickle: have it in the"
    ):
        pickle.dumps(FsspecSource("s3://bucket/name", **options))


def test_what_goes_into_pickles(tmp_path):
    (tmp_path / "key.json").write_text("{}")
    options = {"token": str(tmp_path / "key.json"), "endpoint_url": "http://127.0.0.1", "key": None}
    again = pickle.loads(pickle.dumps(FsspecSource("gs://bucket/name", settings=QUICK, **options)))  # noqa: S301
    assert (again._url, again._options, again._settings) == ("gs://bucket/name", options, QUICK)
    assert pickle.dumps(FsspecSource("gs://bucket/name", token="anon"))  # noqa: S106  # none
    with pytest.raises(
        pickle.PicklingError, match=r"^ssh://host/name: its password in the URL does not go into a pickle"
    ):
        pickle.dumps(FsspecSource("ssh://me:pass@host/name"))


def _first_bytes(source):
    return bytes(source.fetch([Range(0, 10)])[0])


def test_sources_go_to_other_processes(google):
    source = FsspecSource("gs://bucket/random", **google.options)
    assert _first_bytes(source) == CONTENT[:10]
    for way in ("fork", "spawn"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            assert pool.apply_async(_first_bytes, (source,)).get(60) == CONTENT[:10]
    inherited = multiprocessing.get_context("fork").Process(target=_check_first_bytes, args=(source,))
    inherited.start()
    inherited.join(60)
    assert inherited.exitcode == 0


def _check_first_bytes(source):
    assert _first_bytes(source) == CONTENT[:10]


def test_nothing_is_left_behind(memory):
    before = set(threading.enumerate())
    source = FsspecSource("memory://bucket/random")
    expect(source, [Range(0, 10)])
    source.close()
    wait_until(lambda: set(threading.enumerate()) <= before)
    for call in (source.size, lambda: source.fetch([Range(0, 1)]), lambda: source.known_size):
        with pytest.raises(ValueError, match=r"is closed: open it again"):
            call()
