"""The demo notebook runs from top to bottom, against servers of this machine, and shows what it should."""

import ast
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

import physlite
from support.demo_site import FILES, NOTEBOOK, demo_site, run_notebook
from support.proxies import IDENTITY
from support.secrets import has_key, leaks_of
from support.servers.hub import jupyterhub, opened

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

EVENTS = 2000  # in each file
WIDGET = "application/vnd.jupyter.widget-view+json"
LARGEST = 300_000  # bytes of a notebook that people look at in the web
RUNS = {"analysis-dataset": "analysis-function", "cluster-run": "analysis-plot"}  # and where a picture of each begins
PLOTS = ["events-tracks", "connections-plot", "analysis-plot", "analysis-report", "cluster-report"]
# What must be the same however it is run.
SAME = [
    *("show", "metadata", "links-raw", "events-pt", "events-truth", "dataset-bytes"),
    *("analysis-call", "analysis-counts", "cluster-counts", "cluster-equal"),
]


class Ran:
    """The notebook after it ran, and the proxy that was put into it."""

    def __init__(self, notebook, proxy):
        self.proxy = proxy
        self.text = nbformat.writes(notebook)
        self.seen = {}  # by cell, what is beside the bar while it runs
        self._outputs = outputs_of(notebook)

    def printed(self, cell):
        """What a cell has written."""
        return "".join(output.text for output in self._outputs[cell] if output.output_type == "stream")

    def shown(self, cell, kind="text/plain", which=-1):
        """What a cell shows, by default as its last."""
        return [output.data[kind] for output in self._outputs[cell] if kind in output.get("data", ())][which]

    def kinds(self, cell):
        """The kinds of all that a cell shows."""
        return {kind for output in self._outputs[cell] for kind in output.get("data", ())}

    def all_of(self, cell):
        """All that a cell has written and shows, as text."""
        return self.printed(cell), [output.data["text/plain"] for output in self._outputs[cell] if "data" in output]


def outputs_of(notebook):
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def numbers(line):
    """Of events, of objects by kind, and of pairs, in a line that the notebook prints."""
    events, objects, pairs = re.fullmatch(r"(\d+) (\{.*\}) (\d+)\n", line).groups()
    return int(events), ast.literal_eval(objects), int(pairs)


@pytest.fixture(scope="module")
def site():
    with demo_site() as site:
        yield site


@pytest.fixture(scope="module")
def by_client(site):
    """The notebook as a program runs it."""
    return Ran(run_notebook(site), site.proxy.read_bytes())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Where pictures of JupyterLab are put."""
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def in_lab(site, pictures, tmp_path_factory):
    """The notebook as somebody runs it in the JupyterLab of a hub, and what is seen of its runs meanwhile."""
    # A fast machine would be done before it is shown how far it is.
    startup = Path(site.environment["IPYTHONDIR"]) / "profile_default" / "startup" / "bars.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    startup.write_text("from physlite.running import showing\nshowing._PATIENCE = 0.0\n")
    config = f"c.Spawner.environment = {site.environment!r}\n"
    with jupyterhub(tmp_path_factory.mktemp("hub"), config=config) as hub:
        home = hub.homes / "jovyan"
        home.mkdir()
        shutil.copy(NOTEBOOK.with_name("demo_settings.py"), home)
        with opened(hub, NOTEBOOK, pictures / "end.png") as lab:
            lab.select("proxy-form")
            lab.run("Run All Above Selected Cell")
            lab.run("Run Selected Cell")
            upload(lab.cell("proxy-form"), site.proxy)
            lab.select("proxy-shown")
            lab.run("Run Selected Cell and All Below")
            seen = {cell: seen_of(lab, cell, pictures) for cell in RUNS}
            lab.wait()
            for cell in [*RUNS, *PLOTS, "proxy-form", "dataset-listing"]:
                lab.cell(cell).screenshot(path=pictures / f"{cell}.png")
            ran = Ran(nbformat.reads(json.dumps(lab.saved()), as_version=4), site.proxy.read_bytes())
            ran.seen = seen
            return ran


def upload(form, path):
    """Chooses a file in the form, by the browser's own means."""
    with form.page.expect_file_chooser() as choosing:
        form.get_by_role("button", name="Grid proxy").click()
    choosing.value.set_files(path)
    form.get_by_text(IDENTITY).first.wait_for()


def seen_of(lab, cell, pictures):
    """The numbers beside the bar while a run lasts, with a picture of the window."""
    output = lab.cell(cell).locator(".jp-OutputArea-output")
    numbers = output.locator(".widget-html", has_text=re.compile(r"[1-9]\d*/\d+ files"))
    numbers.wait_for()
    lab.cell(RUNS[cell]).evaluate("cell => cell.scrollIntoView()")
    text = numbers.inner_text()
    lab.page.screenshot(path=pictures / f"{cell}-runs.png")
    return text


@pytest.fixture(params=["by_client", "in_lab"])
def ran(request):
    """Each way in which it ran."""
    return request.getfixturevalue(request.param)


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


@pytest.mark.parametrize("cell", PLOTS)
def test_there_are_plots(ran, cell):
    assert ran.shown(cell, "image/png")


def test_runs_leave_their_numbers_and_no_widget(ran):
    for cell in RUNS:
        assert ran.kinds(cell) == {"text/plain", "text/html"}
        numbers = rf"{FILES}/{FILES} files, 12.0k events, [\d.]+ k?Hz, [\d.]+ [kM]?B/s, in [\d.]+s"
        assert re.fullmatch(numbers, ran.shown(cell, which=0))


def test_how_far_a_run_is_can_be_seen(in_lab):
    assert in_lab.seen.keys() == RUNS.keys()
    for text in in_lab.seen.values():
        assert re.match(rf"[1-{FILES}]/{FILES} files, [\d.]+k events, [\d.]+ k?Hz, ", text)


def test_a_browser_and_a_program_are_given_the_same(by_client, in_lab):
    for cell in SAME:
        assert in_lab.all_of(cell) == by_client.all_of(cell)


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
    forms = {cell for cell, its in outputs_of(kept).items() if any(WIDGET in output.get("data", ()) for output in its)}
    assert forms == {"proxy-form"}  # what is not to be clicked on is no widget
    texts = [json.dumps(output.get("data", output) | {"image/png": ""}) for output in outputs]
    assert not re.search(r"/(tmp|home|root|work|var|builds)/", "".join(texts))
