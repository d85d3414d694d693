"""Notebooks in JupyterHub, run in a browser."""

import base64
import json

import pytest

from support.servers.hub import jupyterhub, run_notebook

pytestmark = pytest.mark.slow

PLOT = """\
import awkward as ak
import hist
import physlite
from physlite.units import GeV

events = physlite.events(physlite.sample())
muons = events.Muons[events.Muons.pt > 20 * GeV]
mass = ak.flatten((muons[:, :-1] + muons[:, 1:]).mass) / GeV
hist.new.Reg(60, 60, 120, label="Dimuon mass [GeV]").Double().fill(mass).plot()
print(len(events), "events")
"""
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with jupyterhub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def notebook(path, *cells):
    """Writes a notebook of code cells."""
    code = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
        for i, text in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": code, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_plot_is_drawn_in_the_browser(hub, tmp_path):
    saved = run_notebook(hub, notebook(tmp_path / "plot.ipynb", PLOT), tmp_path / "plot.png")
    outputs = saved["cells"][0]["outputs"]
    assert [out["text"] for out in outputs if out["output_type"] == "stream"] == [["2000 events\n"]]
    (drawn,) = (out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {}))
    assert base64.b64decode(drawn).startswith(PNG)
    assert (tmp_path / "plot.png").read_bytes().startswith(PNG)


def test_the_cell_that_fails_is_named(hub, tmp_path):
    cells = notebook(tmp_path / "fails.ipynb", "1 / 0", "print('not run')")
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        run_notebook(hub, cells, tmp_path / "fails.png")
