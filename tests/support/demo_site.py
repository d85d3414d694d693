"""What the demo notebook talks to, on this machine: Rucio, a store far away that wants signatures, a Dask Gateway.

`PYTHONPATH=tests python -m support.demo_site` runs the notebook, and writes it back with its outputs;
`PYTHONPATH=tests python -m support.demo_site jupyter lab examples/physlite_demo.ipynb` opens it beside the servers.
"""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import nbformat
import pytest
from nbclient import NotebookClient

import physlite
from support import proxies
from support.certificates import Certificates, hashed_authorities
from support.many_files import another
from support.servers.gateway import dask_gateway
from support.servers.process import free_port, listens, running
from support.servers.rucio import SCOPE, RucioServer
from support.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, seaweedfs

NOTEBOOK = Path(__file__).parents[2] / "examples" / "physlite_demo.ipynb"

ACCOUNT = "jdoe"
RSE = "CLOUD_DATADISK"
FILES = 6
NAME = "mc20_13TeV.999999.Toy_Zll_ttbar.deriv.DAOD_PHYSLITE.e1_s1_r1_p1"

# A connection carries as much in a round trip: that of TCP over some 2000 km.
_WINDOW = 64 << 10
_ROUND_TRIP = 0.02  # seconds

# The administrator of a new Rucio that is not told another one.
_ADMIN = {"username": "ddmlab", "password": "secret"}


class DemoSite(NamedTuple):
    """The servers, while they run.

    Attributes:
        environment: variables by which the notebook finds them.
        proxy: a file with a grid proxy of their user, for the notebook's form.
    """

    environment: dict[str, str]
    proxy: Path


@contextmanager
def demo_site():
    """Starts everything: copies of the package's sample are in Rucio as a dataset."""
    with tempfile.TemporaryDirectory(prefix="physlite-demo-") as name, ExitStack() as stack:
        folder = Path(name)
        certificates, authorities = _certificates(folder)
        place = {key: folder / key for key in ("rucio", "seaweed", "gateway", "run", "cache", "ipython")}
        for path in place.values():
            path.mkdir(mode=0o700)
        store = stack.enter_context(seaweedfs(place["seaweed"], certificates))
        far_away = stack.enter_context(_distant(urlsplit(store.tls_url).port))
        rucio = stack.enter_context(_rucio(place["rucio"], certificates))
        _fill(rucio, store, far_away)
        common = {
            "X509_CERT_DIR": str(authorities),
            "XDG_RUNTIME_DIR": str(place["run"]),
            "XDG_CACHE_HOME": str(place["cache"]),
        }
        gateway = stack.enter_context(
            dask_gateway(place["gateway"], config=f"c.ClusterConfig.environment = {common!r}\n")
        )
        proxy = folder / "x509up"
        proxy.touch(0o600)
        proxy.write_bytes(proxies.voms_proxy())
        environment = common | {
            "IPYTHONDIR": str(place["ipython"]),
            "PHYSLITE_DEMO_SITE": "local",
            "PHYSLITE_DEMO_RUCIO": rucio.url,
            "PHYSLITE_DEMO_DATASET": f"{SCOPE}:{NAME}",
            "RUCIO_ACCOUNT": ACCOUNT,
            "DASK_GATEWAY__ADDRESS": gateway.address,
            "DASK_GATEWAY__AUTH__TYPE": "basic",
            "DASK_GATEWAY__AUTH__KWARGS": repr({"username": ACCOUNT, "password": gateway.password}),
        }
        yield DemoSite(environment, proxy)


def run_notebook(site):
    """The notebook as it is when all its cells have run, with the proxy put into its form."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    env = {k: v for k, v in os.environ.items() if k not in ("X509_USER_PROXY", "RUCIO_CLIENT_PROXY", "MPLBACKEND")}
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.on_cell_executed = partial(_upload, client, site.proxy.read_bytes())
    gc.collect()  # filesystems of s3fs would end their sessions in the loop that runs by then, which is another one
    client.execute(env=env | site.environment)
    for cell in notebook.cells:  # when it ran
        cell.metadata.pop("execution", None)
    return notebook


def _upload(client, pem, cell, cell_index, execute_reply):
    """What a browser does when a file is chosen in the form that the cell shows."""
    if cell.source.splitlines()[-1:] != ["form"]:
        return
    (button,) = (name for name, state in client.widget_state.items() if state.get("_model_name") == "FileUploadModel")
    file = {"name": "x509up_u1000", "type": "", "size": len(pem), "last_modified": 1_700_000_000_000}
    update = {"method": "update", "state": {"value": [file]}, "buffer_paths": [["value", 0, "content"]]}
    message = client.kc.session.msg("comm_msg", {"comm_id": button, "data": update})
    client.kc.session.send(client.kc.shell_channel.socket, message, buffers=[pem])


def _certificates(folder):
    """Those of the authority that also signs the user's proxy, for all servers; and a folder of what to trust."""
    ca, server, key = (folder / name for name in ("ca.pem", "server.pem", "server.key"))
    ca.write_bytes(proxies.authority().pem(with_key=False))
    server.write_bytes(proxies.server().pem(with_key=False))
    key.write_bytes(proxies.key_pem(proxies.server().key))
    certificates = Certificates(ca, server, key, user=folder / "none")
    return certificates, hashed_authorities(folder / "authorities", certificates)


