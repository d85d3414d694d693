"""One file, one array of events, several threads of the user's."""

from concurrent.futures import ThreadPoolExecutor

import awkward as ak
import pytest

import physlite
from support import data
from support.compare import assert_same


@pytest.mark.parametrize("cache_bytes", [0, 100_000_000])
def test_threads_share_a_file(cache_bytes):
    path = data.path_of(data.SAMPLE)
    with physlite.open(path, threads=1) as alone:
        names = [
            name for name, column in alone.columns.items() if column.type != "through uproot" and not column.problem
        ]
        expected = {name: alone.array(name) for name in names}

    with physlite.open(path, threads=2, cache_bytes=cache_bytes) as shared, ThreadPoolExecutor(8) as pool:
        for name, array in zip(names * 2, pool.map(shared.array, names * 2), strict=True):
            assert_same(array, expected[name])


def test_threads_share_events():
    """The first to ask for a column reads it, and the lists of a collection are the same for all."""
    path = data.path_of(data.SAMPLE)
    with physlite.open(path) as file:
        fields = list(file.collections["Jets"].fields)
        expected = {name: file.events().Jets[name] for name in fields}
        events = file.events()
        before = file.source.stats.requests
        with ThreadPoolExecutor(8) as pool:
            picked = list(pool.map(lambda name: events.Jets[ak.num(events.Jets) > 1][name], fields * 4))
        for name, array in zip(fields * 4, picked, strict=True):
            assert_same(array, expected[name][ak.num(expected[name]) > 1])
        assert file.source.stats.requests - before <= len(fields) + 1


def test_links_are_followed_from_many_threads():
    """The same events, the same chains: what one thread finds out the others use."""
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        ways = [
            lambda e: e.Electrons.trackParticles.z0,
            lambda e: e.TruthElectrons.parents.pdgId,
            lambda e: e.Jets.ghostTrack.d0,
            lambda e: e.Muons.trackParticle.theta,
            lambda e: e.Muons.matched("HLT_mu*"),
        ]
        expected = [way(file.events()).to_list() for way in ways]
        for _ in range(5):
            events = file.events()
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda way, events=events: way(events).to_list(), ways * 4))
            assert found == expected * 4
