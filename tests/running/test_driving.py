"""Running an analysis over many files: the same result, wherever it is made."""

import dataclasses
import gc
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import weakref

import awkward as ak
import hist
import numpy as np
import pytest

import physlite
from physlite.analysis import dilepton
from physlite.exceptions import (
    AddingError,
    AnalysisError,
    BadFilesError,
    CodeError,
    JournalError,
    MetadataNotFoundError,
)
from physlite.model.source import SOURCE
from physlite.running import plan, processing
from physlite.running.course import Course
from physlite.running.showing import Display
from support import data
from support.many_files import many_files
from support.patching import patched
from support.servers.process import wait_until


@dataclasses.dataclass
class Summary:
    events: int
    masses: hist.Hist
    pt: ak.Array


def analysis(events):
    """Sums whose bits depend on the order in which they are made."""
    weights = np.sqrt(np.arange(1, len(events) + 1)) * (1 + events.metadata["entry_start"] / 7)
    h = hist.Hist(hist.axis.Regular(10, 0, 100_000), storage=hist.storage.Weight())
    leading = ak.fill_none(ak.firsts(events.Electrons.pt), 0)
    h.fill(ak.to_numpy(leading), weight=weights)
    return {
        "n": len(events),
        "sum": float(np.sum(weights)) / 3,
        "h": h,
        "pt": events.Electrons.pt,
        "summary": Summary(len(events), dilepton.histogram(dilepton.analyse(events)), events.Muons.pt),
        "dataset": {events.metadata["dataset"]: len(events)},
    }