class _Rucio(RucioServer):
    """A server that users know by their proxies, with an administrator who has a password."""

    def __init__(self, url, folder):
        from rucio.client import Client

        class Admin(Client):
            TOKEN_PATH_PREFIX = f"{folder}/tokens_"

        self.url = url
        self.folder = folder
        self._client = Admin(
            rucio_host=url,
            auth_host=url,
            account="root",
            auth_type="userpass",
            creds=_ADMIN,
            ca_cert=str(folder / "ca.pem"),
            timeout=60,
        )

    def allow_signing(self, account):
        """Lets an account have URLs signed."""
        self._client.add_account_attribute(account, "sign-url", "true")


@contextmanager
def _rucio(folder, certificates):
    """A server whose account `jdoe` is that of the proxy, and which can sign."""
    (folder / "server.pem").write_bytes(certificates.server.read_bytes() + certificates.server_key.read_bytes())
    (folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
    (folder / "server" / "etc").mkdir(parents=True)
    python = os.environ.get("PHYSLITE_RUCIO_PYTHON") or NOTEBOOK.parents[1] / ".venv-rucio" / "bin" / "python"
    if not Path(python).exists():
        pytest.skip(f"there is no Rucio server in {python}: `make servers` installs it")
    port = free_port()
    program = Path(__file__).parent / "servers" / "rucio_x509_program.py"
    with running(
        [str(python), "-P", str(program), str(folder), str(port), proxies.IDENTITY],
        folder / "log",
        ready=lambda: listens(port),
        # The keys that it signs with are below its home.
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"RUCIO_HOME": str(folder / "server")},
    ):
        yield _Rucio(f"https://127.0.0.1:{port}", folder)


def _fill(rucio, store, port):
    """Puts copies of the sample into the store, and into the catalogue."""
    rucio.add_site(RSE, [("https", port, "/physics/")], attributes={"sign_url": "s3"})
    key = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "signature_version": "s3v4", "region": "us-east-1"}
    rucio.add_credentials(RSE, key)
    rucio.add_scope(SCOPE)
    rucio.allow_signing(ACCOUNT)
    sample = physlite.sample().read_bytes()
    dids = []
    for number in range(1, FILES + 1):
        content = another(sample, number)
        stored = rucio.add_file(f"DAOD_PHYSLITE.00000001._{number:06}.pool.root.1", content, [RSE], events=2000)
        store.put(f"physics/{rucio.path(RSE, stored.did).relative_to(rucio.folder / RSE)}", content)
        dids.append(stored.did)
    rucio.add_dataset(NAME, *dids)


@contextmanager
def _distant(port):
    """A port that leads to another one as if that was far away."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(partial(_connect, port), "127.0.0.1"), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _connect(port, client_reader, client_writer):
    with suppress(asyncio.CancelledError):  # asyncio takes it for an error here
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carry(client_reader, writer, 0), _carry(reader, client_writer, _ROUND_TRIP))


async def _carry(reader, writer, delay):
    """Carries bytes one way, a window at a time."""
    try:
        while block := await reader.read(_WINDOW):
            await asyncio.sleep(delay)
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        pass  # one of them has gone
    finally:
        writer.close()


async def _cancel_others():
    """Ends connections that are still open."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def main(command):
    """Runs the notebook, or a command, beside the servers."""
    with demo_site() as site:
        if command:
            print(f"A proxy to upload is in {site.proxy}")
            subprocess.run(command, env=os.environ | site.environment, check=True)
        else:
            nbformat.write(run_notebook(site), NOTEBOOK)


if __name__ == "__main__":
    main(sys.argv[1:])
