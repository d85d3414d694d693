"""The Python in the README and in the documentation runs as it stands there."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from support.servers.faults import fault_server

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))) if BLOCK.search(page.read_text())]

pytestmark = pytest.mark.checkout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    sample = files("physlite") / "data" / "sample.root"
    Path("DAOD_PHYSLITE.pool.root").symlink_to(sample)
    code = "\n".join(BLOCK.findall(page.read_text()))
    with fault_server(sample.read_bytes()) as server:
        code = code.replace("https://data.example.org", server.url.rpartition("/")[0])
        exec(compile(code, str(page), "exec"), {"__name__": page.stem})  # noqa: S102
