"""What is finished of a run, on the disk of the client: a run that ended early goes on from there."""

from __future__ import annotations

import fcntl
import os
import pickle
import sqlite3
import zlib
from pathlib import Path
from typing import IO, Any

import physlite
from physlite.exceptions import JournalError
from physlite.running.parts import Outcome
from physlite.running.plan import FileGroup

__all__ = ["Journal", "JournalInUseError", "default_journal"]

_MAGIC = b"SQLite format 3\0"
_OURS = 0x70686A31  # SQLite's number of the application that a file is of
_OURS_AT = 68  # where that is, four bytes
_TABLES = """
CREATE TABLE IF NOT EXISTS run (what TEXT PRIMARY KEY, is_what TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS done (
    dataset INTEGER, first INTEGER, size INTEGER, files TEXT NOT NULL, outcome BLOB NOT NULL, crc32 INTEGER NOT NULL,
    PRIMARY KEY (dataset, first)
);
"""


class JournalInUseError(JournalError):
    """A journal that another run is using."""


class Journal:
    """The groups of files that are finished, each with what has come of it. For one run at a time.

    Args:
        path: the file, which is made when it is not there.
        identity: what has to be the same for a run to go on: names, and what each is.
        resume: whether to keep what is there.

    Raises:
        JournalInUseError: another run is using it.
        JournalError: it is no journal, it is of another analysis or of other files, or it cannot be written.
    """

    def __init__(self, path: Path, identity: dict[str, str], *, resume: bool) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
        except OSError as error:
            raise _unwritable(path, error.strerror) from None
        try:
            _require_journal(path)
            if not resume:
                path.unlink(missing_ok=True)
            self._database = self._opened(path, identity)
        except OSError as error:
            self._unlock()
            raise _unwritable(path, error.strerror) from None
        except BaseException:
            self._unlock()
            raise

    def _opened(self, path: Path, identity: dict[str, str]) -> sqlite3.Connection:
        is_new = not path.exists()
        if is_new:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # results are their owner's
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            # First, so that there is no memory to be shared, which file systems of a network do not have.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute(f"PRAGMA application_id = {_OURS}")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_TABLES)
            known = dict(database.execute("SELECT what, is_what FROM run"))
            identity = identity | {"version": physlite.__version__}
            if not known:
                database.executemany("INSERT INTO run VALUES (?, ?)", identity.items())
            else:
                _require_same(path, known, identity)
        except sqlite3.OperationalError as error:
            database.close()
            raise _unwritable(path, str(error)) from None
        except sqlite3.DatabaseError as error:
            database.close()
            raise _damaged(path, str(error)) from None
        except BaseException:
            database.close()
            raise
        return database

    def add(self, group: FileGroup, outcome: Outcome, files: str = "") -> None:
        """Notes what has come of a group.

        Args:
            group: the files.
            outcome: the sum of those that have not failed.
            files: what tells whether they are still the same; nothing if some have failed.

        Raises:
            JournalError: it cannot be written.
        """
        content = pickle.dumps(outcome)
        row = (*group, files, content, zlib.crc32(content))
        try:
            self._database.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?)", row)
        except (sqlite3.DataError, OverflowError):  # beyond SQLite's limits: a GB, or what an int of C can hold
            number = f"{group.size} {'file' if group.size == 1 else 'files'}"
            msg = f"{self.path}: results of {number} are too big to be noted ({len(content):,} bytes)"
            msg = f"{msg}: return less, or have the analysis write them to files"
            raise JournalError(msg) from None
        except sqlite3.Error as error:
            raise _unwritable(self.path, str(error)) from None

    def groups(self) -> dict[FileGroup, str]:
        """The groups of which all files are finished, with what was said of them; errors as of `outcome`."""
        try:
            rows = self._database.execute("SELECT dataset, first, size, files FROM done WHERE files != ''").fetchall()
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, str(error)) from None
        return {FileGroup(*row): files for *row, files in rows}

    def outcome(self, group: FileGroup) -> Outcome:
        """What has come of a group.

        Raises:
            JournalError: the journal is damaged.
        """
        try:
            content, crc32 = self._database.execute(
                "SELECT outcome, crc32 FROM done WHERE dataset = ? AND first = ?", (group.dataset, group.first)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, str(error)) from None
        if zlib.crc32(content) != crc32:  # SQLite itself has no checksums
            raise _damaged(self.path, "wrong checksum")
        outcome: Outcome = pickle.loads(content)  # noqa: S301  # a file of this user, mode 0600
        return outcome

    def close(self) -> None:
        """Closes it; it stays for another run, if there is anything in it to go on from."""
        try:
            is_empty = not self.groups()
        except JournalError:  # damaged, or closed before
            is_empty = False
        if is_empty:
            self.remove()
            return
        self._database.close()
        self._unlock()

    def remove(self) -> None:
        """Closes it and takes it away: the run is over."""
        self._database.close()
        for suffix in ("", "-wal"):
            self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)
        self._unlock()

    def _unlock(self) -> None:
        if not self._lock.closed:
            _lock_of(self.path).unlink(missing_ok=True)  # as long as it is ours
            self._lock.close()


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.physlite-lock")  # NAME.lock may be somebody's, as of Poetry


def _locked(path: Path) -> IO[Any]:
    """The lock of a journal, which is this process' until it is closed."""
    while True:
        lock = _lock_of(path).open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock.fileno()), _lock_of(path).stat()):
                return lock
        except FileNotFoundError:
            pass
        except BlockingIOError:
            lock.close()
            msg = f"{path}: another run is using this journal: wait for it, or name another with journal=…"
            raise JournalInUseError(msg) from None
        except BaseException:
            lock.close()
            raise
        lock.close()  # whoever had it has taken it away since it was opened here


def _require_journal(path: Path) -> None:
    """Raises JournalError where something else is in the place of a journal, which would be overwritten."""
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(_OURS_AT + 4)
    is_journal = head.startswith(_MAGIC) and head[_OURS_AT:] == _OURS.to_bytes(4, "big")
    if head and not is_journal:  # of a run that was killed at once it is empty
        msg = f"{path}: not a journal of physlite, or damaged: remove it, or name another with journal=…"
        raise JournalError(msg)


def _unwritable(path: Path, why: str | None) -> JournalError:
    return JournalError(f"{path}: the journal cannot be written ({why}): make room, or name another with journal=…")


def _damaged(path: Path, why: str) -> JournalError:
    return JournalError(f"{path}: the journal is damaged ({why}): run without resume to begin anew")


def _require_same(path: Path, known: dict[str, str], identity: dict[str, str]) -> None:
    """Raises JournalError where a journal is of something else."""
    different = [what for what, value in identity.items() if known.get(what) != value]
    if not different:
        return
    reasons = {
        "analysis": "the analysis was changed since: results of both would be mixed",
        "files": "it is of other files",
        "metadata": "what is given with the datasets was changed since",
        "chunks": "it was made with another chunk_size",
        "links": "it was made with another on_bad_link",
        "version": "it was made by another version of physlite",
        "python": "it was made by another version of Python",
    }
    why = reasons[different[0]]
    msg = f"{path}: the journal cannot be resumed: {why}; run without resume to begin anew"
    raise JournalError(msg)


def default_journal(name: str, number: int = 1) -> Path:
    """Where the journal of a run is unless the user says: in the folder for caches, by the name of the run.

    Args:
        name: of the run.
        number: which one it is of the runs of this name that go on at the same time.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    folder = Path(home) if home else Path.home() / ".cache"
    return folder / "physlite" / "runs" / (f"{name}.journal" if number == 1 else f"{name}-{number}.journal")
