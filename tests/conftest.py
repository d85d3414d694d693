"""Settings of the property tests, where the real files are, and servers that tests of several folders share."""

import gc
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physlite.storage.rucio import Rucio
from support import data
from support.servers.rucio import PASSWORD, rucio_server
from support.unskipped import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_collection_finish", "pytest_make_collect_report", "pytest_runtest_makereport"]  # pytest calls them

# Random examples on purpose: make prints the seed. No deadline, since a first call imports and compiles.
settings.register_profile(
    "physlite",
    deadline=None,
    derandomize=False,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "25")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("physlite")


def pytest_collection_finish():
    """Has Hypothesis find NumPy's random numbers now: of what is frozen it would not see who refers to it, and warn."""

    @given(st.none())
    def first(_):
        pass

    first()


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real PHYSLITE files: $PHYSLITE_TEST_DATA, or ../shared/data beside the checkout."""
    folder = data.folder()
    if not folder.is_dir():
        pytest.skip(f"no real files in {folder}: set PHYSLITE_TEST_DATA")
    return folder


@pytest.fixture(autouse=True, scope="module")
def nothing_old_collected():
    """The garbage collector does not look again and again through the millions of objects that other tests keep."""
    gc.collect()  # garbage that is frozen stays, with the threads and files it holds
    gc.freeze()


@pytest.fixture
def nothing_else_collected(nothing_old_collected):
    """Nor through those of the tests before in its module, for tests that call it often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def rucio_sites():
    """A Rucio server with its sites."""
    # Not a folder of pytest: XRootD runs as somebody else, who may not look into those.
    with tempfile.TemporaryDirectory(prefix="physlite-rucio-") as folder:
        Path(folder).chmod(0o755)
        with rucio_server(Path(folder)) as server:
            yield server


@pytest.fixture
def rucio_user(rucio_sites, monkeypatch, tmp_path):
    """The server, asked by somebody who may read."""
    for name in list(os.environ):
        if name.startswith(("RUCIO_", "BEARER_", "X509_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", PASSWORD)
    monkeypatch.setattr("rucio.client.baseclient.BaseClient.TOKEN_PATH_PREFIX", f"{tmp_path}/")
    return Rucio(rucio_sites.url, "physicist", auth_type="userpass", username="physicist")
