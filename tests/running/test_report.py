"""What is told of a run when it is over."""

import io
import json
import pickle
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace

import pytest

from physlite.running.records import STAGES, FileFailure, Stage
from physlite.running.report import Report
from physlite.running.wording import count, distinct, duration, frequency
from support.records import RECORD
from support.terminal import OF_TERMINALS

TTBAR = replace(
    RECORD,
    file="https://example.org/data/DAOD_PHYSLITE.1._000001.pool.root.1?…",
    events=6000,
    worker="tcp://10.0.0.1:40000",
    columns=("AnalysisElectronsAuxDyn.eta", "AnalysisElectronsAuxDyn.pt"),
)
MORE = replace(TTBAR, file="/data/second.root", wall=8.0, events=2000, columns=("AnalysisMuonsAuxDyn.pt",))
DATA = replace(TTBAR, dataset="data18", file="/data/third.root", wall=6.0, worker="tcp://10.0.0.2:40000")
LOST = FileFailure("ttbar", "/data/lost.root", "no connection to <b>example.org</b>; try again later", 3, (0, 1000))
GONE = FileFailure("Zee", "/data/gone.root", "/data/gone.root: no such file", 1, None)


@pytest.fixture
def report():
    return Report([TTBAR, MORE, DATA], [LOST, GONE], wall=12.5, workers=2)


EMPTY = Report([], [], wall=0.0, workers=1)


# ------------------------------------------------------------------------------------------------------------ records


def sent(thing):
    """As it arrives from another process."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301  # made here


def test_records_come_back_as_they_were(report):
    assert list(report.files) == [TTBAR, MORE, DATA]
    assert report.files[-1] == DATA
    assert report.files[1:] == [MORE, DATA]
    assert sent(TTBAR) == TTBAR
    again = sent(report)
    assert (list(again.files), again.failures, again.total) == ([TTBAR, MORE, DATA], (LOST, GONE), report.total)


def test_records_from_elsewhere_share_their_columns():
    """A hundred thousand lists of fifty names would fill the memory."""
    first, second = (sent(TTBAR) for _ in range(2))
    assert first.columns is second.columns


def test_names_with_dollars_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    Report([replace(TTBAR, dataset="a$x_{$")], [], wall=1.0, workers=1).plot(tmp_path / "report.png")


def test_a_report_is_small():
    many = Report((replace(TTBAR, file=f"/data/{i}.root") for i in range(1000)), [], wall=1.0, workers=1)
    assert len(pickle.dumps(many)) < 200_000


# --------------------------------------------------------------------------------------------------------------- sums


def test_sums(report):
    assert (report.events, report.bytes) == (14_000, 9_000_000)
    assert report.khz_per_core == 14_000 / 18.0 / 1000
    assert report.waiting == 4.5 / 18.0
    assert report.seconds_per_stage["decompress"] == Stage(0.75, 1.5)
    assert tuple(report.seconds_per_stage) == STAGES


def test_sums_by_dataset(report):
    """Also of those with failures only."""
    ttbar, data, zee = report.by_dataset.values()
    assert list(report.by_dataset) == ["ttbar", "data18", "Zee"]
    assert (ttbar.files, ttbar.failures, ttbar.events, ttbar.wall) == (2, 1, 8000, 12.0)
    assert (ttbar.chunks, ttbar.requests, ttbar.retries, ttbar.prefetched_bytes) == (4, 20, 2, 2_000_000)
    assert (data.files, data.failures, data.stages, data.khz_per_core) == (1, 0, TTBAR.stages, 1.0)
    assert (zee.files, zee.failures, zee.khz_per_core, zee.waiting) == (0, 1, 0.0, 0.0)


def test_columns_of_any_file(report):
    names = ["AnalysisElectronsAuxDyn.eta", "AnalysisElectronsAuxDyn.pt", "AnalysisMuonsAuxDyn.pt"]
    assert report.columns == names


def test_the_slowest_come_first(report):
    assert report.slowest(2) == [MORE, DATA]
    assert report.slowest(10) == [MORE, DATA, TTBAR]


def test_of_files_that_took_equally_long_the_first():
    files = [replace(TTBAR, file=f"{i}.root", wall=8.0 + i % 2) for i in range(100)]
    assert Report(files, [], wall=1.0, workers=1).slowest(70) == files[1::2] + files[:40:2]


def test_a_run_of_nothing():
    assert (EMPTY.events, EMPTY.khz_per_core, EMPTY.waiting, EMPTY.columns) == (0, 0.0, 0.0, [])
    assert (EMPTY.by_dataset, EMPTY.slowest()) == ({}, [])
    assert repr(EMPTY) == "<Report of 0 files, 0 events, 0 B in 0.0s on 1 worker, 0 Hz per core>"
    assert json.loads(EMPTY.to_json())["files"] == []


# --------------------------------------------------------------------------------------------------------------- text


def test_a_report_in_a_line(report):
    line = "3 files, 2 failed, 14,000 events, 9.0 MB in 12s on 2 workers, 778 Hz per core"
    assert repr(report) == f"<Report of {line}>"


def test_tables_in_pipes_have_everything(report, capsys):
    report.show()
    assert (
        capsys.readouterr().out
        == """\
