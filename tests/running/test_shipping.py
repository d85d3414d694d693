"""A proxy on its way to Dask's workers, in a real cluster: it arrives, and nobody else has it."""

import asyncio
import os
import re
import stat
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from physlite.auth import load_proxy, ship_proxy
from physlite.exceptions import CredentialError
from support import proxies
from support.secrets import has_key, leaks_of
from support.servers.dask import command, dask_programs, registered
from support.servers.process import running
from support.servers.wire import tapped

PROXY = proxies.voms_proxy()
RENEWED = proxies.voms_proxy(hours=11)
VARIABLES = ("X509_USER_PROXY", "RUCIO_CLIENT_PROXY")


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """A folder for running programs, of this test alone, which worker processes inherit."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "run" / "physlite"


@contextmanager
def cluster(workers, **options):
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", **options}
    with LocalCluster(n_workers=workers, **options) as running, Client(running) as client:
        if workers:
            client.wait_for_workers(workers)
        yield running, client


def proxies_on(client, variable="X509_USER_PROXY"):
    """The path of the proxy that each worker is told to use, or None."""
    return client.run(os.getenv, variable)


def test_each_worker_has_it_also_one_that_joins_later(own_places):
    with cluster(2) as (running, client):
        paths = ship_proxy(client, load_proxy(PROXY))
        assert len(set(paths.values())) == 2
        assert proxies_on(client) == proxies_on(client, "RUCIO_CLIENT_PROXY") == paths
        for path in map(Path, paths.values()):
            assert path.parent == own_places
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path.read_bytes() == PROXY

        running.scale(3)
        client.wait_for_workers(3)
        wait_until(lambda: all(proxies_on(client).values()))
        (joined,) = proxies_on(client).keys() - paths.keys()
        assert Path(proxies_on(client)[joined]).read_bytes() == PROXY

        again = ship_proxy(client, load_proxy(RENEWED))
        assert again == proxies_on(client)
        assert {Path(path).read_bytes() for path in again.values()} == {RENEWED}
        running.scale(4)
        client.wait_for_workers(4)
        wait_until(lambda: all(proxies_on(client).values()))
        assert {Path(path).read_bytes() for path in proxies_on(client).values()} == {RENEWED}
    assert list(own_places.iterdir()) == [], "it goes with the workers"


def wait_until(happens, seconds=60):
    """Asks until it is so; each question takes a round trip to the workers."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    while not happens():
        assert datetime.now(UTC) < until, "it does not happen"


def test_asked_again_when_nothing_changed():
    with cluster(1) as (_, client):
        assert ship_proxy(client, load_proxy(PROXY)) == ship_proxy(client, load_proxy(PROXY))


def test_the_proxy_of_this_process_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("X509_USER_PROXY", str(load_proxy(PROXY).write(tmp_path / "mine")))
    with cluster(1) as (_, client):
        (path,) = ship_proxy(client).values()
        assert Path(path).read_bytes() == PROXY
        assert path != str(tmp_path / "mine")


def test_a_cluster_without_workers():
    with cluster(0) as (_, client):
        assert ship_proxy(client, load_proxy(PROXY)) == {}


def test_workers_that_are_threads_of_this_process(tmp_path, own_places, monkeypatch):
    """They share its environment, which is restored behind them."""
    monkeypatch.setenv("X509_USER_PROXY", str(tmp_path / "mine"))
    with cluster(2, processes=False) as (_, client):
        paths = ship_proxy(client, load_proxy(PROXY))
        assert set(paths.values()) == {os.environ["X509_USER_PROXY"]} == {os.environ["RUCIO_CLIENT_PROXY"]}
    assert os.environ["X509_USER_PROXY"] == str(tmp_path / "mine")
    assert "RUCIO_CLIENT_PROXY" not in os.environ
    assert list(own_places.iterdir()) == []


def test_an_asynchronous_client():
    async def ship():
        async with (
            LocalCluster(n_workers=1, dashboard_address=":0", asynchronous=True) as there,
            Client(there, asynchronous=True) as client,
        ):
            return await ship_proxy(client, load_proxy(PROXY)), await client.run(os.getenv, "X509_USER_PROXY")

    shipped, told = asyncio.run(ship())
    assert shipped == told


def test_an_expired_proxy_is_not_shipped():
    proxy = load_proxy(PROXY)
    object.__setattr__(proxy, "expires", datetime.now(UTC))
    with cluster(1) as (_, client):
        with pytest.raises(CredentialError, match="expired at"):
            ship_proxy(client, proxy)
        assert set(proxies_on(client).values()) == {None}


@pytest.mark.slow
def test_a_worker_that_joins_after_the_proxy_expired(caplog):
    proxy = load_proxy(PROXY)
    with cluster(1) as (there, client):
        ship_proxy(client, proxy)
        object.__setattr__(proxy, "expires", datetime.now(UTC))
        there.scale(2)
        client.wait_for_workers(2)
        wait_until(lambda: "has no proxy" in caplog.text)
    assert re.search(r"worker tcp://\S+ has no proxy: .* expired at .*; call ship_proxy again", caplog.text)


def test_a_proxy_is_no_argument_of_a_task():
    with cluster(1) as (_, client), pytest.raises(TypeError) as caught:
        client.submit(repr, load_proxy(PROXY)).result()
    assert "private key" in f"{caught.value} {caught.value.__cause__}"


# ------------------------------------------------------------------------------------------------- nobody else has it

DECOY = "a text that is looked for and must be found"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="looks into a process's memory as Linux shows it")
def test_scheduler_logs_and_wire_do_not_have_it(tmp_path, monkeypatch):
    """Scheduler and workers as people start them, saying all that they can say; the client's connection is tapped."""
    monkeypatch.setenv("DASK_LOGGING__DISTRIBUTED", "debug")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__COMPRESSION", "None")  # what is compressed cannot be searched
    leaks = leaks_of(PROXY)
    with (
        dask_programs(tmp_path) as programs,
        tapped(programs.port) as (tap, passed),
        Client(f"127.0.0.1:{tap}", set_as_default=False) as client,
    ):
        second = tmp_path / "second.log"
        client.wait_for_workers(1)
        ship_proxy(client, load_proxy(PROXY))
        joins = command("worker", f"127.0.0.1:{programs.port}", "--no-nanny")
        with running(joins, second, ready=lambda: registered(second)):
            wait_until(lambda: len(proxies_on(client)) == 2 and all(proxies_on(client).values()))
            assert [client.submit(abs, -i).result() for i in range(3)] == [0, 1, 2]
            client.set_metadata("decoy", DECOY)
            assert client.get_metadata("decoy") == DECOY

            told = [client.get_events(), client.get_task_stream(), client.scheduler_info()]
            told += [client.get_scheduler_logs(), client.get_worker_logs()]
            memory = programs.memory()
    assert has_key(load_proxy(PROXY).reveal(), leaks)
    assert has_key(memory, [DECOY.encode()])
    assert not has_key(memory, leaks)
    assert has_key(b"".join(passed), [DECOY.encode()])
    assert not has_key(b"".join(passed), leaks)
    assert "take_proxy" in repr(told)
    assert not has_key(repr(told), leaks)
    written = programs.written() + second.read_bytes()
    assert b"take_proxy" in written
    assert not has_key(written, leaks)
