"""A run on a machine that has neither ROOT nor coffea; and what happens when something fails."""

import functools
import json

import pytest

import files
import peers
import run
from files import Missing
from harness import Comparison, Way

pytestmark = pytest.mark.checkout


@pytest.fixture
def bare(monkeypatch):
    caches = [files.root_python, files._say_once, peers._has_coffea]
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setenv("PHYSLITE_ROOT_PYTHON", "/nowhere/python")
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def started(monkeypatch, tmp_path):
    def start(*arguments):
        monkeypatch.setattr("sys.argv", ["run.py", *arguments, "--rounds", "1", "--out", str(tmp_path / "out")])
        return run.main()

    return start


@pytest.mark.slow
def test_the_sample_is_read_without_root_and_coffea(bare, started, tmp_path, capfd):
    pytest.importorskip("matplotlib")
    assert started("--work", "links") == 0
    shown = capfd.readouterr().out
    assert shown.count("`make root`") == 1
    results = json.loads((tmp_path / "out" / "results.json").read_text())["comparisons"]
    assert [(c["work"], c["detail"].partition(", 1 ")[0]) for c in results] == [
        ("links", "tree, packaged sample"),
        ("links", "ntuple, packaged sample"),
    ]
    for comparison in results:
        assert {"uproot", "physlite", "decompression"} < set(comparison["runs"])
        assert comparison["medians"]["decompression"] < comparison["medians"]["physlite"]
        assert not comparison["targets"]
    for suffix in ("md", "png"):
        assert (tmp_path / "out" / f"results.{suffix}").exists()


def missing():
    raise Missing("a file")


def good():
    return Comparison("good", "made up", {}, given={"a": 1, "b": 2}, unit="B")  # nothing is started


@pytest.mark.parametrize(
    ("makers", "code"),
    [([missing, good], 0), ([functools.partial(int, "x"), missing, good], 1)],
    ids=["missing", "bad"],
)
def test_the_rest_goes_on(started, monkeypatch, tmp_path, capfd, makers, code):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(run.WORKS, "open", lambda _: iter(makers))
    assert started("--work", "open") == code
    shown = capfd.readouterr().out
    assert "open: skipped: a file" in shown
    assert ("open: failed: invalid literal" in shown) == bool(code)
    assert [c["work"] for c in json.loads((tmp_path / "out" / "results.json").read_text())["comparisons"]] == ["good"]


def test_a_dead_process_leaves_the_rest(started, monkeypatch, capfd):
    pytest.importorskip("matplotlib")
    dead = Comparison("dead", "made up", {"x": Way("os:_exit", {"status": 3})})
    monkeypatch.setitem(run.WORKS, "open", lambda _: iter([lambda: dead, good]))
    assert started("--work", "open") == 1
    shown = capfd.readouterr().out
    assert "open: failed: x died: its traceback is above" in shown
    assert "good: made up" in shown


def test_real_files_that_are_not_there(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("PHYSLITE_TEST_DATA", str(tmp_path))
    source = files.real("no_such_file.root", "ntuple")
    assert source.stand_in
    assert source.find().endswith("sample_rntuple.root")
