"""`physlite run`: an analysis that stands in a file, over the files of datasets."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

import physlite
from physlite.cli import app
from support.commands import COMMAND, fails, run
from support.many_files import many_files

ANALYSIS = """
    import awkward as ak
    from cuts import LOWEST


    def select(events):
        with open("seen", "a") as file:
            file.write(events.metadata["file"][-8:] + "\\n")
        return {"events": len(events), "electrons": {"hard": int(ak.sum(events.Electrons.pt > LOWEST))}}


    def misspelt(events):
        return events.Electrons.ptt


    class Counter:
        def process(self, events):
            return {events.metadata["dataset"]: len(events)}

        def postprocess(self, accumulator):
            return accumulator | {"all": sum(accumulator.values())}
"""
FILLING = """
    import hist
    import numpy as np


    def fill(events):
        one = hist.Hist.new.Reg(1, 0, 1).Double()
        two = hist.Hist.new.Reg(1, 0, 1).Reg(1, 0, 1).Weight()
        half = np.full(len(events), 0.5)
        return {"one": one.fill(half), "two": two.fill(half, half, weight=2)}
"""
DATASETS = """
    defaults: {campaign: mc20e}
    ttbar: {files: [files/000.root, files/001.root], cross_section: 0.83}
    zee: files/002.root
