"""What is noted of a run, for the case that it ends early."""

import fcntl
import logging
import pickle
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import physlite
from physlite.exceptions import BadFilesError, JournalError
from physlite.running.journal import Journal, default_journal
from physlite.running.parts import Outcome
from physlite.running.plan import FileGroup
from support.many_files import many_files

IDENTITY = {"analysis": "a", "chunks": "500", "links": "raise", "python": "(3, 13)", "files": "f", "metadata": "m"}
FIRST, SECOND = FileGroup(0, 0, 2), FileGroup(1, 0, 1)


def outcome(text):
    return Outcome(text.encode(), ())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "run.journal"


@pytest.fixture
def noted(path):
    """The journal of a run that ended early."""
    journal = Journal(path, IDENTITY, resume=False)
    journal.add(FIRST, outcome("one " * 1000), "as they are")
    journal.add(SECOND, outcome("two"))
    journal.close()
    return path


def resumed(path, **changed):
    return Journal(path, IDENTITY | changed, resume=True)


def refusal(path, *, resume=True, **changed):
    """What is said, in one line, where a journal cannot be used."""
    with pytest.raises(JournalError) as raised:
        Journal(path, IDENTITY | changed, resume=resume)
    start, _, said = str(raised.value).partition(": ")
    assert start == str(path)
    assert "\n" not in said
    return said


# -------------------------------------------------------------------------------------------------------------- notes


def test_what_is_finished_is_there_again(noted):
    journal = resumed(noted)
    assert journal.groups() == {FIRST: "as they are"}
    assert journal.outcome(FIRST) == outcome("one " * 1000)
    assert journal.outcome(SECOND) == outcome("two")
    journal.close()


def test_what_was_not_complete_is_replaced(noted):
    journal = resumed(noted)
    journal.add(SECOND, outcome("both"), "as they are now")
    assert journal.groups() == {FIRST: "as they are", SECOND: "as they are now"}
    assert journal.outcome(SECOND) == outcome("both")
    journal.close()


def test_anew(noted):
    journal = Journal(noted, IDENTITY | {"analysis": "another"}, resume=False)
    assert journal.groups() == {}
    journal.close()


def test_there_is_nothing_to_resume(path):
    journal = resumed(path)
    assert journal.groups() == {}
    journal.close()


def test_a_run_that_is_over_leaves_nothing(noted):
    journal = resumed(noted)
    journal.remove()
    journal.close()
    assert list(noted.parent.iterdir()) == []


def test_a_run_that_finished_nothing_leaves_nothing(path):
    """There is nothing to go on from."""
    journal = Journal(path, IDENTITY, resume=False)
    journal.add(SECOND, outcome("some of its files have failed"))
    journal.close()
    assert list(path.parent.iterdir()) == []


