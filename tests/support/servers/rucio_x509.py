"""A Rucio server that knows its users by their grid proxies."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import proxies
from support.servers.process import free_port, listens, running


@contextmanager
def rucio_with_proxies(folder):
    """The URL of a server whose account `jdoe` is that of the user in `support.proxies`; `other` is somebody else's.

    Args:
        folder: for its files; ca.pem there has the certificate of the authority that all trust.
    """
    (folder / "server.pem").write_bytes(proxies.server().pem())
    (folder / "ca.pem").write_bytes(proxies.authority().pem(with_key=False))
    port = free_port()
    command = [_python(), "-P", str(Path(__file__).with_name("rucio_x509_program.py"))]
    with running([*command, str(folder), str(port), proxies.IDENTITY], folder / "log", ready=lambda: listens(port)):
        yield f"https://127.0.0.1:{port}"


def _python():
    python = os.environ.get("PHYSLITE_RUCIO_PYTHON") or Path(__file__).parents[3] / ".venv-rucio" / "bin" / "python"
    if not Path(python).exists():
        pytest.skip(f"there is no Rucio server in {python}: `make servers` installs it")
    return str(python)