def same(one, other):
    assert one["h"].view(flow=True).tobytes() == other["h"].view(flow=True).tobytes()
    assert one["sum"].hex() == other["sum"].hex()
    assert one["n"] == other["n"]
    assert one["pt"].tolist() == other["pt"].tolist()
    assert one["summary"].masses == other["summary"].masses
    assert one["dataset"] == other["dataset"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return many_files(tmp_path_factory.mktemp("files"), 7)


@pytest.fixture(scope="module")
def datasets(files):
    return [
        physlite.Dataset("ttbar", files[:5], cross_section=0.83, campaign="mc20"),
        physlite.Dataset("zee", files[5:], cross_section=2.0),
    ]


@pytest.fixture(scope="module")
def here(datasets, tmp_path_factory):
    """The result as it is made in one process."""
    journal = tmp_path_factory.mktemp("journal") / "j"
    return physlite.run(analysis, datasets, workers=0, chunk_size=500, journal=journal)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    from distributed import Client

    with Client(cluster.scheduler_address) as client:
        yield client


# ------------------------------------------------------------------------------------------------------------ results


def test_a_result(here):
    assert here.value["n"] == 14_000
    assert here.value["dataset"] == {"ttbar": 10_000, "zee": 4_000}
    assert len(here.value["pt"]) == 14_000
    ttbar = here.by_dataset["ttbar"]
    assert ttbar.value["n"] == ttbar.events == 10_000
    assert ttbar.files == 5
    assert ttbar.metadata["cross_section"] == 0.83
    with pytest.raises(KeyError, match=r"by_dataset has no 'tt': it has "):
        here.by_dataset["tt"]
    assert here.report.events == 14_000


def test_sums_of_weights_come_along(here):
    one = physlite.open(physlite.sample()).metadata
    ttbar = here.by_dataset["ttbar"]
    assert ttbar.sum_of_weights == 5 * one.sum_of_weights()
    assert ttbar.mc_channel_numbers == (one.mc_channel_number,)


def test_what_the_analysis_is_told(files):
    seen = []

    def analysis(events):
        seen.append(dict(events.metadata))

    physlite.run(analysis, physlite.Dataset("ttbar", files[0], cross_section=0.83), workers=0, chunk_size=1000)
    expected = {"dataset": "ttbar", "cross_section": 0.83, "file": str(files[0])}
    assert seen == [
        expected | {"entry_start": 0, "entry_stop": 1000},
        expected | {"entry_start": 1000, "entry_stop": 2000},
    ]


def test_a_range_of_events_knows_which_it_is():
    events = physlite.events(physlite.sample(), 100, 200)
    assert events.metadata["entry_start"] == 100
    with pytest.raises(KeyError, match=r"events.metadata has no 'xsec': it has file, entry_start, entry_stop"):
        events.metadata["xsec"]
    assert events[10:20].metadata["entry_start"] == 110
    assert events[10:20].metadata["entry_stop"] == 120


# ------------------------------------------------------------------------------------- the same wherever it is made


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_in_processes(here, datasets, threads):
    same(physlite.run(analysis, datasets, workers=2, threads=threads, chunk_size=500).value, here.value)


def test_on_dask(here, datasets, client):
    result = physlite.run(analysis, datasets, client=client, chunk_size=500)
    same(result.value, here.value)
    for name, dataset in here.by_dataset.items():
        same(result.by_dataset[name].value, dataset.value)
        assert result.by_dataset[name].sum_of_weights == dataset.sum_of_weights


@pytest.mark.parametrize("parts", [2, 4, pytest.param(64, marks=pytest.mark.slow)])
def test_in_parts(here, datasets, monkeypatch, parts):
    """Large files are divided where that shortens the end."""
    monkeypatch.setattr(plan.Plan, "_parts_of", lambda *_: parts)
    same(physlite.run(analysis, datasets, workers=0, chunk_size=500).value, here.value)


@pytest.mark.parametrize(
    "groups", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_in_groups(here, datasets, client, monkeypatch, groups):
    """Of many files, several are added up before they are sent."""
    monkeypatch.setattr(plan, "_MOST_GROUPS", groups)
    same(physlite.run(analysis, datasets, client=client, chunk_size=500).value, here.value)


def test_a_processor_of_coffea(files):
    processor = pytest.importorskip("coffea.processor")

    class Counting(processor.ProcessorABC):
        def process(self, events):
            return {events.metadata["dataset"]: {"n": len(events)}}

        def postprocess(self, accumulator):
            return {"total": sum(each["n"] for each in accumulator.values())} | accumulator

    fileset = {"a": {"files": {str(files[0]): "CollectionTree"}, "metadata": {"year": 2017}}}
    assert physlite.run(Counting(), fileset, workers=0).value == {"total": 2000, "a": {"n": 2000}}
    assert physlite.run(Counting(), {"a": files[:2]}, workers=2).value == {"total": 4000, "a": {"n": 4000}}


# ------------------------------------------------------------------------------------------------- what does not work


def broken(events):
    return events.Electrons.no_such_field


@pytest.mark.parametrize("workers", [0, 2])
def test_an_analysis_that_does_not_work_is_told_at_once(files, workers):
    with pytest.raises(AnalysisError) as raised:
        physlite.run(broken, {"ttbar": files}, workers=workers)
    told = str(raised.value)
    assert "\n" not in told
    assert "dataset ttbar, " in told
    assert "entries 0 to 2000: the analysis fails: AttributeError" in told
    where = "".join(raised.value.__notes__) if workers else str(raised.value.__cause__)
    assert "no_such_field" in where


def bad_events(events):
    if events.metadata["file"].endswith("001.root") and events.metadata["entry_start"] == 1000:
        raise ZeroDivisionError
    return len(events)


@pytest.mark.parametrize("workers", [0, 2])
def test_events_that_it_fails_on(files, workers):
    with pytest.raises(BadFilesError, match=r"1 file could not be processed: dataset a, .*001.root, entries 1000 to "):
        physlite.run(bad_events, {"a": files[:3]}, workers=workers, chunk_size=500)
    result = physlite.run(bad_events, {"a": files[:3]}, workers=workers, chunk_size=500, max_bad_files=1)
    assert result.value == 4000
    (failure,) = result.report.failures
    assert failure.entries == (1000, 1500)


@pytest.mark.usefixtures("nothing_else_collected")
def test_events_of_files_that_failed_are_not_kept(files):
    """But for those that the first traceback shows: there may be thousands of files."""
    seen, most = [], 0

    def analysis(events):
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in seen))
        seen.append(weakref.ref(events))
        if len(seen) > 1:
            raise ZeroDivisionError
        return len(events)

    with pytest.raises(
        BadFilesError, match=r"6 files could not be processed: .*001\.root.*ZeroDivisionError"
    ) as raised:
        physlite.run(analysis, {"a": files}, workers=0)
    assert len(seen) == 7
    assert most == 1
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_the_last_number_that_is_shown_is_the_last_that_was_counted():
    """Also when another thread counts while one tells what it has counted."""
    shown, others = [], []

    class Interrupted(Display):
        def update(self, **counts):
            if not others:
                others.append(threading.Thread(target=course.progress, args=(1, 0)))
                others[0].start()
                others[0].join(0.2)  # as long as it may take if nothing holds it up
            super().update(**counts)
            shown.append(counts["events"])

    course = Course(0)
    course.begin(Interrupted(1), 0)
    course.progress(1, 0)
    others[0].join()
    assert shown == [1, 2]


