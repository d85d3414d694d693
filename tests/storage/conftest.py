"""Servers that the tests of storage share; each is started when a test first needs it."""

import tempfile
from pathlib import Path

import pytest

from support.servers.rucio import rucio_server


@pytest.fixture(scope="session")
def rucio_sites():
    """A Rucio server with its sites."""
    # Not a folder of pytest: XRootD runs as somebody else, who may not look into those.
    with tempfile.TemporaryDirectory(prefix="physlite-rucio-") as folder:
        Path(folder).chmod(0o755)
        with rucio_server(Path(folder)) as server:
            yield server
