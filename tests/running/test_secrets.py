"""What gives access to files goes to those who read them, and is nowhere else."""

import json
import logging
import pickle
import re
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from distributed import Client

import physlite
from physlite.auth import load_proxy, ship_proxy
from physlite.exceptions import BadFilesError
from physlite.running.access import Access
from physlite.running.parts import FilePart
from physlite.storage import S3Signer
from support import proxies
from support.many_files import many_files
from support.secrets import has_key, leaks_of
from support.servers.dask import dask_programs
from support.servers.faults import fault_server
from support.servers.process import wait_until
from support.servers.wire import tapped

KEY, TOKEN = "AN-ACCESS-KEY-OF-NOBODY", "a-secret-key-that-nobody-may-see"
PASSWORD = "a-password-in-a-url"  # noqa: S105  # nobody's
PROXY = proxies.voms_proxy()
GOOD, BAD = "000.root", "bad.root"


def analysis(events):
    """Ends when it may."""
    go_on = Path(events.metadata["go_on"])
    wait_until(go_on.exists, 60)
    return {"events": len(events), "file": {events.metadata["file"]}}


class Site:
    """A server that gives files to whoever comes with a signature, and remembers these."""

    def __init__(self, server, content):
        self._content = content
        self.server = server
        server.otherwise = self._answer

    def _answer(self, request):
        if "X-Amz-Signature=" not in request.target:
            return "403"
        is_bad = BAD in request.target
        self.server.content = self._content[:300_000] if is_bad else self._content
        return None

    def signatures(self):
        """All that were shown to it."""
        queries = [parse_qs(urlsplit(request.target).query) for request in self.server.requests]
        return {value.encode() for query in queries for value in query.get("X-Amz-Signature", [])}


@pytest.fixture
def site(tmp_path):
    (path,) = many_files(tmp_path / "files", 1)
    with fault_server(b"") as server:
        yield Site(server, path.read_bytes())


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DASK_LOGGING__DISTRIBUTED", "debug")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__COMPRESSION", "None")  # what is compressed cannot be searched
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(f"[lab]\naws_access_key_id = {KEY}\naws_secret_access_key = {TOKEN}\n")


def of_scheduler(client):
    """What it tells to whoever asks, names of tasks among it."""
    told = [client.get_events(), client.get_task_stream(), client.scheduler_info(), client.story()]
    told += [client.get_scheduler_logs(), client.get_worker_logs(), client.processing(), client.who_has()]
    return repr(told)


def of_tasks(client):
    """Each task as a dashboard has it: its name, its group, and what it failed with."""

    def look(dask_scheduler):
        tasks = dask_scheduler.tasks.values()
        return [(t.key, t.group_key, repr(t), str(t.exception_text), str(t.traceback_text)) for t in tasks]

    return repr(client.run_on_scheduler(look))


def shown(result):
    """All forms in which a result is shown or kept."""
    report = result.report
    html = report._repr_html_() + result._repr_html_()
    json.loads(report.to_json())
    return repr(result) + repr(report.files[0]) + html + report.to_json() + repr(result.by_dataset)


def run_on(programs, tap, dataset, tmp_path):
    """Runs an analysis with a file that is bad; gives what is to be searched: of the client, and of the cluster."""
    journal, go_on = tmp_path / "journal", tmp_path / "go on"
    raised = []
    with Client(f"127.0.0.1:{tap}", set_as_default=False) as client:
        client.wait_for_workers(1)
        ship_proxy(client, load_proxy(PROXY))

        def run():
            with pytest.raises(BadFilesError) as caught:
                physlite.run(analysis, dataset, client=client, attempts=1, journal=journal)
            raised.append(caught.value)

        running = threading.Thread(target=run)
        running.start()
        try:
            wait_until(lambda: "-a-0-0-1" in repr(client.processing()), 60)
            meanwhile = programs.memory(), of_scheduler(client) + of_tasks(client)
        finally:
            go_on.touch()
            running.join()
        (error,) = raised
        mine = f"{error}{error.__notes__ if hasattr(error, '__notes__') else ''}{error.failures}".encode()
        mine += journal.read_bytes()
        result = physlite.run(
            analysis, dataset, client=client, attempts=1, journal=journal, resume=True, max_bad_files=1
        )
        assert result.value["events"] == 2000
        mine += pickle.dumps(result) + shown(result).encode() + repr(dataset).encode() + repr(error).encode()
        return mine, *meanwhile, of_scheduler(client) + of_tasks(client), programs.memory()