SCRIPT = f"""
    import os, signal, sys
    from pathlib import Path
    from physlite.running.journal import Journal
    from physlite.running.parts import Outcome
    from physlite.running.plan import FileGroup

    Journal(Path(sys.argv[1]), {IDENTITY}, resume=False).add(FileGroup(0, 0, 2), Outcome(b"one", ()), "as they are")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_noted_is_there_after_a_run_that_was_killed(path):
    """It is in the log that is written ahead, and in memory that is shared there is nothing: networks have none."""
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT), str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert {file.name for file in path.parent.iterdir()} == {
        path.name,
        f"{path.name}-wal",
        f".{path.name}.physlite-lock",
    }
    journal = resumed(path)
    assert journal.groups() == {FIRST: "as they are"}
    assert journal.outcome(FIRST) == outcome("one")
    journal.close()
    assert list(path.parent.iterdir()) == [path]


def test_it_is_for_its_owner_alone(noted):
    assert stat.S_IMODE(noted.stat().st_mode) == 0o600


def test_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_journal("analysis") == tmp_path / "physlite" / "runs" / "analysis.journal"
    assert default_journal("analysis", 2) == tmp_path / "physlite" / "runs" / "analysis-2.journal"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_journal("analysis") == tmp_path / ".cache" / "physlite" / "runs" / "analysis.journal"


# ---------------------------------------------------------------------------------------------------- of something else


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"analysis": "b"}, "the analysis was changed since: results of both would be mixed"),
        ({"files": "g"}, "it is of other files"),
        ({"metadata": "n"}, "what is given with the datasets was changed since"),
        ({"chunks": "7"}, "it was made with another chunk_size"),
        ({"links": "none"}, "it was made with another on_bad_link"),
        ({"python": "(3, 14)"}, "it was made by another version of Python"),
        ({"analysis": "b", "files": "g"}, "the analysis was changed since: results of both would be mixed"),
    ],
)
def test_of_another_run(noted, changed, why):
    assert refusal(noted, **changed) == f"the journal cannot be resumed: {why}; run without resume to begin anew"
    journal = resumed(noted)  # as it was
    assert journal.groups() == {FIRST: "as they are"}
    journal.close()


def test_of_another_version(noted):
    with sqlite3.connect(noted) as database:
        database.execute("UPDATE run SET is_what = 'other' WHERE what = 'version'")
    database.close()
    why = "it was made by another version of physlite"
    assert refusal(noted) == f"the journal cannot be resumed: {why}; run without resume to begin anew"


def test_one_run_at_a_time(noted):
    journal = resumed(noted)
    for resume in (False, True):
        said = refusal(noted, resume=resume)
        assert said == "another run is using this journal: wait for it, or name another with journal=…"
    assert journal.groups() == {FIRST: "as they are"}
    journal.close()
    resumed(noted).close()


@pytest.mark.parametrize("end", [Journal.close, Journal.remove])
def test_the_lock_goes_with_the_run(path, end):
    end(resumed(path))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("end", [Journal.close, Journal.remove])
def test_the_lock_is_no_file_of_somebody_else(path, end):
    """`poetry.lock` is not the lock of a journal called `poetry`."""
    path.parent.mkdir()
    other = path.with_name(f"{path.name}.lock")
    other.write_text("needed")
    end(resumed(path))
    assert other.read_text() == "needed"


def test_a_lock_that_is_taken_away_as_it_is_had(path, monkeypatch):
    """By whoever had it until then: a third one would not see it."""
    first = resumed(path)
    lock = fcntl.flock

    def flock(file, how):
        monkeypatch.undo()
        first.close()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    second = resumed(path)
    assert refusal(path).startswith("another run is using this journal")
    second.close()


def test_where_it_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for path, why in (
        (tmp_path / "file" / "j", "File exists"),
        (tmp_path / "file" / "folder" / "j", "Not a directory"),
        (Path("/proc/j"), "No such file or directory"),
        (tmp_path / ("n" * 256), "File name too long"),
    ):
        assert refusal(path) == f"the journal cannot be written ({why}): make room, or name another with journal=…"


def test_a_disk_that_is_full(path):
    journal = resumed(path)
    journal._database.execute("PRAGMA max_page_count = 10")  # as if no more fitted
    with pytest.raises(JournalError) as raised:
        journal.add(FIRST, outcome("one " * 100_000))
    why = "database or disk is full"
    assert (
        str(raised.value) == f"{path}: the journal cannot be written ({why}): make room, or name another with journal=…"
    )
    journal.close()


@pytest.mark.parametrize(("group", "files"), [(FIRST, "2 files"), (SECOND, "1 file")])
def test_a_result_that_is_too_big(noted, group, files):
    """SQLite takes a GB; here less."""
    journal = resumed(noted)
    journal._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    big = outcome("one " * 100_000)
    with pytest.raises(JournalError) as raised:
        journal.add(group, big, "as they are")
    assert str(raised.value) == (
        f"{noted}: results of {files} are too big to be noted ({len(pickle.dumps(big)):,} bytes): return less, or have "
        "the analysis write them to files"
    )
    journal.close()


def test_two_runs_of_the_same_name(tmp_path, monkeypatch):
    """The second one notes elsewhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def running_another(events):
        seen.append(len(list(tmp_path.rglob("*.journal"))))
        if len(seen) == 1:
            physlite.run(running_another, physlite.sample(), workers=0)
        return len(events)

    seen = []
    assert physlite.run(running_another, physlite.sample(), workers=0).value == 2000
    assert seen == [1, 2]
    assert list(tmp_path.rglob("*.journal*")) == []


