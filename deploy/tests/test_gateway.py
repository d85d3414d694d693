"""Clusters of Dask Gateway, from a server of this machine."""

import os

import physlite
from support.servers.gateway import dask_gateway
from support.servers.process import wait_until
from support.toy_files import bits, toy_files, weighted_masses


def test_events_are_counted_on_a_cluster_of_the_gateway(tmp_path):
    def count(path):  # within the test: the workers do not have its module
        return len(physlite.events(path)), os.getpid()

    with dask_gateway(tmp_path) as server, server.gateway() as gateway:
        with gateway.new_cluster() as cluster, cluster.get_client() as client:
            cluster.scale(2)
            client.wait_for_workers(2)
            counts = client.run(count, physlite.sample())
        assert [events for events, _ in counts.values()] == [2000, 2000]
        assert len({os.getpid(), *(pid for _, pid in counts.values())}) == 3
        wait_until(lambda: gateway.list_clusters() == [])


def test_a_cluster_of_the_gateway_gives_the_same_bits(tmp_path):
    """Those that tests/running/test_same_everywhere.py has on this machine."""
    files = toy_files(tmp_path / "toys", 50)
    here = physlite.run(weighted_masses, files, workers=0, threads=1)
    with (
        dask_gateway(tmp_path) as server,
        server.gateway() as gateway,
        gateway.new_cluster() as cluster,
        cluster.get_client() as client,
    ):
        cluster.scale(2)
        client.wait_for_workers(2)
        there = [physlite.run(weighted_masses, files, client=client, threads=threads) for threads in (1, 2)]
    assert [len(result.report.files) for result in there] == [50, 50]
    assert [bits(result.value) for result in there] == [bits(here.value)] * 2