@pytest.fixture
def with_a_bad_one(files, tmp_path):
    bad = tmp_path / "bad.root"
    bad.write_bytes(files[0].read_bytes()[:300_000])
    return [*files[:2], bad, *files[2:4]]


def number_of_events(events):
    return ak.sum(events.Electrons.pt) * 0 + len(events)


@pytest.mark.parametrize("where", ["here", "processes", "dask"])
def test_a_file_that_is_bad(with_a_bad_one, where, request):
    how = {"here": {"workers": 0}, "processes": {"workers": 2}}.get(where)
    how = how or {"client": request.getfixturevalue("client")}
    with pytest.raises(BadFilesError) as raised:
        physlite.run(number_of_events, {"a": with_a_bad_one}, **how)
    assert "bad.root" in str(raised.value)
    assert [f.file for f in raised.value.failures] == [str(with_a_bad_one[2])]
    result = physlite.run(number_of_events, {"a": with_a_bad_one}, **how, max_bad_files=1)
    assert result.value == 8000
    assert [f.file for f in result.report.failures] == [str(with_a_bad_one[2])]


def test_a_file_that_was_mended(tmp_path):
    """Only what is missing is done again."""
    files = many_files(tmp_path, 3)
    good = files[1].read_bytes()
    files[1].write_bytes(good[:300_000])
    with pytest.raises(BadFilesError, match=r"resume=True tries it again, and max_bad_files=1 leaves it out"):
        physlite.run(number_of_events, {"a": files}, workers=0)
    files[1].write_bytes(good)
    for path in files[::2]:
        path.write_bytes(bytes(path.stat().st_size))  # not needed any more
    assert physlite.run(number_of_events, {"a": files}, workers=0, resume=True).value == 6_000


def test_results_that_do_not_add_up(files):
    with pytest.raises(AnalysisError, match=r"the analysis fails: the result\['f'\]: object do not add up"):
        physlite.run(lambda _: {"f": object()}, {"a": files[:1]}, workers=0)


def test_results_of_chunks_that_do_not_add_up(files):
    """It is told at once."""
    seen = []

    def begins(events):
        seen.append(1)
        return str(events.metadata["entry_start"])

    said = r"dataset a, .*000.root, entries 500 to 1000: the analysis fails: the result is '0' for some events"
    with pytest.raises(AnalysisError, match=said):
        physlite.run(begins, {"a": files}, workers=0, chunk_size=500)
    assert len(seen) == 2


def test_results_of_files_that_do_not_add_up(files):
    """It is told when there are two."""
    seen = []

    def name(events):
        seen.append(1)
        return events.metadata["file"][-8:]

    said = r"^dataset a, .*000.root and .*001.root: the result is '000.root' for some events and '001.root' for others"
    with pytest.raises(AddingError, match=said):
        physlite.run(name, {"a": files}, workers=0)
    assert len(seen) == 2


def test_results_of_datasets_that_do_not_add_up(datasets):
    """Each of them is there, and that is all that may be wanted."""
    result = physlite.run(lambda events: events.metadata["dataset"], datasets, workers=0)
    assert [result.by_dataset[name].value for name in ("ttbar", "zee")] == ["ttbar", "zee"]
    assert result.report.events == 14_000
    assert repr(result).startswith("<Result: ")
    with pytest.raises(
        AddingError, match=r"^results of different datasets do not add up, see \.by_dataset: the result is"
    ):
        _ = result.value


