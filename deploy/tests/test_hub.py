"""Notebooks in JupyterHub, run in a browser."""

import base64
import json
import os
from pathlib import Path

import pytest
import yaml

from support.servers.gateway import dask_gateway
from support.servers.hub import jupyterhub, run_notebook

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

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


CLUSTER = """\
import physlite
from dask_gateway import Gateway

def count(path):
    return len(physlite.events(path))

cluster = Gateway({address!r}).new_cluster(worker_memory=1)
cluster.scale(2)
client = cluster.get_client()
client.wait_for_workers(2)
print(sorted(client.run(count, physlite.sample()).values()))
client.close()
cluster.shutdown()
"""

VALUES = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "values.yaml").read_text())
TOKEN = os.urandom(16).hex()  # of the gateway, with which it asks the hub who somebody is


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with the roles of the chart's values."""
    roles = [{"name": name, **role} for name, role in VALUES["jupyterhub"]["hub"]["loadRoles"].items()]
    config = f"""
c.JupyterHub.load_roles = {roles}
c.JupyterHub.services = [{{"name": "dask-gateway", "api_token": {TOKEN!r}}}]
c.Spawner.environment = {{"DASK_GATEWAY__AUTH__TYPE": "jupyterhub"}}
"""
    with jupyterhub(tmp_path_factory.mktemp("hub"), config=config) as hub:
        yield hub


@pytest.fixture
def gateway(hub, tmp_path):
    """A gateway that the hub's users may use, with the code of the chart's values."""
    values = VALUES["dask-gateway"]["gateway"]
    config = f"""
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
c.JupyterHubAuthenticator.jupyterhub_api_token = {TOKEN!r}
c.JupyterHubAuthenticator.jupyterhub_api_url = "{hub.url}/hub/api"
c.JupyterHubAuthenticator.jupyterhub_service_name = {values["auth"]["jupyterhub"]["jupyterhubServiceName"]!r}
"""
    with dask_gateway(tmp_path, config="\n".join([config, *values["extraConfig"].values()])) as server:
        yield server


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


def test_a_cluster_is_started_from_a_notebook(hub, gateway, tmp_path):
    cells = notebook(tmp_path / "cluster.ipynb", CLUSTER.format(address=gateway.address))
    (cell,) = run_notebook(hub, cells, tmp_path / "cluster.png")["cells"]
    assert [out["text"] for out in cell["outputs"] if out["output_type"] == "stream"] == [["[2000, 2000]\n"]]


def test_the_cell_that_fails_is_named(hub, tmp_path):
    cells = notebook(tmp_path / "fails.ipynb", "1 / 0", "print('not run')")
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        run_notebook(hub, cells, tmp_path / "fails.png")