"""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """The folder that commands are run in, with an analysis, files, and a list of datasets."""
    folder = tmp_path_factory.mktemp("analysis")
    (folder / "analysis.py").write_text(textwrap.dedent(ANALYSIS))
    (folder / "cuts.py").write_text("LOWEST = 20_000.0\n")  # beside it, and nowhere else
    (folder / "datasets.yaml").write_text(textwrap.dedent(DATASETS))
    many_files(folder / "files", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        if path := os.environ.get("PYTHONPATH"):
            patch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, path.split(os.pathsep))))
        yield folder


def ran(*arguments, **options):
    """What a command prints that succeeds."""
    result = run("run", *arguments, **options)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture(scope="module")
def expected(folder):
    """The sums over each file, which are copies of the sample."""
    pt = physlite.events(physlite.sample()).Electrons.pt
    return {"events": 2000, "electrons": {"hard": sum(x > 20_000 for event in pt.tolist() for x in event)}}


def times(number, value):
    return {k: times(number, v) for k, v in value.items()} if isinstance(value, dict) else number * value


# ------------------------------------------------------------------------------------------------------------ results


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, as on macOS")
def test_a_result_for_which_there_is_no_room_is_kept_elsewhere(expected, tmp_path):
    arguments = ["analysis.py:select", "files/000.root", "--workers", 0, "--out", "/dev/full"]
    result = run("run", *arguments, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert result.returncode == 1
    said = r"physlite: /dev/full: it cannot be written \(No space left on device\), the result is in (\S+) instead\n"
    (kept,) = re.fullmatch(said, result.stderr).groups()
    assert Path(kept).parent == tmp_path
    assert pickle.loads(Path(kept).read_bytes()).value == expected  # noqa: S301  # of this test


def test_an_older_result_gives_way_to_a_whole_one(expected, folder):
    (folder / "older.pkl").write_bytes(b"old")
    ran("analysis.py:select", "files/000.root", "--workers", 0, "--out", "older.pkl")
    assert pickle.loads((folder / "older.pkl").read_bytes()).value == expected  # noqa: S301  # of this test
    assert not list(folder.glob(".older*"))


def test_what_is_printed(expected):
    lines = ran("analysis.py:select", "datasets.yaml", "--workers", 0).splitlines()
    assert lines[0].startswith("3 files, 6,000 events, ")
    assert lines[lines.index("ttbar:") - 1 :] == [
        "",
        "ttbar:",
        "  events: 4000",
        "  electrons:",
        f"    hard: {2 * expected['electrons']['hard']}",
        "",
        "zee:",
        "  events: 2000",
        "  electrons:",
        f"    hard: {expected['electrons']['hard']}",
    ]


@pytest.mark.parametrize(("name", "workers"), [("analysis.py:select", 2), ("analysis:select", 0)])
def test_what_is_written(name, workers, expected):
    ran(name, "datasets.yaml", "--workers", workers, "--out", "result.pkl")
    with open("result.pkl", "rb") as file:  # noqa: PTH123
        result = pickle.load(file)  # noqa: S301  # of this test
    assert isinstance(result, physlite.Result)
    assert result.value == times(3, expected)
    assert {name: dataset.value for name, dataset in result.by_dataset.items()} == {
        "ttbar": times(2, expected),
        "zee": expected,
    }
    assert dict(result.by_dataset["ttbar"].metadata) == {"campaign": "mc20e", "cross_section": 0.83}


@pytest.mark.slow
def test_from_another_folder(folder, tmp_path):
    """What is beside the analysis is found, wherever the command is run."""
    shown = ran(folder / "analysis.py:select", folder / "datasets.yaml", "--workers", 2, cwd=tmp_path)
    assert "\n  events: 4000\n" in shown


def test_several_files_are_one_dataset():
    shown = ran("analysis.py:select", "files/000.root", "files/002.root", "--workers", 0)
    assert "\nfiles:\n  events: 4000\n" in shown


def test_a_class_like_those_of_coffea():
    ran("analysis.py:Counter", "datasets.yaml", "--workers", 0, "--out", "result.pkl")
    with open("result.pkl", "rb") as file:  # noqa: PTH123
        assert pickle.load(file).value == {"ttbar": 4000, "zee": 2000, "all": 6000}  # noqa: S301  # of this test


def test_results_that_are_long_are_named(folder):
    (folder / "listing.py").write_text("def of_events(events):\n    return list(range(len(events)))\n")
    shown = ran("listing.py:of_events", "files/000.root", "--workers", 0)
    assert shown.endswith("\n000: list (--out keeps it)\n")


def test_histograms_are_summed(folder):
    """So that it can be seen whether they are filled, and that they are gone unless they are written."""
    (folder / "filling.py").write_text(textwrap.dedent(FILLING))
    shown = ran("filling.py:fill", "files/000.root", "--workers", 0)
    one, two = "Hist, sum 2000, 1 axis", "Hist, sum 4000, 2 axes"
    assert shown.endswith(f"\n000:\n  one: {one} (--out keeps it)\n  two: {two} (--out keeps it)\n")
    shown = ran("filling.py:fill", "files/000.root", "--workers", 0, "--out", "filled.pkl")
    assert shown.endswith(f"\n000:\n  one: {one}\n  two: {two}\n\nwritten to filled.pkl\n")


# ------------------------------------------------------------------------------------------------------------- reports


def test_a_report_for_programs():
    ran("analysis.py:select", "datasets.yaml", "--workers", 0, "--report", "report.json")
    with open("report.json") as file:  # noqa: PTH123
        report = json.load(file)
    assert [os.path.basename(file["file"]) for file in report["files"]] == ["000.root", "001.root", "002.root"]  # noqa: PTH119
    assert {name: sums["events"] for name, sums in report["datasets"].items()} == {"ttbar": 4000, "zee": 2000}


@pytest.mark.slow
def test_a_report_as_a_picture(folder):
    pytest.importorskip("matplotlib")
    ran("analysis.py:select", "files/000.root", "--workers", 0, "--report", "report.png")
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")


# ------------------------------------------------------------------------------------------------------------ resuming


RELUCTANT = """
    import os


    def count(events):
        if events.metadata["file"].endswith("001.root") and os.path.exists("stop"):
            raise ValueError("stopped")
        print(events.metadata["file"][-8:])
        return len(events)
