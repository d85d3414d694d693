"""Brings a grid proxy to the workers of Dask: encrypted for each, and never part of a task, a log or the scheduler.

A worker announces itself without any secret, through a plugin. The client asks it for a public key, which the worker
makes for this once, and sends the proxy encrypted for that. So workers that join later get it too, while the client is
there to answer.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from physlite.running.receiving import offer_key, take_proxy, worker_begins, worker_ends
from physlite.running.sealing import seal
from physlite.storage.proxies.proxy import Proxy
from physlite.storage.proxies.proxyfiles import load_proxy

try:
    from distributed import Client, Worker, WorkerPlugin
except ImportError as error:
    msg = "ship_proxy is for Dask: pip install 'physlite[dask]'"
    raise ImportError(msg) from error

__all__ = ["ship_proxy"]

_TOPIC = "physlite-proxy"
_log = logging.getLogger(__name__)


class _Announcer(WorkerPlugin):
    """Says that a worker has joined, and cleans up when it leaves."""

    name = _TOPIC
    idempotent = True  # a client that ships a proxy again, or another client, finds it there

    def setup(self, worker: Worker) -> None:
        worker_begins(worker.id)
        worker.log_event(_TOPIC, {})  # the scheduler adds the worker's address

    def teardown(self, worker: Worker) -> None:
        worker_ends(worker.id)


@dataclass(eq=False)
class _Shipment:
    """What a client has shipped last. One at a time is under way, lest an older proxy arrives behind a newer one."""

    proxy: Proxy
    under_way: asyncio.Lock = field(default_factory=asyncio.Lock)


_shipments: WeakKeyDictionary[Client, _Shipment] = WeakKeyDictionary()


def ship_proxy(client: Client, proxy: Proxy | None = None) -> dict[str, str]:
    """Brings a grid proxy to the workers of a Dask cluster, also to those that join later.

    On a worker it is in a file of mode 0600, named in $X509_USER_PROXY and $RUCIO_CLIENT_PROXY, that is removed when
    the worker ends. On its way it is encrypted for each worker (see `physlite.running.sealing`); the scheduler has
    nothing else, and it is in no task. Call it again to replace a proxy that is about to expire.

    Args:
        client: a client of the cluster; workers that join are answered while it is open.
        proxy: by default what `load_proxy()` finds.

    Returns:
        For each worker, by address, the path of the file there. With an asynchronous client, a coroutine that gives it.

    Raises:
        CredentialError: there is no proxy, or it has expired here or by the clock of a worker.
        ImportError: Dask or cryptography is missing, here or on a worker.
    """
    proxy = proxy or load_proxy()
    proxy.check_time()
    paths: dict[str, str] = client.sync(_ship, client, proxy)
    return paths


async def _ship(client: Client, proxy: Proxy) -> dict[str, str]:
    if client in _shipments:
        _shipments[client].proxy = proxy
    else:
        _shipments[client] = _Shipment(proxy)
        # Who joins from here on is announced; who did before is among those that are asked below.
        client.subscribe_topic(_TOPIC, lambda event: client.loop.add_callback(_answer, client, event[1]["worker"]))
        await client.register_plugin(_Announcer())
    return await _deliver(client, None)


async def _deliver(client: Client, workers: list[str] | None) -> dict[str, str]:
    """Asks workers, or all, for their keys, and sends each the proxy, encrypted for its key."""
    shipment = _shipments[client]
    async with shipment.under_way:
        keys: dict[str, bytes] = await client.run(offer_key, workers=workers)
        sendings = [
            client.run(take_proxy, key, seal(shipment.proxy.reveal(), key), workers=[worker])
            for worker, key in keys.items()
        ]
        results = await asyncio.gather(*sendings, return_exceptions=True)
    paths: dict[str, str] = {}
    for result in results:
        if isinstance(result, BaseException):
            raise result
        paths |= result
    return paths


async def _answer(client: Client, worker: str) -> None:
    """Sends the proxy to a worker that has announced itself."""
    try:
        _shipments[client].proxy.check_time()
        await _deliver(client, [worker])
    except Exception as error:  # noqa: BLE001  # nobody waits for it who could handle an error
        _log.warning("worker %s has no proxy: %s; call ship_proxy again", worker, error)