@pytest.mark.parametrize("groups", [1, 1024])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_third_file_that_does_not_add_up(files, monkeypatch, groups, workers):
    """It is told of which dataset, whoever adds up."""
    monkeypatch.setattr(plan, "_MOST_GROUPS", groups)
    with pytest.raises(
        AddingError, match=r"^dataset zee[^:]*: the result is '\w+' for some events and '\w+' for others"
    ):
        physlite.run(lambda events: EARLY[int(events.metadata["file"][-8:-5])], {"zee": files[:4]}, workers=workers)


EARLY = ("early", "early", "late", "late")


class Halved:
    """A processor that is wrong at the end."""

    def process(self, events):
        return {"n": len(events)}

    def postprocess(self, accumulator):
        return accumulator["n"] / accumulator["none"]


def test_an_end_that_fails(datasets, own_cache):
    """What was made until then is there."""
    result = physlite.run(Halved(), datasets, workers=0)
    assert {name: dataset.value for name, dataset in result.by_dataset.items()} == {
        "ttbar": {"n": 10_000},
        "zee": {"n": 4_000},
    }
    with pytest.raises(AnalysisError, match=r"^postprocess fails: KeyError: 'none'; see \.by_dataset$") as raised:
        _ = result.value
    assert isinstance(raised.value.__cause__, KeyError)


class Doubled:
    """A processor that changes in the end what it is given."""

    def process(self, events):
        return {events.metadata["dataset"]: [len(events)]}

    def postprocess(self, accumulator):
        for counts in accumulator.values():
            counts[:] = [2 * sum(counts)]


@pytest.mark.parametrize("number", [1, 2])
def test_an_end_that_changes_what_it_is_given(datasets, number):
    result = physlite.run(Doubled(), datasets[:number], workers=0)
    assert result.value["ttbar"] == [20_000]
    assert result.by_dataset["ttbar"].value == {"ttbar": [2000] * 5}


class Careless:
    """Its `+` changes it."""

    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        self.n += other.n
        return self


def test_the_first_result_is_tried_on_a_copy(files):
    result = physlite.run(lambda events: Careless(len(events)), {"a": files[:2]}, workers=0, chunk_size=500)
    assert result.value.n == 4000


class Box:
    """Has arrays where nobody looks for them."""

    def __init__(self, array):
        self.array = array

    def __add__(self, other):
        return Box(ak.concatenate([self.array, other.array]))


@pytest.mark.parametrize("workers", [0, 2])
def test_results_do_not_need_the_files(workers, tmp_path):
    (path,) = many_files(tmp_path, 1)
    expected = physlite.events(path).Electrons.pt.tolist()
    result = physlite.run(lambda events: Box(events.Electrons), path, workers=workers, chunk_size=500)
    path.unlink()
    assert SOURCE not in result.value.array.attrs
    assert pickle.loads(pickle.dumps(result.value)).array.pt.tolist() == expected  # noqa: S301  # our own


class Unsendable:
    """Adds up, and has something that does not pickle."""

    def __init__(self):
        self.lock = threading.Lock()

    def __add__(self, other):
        return self


def test_results_that_cannot_be_sent_are_told_of_at_once(files):
    seen = []

    def analysis(_):
        seen.append(1)
        return Unsendable()

    said = r"entries 0 to 2000: the analysis fails: the result cannot be sent back: the attribute `lock` of it"
    with pytest.raises(AnalysisError, match=said):
        physlite.run(analysis, {"a": files}, workers=0)
    assert len(seen) == 1


def test_what_an_analysis_does_to_metadata_is_forgotten(files):
    """Else results would depend on which events came before."""

    def analysis(events):
        events.metadata["cuts"]["pt"].append(30)
        return {"cuts": len(events.metadata["cuts"]["pt"])}

    dataset = physlite.Dataset("a", files[:2], cuts={"pt": [20]})
    result = physlite.run(analysis, dataset, workers=0, chunk_size=500)
    assert result.report.total.chunks > 2
    assert result.value == {"cuts": 2 * result.report.total.chunks}
    assert dataset.metadata["cuts"] == {"pt": [20]}


