"""`physlite.run`: from an analysis and datasets to a result."""

from __future__ import annotations

import functools
import hashlib
import logging
import operator
import os
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from physlite.exceptions import AddingError, AnalysisError
from physlite.formats.reader import default_threads
from physlite.model.events import OnBadLink
from physlite.named import Named
from physlite.running.adding import add
from physlite.running.code import dumps, loads, pack
from physlite.running.codebehavior import own_behavior
from physlite.running.copies import warn_of_copies
from physlite.running.course import Course
from physlite.running.datasetlists import as_datasets
from physlite.running.datasets import Dataset
from physlite.running.engines import Engine, InThisProcess
from physlite.running.fingerprint import fingerprint
from physlite.running.journal import Journal
from physlite.running.merging import of_dataset, value_of
from physlite.running.mixing import warn_of_mixed
from physlite.running.noting import noted_in
from physlite.running.ordered import OrderedSum
from physlite.running.pairs import Pairs
from physlite.running.parts import Settings
from physlite.running.plan import Plan
from physlite.running.records import FileRecord
from physlite.running.report import Report
from physlite.running.result import DatasetResult, Result
from physlite.running.showing import Display
from physlite.running.weights import FileWeights
from physlite.storage.progress import hidden

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["run"]

CHUNK_SIZE = 50_000
_ATTEMPTS = 3

_FROM_ZERO = ("workers", "max_bad_files")  # arguments; of others one is the least

_log = logging.getLogger("physlite.running")