def nowhere(secrets, *places):
    for number, place in enumerate(places):
        content = place.encode() if isinstance(place, str) else place
        found = [secret for secret in secrets if secret in content]
        assert not found, (number, [content[content.index(s) - 60 : content.index(s) + len(s)] for s in found])


def secrets_of(site):
    return {KEY.encode(), TOKEN.encode(), *leaks_of(PROXY), *site.signatures()}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="looks into a process's memory as Linux shows it")
def test_of_a_signer_nothing_leaves_the_workers(tmp_path, site, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    signer = S3Signer("lab", endpoint=site.server.url.rpartition("/")[0], region="us-east-1")
    files = [f"s3://physics/{name}" for name in (GOOD, BAD)]
    dataset = physlite.Dataset("a", files, signer=signer, go_on=str(tmp_path / "go on"))
    with dask_programs(tmp_path) as programs, tapped(programs.port) as (tap, passed):
        searched = run_on(programs, tap, dataset, tmp_path)
        searched += (programs.written(), b"".join(passed), caplog.text, "".join(capfd.readouterr()))
    secrets = secrets_of(site)
    assert len(site.signatures()) >= 2
    nowhere(secrets, *searched)
    assert has_key(b"".join(passed), [b"physics/000.root"])  # what is looked through has what it should


def test_signatures_in_urls_are_seen_by_workers_alone(tmp_path, site, caplog, capfd):
    """They are in tasks, since workers need them, but nowhere that people look at."""
    caplog.set_level(logging.DEBUG)
    host = site.server.url.partition("://")[2].rpartition("/")[0]
    signature = "5ec7e75ec7e75ec7e7"
    files = [f"http://me:{PASSWORD}@{host}/{name}?X-Amz-Signature={signature}" for name in (GOOD, BAD)]
    dataset = physlite.Dataset("a", files, go_on=str(tmp_path / "go on"))
    with dask_programs(tmp_path) as programs, tapped(programs.port) as (tap, passed):
        mine, _, before, after, _ = run_on(programs, tap, dataset, tmp_path)
        searched = (mine, before, after, programs.written(), caplog.text, "".join(capfd.readouterr()))
    secrets = {signature.encode(), PASSWORD.encode(), *leaks_of(PROXY)}
    nowhere(secrets, *searched)
    assert has_key(b"".join(passed), [signature.encode()])


def test_what_is_processed_is_shown_without_secrets():
    """Dask writes the arguments of tasks that fail to its logs."""
    url = f"https://me:{PASSWORD}@example.org/a.root?X-Amz-Signature={TOKEN}"
    part = FilePart("a", 3, url, {"token": TOKEN}, Access(), 1, 2)
    assert repr(part) == "FilePart('a', 3, 'https://example.org/a.root?…', part 1 of 2)"
    assert not re.search(f"{PASSWORD}|{TOKEN}", f"{part} {[part]}")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.slow
def test_on_this_machine(tmp_path, site, caplog, capfd, workers):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "botocore")  # which writes signatures down when it is asked for all
    (tmp_path / "go on").touch()
    signer = S3Signer("lab", endpoint=site.server.url.rpartition("/")[0], region="us-east-1")
    files = [f"s3://physics/{name}" for name in (GOOD, BAD)]
    dataset = physlite.Dataset("a", files, signer=signer, go_on=str(tmp_path / "go on"))
    journal = tmp_path / "journal"
    with pytest.raises(BadFilesError) as raised:
        physlite.run(analysis, dataset, workers=workers, attempts=1, journal=journal)
    kept = journal.read_bytes()
    result = physlite.run(analysis, dataset, workers=workers, attempts=1, journal=journal, resume=True, max_bad_files=1)
    said = f"{raised.value}{raised.value.failures}{caplog.text}{''.join(capfd.readouterr())}{dataset!r}"
    assert len(site.signatures()) >= 2
    nowhere(secrets_of(site), kept, pickle.dumps(result), shown(result), said)