def test_links_that_were_taken_as_none_are_counted(monkeypatch):
    def out_of_range(values):
        next(filter(None, values))[0] = 999

    path = data.path_of(data.R21)
    with patched(path, "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persIndex", out_of_range) as file:
        monkeypatch.setattr(processing, "read_event_manifest", lambda _: file.manifest)

    def analysis(events):
        return int(ak.count(events.Muons.inDetTrackParticle.z0))

    report = physlite.run(analysis, {"a": path}, workers=0, on_bad_link="none").report
    assert (report.files[0].bad_links, report.by_dataset["a"].bad_links, report.total.bad_links) == (1, 1, 1)
    assert ", 1 link out of range, " in report.summary


def test_channels_that_are_mixed(files):
    """It matters when the sum of weights is wanted, and not before."""
    other = data.path_of(data.R24)
    result = physlite.run(len, {"a": [files[0], other]}, workers=0)
    assert result.value == 2050
    assert len(result.by_dataset["a"].mc_channel_numbers) == 2
    with pytest.raises(MetadataNotFoundError, match=r"^dataset a: .*000.root is of channel \d+, .* do not add up"):
        _ = result.by_dataset["a"].sum_of_weights


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": -1}, "workers=-1: at least 0"),
        ({"chunk_size": 0}, "chunk_size=0: at least 1"),
        ({"threads": 0}, "threads=0: at least 1"),
        ({"attempts": 0}, "attempts=0: at least 1"),
        ({"max_bad_files": -1}, "max_bad_files=-1: at least 0"),
        ({"on_bad_link": "None"}, "on_bad_link='None': 'raise' or 'none'"),
    ],
)
def test_arguments_that_cannot_be_meant(files, options, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        physlite.run(len, {"a": files}, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": "2"}, "workers='2': a whole number is expected, not a str"),
        ({"chunk_size": "1k"}, "chunk_size='1k': a whole number is expected, not a str"),
        ({"attempts": 1.5}, "attempts=1.5: a whole number is expected, not a float"),
        ({"max_bad_files": None}, "max_bad_files=None: a whole number is expected, not a NoneType"),
        ({"client": "tcp://h:1"}, r"client= is a distributed.Client, as Client\('tcp://host:8786'\), not str"),
    ],
)
def test_arguments_of_another_type(files, options, said):
    with pytest.raises(TypeError, match=f"^{said}$"):
        physlite.run(len, {"a": files}, **options)


def test_a_class_in_place_of_an_analysis(files):
    class Counting:
        def process(self, events):
            return len(events)

    said = r"^an analysis is a function of events, not a class: give an instance: Counting\(\)$"
    with pytest.raises(TypeError, match=said):
        physlite.run(Counting, {"a": files})


def test_an_analysis_that_is_none(files):
    with pytest.raises(TypeError, match="an analysis is a function of events, or a coffea ProcessorABC, not 3"):
        physlite.run(3, {"a": files})


# ------------------------------------------------------------------------------------------------------------- resuming


def test_a_run_that_went_well_leaves_nothing(files, own_cache):
    physlite.run(len, {"a": files[:2]}, workers=0)
    assert not list(own_cache.rglob("*.journal*"))


SCRIPT = """
    import os, sys, time
    import physlite

    def analysis(events):
        with open(sys.argv[1], "a") as log:
            log.write(os.path.basename(events.metadata["file"]) + "\\n")
        if events.metadata["file"].endswith(sys.argv[3]):
            time.sleep(60)
        return len(events)

    result = physlite.run(analysis, {"a": sys.argv[4:]}, workers=0, resume=sys.argv[2] == "resume")
    print(result.value)
"""


def started(tmp_path, how, stays_at, files):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script), str(tmp_path / "log"), how, stays_at, *map(str, files)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)


class Candidate(ak.Record):
    """What an analysis may call its objects."""


def test_what_is_registered_for_arrays_belongs_to_the_analysis(with_a_bad_one, tmp_path, monkeypatch):
    with pytest.raises(BadFilesError):
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=tmp_path / "j")
    monkeypatch.setitem(ak.behavior, "Candidate", Candidate)
    with pytest.raises(JournalError, match="the analysis was changed since"):
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=tmp_path / "j", resume=True)


