"""The demo notebook runs from top to bottom, against servers of this machine, and shows what it should."""

import ast
import json
import re

import nbformat
import pytest

import physlite
from support.demo_site import FILES, NOTEBOOK, demo_site, run_notebook
from support.proxies import IDENTITY
from support.secrets import has_key, leaks_of

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

EVENTS = 2000  # in each file
LARGEST = 300_000  # bytes of a notebook that people look at in the web


class Ran:
    """The notebook after it ran, and the proxy that was put into it."""

    def __init__(self, notebook, proxy):
        self.proxy = proxy
        self.text = nbformat.writes(notebook)
        self._outputs = outputs_of(notebook)

    def printed(self, cell):
        """What a cell has written."""
        return "".join(output.text for output in self._outputs[cell] if output.output_type == "stream")

    def shown(self, cell, kind="text/plain"):
        """What a cell shows as its last."""
        return [output.data[kind] for output in self._outputs[cell] if kind in output.get("data", ())][-1]


def outputs_of(notebook):
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def numbers(line):
    """Of events, of objects by kind, and of pairs, in a line that the notebook prints."""
    events, objects, pairs = re.fullmatch(r"(\d+) (\{.*\}) (\d+)\n", line).groups()
    return int(events), ast.literal_eval(objects), int(pairs)


@pytest.fixture(scope="module")
def ran():
    with demo_site() as site:
        return Ran(run_notebook(site), site.proxy.read_bytes())


def test_the_dataset_is_listed_with_its_bytes_and_events(ran):
    size = physlite.sample().stat().st_size
    assert ran.printed("dataset-bytes") == f"{FILES * size:,} bytes, {FILES * EVENTS:,} events\n"
    assert f"{FILES} files, " in ran.shown("dataset-listing")


def test_the_proxy_that_was_uploaded_is_the_one_in_use(ran):
    assert ran.printed("proxy-shown").startswith(f"{IDENTITY}, atlas, 11:5")


def test_nothing_secret_is_in_the_notebook(ran):
    assert not has_key(ran.text, leaks_of(ran.proxy))
    assert "X-Amz-Signature" not in ran.text
    assert re.fullmatch(r"SignedUrl\('https://\S+\?…', expires=\d+\)", ran.shown("signed-url"))


def test_a_part_of_a_file_is_read_or_all_of_it(ran):
    size = physlite.sample().stat().st_size
    received = [int(re.search(r"received=(\d+)", ran.printed(cell))[1]) for cell in ("https-read", "whole-read")]
    assert received[0] < size / 2
    assert size <= received[1] < 1.01 * size


def test_the_dataset_has_as_many_objects_as_its_files_together(ran):
    one = ast.literal_eval(ran.shown("analysis-call"))
    assert min(one.values()) > 0
    events, objects, pairs = numbers(ran.printed("analysis-counts"))
    assert events == FILES * EVENTS
    assert objects == {name: FILES * number for name, number in one.items()}
    assert pairs > 0


def test_the_cluster_gives_the_same(ran):
    assert ran.printed("cluster-counts") == ran.printed("analysis-counts")
    assert ran.shown("cluster-equal") == "True"
    assert f"{FILES} files, {FILES * EVENTS:,} events" in ran.shown("cluster-run")


@pytest.mark.parametrize(
    "cell", ["events-tracks", "connections-plot", "analysis-plot", "analysis-report", "cluster-report"]
)
def test_there_are_plots(ran, cell):
    assert ran.shown(cell, "image/png")


def test_nothing_warns(ran):
    outputs = [output for cell in json.loads(ran.text)["cells"] for output in cell.get("outputs", ())]
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []


def test_the_notebook_is_kept_as_it_ran(ran):
    """With its outputs, for those who look at it in the web, small, and without the paths of the machine."""
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert NOTEBOOK.stat().st_size < LARGEST
    counts = [cell.execution_count for cell in kept.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in outputs_of(kept).values() for output in cell]
    texts = [json.dumps(output.get("data", output) | {"image/png": ""}) for output in outputs]
    assert not re.search(r"/(tmp|home|root|work|var|builds)/", "".join(texts))
