"""Settings of the property tests, where the real files are, and servers that tests of several folders share."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import data
from support.servers.rucio import rucio_server
from support.unskipped import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # pytest calls them

# Random examples on purpose: make prints the seed. No deadline, since a first call imports and compiles.
settings.register_profile(
    "physlite",
    deadline=None,
    derandomize=False,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("physlite")


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real PHYSLITE files: $PHYSLITE_TEST_DATA, or ../shared/data beside the checkout."""
    folder = data.folder()
    if not folder.is_dir():
        pytest.skip(f"no real files in {folder}: set PHYSLITE_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def rucio_sites():
    """A Rucio server with its sites."""
    # Not a folder of pytest: XRootD runs as somebody else, who may not look into those.
    with tempfile.TemporaryDirectory(prefix="physlite-rucio-") as folder:
        Path(folder).chmod(0o755)
        with rucio_server(Path(folder)) as server:
            yield server
