"""Everything goes wrong at the same time, and the result is the same, bit for bit."""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import Counter
from pathlib import Path

import pytest

import physlite
from support.many_files import many_files
from support.servers.faults import fault_server
from support.servers.process import wait_until

FILES = 40
USES = 3  # requests that a signed URL is good for

# The analysis and the signer, in a module that the workers do not have.
MODULE = '''
import time
import uuid
import awkward as ak
import hist
import numpy as np
from physlite.storage import SignedUrl


class Signer:
    """URLs that are soon refused, and say that they were good for an hour."""

    def url(self, file):
        return SignedUrl(f"{file}?signature={uuid.uuid4()}", time.time() + 3600)


def analysis(events):
    time.sleep(0.05)
    weights = np.sqrt(np.arange(1, len(events) + 1)) * (1 + int(events.metadata["file"][-8:-5]) / 7)
    h = hist.Hist(hist.axis.Regular(10, 0, 100_000), storage=hist.storage.Weight())
    h.fill(ak.to_numpy(ak.fill_none(ak.firsts(events.Electrons.pt), 0)), weight=weights)
    return {"n": len(events), "h": h}
'''

CLIENT = """
    import pickle, sys
    import physlite
    from distributed import Client
    from chaos_analysis import Signer, analysis

    scheduler, url, journal, out, how = sys.argv[1:]
    dataset = physlite.Dataset("a", [f"{url}/{i:03d}.root" for i in range(FILES)], signer=Signer())
    with Client(scheduler) as client:
        result = physlite.run(
            analysis, dataset, client=client, chunk_size=500, journal=journal, resume=how == "resume", progress=False
        )
    with open(out, "wb") as file:
        pickle.dump((result.value["n"], result.value["h"].view(flow=True).tobytes(), result.report.events), file)
"""


class Chaos:
    """Fails one request of twenty, and each one with a URL that has been used up."""

    kinds = ("500", "503", "reset", "short", "hang_up", "wrong_length")

    def __init__(self, files, seed):
        self._files = files
        self._random = random.Random(seed)
        self._uses = Counter()
        self.failed = self.refused = 0

    def __call__(self, server):
        def fault(request):
            _, is_signed, signature = request.target.partition("signature=")
            self._uses[signature] += 1
            if not is_signed or self._uses[signature] > USES:
                self.refused += 1
                return "403"
            if self._random.random() < 0.05:
                self.failed += 1
                return self._random.choice(self.kinds)
            server.content = self._files[int(request.target.partition(".root")[0][-3:])]
            return None

        server.otherwise = fault


@pytest.mark.slow
def test_chaos(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    seed = random.SystemRandom().randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    paths = many_files(tmp_path / "files", FILES)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "chaos_analysis.py").write_text(MODULE)
    script = tmp_path / "code" / "client.py"
    script.write_text(textwrap.dedent(CLIENT).replace("FILES", str(FILES)))
    monkeypatch.syspath_prepend(tmp_path / "code")
    from chaos_analysis import analysis

    expected = physlite.run(analysis, {"a": paths}, workers=0, chunk_size=500, journal=tmp_path / "own")
    chaos = Chaos([path.read_bytes() for path in paths], seed)
    out, journal = tmp_path / "out", tmp_path / "journal"
    with (
        fault_server(b"") as server,
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        chaos(server)
        over = threading.Event()
        killed = []

        def kill_workers():
            while not over.wait(dice.uniform(1, 2.5)):
                # One that works: what dies while it starts its nanny gives up, and in the end there are none.
                working = [w for w in cluster.workers.values() if w.worker_address in cluster.scheduler.workers]
                if working and (pid := dice.choice(working).pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

        killer = threading.Thread(target=kill_workers)
        killer.start()
        try:
            for turn in range(3):
                url = server.url.rpartition("/")[0]
                command = [sys.executable, str(script), cluster.scheduler_address, url, str(journal), str(out)]
                with subprocess.Popen([*command, "resume" if turn else "anew"], stderr=subprocess.PIPE) as client:
                    if turn < 2:
                        wait_until(lambda: client.poll() is not None or done(journal) > 8 * (turn + 1), 120)  # noqa: B023
                        client.kill()
                    else:
                        try:
                            _, said = client.communicate(timeout=240)
                        finally:
                            client.kill()
                        assert client.returncode == 0, said.decode()
        finally:
            over.set()
            killer.join()
    number, histogram, events = pickle.loads(out.read_bytes())  # noqa: S301  # from above
    assert number == events == 2000 * FILES
    assert histogram == expected.value["h"].view(flow=True).tobytes()
    assert killed
    assert chaos.failed
    assert chaos.refused


def done(journal):
    """How many groups a journal has: a copy of it, since the run alone may open it while it lasts."""
    import sqlite3
    from contextlib import closing

    try:
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                shutil.copy(f"{journal}{suffix}", folder)
            with closing(sqlite3.connect(Path(folder) / journal.name)) as database:
                return database.execute("SELECT count(*) FROM done").fetchone()[0]
    except (OSError, sqlite3.Error):
        return 0