3 files, 2 failed, 14,000 events, 9.0 MB in 12s on 2 workers, 778 Hz per core

Datasets
dataset  files  failed  events    data  per core  waiting
-------  -----  ------  ------  ------  --------  -------
ttbar        2       1   8,000  6.0 MB    667 Hz      25%
data18       1       0   6,000  3.0 MB  1.00 kHz      25%
Zee          0       1       0     0 B      0 Hz       0%
all          3       2  14,000  9.0 MB    778 Hz      25%

Stages, sums over files
stage       wall  share   CPU
----------  ----  -----  ----
open        1.5s     8%  0.8s
fetch       4.5s    25%  0.0s
decompress  0.8s     4%  1.5s
decode      0.8s     4%  1.5s
user        3.0s    17%  3.0s
other       7.5s    42%

Failures
file       entries  attempts  error
---------  -------  --------  ----------------------------------------------------
lost.root  0-1,000         3  no connection to <b>example.org</b>; try again later
gone.root  all             1  /data/gone.root: no such file

Slowest files
file                                 events  wall  waiting  retries  worker
-----------------------------------  ------  ----  -------  -------  --------------------
second.root                           2,000  8.0s      19%        1  tcp://10.0.0.1:40000
third.root                            6,000  6.0s      25%        1  tcp://10.0.0.2:40000
DAOD_PHYSLITE.1._000001.pool.root.1   6,000  4.0s      38%        1  tcp://10.0.0.1:40000
"""
    )


LONG = "mc20_13TeV.{}.PhPy8EG_A14_ttbar_hdamp258p75_nonallhad.deriv.DAOD_PHYSLITE.e6337_s3681_r13167_p5855"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_tables_fit_terminals(monkeypatch):
    """Datasets that differ in the middle of their names are told apart."""
    for name in OF_TERMINALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    files = [replace(TTBAR, dataset=LONG.format(number)) for number in (410470, 410471)]
    failures = [replace(GONE, dataset=TTBAR.dataset, error=f"{LONG}: no such file")] * 12
    with redirect_stdout(Terminal()) as terminal:
        Report(files, failures, wall=5.0, workers=1).show()
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in terminal.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    rows = [line.partition(" ")[0] for line in lines]
    assert [row[:7] for row in rows if row.endswith("p5855")] == ["…410470", "…410471"]
    assert "and 2 more, see report.failures" in lines


def test_notebooks_show_tables(report):
    html = report._repr_html_()
    assert html.startswith(f"<div><b>Run</b>: {report.summary}<table>")
    assert "no connection to &lt;b&gt;example.org&lt;/b&gt;" in html
    assert "<summary>Failures: 2</summary>" in html
    assert "<summary>Slowest files: 3</summary>" in html


def test_notebooks_are_not_filled_with_files():
    many = Report([TTBAR] * 1000, [], wall=1.0, workers=1)
    html = many._repr_html_()
    assert "<summary>Slowest files: 50 of 1,000</summary>" in html
    assert html.count("DAOD_PHYSLITE.1._000001.pool.root.1</td>") == 50


def test_json_has_all(report):
    found = json.loads(report.to_json())
    assert (found["wall"], found["workers"]) == (12.5, 2)
    assert found["total"]["events"] == found["datasets"]["ttbar"]["events"] + found["datasets"]["data18"]["events"]
    assert found["columns"] == [list(TTBAR.columns), list(MORE.columns)]
    assert [file["file"] for file in found["files"]] == [TTBAR.file, MORE.file, DATA.file]
    assert [file["columns"] for file in found["files"]] == [0, 1, 0]
    assert found["files"][0]["stages"]["open"] == {"wall": 0.5, "cpu": 0.25}
    assert found["failures"][0]["entries"] == [0, 1000]
    assert found["failures"][1] == {
        "dataset": "Zee",
        "file": "/data/gone.root",
        "error": "/data/gone.root: no such file",
        "attempts": 1,
        "entries": None,
    }


# ------------------------------------------------------------------------------------------------------------ pictures


def bars(figure):
    """For each stage, the widths of its bars."""
    return {container.get_label(): [bar.get_width() for bar in container] for container in figure.axes[0].containers}


def names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_a_picture_of_where_the_time_went(report, tmp_path):
    pytest.importorskip("matplotlib")
    figure = report.plot(tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert names(figure) == ["ttbar", "data18", "Zee"]
    assert bars(figure)["fetch"] == [3.0, 1.5, 0.0]
    assert bars(figure)["other"] == [5.0, 2.5, 0.0]
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 3


def test_many_datasets_have_one_bar_together():
    pytest.importorskip("matplotlib")
    files = [replace(TTBAR, dataset=LONG.format(number), wall=4.0 - number / 100) for number in range(10, 40)]
    figure = Report(files, [], wall=1.0, workers=1).plot()
    assert len(set(names(figure))) == 20
    assert names(figure)[-1] == "11 other datasets"
    assert bars(figure)["user"] == [1.0] * 19 + [11.0]  # seconds


@pytest.mark.parametrize(
    ("cell", "pictures"),
    [
        ("report.plot()", 1),
        ("report.plot();", 1),
        ("figure = report.plot()\nfigure.axes", 1),
        ("import matplotlib.pyplot\nreport.plot();", 1),
        ("report.plot('report.png');", 0),
        ("report.plot('report.png')", 1),
    ],
)
def test_a_notebook_shows_it_once(cell, pictures, notebook):
    assert notebook(cell) == pictures
    assert notebook("import matplotlib.pyplot\nmatplotlib.pyplot.get_fignums()") == 0


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Runs a cell in a kernel, and counts the pictures that come of it."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("ipykernel")
    manager = pytest.importorskip("jupyter_client.manager")
    with manager.run_kernel(cwd=tmp_path_factory.mktemp("notebook")) as kernel:

        def run(cell):
            shown = []
            reply = kernel.execute_interactive(cell, output_hook=shown.append, timeout=60)
            assert reply["content"]["status"] == "ok", shown
            return sum("image/png" in message["content"].get("data", {}) for message in shown)

        run("from physlite.running.report import Report\nreport = Report([], [], wall=1.0, workers=1)")
        yield run


def test_no_figure_stays_open_in_a_script():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    EMPTY.plot()
    assert pyplot.get_fignums() == []


def test_a_picture_of_nothing(tmp_path):
    pytest.importorskip("matplotlib")
    EMPTY.plot(tmp_path / "empty.pdf")
    assert (tmp_path / "empty.pdf").read_bytes().startswith(b"%PDF")


def test_without_matplotlib(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "physlite.running.reportplot", raising=False)
    with pytest.raises(ImportError, match=r"pictures need matplotlib.*: pip install 'physlite\[plot\]'"):
        report.plot()


# ------------------------------------------------------------------------------------------------------------- wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.6, "1m00s"), (83, "1m23s"), (4980, "1h23m"), (190_000, "2d4h")],
)
def test_times(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (999.6, "1.00k"), (12_345, "12.3k"), (999_600, "1.00M"), (1e9, "1.00G"), (2e15, "2000T")],
)
def test_numbers(number, text):
    assert count(number) == text


def test_rates():
    assert [frequency(rate) for rate in (12.3, 4567)] == ["12 Hz", "4.57 kHz"]


def test_names_that_would_be_the_same():
    assert distinct(["short", "also_short"], 10) == ["short", "also_short"]
    assert distinct(["mc.1000.a_long_end", "mc.1001.a_long_end", "all"], 12) == ["…1000…ng_end", "…1001…ng_end", "all"]
