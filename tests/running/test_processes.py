"""Processes of this machine that die, and analyses that end what they run in."""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import pytest

import physlite
from physlite.exceptions import AnalysisError, BadFilesError
from support.many_files import many_files
from support.servers.process import wait_until

FILES = 10


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return many_files(tmp_path_factory.mktemp("files"), FILES)


def name_of(events):
    return Path(events.metadata["file"]).name


def count(events):
    return {name_of(events): len(events)}


def run(analysis, files, **options):
    return physlite.run(analysis, {"ttbar": files}, workers=2, chunk_size=500, progress=False, **options)


EVERYTHING = {f"{i:03d}.root": 2000 for i in range(FILES)}


# -------------------------------------------------------------------------------------------------- killed from outside


@pytest.mark.parametrize(
    "when", [pytest.param(0, marks=pytest.mark.slow, id="at its begin"), pytest.param(1000, id="in its middle")]
)
def test_what_a_killed_process_was_at_is_done_again_and_counted_once(files, tmp_path, when):
    marker = tmp_path / "was killed"

    def analysis(events):
        if name_of(events) == "003.root" and events.metadata["entry_start"] == when and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return count(events)

    result = run(analysis, files)
    assert marker.exists()
    assert result.value == EVERYTHING
    assert result.report.events == 2000 * FILES
    assert not result.report.failures
    assert result.by_dataset["ttbar"].sum_of().events == FILES * physlite.open(files[0]).metadata.sum_of().events


def kill(events):
    if name_of(events) == "000.root":
        os.kill(os.getpid(), signal.SIGKILL)
    return count(events)


@pytest.mark.slow
def test_a_file_that_kills_whoever_works_on_it_is_bad_and_no_other(files):
    """It is begun with, so that it takes others down with it."""
    with pytest.raises(BadFilesError) as raised:
        run(kill, files)
    (failure,) = raised.value.failures
    assert (failure.dataset, failure.file, failure.attempts) == ("ttbar", str(files[0]), 3)
    assert failure.error == (
        f"dataset ttbar, {files[0]}: the process that worked on it was killed, each time: is there enough memory? "
        "a smaller chunk_size needs less"
    )
    assert failure.error in str(raised.value)
    assert "\n" not in str(raised.value)
    assert run(kill, files, max_bad_files=1).value == {k: n for k, n in EVERYTHING.items() if k != "000.root"}


@pytest.mark.slow
def test_several_files_that_kill(files):
    """Of files next to each other each is told from the others."""

    def analysis(events):
        if name_of(events) in ("001.root", "002.root", "009.root"):
            os.kill(os.getpid(), signal.SIGKILL)
        return count(events)

    result = run(analysis, files, max_bad_files=3)
    assert sorted(Path(f.file).name for f in result.report.failures) == ["001.root", "002.root", "009.root"]
    assert len(result.value) == FILES - 3


@pytest.mark.slow
def test_the_rest_is_done_when_a_file_no_longer_kills(files, tmp_path):
    cure, log = tmp_path / "cure", tmp_path / "log"

    def analysis(events):
        if name_of(events) == "000.root" and not cure.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        with log.open("a") as file:
            file.write(f"{name_of(events)}\n")
        return count(events)

    with pytest.raises(BadFilesError):
        run(analysis, files)
    cure.touch()
    log.unlink()
    assert run(analysis, files, resume=True).value == EVERYTHING
    assert Counter(log.read_text().split()) == {"000.root": 4}  # chunks


# ------------------------------------------------------------------------------------------------------ ended by itself


def leave(events):
    if name_of(events) == "003.root":
        sys.exit("enough of this")
    return count(events)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_analysis_that_exits_has_failed_on_these_events(files, workers):
    """It ends neither the run nor the process that it is in."""
    result = physlite.run(leave, {"ttbar": files}, workers=workers, max_bad_files=1)
    (failure,) = result.report.failures
    assert failure.error == (
        f"dataset ttbar, {files[3]}, entries 0 to 2000: the analysis fails: SystemExit: enough of this"
    )
    assert len(result.value) == FILES - 1


@pytest.mark.parametrize("workers", [0, 2])
def test_an_analysis_that_exits_at_once_ends_the_run(files, workers):
    def analysis(_):
        sys.exit(3)

    with pytest.raises(AnalysisError) as raised:
        physlite.run(analysis, {"ttbar": files[:1]}, workers=workers)
    assert str(raised.value).endswith("000.root, entries 0 to 2000: the analysis fails: SystemExit: 3")


def eat(events):
    if name_of(events) == "003.root":
        raise MemoryError
    return count(events)


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_that_is_not_enough(files, workers):
    result = physlite.run(eat, {"ttbar": files}, workers=workers, max_bad_files=1)
    (failure,) = result.report.failures
    assert failure.error == (
        f"dataset ttbar, {files[3]}, entries 0 to 2000: the analysis fails: MemoryError: there was not enough: "
        "a smaller chunk_size, or fewer workers, need less"
    )
    assert len(result.value) == FILES - 1


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_within_the_analysis_ends_the_run(files, workers):
    def analysis(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        physlite.run(analysis, {"ttbar": files}, workers=workers, max_bad_files=FILES)


# ---------------------------------------------------------------------------------------------------------- interrupted

SCRIPT = """
    import os, sys, time
    import physlite

    def analysis(events):
        with open(sys.argv[1], "a") as log:
            log.write(f"{os.getpid()} {os.path.basename(events.metadata['file'])}\\n")
        time.sleep(float(sys.argv[2]))
        return len(events)

    result = physlite.run(analysis, {"a": sys.argv[3:]}, workers=2, resume=True, journal=sys.argv[1] + ".journal")
    print(result.value)
"""


def test_a_large_analysis_reaches_all_processes_by_a_file(files, tmp_path, monkeypatch):
    """Of this user alone, and gone at the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = random.Random(1).randbytes(1_000_000)

    def analysis(events):
        (path,) = tmp_path.glob("physlite-*")
        return Counter({(os.getpid(), len(table), oct(path.stat().st_mode), path.stat().st_size > len(table)): 1})

    found = run(analysis, files).value
    assert {about[1:] for about in found} == {(1_000_000, "0o100600", True)}
    assert len({pid for pid, *_ in found}) == 2
    assert list(tmp_path.glob("physlite-*")) == []


@pytest.mark.parametrize("to", ["all", pytest.param("script", marks=pytest.mark.slow)])
def test_an_interrupted_run_leaves_no_process_and_goes_on(files, tmp_path, to):
    """A terminal sends an interrupt to all processes, `kill` to one of them."""
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(textwrap.dedent(SCRIPT))

    def started(pause):
        return subprocess.Popen(
            [sys.executable, str(script), str(log), str(pause), *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    with started(0.5) as process:
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 5, 60)
        (os.killpg if to == "all" else os.kill)(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    noted = rf"\nKeyboardInterrupt\n\d+ of \d+ files are noted, journal='{log}.journal', resume=True goes on$"
    assert re.search(noted, said.rstrip())
    workers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10)
    before = len(log.read_text().splitlines())
    with started(0) as process:
        shown, said = process.communicate(timeout=60)
    assert shown == "20000\n", said
    again = len(log.read_text().splitlines()) - before
    assert FILES - before <= again < FILES


def test_processes_leave_when_the_one_that_needs_them_was_killed(files, tmp_path):
    """Also out of the middle of their work."""
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(textwrap.dedent(SCRIPT))
    with subprocess.Popen([sys.executable, str(script), str(log), "60", *map(str, files)]) as process:
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, 60)
        process.kill()
    workers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 20)