@pytest.fixture
def with_a_bad_one(tmp_path):
    files = many_files(tmp_path, 3)
    files[1].write_bytes(files[1].read_bytes()[:300_000])
    return files


def default_of_bad(files, cache):
    """The journal of a run that has ended early, where it is by default; and what was said."""
    said = run_of_bad(files)
    (path,) = cache.rglob("*.journal")
    return path, said


def run_of_bad(files):
    with pytest.raises(BadFilesError) as raised:
        physlite.run(len, files, workers=0, attempts=1)
    return str(raised.value)


def test_a_second_run_of_the_same_name_that_ends_early_tells_where_its_journal_is(with_a_bad_one, own_cache, caplog):
    caplog.set_level(logging.INFO, "physlite.running")
    default, said = default_of_bad(with_a_bad_one, own_cache)
    assert "under way" not in caplog.text
    assert "; resume=True tries it again" in said
    first = Journal(default, IDENTITY, resume=False)
    second = default.with_name(f"{default.stem}-2.journal")
    for _ in range(2):  # another time it is overwritten, and not one more
        said = run_of_bad(with_a_bad_one)
        assert f"; journal='{second}', resume=True tries it again, and max_bad_files=1 leaves it out" in said
        assert set(own_cache.rglob("*.journal")) == {default, second}
    assert (
        f"the same run is under way: the journal of this one is {str(second)!r}, should it end early" in caplog.messages
    )
    first.close()
    shutil.copy(physlite.sample(), with_a_bad_one[1])
    for path in with_a_bad_one[::2]:
        path.write_bytes(bytes(path.stat().st_size))  # not needed any more
    assert physlite.run(len, with_a_bad_one, workers=0, journal=second, resume=True).value == 6000
    assert not list(own_cache.rglob("*.journal*"))


def test_something_else_in_the_place_of_the_default_journal(with_a_bad_one, own_cache):
    """It is not evaded as another run is: it would be for ever."""
    default, _ = default_of_bad(with_a_bad_one, own_cache)
    default.write_text("something else")
    with pytest.raises(JournalError, match="not a journal of physlite, or damaged: remove it"):
        physlite.run(len, with_a_bad_one, workers=0)


# -------------------------------------------------------------------------------------------------------- other content


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", ["text", "root", "sqlite"])
def test_another_file_in_its_place_is_kept(tmp_path, content, resume):
    """It may be what somebody needs."""
    path = tmp_path / "file"
    if content == "text":
        path.write_text("a")
    elif content == "root":
        path.symlink_to(physlite.sample())
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE run (number INTEGER)")
        database.close()
    before = path.read_bytes()
    said = refusal(path, resume=resume)
    assert said == "not a journal of physlite, or damaged: remove it, or name another with journal=…"
    assert path.read_bytes() == before


@pytest.mark.parametrize("resume", [False, True])
def test_an_empty_file(path, resume):
    """It is what remains of a run that was killed as it began."""
    path.parent.mkdir()
    path.touch()
    journal = Journal(path, IDENTITY, resume=resume)
    assert journal.groups() == {}
    journal.close()


def test_damage_at_its_begin(noted):
    damaged = bytearray(noted.read_bytes())
    damaged[100:1000] = bytes(900)
    noted.write_bytes(damaged)
    assert refusal(noted).startswith("the journal is damaged (")
    assert refusal(noted).endswith("): run without resume to begin anew")
    Journal(noted, IDENTITY, resume=False).close()


def test_damage_of_a_result(noted):
    damaged = bytearray(noted.read_bytes())
    at = damaged.index(b"one one one")
    damaged[at] ^= 1
    noted.write_bytes(damaged)
    journal = resumed(noted)
    with pytest.raises(JournalError) as raised:
        journal.outcome(FIRST)
    said = "the journal is damaged (wrong checksum): run without resume to begin anew"
    assert str(raised.value) == f"{noted}: {said}"
    assert journal.outcome(SECOND) == outcome("two")
    journal.close()


def test_a_journal_that_is_cut(noted):
    noted.write_bytes(noted.read_bytes()[:9000])
    assert refusal(noted).startswith("the journal is damaged (")