"""


@pytest.fixture
def reluctant(folder):
    """A command whose analysis fails on the second of three files, while a file "stop" is there."""
    (folder / "reluctant.py").write_text(textwrap.dedent(RELUCTANT))
    (folder / "stop").touch()
    return ["reluctant.py:count", "datasets.yaml", "--workers", "0"]


def test_a_run_goes_on(reluctant, folder):
    """With what has been finished; the options that messages advise are those of the command line."""
    result = run("run", *reluctant)
    assert (result.returncode, result.stdout.split()) == (1, ["000.root", "002.root"])
    assert result.stderr == (
        f"physlite: 1 file could not be processed: dataset ttbar, {folder}/files/001.root, entries 0 to 2000: the "
        "analysis fails: ValueError: stopped; --resume tries it again, and --max-bad-files 1 leaves it out\n"
    )
    (folder / "stop").unlink()
    shown = ran(*reluctant, "--resume")
    assert shown.startswith("001.root\n3 files (2 of an earlier run), 6,000 events, ")
    assert shown.endswith("\n\nttbar: 4000\n\nzee: 2000\n")


@pytest.mark.slow
def test_a_journal_of_ones_own(reluctant, folder):
    run("run", *reluctant, "--journal", "mine.journal")
    assert (folder / "mine.journal").stat().st_size
    (folder / "stop").unlink()
    assert ran(*reluctant, "--journal", "mine.journal", "--resume").startswith(
        "001.root\n3 files (2 of an earlier run), "
    )
    assert not (folder / "mine.journal").exists()


def test_files_that_are_left_out(reluctant):
    shown = ran(*reluctant, "--max-bad-files", 1)
    assert shown.startswith("000.root\n002.root\n2 files, 1 failed, 4,000 events, ")
    assert shown.endswith("\n\nttbar: 2000\n\nzee: 2000\n")


@pytest.mark.slow
def test_what_was_finished_is_not_dropped_in_silence(reluctant, folder):
    """Begun anew, because `--resume` was forgotten."""
    run("run", *reluctant)
    (folder / "stop").unlink()
    result = run("run", *reluctant)
    said = "physlite: a run that ended early had finished 2 files, which are done again without --resume\n"
    assert result.stderr == said
    assert result.returncode == 0


@pytest.mark.slow
def test_several_bad_files(folder):
    """Each has a line, and the report is written all the same."""
    many_files(folder / "many", 24)
    (folder / "picky.py").write_text(
        "def count(events):\n"
        "    if not events.metadata['file'].endswith('000.root'):\n        raise ValueError('stopped')\n"
        "    return len(events)\n"
    )
    result = run("run", "picky.py:count", "many/*.root", "--workers", 0, "--report", "failed.json")
    *lines, more, summary = result.stderr.splitlines()
    said = ", entries 0 to 2000: the analysis fails: ValueError: stopped"
    assert lines == [f"dataset many, {folder}/many/{i:03d}.root{said}" for i in range(1, 21)]
    assert more == "and 3 more"
    assert summary == (
        f"physlite: 23 files could not be processed: {lines[0]} (and 22 more); --resume tries them again, and "
        "--max-bad-files 23 leaves them out"
    )
    report = json.loads((folder / "failed.json").read_text())
    assert (len(report["files"]), len(report["failures"])) == (1, 23)


@pytest.mark.slow
def test_a_changed_analysis_does_not_go_on(reluctant, folder):
    run("run", *reluctant)
    with (folder / "reluctant.py").open("a") as file:
        file.write("\n\ndef count(events):\n    return 1\n")
    told = fails("run", *reluctant, "--resume")
    assert "the journal cannot be resumed: the analysis was changed since: " in told
    assert told.endswith("; run without --resume to begin anew")


@pytest.mark.slow
def test_pictures_without_matplotlib(folder, tmp_path):
    """Said before anything is done."""
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError('no matplotlib', name='matplotlib')")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    (folder / "seen").unlink(missing_ok=True)
    said = fails("run", "analysis.py:select", "files/000.root", "--report", "report.svg", env=env)
    assert said == "pictures need matplotlib: pip install 'physlite[plot]'"
    assert not (folder / "seen").exists()


# ---------------------------------------------------------------------------------------------------------------- Dask


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def test_on_a_cluster(scheduler, expected):
    ran("analysis.py:select", "datasets.yaml", "--scheduler", scheduler, "--out", "result.pkl")
    with open("result.pkl", "rb") as file:  # noqa: PTH123
        assert pickle.load(file).value == times(3, expected)  # noqa: S301  # of this test


# -------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analysis.py", "files"], "analysis.py: an analysis is named as file.py:function"),
        ([":select", "files"], ":select: an analysis is named as file.py:function"),
        (["analyse.py:select", "files"], "analyse.py: there is no such file"),
        (["analysis.py:select", "files", "--out", "no/r.pkl"], "no: there is no such folder"),
        (["analysis.py:select", "files", "--report", "no/r.png"], "no: there is no such folder"),
        (
            ["analysis.py:select", "files", "--report", "r.txt"],
            "r.txt: the report is written as .json, or as a picture: .png, .pdf, .svg",
        ),
        (
            ["analysis.py:select", "files", "--workers", "2", "--scheduler", "tcp://127.0.0.1:8786"],
            "--workers is of this machine: with --scheduler its cluster has the workers",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant(arguments, said):
    result = CliRunner().invoke(app, ["run", *arguments])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"physlite: {said}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analysis:selct", "files"], "analysis: there is no function 'selct': it has select, misspelt, Counter"),
        (["cuts.py:select", "files"], "cuts.py: there is no function 'select': it has none"),
        (
            ["cut:select", "files"],
            "cut: cannot be imported: ModuleNotFoundError: No module named 'cut'; `physlite --debug …` shows where",
        ),
        (
            ["analysis.py:select", "files", "--scheduler", "nowhere"],
            "nowhere: no Dask scheduler there: missing port number in address 'nowhere'",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there(arguments, said):
    pytest.importorskip("distributed")
    assert fails("run", *arguments) == said


def test_an_analysis_that_fails(folder):
    """Several processes fail at once: which is heard first, nobody knows."""
    told = fails("run", "analysis.py:misspelt", "datasets.yaml", "--workers", 2)
    place = rf"dataset (ttbar|zee), {re.escape(str(folder))}/files/00[012]\.root, entries 0 to 2000"
    assert re.match(rf"{place}: the analysis fails: AttributeError: no field named 'ptt'", told)


def test_files_that_are_not_there(folder):
    told = fails("run", "analysis.py:select", "filse")
    assert told == f"dataset 'filse': no such file '{folder}/filse' (similar: {folder}/files)"


def test_a_list_that_is_wrong(folder):
    (folder / "wrong.yaml").write_text("ttbar: {file: files/000.root}\n")
    told = fails("run", "analysis.py:select", "wrong.yaml")
    assert told.startswith(f"{folder}/wrong.yaml, line 1: dataset 'ttbar': expected a path, ")


@pytest.mark.slow
def test_a_file_with_a_mistake(folder):
    (folder / "mistake.py").write_text("def select(events:\n")
    told = fails("run", "mistake.py:select", "files")
    assert told.startswith("mistake.py: cannot be imported: SyntaxError: ")
    result = run("--debug", "run", "mistake.py:select", "files")
    assert result.stderr.startswith("Traceback ")
    assert 'mistake.py", line 1\n' in result.stderr


def test_no_datasets():
    result = run("run", "analysis.py:select")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Usage: physlite run" in result.stderr


def test_an_interrupt_leaves_what_is_finished(folder):
    waiting = """
        import os
        import time


        def wait(events):
            print(events.metadata["file"][-8:], flush=True)
            if events.metadata["file"].endswith("001.root") and not os.path.exists("go"):
                time.sleep(60)
            return len(events)
    """
    (folder / "waiting.py").write_text(textwrap.dedent(waiting))
    arguments = ["run", "waiting.py:wait", "datasets.yaml", "--workers", "0"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["000.root\n", "001.root\n"]
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "physlite: interrupted; 1 of 3 files are noted, --resume goes on\n"
    assert process.returncode == 130
    (folder / "go").touch()
    assert ran(*arguments[1:], "--resume").splitlines()[:2] == ["001.root", "002.root"]


@pytest.mark.parametrize("name", ["select", "numpy"])
def test_a_file_that_would_hide_another_module(folder, name):
    (folder / "hiding").mkdir(exist_ok=True)
    (folder / "hiding" / f"{name}.py").write_text("def count(events):\n    return len(events)\n")
    assert fails("run", f"hiding/{name}.py:count", "files/000.root") == (
        f"hiding/{name}.py: there is a package or a module of Python that is called {name}: rename the file"
    )


def test_an_end_that_fails(folder):
    """Is told when all is shown that there is."""
    (folder / "halved.py").write_text(
        "class Halved:\n"
        "    def process(self, events):\n        return len(events)\n"
        "    def postprocess(self, accumulator):\n        return accumulator / 0\n"
    )
    result = run("run", "halved.py:Halved", "files/000.root", "--workers", 0)
    assert result.returncode == 1
    assert result.stdout.endswith("\n000: 2000\n")
    assert result.stderr == "physlite: postprocess fails: ZeroDivisionError: division by zero; see .by_dataset\n"


def test_a_class_that_needs_arguments(folder):
    (folder / "needing.py").write_text("class Cut:\n    def __init__(self, low):\n        pass\n")
    assert fails("run", "needing.py:Cut", "files/000.root") == (
        "needing.py:Cut: TypeError: Cut.__init__() missing 1 required positional argument: 'low'; a class is made "
        "without arguments: name an object of it instead"
    )
