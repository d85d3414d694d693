"""The demo's analysis of fifty files gives the same bits, wherever and on however many threads it runs."""

import distributed
import pytest

import physlite
from support.toy_files import CLUSTERS, ENTRIES, bits, in_other_orders, toy_files, weighted_masses

FILES = 50


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return toy_files(tmp_path_factory.mktemp("toys"), FILES)


@pytest.fixture(scope="module")
def here(files):
    """The result of this process, on one thread."""
    return physlite.run(weighted_masses, files, workers=0, threads=1)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_there_is_something_to_compare(here):
    assert here.report.events == FILES * CLUSTERS * ENTRIES
    assert all(cutflow["66 GeV < mass < 116 GeV"] > 2000 for cutflow in here.value["cutflows"].values())


@pytest.mark.slow
def test_another_order_of_addition_would_be_seen(files, here):
    for other in in_other_orders(files):
        assert other["cutflows"] == here.value["cutflows"]
        assert other["masses"] == here.value["masses"]  # whole numbers
        assert bits(other) != bits(here.value)


def test_in_this_process(files, here):
    assert bits(physlite.run(weighted_masses, files, workers=0, threads=2).value) == bits(here.value)


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_in_processes(files, here, threads):
    assert bits(physlite.run(weighted_masses, files, workers=2, threads=threads).value) == bits(here.value)


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_on_a_cluster(files, here, client, threads):
    assert bits(physlite.run(weighted_masses, files, client=client, threads=threads).value) == bits(here.value)
