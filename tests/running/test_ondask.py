"""Workers of Dask that die: with what they have finished, or of what they do."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

import physlite
from physlite.exceptions import AnalysisError, BadFilesError, CodeError, TransferError
from physlite.running import ondask, plan
from physlite.running.code import dumps, pack
from physlite.running.merging import value_of
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from support.many_files import many_files
from support.servers.process import wait_until

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

SETTINGS = Settings("token", 500, 1, False, 1, "raise")


class Nobody:
    def progress(self, events, received):
        """Is told, and does not mind."""


@pytest.fixture
def cluster():
    # One task at a time for each worker, so that no other one dies with it.
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.scheduler.worker-saturation": 1.0}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


def work(part, code, settings, topic):
    return Outcome(dumps(part.number), ())


def test_a_result_that_is_lost_is_waited_for(cluster, client):
    """Dask makes it again by itself."""
    engine = ondask.OnDask(client, pack(len), SETTINGS, Nobody(), work)
    engine.begin()
    part = FilePart("a", 7, "a.root", {}, None)
    (future,) = engine.submit([part])
    assert engine.wait([future]) == [future]
    os.kill(cluster.workers[0].pid, signal.SIGKILL)
    wait_until(lambda: future.status == "lost", 10)
    assert engine.taken(part, future) is future  # as it was finished when somebody looked
    assert engine.wait([future]) == [future]
    assert future.status == "finished"
    assert value_of(engine.outcome_of(engine.collected([[future]]))) == 7
    engine.end([])


def test_a_client_whose_answers_have_to_be_awaited(cluster):
    async def run():
        async with distributed.Client(cluster.scheduler_address, asynchronous=True) as client:
            physlite.run(len, "a.root", client=client)

    with pytest.raises(TypeError, match=r"^client= is asynchronous, .*: make it without asynchronous=True$"):
        asyncio.run(run())


# Fewer than workers take at once, and more.
@pytest.mark.parametrize("number", [pytest.param(4, marks=pytest.mark.slow), 12])
def test_all_workers_have_their_share_from_the_first_run_on(tmp_path, number):
    files = many_files(tmp_path, number)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        report = physlite.run(len, {"a": files}, client=client).report
    assert len({record.worker for record in report.files}) == 2


class Notes:
    """Notes what it is told, where workers see it."""

    def __init__(self, folder):
        self.folder = folder
        self.done = 0
        self.failed = []
        self.notes = []

    def file_done(self, events, received):
        self.done += 1
        (self.folder / f"done-{self.done}").touch()

    def file_failed(self, part, error):
        self.failed.append((part.number, error.text))

    def progress(self, events, received):
        """Nobody tells."""

    def note(self, text):
        self.notes.append(text)


def times(part):
    """How often a part was begun, with this time."""
    path = Path(part.url)
    with path.open("a") as file:
        file.write("x")
    return len(path.read_text())


def once_lost(part, code, settings, topic):
    """The first file's result is lost with the worker, and cannot be made at once."""
    number = times(part)
    if part.number == 1 and number == 1:
        while not Path(part.url).with_name("done-1").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    if part.number == 0 and number == 2:
        raise FailedPartError("the file is away for a moment", is_users=False)
    return Outcome(dumps(part.number + 1), ())


class Heavy:
    """Takes more memory than workers have when it is added."""

    def __add__(self, other):
        os.kill(os.getpid(), signal.SIGKILL)


def heavy(part, code, settings, topic):
    return Outcome(dumps(Heavy()), ())


def summed(client, tmp_path, monkeypatch, work):
    """What comes of two files that are added up on the worker, and what was told of them."""
    monkeypatch.setattr(plan, "_MOST_GROUPS", 1)
    for name in ("0.root", "1.root"):
        (tmp_path / name).touch()
    files = plan.Plan([physlite.Dataset("a", tmp_path)], 0)
    notes = Notes(tmp_path)
    engine = ondask.OnDask(client, pack(len), SETTINGS, notes, work)
    ((group, outcome),) = engine.run(files, files.groups(), notes)
    assert group == plan.FileGroup(0, 0, 2)
    return outcome, notes


@pytest.mark.slow
def test_a_sum_that_is_lost_is_made_again_and_counted_once(client, tmp_path, monkeypatch):
    outcome, notes = summed(client, tmp_path, monkeypatch, once_lost)
    assert value_of(outcome) == 3
    assert (notes.done, notes.failed) == (2, [])


@pytest.mark.slow
def test_a_sum_that_kills_workers_leaves_its_files_out(client, tmp_path, monkeypatch):
    outcome, notes = summed(client, tmp_path, monkeypatch, heavy)
    assert outcome == Outcome(b"", ())
    said = "workers died, one after the other, while results were added: is there enough memory? return less, or have"
    said += " workers with more memory"
    assert notes.failed == [(n, f"dataset a, {tmp_path}/{n}.root: {said}") for n in (0, 1)]


