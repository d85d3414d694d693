"""What users of other tools reported of runs over many files, each as a count of what it takes."""

import cProfile
import pickle
import pstats
import threading
import time

import awkward as ak
import pytest

import physlite
from physlite.exceptions import PhysliteError
from physlite.model.schema import _schema
from physlite.running.access import Access
from physlite.running.code import dumps, pack, unpack
from physlite.running.datasetfiles import DataFile
from physlite.running.merging import value_of
from physlite.running.ondask import OnDask
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.running.plan import Plan
from physlite.storage import S3Signer
from physlite.storage.rucio import Rucio
from support import data
from support.many_files import many_files
from support.records import RECORD
from support.servers.faults import fault_server
from support.servers.wire import tapped

SETTINGS = Settings("token", 500, 1, True, 1, "raise")


class Nobody:
    """Is told, and does not mind."""

    def progress(self, events, received):
        pass

    def file_done(self, events, received):
        pass

    def file_failed(self, part, error):
        raise error


def again(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301  # from this line


# --------------------------------------------------------------------------------------------------------- uproot5#1102


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


def highest(objects):
    """On a worker."""
    return float(ak.max(objects.pt))


def test_uproot5_1102_remote_files_events_and_objects_go_to_workers(cluster):
    """A task held a lock that could not be pickled. Here a worker opens the file again."""
    from distributed import Client

    content = data.path_of(data.SAMPLE).read_bytes()
    with fault_server(content) as server, Client(cluster) as client, physlite.open(server.url) as file:
        events = file.events()
        muons = events.Muons[events.Muons.pt > 20_000]
        expected = float(ak.max(muons.pt))
        before = len(server.requests)
        assert client.submit(highest, muons).result() == expected
        assert len(server.requests) > before
        assert client.submit(lambda file: file.num_entries, file).result() == file.num_entries
        assert client.submit(lambda events: float(ak.max(events.Muons.pt)), events[100:200]).result() == float(
            ak.max(events[100:200].Muons.pt)
        )


def test_uproot5_1102_what_is_sent_and_what_comes_back():
    access = Access(
        Rucio("https://rucio.example.org", account="jdoe"), S3Signer("lab", endpoint="https://s3.example.org")
    )
    part = FilePart("ttbar", 3, "rucio://mc20:file.root", {"cross_section": 0.83}, access, 1, 2)
    assert repr(again(part)) == repr(part)
    assert again(part)._replace(access=None) == part._replace(access=None)
    assert again(part).access.signer == access.signer
    assert again(SETTINGS) == SETTINGS
    outcome = Outcome(dumps({"n": 3}), (RECORD,))
    assert again(outcome) == outcome
    assert value_of(again(outcome)) == {"n": 3}
    assert unpack(again(pack(highest))) is not None


class UnpicklableError(PhysliteError):
    """Of a library that did not think of it."""

    def __init__(self):
        super().__init__("it failed")
        self.lock = threading.Lock()


def test_uproot5_1102_what_failed_comes_back_whatever_it_was():
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(UnpicklableError())
    error = FailedPartError("a.root: it failed", is_users=True, entries=(0, 10), details="…", cause=UnpicklableError())
    known = {name: value for name, value in vars(error).items() if name != "cause"}
    assert vars(again(error)) == known | {"cause": None}
    assert str(again(error)) == "a.root: it failed"


# --------------------------------------------------------------------------------------------------------- uproot5#1137


def sum_of_pt(events):
    return float(ak.sum(events.Electrons.pt))


def test_uproot5_1137_each_of_many_alike_files_takes_the_same_and_little(tmp_path):
    """Counted in calls of Python, which are the same each time: what grows with the number of files would show."""
    files = many_files(tmp_path, 22)

    def calls(number):
        with cProfile.Profile() as profile:
            physlite.run(sum_of_pt, {"a": files[:number]}, workers=0, progress=False)
        return pstats.Stats(profile).total_calls

    calls(1)  # imports
    known = _schema.cache_info().misses
    two, twelve, all_of_them = calls(2), calls(12), calls(22)
    assert _schema.cache_info().misses == known  # what columns mean is found out once
    a_file = (twelve - two) / 10
    assert (all_of_them - twelve) / 10 == pytest.approx(a_file, rel=0.02)
    assert a_file < 100_000  # it has 900 columns


def test_uproot5_1137_a_remote_file_takes_few_requests(tmp_path):
    """Both ends at once, with all that describes it and the last basket; then the other three, at the same time."""
    contents = [path.read_bytes() for path in many_files(tmp_path, 20)]
    with fault_server(b"") as server:

        def choose(request):
            server.content = contents[int(request.target[1:4])]

        server.otherwise = choose
        urls = [server.url.replace("file.root", f"{i:03d}.root") for i in range(20)]
        report = physlite.run(sum_of_pt, {"a": urls}, workers=0, progress=False).report
    assert {record.requests for record in report.files} == {4}
    assert report.total.requests == len(server.requests)


def test_uproot5_1137_a_manifest_spares_the_parsing(tmp_path):
    """For those who open the same file often. From memory: calls that are about paths depend on how long these are."""
    path = data.path_of(data.SAMPLE).read_bytes()
    with physlite.open(path) as file:
        file.manifest.save(tmp_path / "manifest")
    manifest = physlite.Manifest.load(tmp_path / "manifest")

    def calls(**options):
        with cProfile.Profile() as profile, physlite.open(path, **options):
            pass
        return pstats.Stats(profile).total_calls

    calls(), calls(manifest=manifest)
    assert calls(manifest=manifest) < calls() / 20


# ---------------------------------------------------------------------------------------- dask-awkward#446, coffea#1139

MANY = 200_000


def site(number):
    """Files that nobody opens."""
    return [
        DataFile(f"root://site.example.org:1094//atlas/rucio/mc20/{i:08d}.pool.root.1", 10**9) for i in range(number)
    ]


def test_coffea_1139_the_plan_of_very_many_files():
    begin = time.perf_counter()
    plan = Plan([physlite.Dataset("a", site(MANY), cross_section=0.83)], 1000)
    groups = list(plan.groups())
    tasks = sum(len(parts) for group in groups for parts in plan.parts(group))
    plan.digest()
    assert time.perf_counter() - begin < 30  # it takes two
    assert tasks == MANY
    assert len(groups) <= 1024


def work(part, code, settings, topic):
    return Outcome(dumps(part.number), ())


@pytest.mark.slow
def test_coffea_1139_what_is_sent_to_a_cluster_grows_with_the_files_and_is_small(cluster):
    """No task knows of other files, and no more are sent than are worked on soon."""
    from distributed import Client

    number = 3000
    plan = Plan([physlite.Dataset("a", site(number), cross_section=0.83)], 0)
    with tapped(cluster.scheduler.port) as (tap, passed), Client(f"127.0.0.1:{tap}") as client:
        known = []

        class Watched(OnDask):
            def wait(self, futures):
                known.append(len(cluster.scheduler.tasks))
                return super().wait(futures)

        engine = Watched(client, pack(sum_of_pt), SETTINGS, Nobody(), work)
        outcomes = dict(engine.run(plan, plan.groups(), Nobody()))
        total = sum(value_of(outcome) for outcome in outcomes.values())
        sent = sum(map(len, passed))
        assert max(known) < 1.1 * engine.window() < number, max(known)
    assert total == number * (number - 1) // 2
    assert sent / number < 3000  # bytes, there and back


def test_coffea_1139_a_file_is_sent_in_a_few_hundred_bytes():
    plan = Plan([physlite.Dataset("a", site(MANY), cross_section=0.83)], 0)
    parts = [part for group in list(plan.groups())[:4] for (part,) in plan.parts(group)]
    assert len(pickle.dumps(parts)) / len(parts) < 300
    assert max(len(pickle.dumps(part)) for part in parts) < 500
