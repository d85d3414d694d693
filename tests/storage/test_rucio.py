"""Data in Rucio: names, files of datasets, replicas, reading; against a real server."""

import io
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    ConfigurationError,
    CorruptDataError,
    CredentialError,
    DatasetNotFoundError,
    TransferError,
)
from physlite.storage import ByteSource, Range, open_source, verify_adler32
from physlite.storage.download import download
from physlite.storage.rucio import Did, Rucio, RucioSource, files, parse_did
from support import data
from support.compare import assert_same
from support.servers.process import free_port
from support.servers.rucio import (
    BLOCKED,
    CACHE,
    DISK,
    DOWN,
    GCS,
    LOST,
    ODD,
    PASSWORD,
    SCOPE,
    STAGING,
    TAPE,
    WEB,
    XROOTD,
)
from support.transports import check_events

CONTENT = bytes(range(256)) * 20
GUID = "0123456789ABCDEF0123456789ABCDEF"
_numbers = count()


@pytest.fixture(autouse=True)
def tokens(monkeypatch, tmp_path_factory):
    """Passwords and tokens of one test are not those of the next, nor those of who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("RUCIO_", "BEARER_", "X509_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", PASSWORD)
    folder = tmp_path_factory.mktemp("tokens")
    monkeypatch.setattr("rucio.client.baseclient.BaseClient.TOKEN_PATH_PREFIX", f"{folder}/")
    return folder


@pytest.fixture
def server(rucio_sites):
    return rucio_sites


def physicist(server, **more):
    """The server, asked by somebody who may read."""
    arguments = {"account": "physicist", "auth_type": "userpass", "username": "physicist"} | more
    return Rucio(arguments.pop("host", server.url), **arguments)


@pytest.fixture
def rucio(server):
    return physicist(server)


@pytest.fixture
def name():
    """A name that no other test has."""
    return f"DAOD_PHYSLITE.{next(_numbers):08d}.pool.root.1"


@pytest.fixture(scope="session")
def real_file(rucio_sites):
    """The file of release 21.2, in a dataset in a container in a container."""
    content = data.path_of(data.R21).read_bytes()
    stored = rucio_sites.add_file(
        "DAOD_PHYSLITE.21_2_108.pool.root.1", content, [LOST, WEB, XROOTD, DISK], guid=GUID, events=40
    )
    dataset = rucio_sites.add_dataset("mc20_13TeV.410470.deriv.DAOD_PHYSLITE_tid1", stored.did)
    container = rucio_sites.add_container("mc20_13TeV.410470.deriv.DAOD_PHYSLITE", dataset)
    rucio_sites.add_container("mc20_13TeV.ttbar", container)
    return stored


# -------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "scope", "name"),
    [
        ("rucio://mc20_13TeV:DAOD.1", "mc20_13TeV", "DAOD.1"),
        ("RUCIO://mc20_13TeV:DAOD.1", "mc20_13TeV", "DAOD.1"),
        ("mc20_13TeV:DAOD.1", "mc20_13TeV", "DAOD.1"),
        ("data17_13TeV.00327265.physics_Main", "data17_13TeV", "data17_13TeV.00327265.physics_Main"),
        ("rucio://data17_13TeV.00327265.physics_Main/", "data17_13TeV", "data17_13TeV.00327265.physics_Main"),
        ("user.jdoe.my.sample", "user.jdoe", "user.jdoe.my.sample"),
        ("group.phys-susy.sample", "group.phys-susy", "group.phys-susy.sample"),
        ("users.sample", "users", "users.sample"),
    ],
    ids=str,
)
def test_names(text, scope, name):
    assert parse_did(text) == (scope, name)
    assert str(parse_did(text)) == f"{scope}:{name}"
    assert parse_did(parse_did(text)) == (scope, name)


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "a:", ":b", "a:b:c", "rucio://", "a/b:c", "a:../../b", "a:b/../c", "a:b c", "a:b\n",
        "a:b?c=d", "a:b#c", "a:b%2F", "a:-b", "a:é", "a:\uff11", "https://host/a:b", "x" * 26 + ":b", "a:" + "b" * 251,
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ValueError, match=r"is no name in Rucio: give scope:name") as error:
        parse_did(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@given(
    st.from_regex(r"[A-Za-z0-9_]{1,25}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True),
)
def test_names_come_back(scope, name):
    assert parse_did(str(Did(scope, name))) == (scope, name)
    assert parse_did(f"rucio://{scope}:{name}") == (scope, name)


@given(st.text())
def test_any_text_is_a_name_or_an_error(text):
    try:
        assert parse_did(text) == parse_did(str(parse_did(text)))
    except ValueError as error:
        assert "is no name in Rucio" in str(error)  # noqa: PT017


# -------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "did",
    [
        f"{SCOPE}:DAOD_PHYSLITE.21_2_108.pool.root.1",
        "mc20_13TeV.410470.deriv.DAOD_PHYSLITE_tid1",
        "rucio://mc20_13TeV:mc20_13TeV.410470.deriv.DAOD_PHYSLITE/",
        "mc20_13TeV.ttbar",
    ],
    ids=["file", "dataset", "container", "container of containers"],
)
def test_the_files_of_a_name(rucio, real_file, did):
    (file,) = rucio.files(did)
    assert str(file.did) == real_file.did
    assert file.url == f"rucio://{real_file.did}"
    assert file.bytes == len(real_file.content)
    assert file.adler32 == real_file.adler32
    assert file.guid == GUID
    assert file.events == 40


def test_a_listing_is_a_sequence_shown_as_a_table(server, rucio):
    stored = [server.add_file(f"listed.{i:02d}", b"x" * 1000 * (i + 1), [DISK], events=1000 * i) for i in range(25)]
    listing = rucio.files(server.add_dataset("mc20_13TeV.listed", *(s.did for s in stored)))
    assert len(listing) == 25
    assert listing.urls == [f"rucio://{s.did}" for s in stored]
    assert listing.total_bytes == sum(len(s.content) for s in stored) == 325_000
    assert listing.total_events == 300_000
    assert [file.name for file in listing[1:3]] == ["listed.01", "listed.02"]
    assert listing[-1] in listing
    lines = str(listing).splitlines()
    assert lines[0] == "mc20_13TeV:mc20_13TeV.listed: 25 files, 325.0 kB, 300,000 events"
    assert lines[1].split() == ["file", "size", "events", "adler32", "guid"]
    assert lines[4].split() == ["mc20_13TeV:listed.01", "2.0", "kB", "1,000", stored[1].adler32]
    assert lines[-1] == "… and 5 more"
    assert len(lines) == 1 + 2 + 20 + 1
    html = listing._repr_html_()
    assert html.count("<tr>") == 21
    assert "25 files, 325.0 kB" in html
    assert "… and 5 more" in html


def test_what_is_not_known_is_none(server, rucio, name):
    counted = server.add_file(name, CONTENT, [DISK], events=7)
    uncounted = server.add_file(f"{name}.2", CONTENT, [DISK])
    listing = rucio.files(server.add_dataset(f"{name}.dataset", counted.did, uncounted.did))
    assert [file.events for file in listing] == [7, None]
    assert [file.guid for file in listing] == [None, None]
    assert listing.total_events is None
    assert str(listing).splitlines()[0].endswith("2 files, 10.2 kB, unknown number of events")


def test_a_file_in_two_datasets_counts_once(server, rucio, name):
    stored = server.add_file(name, CONTENT, [DISK], events=7)
    datasets = [server.add_dataset(f"{name}.{i}", stored.did) for i in range(2)]
    assert rucio.files(server.add_container(f"{name}.container", *datasets)).total_events == 7


def test_a_dataset_without_files(server, rucio, name):
    listing = rucio.files(server.add_dataset(name))
    assert len(listing) == 0
    assert str(listing) == f"{SCOPE}:{name}: 0 files, 0 B, 0 events"
    with pytest.raises(DatasetNotFoundError, match=rf"{SCOPE}:{name}: a dataset without files"):
        RucioSource(f"{SCOPE}:{name}", rucio).size()


# ----------------------------------------------------------------------------------------------------------- replicas


def test_replicas_lead_to_the_bytes(server, rucio, name, tmp_path):
    stored = server.add_file(name, CONTENT, [DISK, WEB, XROOTD])
    by_scheme = {replica.scheme: replica for replica in rucio.replicas(stored.did)}
    assert {scheme: replica.rse for scheme, replica in by_scheme.items()} == {"file": DISK, "http": WEB, "root": XROOTD}
    assert bytes(open_source(by_scheme["file"].url).fetch([Range(0, len(CONTENT))])[0]) == CONTENT
    with urllib.request.urlopen(by_scheme["http"].url) as answer:  # noqa: S310
        assert answer.read() == CONTENT
    subprocess.run(["xrdcp", "--silent", by_scheme["root"].url, str(tmp_path / "copy")], check=True, timeout=60)  # noqa: S607
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_replicas_are_sorted_by_protocol(server, rucio, name):
    stored = server.add_file(name, CONTENT, [WEB, DOWN, XROOTD, DISK])
    found = [(replica.rse, replica.scheme) for replica in rucio.replicas(stored.did)]
    assert found[:2] == [(DISK, "file"), (DOWN, "https")]
    assert set(found[2:4]) == {(DOWN, "root"), (XROOTD, "root")}, "the server says which of these is nearer"
    assert found[4:] == [(WEB, "http")]


def test_preferred_sites_come_first(server, name):
    stored = server.add_file(name, CONTENT, [WEB, XROOTD, DISK])

    def order(**arguments):
        return [replica.rse for replica in physicist(server, **arguments).replicas(stored.did)]

    assert order() == [DISK, XROOTD, WEB]
    assert order(prefer=["country=CH"]) == [WEB, DISK, XROOTD]
    assert order(prefer=[XROOTD, "country=CH"]) == [XROOTD, WEB, DISK]
    assert order(prefer="country=CH|country=DE") == [XROOTD, WEB, DISK]
    assert order(rses="country=CH") == [WEB]
    with pytest.raises(ValueError, match=r"RSEs with country=XX: .* refuses the question: .*empty set"):
        order(prefer=["country=XX"])
    with pytest.raises(ValueError, match=rf"{stored.did}: .* refuses the question: .*empty set"):
        order(rses="country=XX")


UNUSABLE = {
    BLOCKED: "not available for reading",
    TAPE: "on tape",
    STAGING: "only after staging",
    CACHE: "a cache, which may have dropped it",
    ODD: "none of its protocols can be read here (file, https, davs, root, roots, xroot, gs, s3, http)",
}


@pytest.mark.parametrize("rse", UNUSABLE)
def test_sites_that_are_not_read(server, rucio, name, rse):
    stored = server.add_file(name, CONTENT, [rse, DISK])
    assert [replica.rse for replica in rucio.replicas(stored.did)] == [DISK]
    assert [(r.rse, r.problem) for r in rucio.replicas(stored.did, unusable=True)] == [(DISK, ""), (rse, UNUSABLE[rse])]


@pytest.mark.parametrize(
    ("state", "word"), [("C", "copying"), ("U", "unavailable"), ("D", "bad"), ("B", "being deleted")]
)
def test_copies_that_are_not_available(server, rucio, name, state, word):
    stored = server.add_file(name, CONTENT, [DISK])
    server.add_file(name, CONTENT, [WEB], state=state)
    assert [replica.rse for replica in rucio.replicas(stored.did)] == [DISK]
    assert rucio.replicas(stored.did, unusable=True)[-1].problem == f"this copy is {word}"


def test_all_sites_excluded(server, rucio, name):
    stored = server.add_file(name, CONTENT, [BLOCKED, TAPE])
    with pytest.raises(DatasetNotFoundError) as error:
        RucioSource(stored.did, rucio).fetch([Range(0, 1)])
    assert str(error.value) == (
        f"{stored.did}: no replica can be read ({TAPE}: on tape, {BLOCKED}: not available for reading): "
        f"ask for another with `rucio rule add {stored.did} …`"
    )


def test_no_replicas(server, rucio, name):
    stored = server.add_file(name, CONTENT, [DISK])
    dataset = server.add_dataset(f"{name}.dataset", stored.did)
    assert [r.rse for r in rucio.replicas(dataset)] == [DISK]
    server.remove_replicas(stored)
    for did in (stored.did, dataset):
        with pytest.raises(DatasetNotFoundError, match=rf"{stored.did}: no replica; the file was deleted"):
            rucio.replicas(did)


def test_a_dataset_of_several_files_of_which_one_has_a_replica(server, rucio, name):
    """Rucio answers with one file."""
    stored = [server.add_file(f"{name}.{i}", CONTENT, [DISK]) for i in range(2)]
    dataset = server.add_dataset(name, *(s.did for s in stored))
    server.remove_replicas(stored[0])
    with pytest.raises(
        ValueError, match=r"a dataset of 2 files: open those that physlite.storage.rucio.files\('.*'\) lists"
    ):
        RucioSource(dataset, rucio).size()


def test_replicas_with_signatures(server, name):
    """They are kept without: they would have expired by the time they are used."""
    stored = server.add_file(name, CONTENT, [GCS])
    (plain,) = physicist(server).replicas(stored.did)
    assert plain.service == ""
    (signed,) = physicist(server, account="signer", username="signer").replicas(stored.did)
    assert signed.service == "gcs"
    assert signed.url == plain.url
    assert str(signed) == f"Replica({GCS}, {plain.url}, signed by gcs)"


# ------------------------------------------------------------------------------------------------------------ reading


def test_a_real_file(rucio, real_file):
    """The first site has lost its disk."""
    source = RucioSource("mc20_13TeV.ttbar", rucio)
    assert isinstance(source, ByteSource)
    assert source.size() == len(real_file.content)
    with physlite.open(source) as file, physlite.open(data.path_of(data.R21)) as expected:
        assert file.num_entries == 40
        assert_same(file.array("AnalysisElectronsAuxDyn.pt"), expected.array("AnalysisElectronsAuxDyn.pt"))
        assert_same(file.events().Jets.pt, expected.events().Jets.pt)
    assert source.stats.bytes > 0
    with pytest.raises(ValueError, match=r"rucio://mc20_13TeV:mc20_13TeV.ttbar is closed: open it again"):
        source.fetch([Range(0, 1)])


def test_ranges_come_in_their_order(server, rucio, name):
    source = RucioSource(server.add_file(name, CONTENT, [DISK]).did, rucio)
    ranges = [Range(500, 24), Range(0, 3), Range(7, 0), Range(len(CONTENT) - 1, 1)]
    assert [bytes(view) for view in source.fetch(ranges)] == [CONTENT[o : o + n] for o, n in ranges]
    assert (source.stats.requests, source.stats.ranges, source.stats.bytes) == (1, 4, 28)
    with pytest.raises(CorruptDataError, match=r"the file has 5120: it is truncated or damaged"):
        source.fetch([Range(5120, 1)])


def test_the_next_replica_when_the_first_does_not_open(server, name):
    stored = server.add_file(name, CONTENT, [DOWN, LOST, DISK])
    source = RucioSource(stored.did, physicist(server, prefer=[DOWN, LOST]))
    assert bytes(source.fetch([Range(0, 5120)])[0]) == CONTENT
    assert source._current.replica.rse == DISK


def test_a_replica_of_another_size_is_not_used(server, name):
    rse = server.add_site("CARELESS_DATADISK", [("file", 0)])
    stored = server.add_file(name, CONTENT, [rse, DISK])
    server.path(rse, stored.did).write_bytes(CONTENT + b"more")
    source = RucioSource(stored.did, physicist(server, prefer=[rse]))
    assert bytes(source.fetch([Range(0, 5120)])[0]) == CONTENT
    server.path(DISK, stored.did).unlink()
    with pytest.raises(TransferError, match=rf"{rse} by file: 5124 bytes, and not 5120 as in the catalogue"):
        RucioSource(stored.did, physicist(server, prefer=[rse])).fetch([Range(0, 5120)])


def test_the_next_replica_when_reading_fails(server, name):
    """All ranges of a request are from one replica."""
    rse = server.add_site("SHRINKING_DATADISK", [("file", 0)])
    stored = server.add_file(name, CONTENT, [rse, DISK])
    source = RucioSource(stored.did, physicist(server, prefer=[rse]))
    assert bytes(source.fetch([Range(0, 10)])[0]) == CONTENT[:10]
    assert source._current.replica.rse == rse
    os.truncate(server.path(rse, stored.did), 100)
    assert [bytes(view) for view in source.fetch([Range(0, 10), Range(5000, 120)])] == [CONTENT[:10], CONTENT[5000:]]
    assert source._current.replica.rse == DISK
    source.close()


def test_when_no_replica_is_left_it_says_why_and_then_tries_again(server, name):
    rse = server.add_site("EMPTY_DATADISK", [("file", 0)])
    stored = server.add_file(name, CONTENT, [LOST, rse])
    path = server.path(rse, stored.did)
    path.unlink()
    source = RucioSource(stored.did, physicist(server, prefer=[LOST]))
    with pytest.raises(TransferError) as error:
        source.fetch([Range(0, 1)])
    message = str(error.value)
    assert message.startswith(f"{stored.did}: no replica could be read ({LOST} by file: FileNotFoundError: ")
    assert f"; {rse} by file: FileNotFoundError: " in message
    assert message.endswith("): try again later, or ask for another with `rucio rule add`")
    assert "\n" not in message
    path.write_bytes(CONTENT)
    assert bytes(source.fetch([Range(1, 3)])[0]) == CONTENT[1:4]


def test_many_threads_change_to_the_next_replica(server, name):
    rse = server.add_site("FRAGILE_DATADISK", [("file", 0)])
    stored = server.add_file(name, CONTENT, [rse, DISK])
    source = RucioSource(stored.did, physicist(server, prefer=[rse]))
    source.fetch([Range(0, 1)])
    os.truncate(server.path(rse, stored.did), 0)

    def read(i):
        return bytes(source.fetch([Range(i, 10)])[0]) == CONTENT[i : i + 10]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(1000)))
    assert len(source._left) == 1, "it was left once"
    source.close()


def test_the_next_replica_when_a_web_server_has_lost_the_file(server, name):
    stored = server.add_file(name, CONTENT, [WEB, DISK])
    source = RucioSource(stored.did, physicist(server, prefer=[WEB]))
    assert bytes(source.fetch([Range(0, 10)])[0]) == CONTENT[:10]
    assert source._current.replica.scheme == "http"
    assert source.stats.received >= 10
    server.path(WEB, stored.did).unlink()
    assert bytes(source.fetch([Range(5000, 120)])[0]) == CONTENT[5000:]
    assert source._current.replica.rse == DISK
    source.close()


def test_both_ends_in_one_round_trip(server, name):
    """What is read first of a ROOT file; from a web server, and from a disk."""
    stored = server.add_file(name, CONTENT, [WEB, DISK])
    for site in (WEB, DISK):
        with closing(RucioSource(stored.did, physicist(server, prefer=[site]))) as source:
            assert source.known_size is None
            parts = source.ends(100, 200)
            assert all(CONTENT[at : at + len(view)] == bytes(view) for at, view in parts)
            assert (parts[0][0], parts[-1][0] + len(parts[-1][1])) == (0, 5120)
            assert source.stats.requests <= 2
            assert (source.known_size, source.tag, source.key) == (5120, stored.adler32, f"rucio://{stored.did}")


def test_the_site_of_signed_urls_is_down(server, name):
    stored = server.add_file(name, CONTENT, [GCS, DISK])
    source = RucioSource(stored.did, physicist(server, account="signer", username="signer", prefer=[GCS]))
    assert bytes(source.fetch([Range(2, 2)])[0]) == CONTENT[2:4]


# ------------------------------------------------------------------------------------------------------ whole copies


def test_a_download(rucio, real_file, tmp_path):
    done = download(open_source(RucioSource(real_file.did, rucio)), tmp_path / "copy.root")
    assert (done.bytes, f"{done.adler32:08x}") == (len(real_file.content), real_file.adler32)
    assert (tmp_path / "copy.root").read_bytes() == real_file.content
    verify_adler32(tmp_path / "copy.root", rucio.files(real_file.did)[0].adler32)


def test_a_download_of_a_damaged_replica(server, name, tmp_path):
    rse = server.add_site("ROTTEN_DATADISK", [("file", 0)])
    stored = server.add_file(name, CONTENT, [rse])
    server.path(rse, stored.did).write_bytes(b"X" + CONTENT[1:])
    source = open_source(RucioSource(stored.did, physicist(server)))
    with pytest.raises(CorruptDataError, match=rf"{stored.did}: its adler32 is .* where {stored.adler32} is known"):
        download(source, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_checksums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"Wikipedia")
    verify_adler32(path, "11e60398")
    verify_adler32(path, "11E60398")
    with pytest.raises(
        CorruptDataError, match=r"file: adler32 is 11e60398, but 00000001 in the catalogue: it is damaged"
    ):
        verify_adler32(path, "1")
    path.write_bytes(b"")
    verify_adler32(path, "1")


# -------------------------------------------------------------------------------------------------------------- errors


def quickly(function, seconds=10):
    """How long it took, too."""
    start = time.monotonic()
    try:
        function()
    finally:
        assert time.monotonic() - start < seconds


@pytest.mark.parametrize("did", [f"{SCOPE}:nothing", "mc99_99TeV:nothing"], ids=["name", "scope"])
def test_what_is_not_in_the_catalogue(server, rucio, did):
    for ask in (rucio.files, rucio.replicas, lambda did: files(did, rucio), lambda did: RucioSource(did, rucio).size()):
        with pytest.raises(DatasetNotFoundError) as error:
            ask(did)
        assert str(error.value) == f"{did}: not in the catalogue of {server.url}: check its scope and its name"


def test_several_files(server, rucio, name):
    stored = [server.add_file(f"{name}.{i}", CONTENT, [DISK]) for i in range(3)]
    dataset = server.add_dataset(name, *(s.did for s in stored))
    with pytest.raises(ValueError, match=rf"{dataset}: a dataset of 3 files: open those that "):
        RucioSource(dataset, rucio).fetch([])


def test_a_wrong_password(server, monkeypatch):
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", "wrong-password")
    with pytest.raises(CredentialError) as error:
        physicist(server).files(f"{SCOPE}:x")
    assert str(error.value).startswith(
        f"{SCOPE}:x: {server.url} does not accept userpass of account physicist as user physicist ("
    )
    assert str(error.value).endswith("): check the account and the credential")
    assert "wrong-password" not in str(error.value)


def test_an_account_of_somebody_else(server):
    with pytest.raises(CredentialError, match="does not accept userpass of account root as user physicist"):
        physicist(server, account="root").files(f"{SCOPE}:x")


def test_no_password(server, monkeypatch):
    monkeypatch.delenv("RUCIO_CFG_CLIENT_PASSWORD")
    with pytest.raises(CredentialError, match="no password for userpass: set RUCIO_CFG_CLIENT_USERNAME and RUCIO_CFG_"):
        physicist(server).files(f"{SCOPE}:x")
    with pytest.raises(CredentialError, match="no user for userpass"):
        physicist(server, username=None).files(f"{SCOPE}:x")


def test_a_grid_proxy(server, monkeypatch, tmp_path):
    """The server would take its name from the front end's TLS; here there is none."""
    monkeypatch.setenv("X509_USER_PROXY", str(tmp_path / "proxy"))
    with pytest.raises(
        CredentialError, match=r"no grid proxy in .*/proxy: run voms-proxy-init, or set X509_USER_PROXY"
    ):
        physicist(server, auth_type=None).files(f"{SCOPE}:x")
    (tmp_path / "proxy").write_text("certificate and key")
    with pytest.raises(CredentialError, match="does not accept x509_proxy of account physicist"):
        physicist(server, auth_type=None).files(f"{SCOPE}:x")


