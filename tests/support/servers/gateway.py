"""Dask Gateway: clusters that it starts as processes of this machine."""

import os
import sys
import urllib.request
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from support.servers.process import free_port, running

_CONFIG = """
c.DaskGateway.address = "127.0.0.1:{api}"
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.UnsafeLocalBackend.clusters_directory = {clusters!r}
c.UnsafeLocalBackend.sigint_timeout = 2
c.Proxy.address = "127.0.0.1:{proxy}"
c.ClusterConfig.scheduler_cmd = ["dask", "scheduler"]
c.ClusterConfig.worker_cmd = ["dask", "worker"]
c.ClusterConfig.idle_timeout = 300
"""
_LOGIN = """
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.SimpleAuthenticator.password = {password!r}
"""


class DaskGateway(NamedTuple):
    """Where it serves, and how one gets in.

    Attributes:
        address: for `dask_gateway.Gateway`.
        password: of all users.
        log: what it says.
    """

    address: str
    password: str
    log: Path

    def gateway(self, user="tests"):
        """A client, to be used as a context manager."""
        from dask_gateway import BasicAuth, Gateway

        # What was closed would be closed once more when it is forgotten, which fails, and warns of that.
        Gateway.__del__ = lambda _: None
        return Gateway(self.address, auth=BasicAuth(user, self.password))


@contextmanager
def dask_gateway(folder, *, config="", environment=None):
    """A server that starts schedulers and workers as processes of the user who runs the tests.

    Args:
        folder: for its files, and those of the clusters.
        config: further configuration, which overrides that of the tests; by default all who know a password get in.
        environment: variables that it gets beside those of the tests.
    """
    password = os.urandom(16).hex()
    ports = {"api": free_port(), "proxy": free_port()}
    (folder / "clusters").mkdir()
    file = folder / "config.py"
    file.touch(0o600)
    file.write_text(
        _CONFIG.format(clusters=str(folder / "clusters"), **ports) + _LOGIN.format(password=password) + config
    )
    log = folder / "gateway.log"
    # The clusters start `dask`, that of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = os.environ | {"PATH": path} | (environment or {})
    command = [sys.executable, "-m", "dask_gateway_server", "--config", str(file)]
    address = f"http://127.0.0.1:{ports['proxy']}"
    with running(command, log, ready=lambda: _serves(address), env=env, cwd=folder):
        yield DaskGateway(address, password, log)


def _serves(address):
    """Its proxy answers before it knows where the gateway is."""
    with suppress(OSError), urllib.request.urlopen(f"{address}/api/health", timeout=1) as answer:  # noqa: S310
        return answer.status == HTTPStatus.OK
    return False