@pytest.mark.slow
def test_a_cluster_that_has_no_workers_left(cluster, client, tmp_path, monkeypatch):
    """It is told of, once, and the run goes on when there are some."""
    monkeypatch.setattr(ondask, "_CALL", 0.2)
    cluster.scale(0)
    wait_until(lambda: not client.nthreads())
    notes = Notes(tmp_path)
    engine = ondask.OnDask(client, pack(len), SETTINGS, notes, work)
    engine.begin()
    futures = engine.submit([FilePart("a", 7, "a.root", {}, None)])

    def help_when_called():
        wait_until(lambda: notes.notes)
        time.sleep(0.6)  # long enough to tell it again
        cluster.scale(1)

    helper = threading.Thread(target=help_when_called)
    helper.start()
    assert engine.wait(futures) == futures
    helper.join()
    (note,) = notes.notes
    address = client.scheduler.address
    assert note.startswith(f"the Dask cluster {address} has no workers: this waits until it has; ")
    engine.end(futures)


@pytest.mark.slow
def test_a_file_that_kills_workers_is_a_bad_one(client, tmp_path):
    """The others are finished."""

    def analysis(events):
        if events.metadata["file"].endswith("001.root"):
            os.kill(os.getpid(), signal.SIGKILL)
        return len(events)

    files = many_files(tmp_path, 3)
    with pytest.raises(BadFilesError) as raised:
        physlite.run(analysis, {"zee": files}, client=client, journal=tmp_path / "j")
    (failure,) = raised.value.failures
    assert (failure.dataset, failure.file) == ("zee", str(files[1]))
    assert str(raised.value).startswith(
        f"1 file could not be processed: dataset zee, {files[1]}: workers died, one after the other, while they "
        "processed it: is there enough memory? a smaller chunk_size needs less; "
        f"journal='{tmp_path / 'j'}', resume=True tries"
    )
    again = physlite.run(analysis, {"zee": files}, client=client, journal=tmp_path / "j", resume=True, max_bad_files=1)
    assert again.value == 4000


def gone():
    os.kill(os.getpid(), signal.SIGKILL)


def missing():
    import no_such_package  # noqa: F401


def test_workers_that_go_while_they_are_asked(client, monkeypatch):
    monkeypatch.setattr(ondask, "versions", gone)
    ondask.check_workers(client)


def test_workers_without_physlite(client, monkeypatch):
    monkeypatch.setattr(ondask, "versions", missing)
    with pytest.raises(CodeError, match=r"^worker tcp://\S+: No module named .*: install physlite there, "):
        ondask.check_workers(client)


@pytest.mark.slow
def test_a_file_that_kills_workers_takes_no_others_down(tmp_path):
    """Those that die beside it are done again without it."""

    def analysis(events):
        if events.metadata["file"].endswith("000.root"):
            os.kill(os.getpid(), signal.SIGKILL)
        return len(events)

    files = many_files(tmp_path, 2)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        result = physlite.run(analysis, {"zee": files}, client=client, journal=tmp_path / "j", max_bad_files=1)
    assert [failure.file for failure in result.report.failures] == [str(files[0])]
    assert result.value == 2000


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self):
        super().__init__("https://example.org/a?X-Amz-Signature=not-for-others")
        self.lock = threading.Lock()


def test_what_an_analysis_raises_stays_on_the_worker(client, tmp_path):
    """It may not pickle, and have secrets in it: what is told is a line without them."""

    def analysis(events):
        if events.metadata["file"].endswith("001.root"):
            raise LockedError
        return len(events)

    def remembered(dask_scheduler):
        return repr([(task.exception, task.exception_text) for task in dask_scheduler.tasks.values()])

    files = many_files(tmp_path, 2)
    with pytest.raises(BadFilesError) as raised:
        physlite.run(analysis, {"zee": files}, client=client, journal=tmp_path / "j")
    assert "000.root" not in str(raised.value)
    (failure,) = raised.value.failures
    assert "the analysis fails: LockedError: https://example.org/a" in failure.error
    assert "not-for-others" not in failure.error + client.run_on_scheduler(remembered)


def test_an_error_leaves_nothing_to_do(client, tmp_path):
    """Also while somebody keeps it, as notebooks do."""

    def analysis(events):
        return events.Electrons.ptt

    def tasks(dask_scheduler):
        return sum(task.state in ("queued", "processing", "waiting") for task in dask_scheduler.tasks.values())

    with pytest.raises(AnalysisError) as kept:
        physlite.run(analysis, {"zee": many_files(tmp_path, 20)}, client=client, journal=tmp_path / "j")
    wait_until(lambda: client.run_on_scheduler(tasks) == 0, 20)
    assert "no field named 'ptt'" in str(kept.value)


def test_a_client_that_was_closed(client):
    """The error is that the work is gone, not that it cannot be cleared away."""
    engine = ondask.OnDask(client, pack(len), SETTINGS, Nobody(), work)
    engine.begin()
    (future,) = engine.submit([FilePart("a", 7, "a.root", {}, None)])
    client.close()
    with pytest.raises(TransferError, match="the Dask scheduler has gone"):
        engine.taken(FilePart("a", 7, "a.root", {}, None), future)
    engine.end([future])
