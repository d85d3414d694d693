"""Clusters of Dask Gateway, from a server of this machine."""

import os

import physlite
from support.servers.gateway import dask_gateway
from support.servers.process import wait_until


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