def test_a_token(server, real_file, monkeypatch):
    """What is in BEARER_TOKEN goes to the server, which takes its own tokens for those of an identity provider."""
    oidc = physicist(server, auth_type="oidc")
    with pytest.raises(
        CredentialError, match="no token: set BEARER_TOKEN or BEARER_TOKEN_FILE, or log in with `rucio whoami`"
    ):
        oidc.files(real_file.did)
    monkeypatch.setenv("BEARER_TOKEN", token_of(server))
    assert len(oidc.files(real_file.did)) == 1


def token_of(server):
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/auth/userpass",
        headers={"X-Rucio-Account": "physicist", "X-Rucio-Username": "physicist", "X-Rucio-Password": PASSWORD},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return answer.headers["X-Rucio-Auth-Token"]


def test_a_server_that_is_down(server):
    host = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TransferError) as error:
        quickly(lambda: physicist(server, host=host).files(f"{SCOPE}:x"))
    assert str(error.value) == f"{SCOPE}:x: {host} does not answer: check the address, or try again later"


@contextmanager
def answering(chunks):
    """The address of a server that sends these bytes with a pause before each, to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    for chunk in chunks:
                        if stop.wait(0.2):
                            break
                        try:
                            connection.sendall(chunk)
                        except OSError:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_server_that_accepts_and_never_answers(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(
            TransferError, match=rf"{SCOPE}:x: {host} does not answer|did not answer in 1 s: try again later"
        ):
            quickly(lambda: physicist(server, host=host, timeout=1).files(f"{SCOPE}:x"), seconds=3)


def test_a_server_that_answers_a_byte_at_a_time(server):
    """No single wait is too long, all together are."""
    with answering([b"HTTP/1.1 200 OK\r\n", *([b"X-Header: 1\r\n"] * 50)]) as host:
        rucio = physicist(server, host=host, timeout=1)
        with pytest.raises(TransferError, match=rf"{SCOPE}:x: {host} did not answer in 1 s: try again later"):
            quickly(lambda: rucio.files(f"{SCOPE}:x"), seconds=3)


def test_a_server_that_is_not_rucio(server):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    with answering([answer]) as host:
        rucio = physicist(server, host=host)
        with pytest.raises(TransferError, match=rf"{SCOPE}:x: {host} does not answer as Rucio does"):
            rucio.files(f"{SCOPE}:x")


def test_a_server_that_is_not_named():
    with pytest.raises(
        ConfigurationError, match=r"no Rucio server is named: give host=, or point RUCIO_CONFIG at a rucio.cfg"
    ):
        files(f"{SCOPE}:x", Rucio())


def test_without_the_package(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "rucio.client", None)
    with pytest.raises(ImportError, match=r"Rucio needs the package rucio-clients: pip install 'physlite\[grid\]'"):
        physicist(server).files(f"{SCOPE}:x")


# ---------------------------------------------------------------------------------------------------- other machines


def run_elsewhere(code, folder, **environment):
    """What a program prints that has nothing of this environment but what is given."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"]} | environment,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr
    return answer.stdout.strip()


