"""What is written of made-up figures."""

import json

import pytest
from rich.console import Console

import bars
import report
from harness import Comparison, Target, Way

pytestmark = pytest.mark.checkout

ABOUT = {"date": "2030-01-01", "versions": {"Python": "3.99", "coffea": None}, "cores": 2, "processor": "abacus"}


@pytest.fixture
def comparisons():
    names = ("uproot", "decompression", "decompression, 2 threads", "physlite")
    time = Comparison(
        "floats",
        "tree, 10 events",
        dict.fromkeys(names, Way("a:b", {})),
        [Target("physlite", "least", 3, "uproot"), Target("physlite", "most", 1.3, "decompression")],
        limit="decompression",
        events=10,
    )
    medians = dict(zip(names, (0.04, 0.008, 0.004, 0.01), strict=True))
    time.runs = {who: [[m, m], [m * 1.1], [m * 0.9, m * 0.9]] for who, m in medians.items()}
    time.peaks = {"uproot": 12_000_000, "physlite": None}
    memory = Comparison(
        "memory",
        "tree",
        {"physlite": Way("a:b", {})},
        [Target("physlite", "most", 1.4, "arrays"), Target("physlite", "most", 1e6)],
        limit="arrays",
        given={"arrays": 2e6},
        unit="B",
    )
    memory.runs = {"arrays": [[2e6]] * 3, "physlite": [[2.2e6]] * 3}
    return [time, memory]


def test_json_has_numbers_and_all_runs(comparisons):
    written = json.loads(json.dumps(report.as_json(ABOUT, comparisons)))
    assert {name: written[name] for name in ABOUT} == ABOUT
    time, memory = written["comparisons"]
    assert time["runs"] == comparisons[0].runs
    assert time["medians"]["physlite"] == pytest.approx(0.01)
    assert (time["rounds"], time["events"], time["limit"], time["unit"]) == (3, 10, "decompression", "s")
    assert time["peaks"] == {"uproot": 12_000_000, "physlite": None}
    least, most = time["targets"]
    assert (least["kind"], least["bound"], least["measured"], least["meets"]) == ("least", 3, pytest.approx(4), True)
    assert most["meets"]
    assert [target["meets"] for target in memory["targets"]] == [True, False]
    assert memory["targets"][1]["against"] is None


def test_markdown_lists_what_is_missed(comparisons):
    page = report.markdown(ABOUT, comparisons)
    assert page.startswith("2030-01-01: Python 3.99, coffea not installed; 2 cores, abacus\n")
    assert "\n- memory, tree: physlite: at most 1.0 MB: 2.2 MB\n" in page
    assert "| floats: tree, 10 events | physlite: at least 3 × as fast as uproot | 4.00 × | meets |" in page
    assert "| floats: tree, 10 events | uproot | 40.0 ms | 36.0 ms … 44.0 ms | 12 MB | 0.2 |" in page
    assert "| memory: tree | arrays | 2.0 MB | - | - | - |" in page
    assert "- none" in report.markdown(ABOUT, comparisons[:1])


def test_tables_have_verdicts(comparisons):
    console = Console(width=120)
    with console.capture() as shown:
        for comparison in comparisons:
            console.print(report.table(comparison))
    assert shown.get().count("meets") == 3
    assert shown.get().count("misses") == 1


def test_machine_is_known():
    about = report.machine()
    assert about["versions"]["physlite"]
    assert about["cores"] > 0


def test_bars_have_whiskers_and_both_limits(comparisons, tmp_path):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axis = figure.subplots()
    bars._bars(axis, comparisons[0])
    assert [text.get_text() for text in axis.get_yticklabels()][-2:] == ["decompression", "decompression, 2 threads"]
    assert [line.get_xdata()[0] for line in axis.lines[-2:]] == pytest.approx([8, 4])
    assert [bar.get_width() for bar in axis.patches] == pytest.approx([40, 10])
    assert axis.collections
    bars.draw(comparisons, tmp_path / "new" / "bars.png")
    assert (tmp_path / "new" / "bars.png").stat().st_size > 10_000
    bars.draw([], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
