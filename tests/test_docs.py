"""The Python in the README and in the documentation runs as it stands there."""

import re
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest

from support import proxies
from support.servers.faults import fault_server
from support.servers.xrootd import xrootd

WEB, XROOTD = "https://data.example.org", "root://data.example.org//"  # in the examples
ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LONG = {"run.md", "dask.md"}  # many runs, and a cluster
PAGES = [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))) if BLOCK.search(page.read_text())]

pytestmark = pytest.mark.checkout


@pytest.fixture
def grid_user(tmp_path, monkeypatch):
    """The environment of somebody who has made a grid proxy."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    proxy = tmp_path / "run" / "x509up"
    proxy.touch(0o600)
    proxy.write_bytes(proxies.voms_proxy())
    monkeypatch.setenv("X509_USER_PROXY", str(proxy))
    monkeypatch.setenv("RUCIO_CLIENT_PROXY", str(proxy))


@pytest.mark.usefixtures("grid_user")
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.name in LONG else ()) for page in PAGES],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    sample = files("physlite") / "data" / "sample.root"
    Path("DAOD_PHYSLITE.pool.root").symlink_to(sample)
    code = "\n".join(BLOCK.findall(page.read_text()))
    with ExitStack() as running:
        if WEB in code:
            code = code.replace(WEB, running.enter_context(fault_server(sample.read_bytes())).url.rpartition("/")[0])
        if XROOTD in code:
            server = running.enter_context(xrootd())
            (server.folder / "DAOD_PHYSLITE.pool.root").write_bytes(sample.read_bytes())
            code = code.replace(XROOTD, server.url)
        exec(compile(code, str(page), "exec"), {"__name__": page.stem})  # noqa: S102