def test_a_source_on_another_machine_without_rucio_cfg(server, real_file, tmp_path):
    """The password is there."""
    source = RucioSource(real_file.did, physicist(server))
    source.fetch([Range(0, 4)])
    (tmp_path / "source").write_bytes(pickle.dumps(source))
    code = (
        "import pickle, sys; argv = list(sys.argv)\n"
        "source = pickle.load(open('source', 'rb'))\n"
        "print(source.size(), sys.argv == argv)\n"
        "import physlite; print(physlite.open(source).num_entries)"
    )
    said = run_elsewhere(code, tmp_path, RUCIO_CFG_CLIENT_PASSWORD=PASSWORD)
    assert said.split() == [str(len(real_file.content)), "True", "40"]


def test_a_url_with_rucio_cfg(server, real_file, tmp_path):
    (tmp_path / "rucio.cfg").write_text(
        f"""[client]
        rucio_host = {server.url}
        auth_host = {server.url}
        auth_type = userpass
        account = physicist
        username = physicist
        password = {PASSWORD}
        """.replace("        ", "")
    )
    code = f"import physlite; print(physlite.open('rucio://{real_file.did}').num_entries)"
    assert run_elsewhere(code, tmp_path, RUCIO_CONFIG=str(tmp_path / "rucio.cfg")) == "40"