def run(
    analysis: Any,
    datasets: Any,
    *,
    client: Client | None = None,
    workers: int | None = None,
    threads: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    prefetch: bool = True,
    attempts: int = _ATTEMPTS,
    max_bad_files: int = 0,
    on_bad_link: OnBadLink = "raise",
    journal: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Result:
    """Runs an analysis over all events of datasets, and adds up what it returns.

    The analysis is called with the events of one file, some tens of thousands at a time, on several cores or machines.
    Sums are made in a fixed order: the result is the same, bit for bit, wherever and by however many it is made.

    Args:
        analysis: a function of events. What it returns for some events must add up with what it returns for others:
            numbers, `hist.Hist`, NumPy and Awkward arrays (put behind each other), or mappings, tuples, lists, sets and
            dataclasses of these. `events.metadata` has the dataset, what was given with it, the file and the entries.
            Or a `coffea.processor.ProcessorABC`.
        datasets: a `Dataset`, several of them, a mapping of names to files, a path, pattern or URL, or the path of a
            YAML file.
        client: of a Dask cluster, of which kind ever, whose workers do it. The code goes to them with the work; they
            need the same packages.
        workers: without a client, the number of processes on this machine: by default as many as it has cores, or
            files; 0: in this process.
        threads: that decode, for each worker; by default the cores of this machine divided by the workers; with a
            client 1.
        chunk_size: about how many events the analysis is given at a time; ranges begin and end with clusters.
        prefetch: whether columns that the analysis has used are fetched from remote files before it asks for them
            again.
        attempts: how often a file is tried that cannot be read; one whose process is killed is tried three times.
        max_bad_files: how many files may be left out because they cannot be read, or the analysis fails on them.
        on_bad_link: as of `File.events`.
        journal: file in which finished files are noted while the run lasts; by default in the folder for caches, under
            the name of analysis and datasets.
        resume: whether to go on with what a run that ended early has noted.
        progress: whether to show a bar; by default on terminals and in notebooks, when it takes longer than two
            seconds.

    Returns:
        The sums, of all and by dataset, and a report of what was read and where the time went.

    Raises:
        AnalysisError: the analysis fails before any file is finished; its traceback is in a note.
        BadFilesError: more files than `max_bad_files` could not be processed; raised when all others are finished, so
            that `resume=True` tries those alone again.
        AddingError: results of files of a dataset do not add up.
        CodeError: the analysis cannot be sent to other processes, or these have other versions of packages.
        JournalError: what is to be resumed is of another analysis or of other files; another run is using the journal,
            or it cannot be written or read.
        DatasetNotFoundError: a file, pattern or name in Rucio that is not there.
        CredentialError, ConfigurationError, TransferError: Rucio could not be asked.
        TransferError: the scheduler of Dask has gone.
        ImportError: a package is missing, as PyYAML for datasets in a file.
        TypeError, ValueError: arguments that cannot be meant.
    """
    function, postprocess = _function_of(analysis)
    optional = {name: value for name, value in {"workers": workers, "threads": threads}.items() if value is not None}
    _check_numbers(**optional, chunk_size=chunk_size, attempts=attempts, max_bad_files=max_bad_files)
    if on_bad_link not in get_args(OnBadLink):
        msg = f"on_bad_link={on_bad_link!r}: {' or '.join(map(repr, get_args(OnBadLink)))}"
        raise ValueError(msg)
    if client is not None:
        _check_client(client, workers)
    chosen = as_datasets(datasets)
    files = sum(len(dataset) for dataset in chosen)
    count = 0 if client is not None else _workers(workers, files)
    token = secrets.token_hex(8)
    settings = Settings(
        token,
        chunk_size,
        threads or (1 if client else max(default_threads() // max(count, 1), 1)),
        prefetch,
        attempts,
        on_bad_link,
    )
    course = Course(max_bad_files)
    engine = _engine(client, count, function, settings, course)
    plan = Plan(chosen, engine.workers)
    identity = {
        "analysis": fingerprint([function, own_behavior()]),
        "chunks": str(chunk_size),
        "links": on_bad_link,
        "python": f"{sys.version_info[:2]}",
        "files": plan.digest(),
        "metadata": fingerprint([dict(dataset.metadata) for dataset in chosen]),
    }
    begin = time.perf_counter()
    name = _name_of(analysis, chosen)
    place = None if journal is None else Path(journal).expanduser()
    with noted_in(place, name, identity, resume=resume) as noting:
        noted = noting.journal
        done = noted.groups()
        left = [group for group in plan.groups() if done.get(group) != plan.sizes(group)]
        resumed = plan.files - sum(group.size for group in left)
        with (
            noting.of_early_ends(plan.files),
            hidden(),
            Display(plan.files, kind="auto" if progress is None else progress, files_before=resumed) as display,
        ):
            course.begin(display, resumed)
            if journal is None and noting.elsewhere is not None:
                where = str(noting.elsewhere)
                course.note(f"the same run is under way: the journal of this one is {where!r}, should it end early")
            pairs = Pairs(plan)
            with closing(engine.run(plan, left, course)) as finished:
                for group, outcome in finished:
                    is_good = not course.has_failures(plan.datasets[group.dataset].name, group)
                    noted.add(group, outcome, plan.sizes(group) if is_good else "")
                    pairs.check(group, outcome)
        by_dataset, records = _summed(plan, noted)
        report = Report(records, course.failures, time.perf_counter() - begin, engine.most_workers, resumed)
        course.require_few(report, noting.elsewhere)
        noting.remove()
    try:
        total = _total(by_dataset.values())
        return Result(by_dataset, report, postprocess(total))
    except (AddingError, AnalysisError) as error:  # what is there of each dataset may be all that is wanted
        return Result(by_dataset, report, None, error)


def _engine(
    client: Client | None, workers: int, analysis: Callable[[Any], Any], settings: Settings, course: Course
) -> Engine:
    """Who does it."""
    if client is not None:
        from physlite.running.ondask import OnDask, check_workers

        check_workers(client)
        return OnDask(client, pack(analysis), settings, course)
    if workers == 0:
        return InThisProcess(analysis, settings)
    from physlite.running.processes import InProcesses

    return InProcesses(pack(analysis), settings, workers)


def _summed(plan: Plan, noted: Journal) -> tuple[dict[str, DatasetResult], list[FileRecord]]:
    """The sums over each dataset, in the order of the plan, and the records of files."""
    sums: dict[int, OrderedSum[Any]] = {number: OrderedSum(add) for number in range(len(plan.datasets))}
    weights: dict[int, list[FileWeights]] = defaultdict(list)
    records: dict[int, list[FileRecord]] = defaultdict(list)
    for group in plan.groups():
        outcome = noted.outcome(group)
        with of_dataset(plan.datasets[group.dataset].name):
            sums[group.dataset].append(value_of(outcome))
        weights[group.dataset] += outcome.weights
        records[group.dataset] += outcome.records
    by_name = {dataset.name: weights[number] for number, dataset in enumerate(plan.datasets)}
    warn_of_copies(by_name)
    warn_of_mixed(by_name)
    by_dataset = {
        dataset.name: DatasetResult(
            dataset.name,
            sums[number].total(),
            dict(dataset.metadata),
            sum(record.events for record in records[number]),
            len(records[number]),
            tuple(weights[number]),
        )
        for number, dataset in enumerate(plan.datasets)
    }
    return Named("by_dataset", by_dataset), [record for number in sorted(records) for record in records[number]]


def _total(datasets: Iterable[DatasetResult]) -> Any:
    """The sum over all datasets; raises AddingError where they do not add up."""
    try:
        return functools.reduce(add, (dataset.value for dataset in datasets))
    except AddingError as error:
        msg = f"results of different datasets do not add up, see .by_dataset: {error}"
        raise AddingError(msg) from None


def _function_of(analysis: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """What is called with events, and what with the sum."""
    if isinstance(analysis, type) and hasattr(analysis, "process"):
        msg = f"an analysis is a function of events, not a class: give an instance: {analysis.__name__}()"
        raise TypeError(msg)
    if callable(getattr(analysis, "process", None)) and callable(getattr(analysis, "postprocess", None)):
        # A ProcessorABC of coffea. What `postprocess` returns is the result, or it changes what it gets.
        def postprocess(value: Any) -> Any:
            value = loads(dumps(value))  # a copy: it may have parts in common with the sums of datasets
            try:
                changed = analysis.postprocess(value)
            except Exception as error:
                msg = f"postprocess fails: {type(error).__name__}: {' '.join(str(error).split())}; see .by_dataset"
                raise AnalysisError(msg) from error
            return value if changed is None else changed

        return analysis.process, postprocess
    if not callable(analysis):
        msg = f"an analysis is a function of events, or a coffea ProcessorABC, not {analysis!r}"
        raise TypeError(msg)
    return analysis, lambda value: value


def _check_client(client: Any, workers: int | None) -> None:
    if not hasattr(client, "nthreads"):
        msg = f"client= is a distributed.Client, as Client('tcp://host:8786'), not {type(client).__name__}"
        raise TypeError(msg)
    if getattr(client, "asynchronous", False):
        msg = "client= is asynchronous, and its answers have to be awaited: make it without asynchronous=True"
        raise TypeError(msg)
    if workers is not None:
        msg = "workers= is of this machine: with a client= its cluster has the workers"
        raise ValueError(msg)


def _check_numbers(**numbers: int) -> None:
    """Raises ValueError for what is below the least that is meant, TypeError for what is no whole number."""
    for name, value in numbers.items():
        if not hasattr(value, "__index__"):
            msg = f"{name}={value!r}: a whole number is expected, not a {type(value).__name__}"
            raise TypeError(msg)
        least = 0 if name in _FROM_ZERO else 1
        if operator.index(value) < least:
            msg = f"{name}={value}: at least {least}"
            raise ValueError(msg)


def _workers(wanted: int | None, files: int) -> int:
    """How many processes; 0: this one."""
    if wanted is not None:
        return wanted
    found = min(default_threads(), files)
    return found if found > 1 else 0


def _name_of(analysis: Any, datasets: Sequence[Dataset]) -> str:
    """What a run is called: the same each time that it is begun in the same folder."""
    function = getattr(analysis, "__qualname__", type(analysis).__qualname__)
    text = repr((str(Path.cwd()), getattr(analysis, "__module__", ""), function, [d.name for d in datasets]))
    readable = "".join(c for c in function.rpartition(".")[2] if c.isalnum() or c == "_")
    return f"{readable or 'analysis'}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
