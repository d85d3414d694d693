"""Workers of Dask that die when they have finished something."""

import os
import signal

import pytest

from physlite.running.code import dumps, pack
from physlite.running.merging import value_of
from physlite.running.parts import FilePart, Outcome, Settings
from support.servers.process import wait_until


class Nobody:
    def progress(self, events, received):
        """Is told, and does not mind."""


def work(part, code, settings, topic):
    return Outcome(dumps(part.number), ())


def test_a_result_that_is_lost_is_waited_for():
    """Dask makes it again by itself."""
    distributed = pytest.importorskip("distributed")
    from physlite.running.ondask import OnDask

    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        engine = OnDask(client, pack(len), Settings("token", 500, 1, False, 1, "raise"), Nobody(), work)
        engine.begin()
        part = FilePart("a", 7, "a.root", {}, None)
        (future,) = engine.submit([(part, 1)])
        assert engine.wait([future]) == [future]
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        wait_until(lambda: future.status == "lost", 10)
        assert engine.taken(part, future) is future  # as it was finished when somebody looked
        assert engine.wait([future]) == [future]
        assert future.status == "finished"
        assert value_of(engine.outcome_of(engine.collected([[future]]))) == 7
        engine.end()