def test_pickled_sources_of_a_process_share_what_they_know(server, real_file):
    rucio = physicist(server, prefer=["country=US"])
    one, other = (pickle.loads(pickle.dumps(RucioSource(real_file.did, rucio))) for _ in range(2))  # noqa: S301
    assert one._rucio is other._rucio
    assert repr(one._rucio) == repr(rucio)
    assert repr(rucio) == (
        f"Rucio(host='{server.url}', account='physicist', auth_type='userpass', username='physicist', "
        "prefer=('country=US',))"
    )
    assert repr(one) == f"RucioSource('{real_file.did}')"


# ------------------------------------------------------------------------------------------------------------- secrets


def test_no_secret_gets_out(server, real_file, caplog, capfd):
    """Neither the password nor the token: not in logs of any level, texts, pickles or errors."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("physlite.rucio").setLevel(logging.DEBUG)
    rucio = physicist(server)
    source = RucioSource(real_file.did, rucio)
    source.fetch([Range(0, 1)])
    (client,) = rucio._connection._idle
    token = client.auth_token
    assert len(token) > 20
    shown = [repr(rucio), repr(source), repr(rucio.replicas(real_file.did)), repr(rucio.files(real_file.did))]
    pickled = [pickle.dumps(rucio), pickle.dumps(source)]
    errors = []
    for failing in (
        lambda: rucio.signed_url("https://h/b/n", rse=GCS, service="gcs", lifetime=60),
        lambda: rucio.files(f"{SCOPE}:nothing"),
        lambda: physicist(server, host=f"http://127.0.0.1:{free_port()}").files(f"{SCOPE}:x"),
        lambda: physicist(server, account="nobody").files(f"{SCOPE}:x"),
    ):
        with pytest.raises(OSError) as error:  # noqa: PT011
            failing()
        errors.append(repr(error.value) + str(error.value) + str(error.value.__cause__))
        assert error.value.__suppress_context__
    assert caplog.text, "something was logged"
    everything = "\n".join([*shown, *errors, caplog.text, *capfd.readouterr()]).encode() + b"".join(pickled)
    assert b"physicist" in everything
    assert PASSWORD.encode() not in everything
    assert token.encode() not in everything


def test_tokens_stay_with_the_server_that_gave_them(server, rucio, real_file, tokens):
    """Rucio's client names the file of a token by the account alone."""
    rucio.files(real_file.did)
    (kept,) = tokens.glob("*/*")
    assert kept.stat().st_mode & 0o77 == 0
    heard = io.BytesIO()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen():
            connection, _ = listener.accept()
            with connection:
                heard.write(connection.recv(65536))

        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(TransferError):
            physicist(server, host=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=1).files(real_file.did)
        thread.join()
    assert b"GET /auth/userpass" in heard.getvalue()
    assert kept.read_bytes() not in heard.getvalue()
    assert b"X-Rucio-Script: physlite\r\n" in heard.getvalue(), "nor does it hear of the command line"


def test_events_by_name(rucio, real_file):
    check_events(RucioSource(real_file.did, rucio))