def test_a_finished_file_that_was_replaced_is_done_again(tmp_path):
    files = many_files(tmp_path, 3)
    good = files[1].read_bytes()
    files[1].write_bytes(good[:300_000])
    with pytest.raises(BadFilesError):
        physlite.run(number_of_events, {"a": files}, workers=0)
    files[1].write_bytes(good)
    shutil.copy(data.path_of(data.R24), files[0])
    assert physlite.run(number_of_events, {"a": files}, workers=0, resume=True).value == 4_050


def test_a_report_tells_what_an_earlier_run_has_done(with_a_bad_one, tmp_path):
    options = {"workers": 0, "journal": tmp_path / "j"}
    with pytest.raises(BadFilesError) as raised:
        physlite.run(number_of_events, {"a": with_a_bad_one}, **options)
    before = raised.value.report
    report = physlite.run(number_of_events, {"a": with_a_bad_one}, **options, resume=True, max_bad_files=1).report
    assert (before.resumed, report.resumed, report.workers) == (0, len(before.files), 1)
    assert report.summary.startswith(f"{len(before.files)} files ({len(before.files)} of an earlier run), 1 failed, ")


def test_an_interrupt_says_how_to_go_on(files, tmp_path):
    def analysis(events):
        if events.metadata["file"].endswith("001.root"):
            raise KeyboardInterrupt
        return len(events)

    journal = tmp_path / "j"
    with pytest.raises(KeyboardInterrupt) as raised:
        physlite.run(analysis, {"a": files}, workers=0, journal=journal)
    assert raised.value.__notes__ == [f"1 of 7 files are noted, journal='{journal}', resume=True goes on"]


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_run_that_was_ended_goes_on(tmp_path, files, number):
    log = tmp_path / "log"
    with started(tmp_path, "anew", "002.root", files) as process:
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3, seconds=30)
        process.send_signal(number)
    before = log.read_text().splitlines()
    assert before == [f"{i:03d}.root" for i in range(len(before))]
    with started(tmp_path, "resume", "no file", files) as process:
        shown, _ = process.communicate(timeout=60)
    assert shown == "14000\n"
    done = len(before) - 1  # the last one was under way
    assert log.read_text().splitlines()[len(before) :] == [f"{i:03d}.root" for i in range(done, 7)]


def test_a_changed_analysis_is_not_resumed(with_a_bad_one, tmp_path):
    journal = tmp_path / "j"
    with pytest.raises(BadFilesError):
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=journal)
    with pytest.raises(JournalError, match=r"j: the journal cannot be resumed: the analysis was changed since"):
        physlite.run(len, {"a": with_a_bad_one}, workers=0, journal=journal, resume=True)
    with pytest.raises(JournalError, match=r"cannot be resumed: it is of other files"):
        physlite.run(number_of_events, {"a": with_a_bad_one[:2]}, workers=0, journal=journal, resume=True)
    dataset = physlite.Dataset("a", with_a_bad_one, cross_section=0.83)
    with pytest.raises(JournalError, match=r"cannot be resumed: what is given with the datasets was changed since"):
        physlite.run(number_of_events, dataset, workers=0, journal=journal, resume=True)
    with pytest.raises(JournalError, match=r"cannot be resumed: it was made with another chunk_size"):
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=journal, resume=True, chunk_size=7)


def test_a_run_that_is_refused_begins_nothing_and_keeps_the_journal(with_a_bad_one, tmp_path, client):
    """Whatever refuses it: the journal refuses the analysis, or the analysis cannot be sent."""
    journal = tmp_path / "j"
    with pytest.raises(BadFilesError):
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=journal)
    before = client.run_on_scheduler(topics)
    with pytest.raises(JournalError, match="the analysis was changed since"):
        physlite.run(len, {"a": with_a_bad_one}, client=client, journal=journal, resume=True)
    held = threading.Lock()
    with pytest.raises(CodeError, match="the variable `held`"):
        physlite.run(lambda _: held, {"a": with_a_bad_one}, client=client, journal=journal)
    assert client.run_on_scheduler(topics) == before
    with pytest.raises(BadFilesError):  # goes on
        physlite.run(number_of_events, {"a": with_a_bad_one}, workers=0, journal=journal, resume=True)


def topics(dask_scheduler):
    """What clients listen to, and the tasks that there are."""
    subscribed = {topic for topic, found in dask_scheduler._broker._topics.items() if found.subscribers}
    return subscribed, set(dask_scheduler.tasks)
