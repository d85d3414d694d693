"""Columns that an analysis has used are on their way before it asks for them again."""

import asyncio
import time

import awkward as ak
import pytest

import physlite
from physlite.exceptions import BadFilesError
from physlite.formats.detect import read_event_manifest
from physlite.model.store import ColumnStore
from physlite.running import processing
from physlite.running.prefetching import WatchedSource, ranges_of
from physlite.running.stopwatch import Stopwatch
from physlite.storage import Range
from support import data
from support.many_files import many_files
from support.recording import CountingSource, RecordingSource, baskets
from support.servers.faults import fault_server
from support.servers.process import wait_until

ELECTRONS, MUONS, JETS = (f"Analysis{name}AuxDyn.pt" for name in ("Electrons", "Muons", "Jets"))
CHUNK = 1000  # events of a cluster
LAST = 4  # number of the last chunk


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Two files of five clusters each, whose columns are far from each other."""
    return many_files(tmp_path_factory.mktemp("files"), 2, data.TIMES_50)


@pytest.fixture(scope="module")
def contents(paths):
    return [path.read_bytes() for path in paths]


@pytest.fixture(scope="module")
def manifest(paths):
    with physlite.open(paths[0]) as file:
        return file.manifest


class Site:
    """The files on a server that is a bit away, and what it was asked for."""

    def __init__(self, server, manifest, contents):
        self.server = server
        self.urls = [server.url.replace("file.root", f"{i}.root") for i in range(len(contents))]
        self.bad = []  # ranges of bytes that the server refuses
        self.refused = 0
        self._manifest = manifest
        self._contents = contents
        server.otherwise = self._answer

    def _answer(self, request):
        self.server.content = self._contents[int(request.target[1])]
        asked = self.server.wanted(request)
        if any(begin < r.offset + r.size and r.offset < end for r in self.bad for begin, end in asked):
            self.refused += 1
            return "404"
        return None

    def baskets(self, column, chunk):
        return baskets(self._manifest, column, start=chunk * CHUNK, stop=(chunk + 1) * CHUNK)

    def times(self, column, chunk, file=0):
        """How often each basket of a column was asked for, in a chunk."""
        requests = [request for request in self.server.requests if request.target == f"/{file}.root"]
        asked = [span for request in requests for span in self.server.wanted(request)]
        return [
            sum(begin <= r.offset and r.offset + r.size <= end for begin, end in asked)
            for r in self.baskets(column, chunk)
        ]

    def was_asked(self, column, chunk, file=0):
        return all(self.times(column, chunk, file))


@pytest.fixture
def site(contents, manifest):
    with fault_server(b"", delay=0.01) as server:
        yield Site(server, manifest, contents)


def run(analysis, site, *, files=1, **options):
    return physlite.run(analysis, {"a": site.urls[:files]}, workers=0, chunk_size=CHUNK, attempts=1, **options)


def number_of(events):
    return events.metadata["entry_start"] // CHUNK


# ------------------------------------------------------------------------------------------------------ ahead of need


def test_the_next_chunk_is_asked_for_while_the_analysis_works_on_this_one(site):
    def analysis(events):
        ak.sum(events.Electrons.pt)
        if 0 < number_of(events) < LAST:
            wait_until(lambda: site.was_asked(ELECTRONS, number_of(events) + 1), 10)

    run(analysis, site)
    assert site.was_asked(ELECTRONS, LAST)


def test_so_is_one_that_is_large(site, monkeypatch):
    """But no more than that."""
    monkeypatch.setattr(processing, "_BYTES_AHEAD", 1)

    def analysis(events):
        ak.sum(events.Electrons.pt)
        if number_of(events) == 1:
            wait_until(lambda: site.was_asked(ELECTRONS, 2), 10)
            time.sleep(0.1)  # for what must not come
            assert not any(site.times(ELECTRONS, 3))

    run(analysis, site)


def test_a_file_begins_with_the_columns_of_the_one_before(site):
    def analysis(events):
        if events.metadata["file"] == site.urls[1]:
            wait_until(lambda: site.was_asked(ELECTRONS, number_of(events), file=1), 10)
        return float(ak.sum(events.Electrons.pt))

    run(analysis, site, files=2)
    assert site.times(ELECTRONS, 0, file=1) == [1]


def use_three(events):
    return [float(ak.sum(events[name].pt)) for name in ("Electrons", "Muons", "Jets")]


def test_all_columns_of_a_chunk_are_asked_for_at_once(site):
    """The server gives none of them before it was asked for all of them."""
    plain = site.server.otherwise

    def answer(request):
        fault = plain(request)
        wanted = site.server.wanted(request)
        of_chunk = [r for name in (ELECTRONS, MUONS, JETS) for r in site.baskets(name, 2)]
        if not any(begin <= r.offset < end for begin, end in wanted for r in of_chunk):
            return fault

        async def together(request, writer):
            async with asyncio.timeout(10):
                while not all(site.was_asked(name, 2) for name in (ELECTRONS, MUONS, JETS)):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            await site.server.do_well(request, writer)

        return together

    site.server.otherwise = answer
    assert len(run(use_three, site).value) == 3 * (LAST + 1)


def test_columns_that_are_used_later_join(site):
    def analysis(events):
        out = float(ak.sum(events.Electrons.pt))
        if number_of(events) == 1:
            assert not site.was_asked(MUONS, 1)
        if number_of(events) >= 1:
            out += float(ak.sum(events.Muons.pt))
        if 2 <= number_of(events) < LAST:
            wait_until(lambda: site.was_asked(MUONS, number_of(events) + 1), 10)
        return out

    run(analysis, site)


def test_columns_that_are_not_used_any_more_do_no_harm(site):
    def analysis(events):
        used = events.Muons if number_of(events) == 0 else events.Electrons
        return float(ak.sum(used.pt))

    assert run(analysis, site).value == run(analysis, site, prefetch=False).value


def test_what_is_not_there_is_not_asked_for(site, manifest):
    assert ranges_of(manifest, ["NoSuchThingAuxDyn.pt"], 0, CHUNK) == []
    assert ranges_of(manifest, ["NoSuchThingAuxDyn.pt", MUONS], 0, CHUNK) == site.baskets(MUONS, 0)


@pytest.mark.parametrize("name", [data.SAMPLE, data.SAMPLE_RNTUPLE])
def test_what_is_asked_for_is_what_reading_takes(name):
    """Offsets and values, of one column or of several."""
    source = RecordingSource(data.path_of(name))
    store = ColumnStore(source, read_event_manifest(source), 1, cache_bytes=0)
    mark = ":" if name == data.SAMPLE_RNTUPLE else "."
    names = [f"Analysis{c}AuxDyn{mark}{f}" for c, f in (("Electrons", "pt"), ("Jets", "pt"), ("Muons", "eta"))]
    for chosen in (names[:1], names):
        asked = ranges_of(store.manifest, chosen, 500, 1000)
        source.take()
        store.buffers([store.manifest.index[name] for name in chosen], 500, 1000)
        assert sorted(asked) == source.take()
        assert asked


# ----------------------------------------------------------------------------------------------------- nothing in vain


def test_nothing_is_read_twice(site):
    run(use_three, site)
    for chunk in range(LAST + 1):
        for column in (ELECTRONS, MUONS, JETS):
            assert set(site.times(column, chunk)) == {1}, (column, chunk)


def test_it_can_be_turned_off(site):
    def analysis(events):
        assert not site.was_asked(ELECTRONS, number_of(events))
        return float(ak.sum(events.Electrons.pt))

    assert run(analysis, site, prefetch=False).report.total.prefetched_bytes == 0


def test_the_result_is_the_same_either_way(site):
    ahead, without = run(use_three, site, files=2), run(use_three, site, files=2, prefetch=False)
    assert ahead.value == without.value
    assert ahead.report.columns == without.report.columns == sorted([ELECTRONS, MUONS, JETS])


def test_files_of_this_machine_are_read_when_they_are_needed(paths):
    result = physlite.run(use_three, {"a": paths[:1]}, workers=0, chunk_size=CHUNK)
    assert result.report.total.prefetched_bytes == 0


def test_the_report_tells_what_was_asked_for_ahead(site):
    report = run(use_three, site).report
    ahead = [
        r.size for name in (ELECTRONS, MUONS, JETS) for chunk in range(1, LAST + 1) for r in site.baskets(name, chunk)
    ]
    assert report.total.prefetched_bytes == sum(ahead)
    assert report.bytes >= sum(ahead)
    assert 0 < report.waiting < 1
    assert report.seconds_per_stage["fetch"].wall > 0.01  # the first round trip


# --------------------------------------------------------------------------------------------------------------- errors


def test_an_error_is_told_where_the_column_is_used_and_once(site):
    site.bad = site.baskets(MUONS, 3)
    seen = []

    def analysis(events):
        seen.append(number_of(events))
        return use_three(events)

    with pytest.raises(BadFilesError) as raised:
        run(analysis, site)
    assert seen == [0, 1, 2, 3]
    (failure,) = raised.value.failures
    assert failure.file == site.urls[0]
    assert "\n" not in failure.error
    assert site.refused == 2  # ahead, and when it was needed


@pytest.mark.parametrize("prefetch", [True, False])
def test_an_error_that_the_analysis_passes_over_is_still_one(site, prefetch):
    """A sum that lacks what could not be read would be wrong without a word."""
    site.bad = site.baskets(MUONS, 3)

    def analysis(events):
        try:
            return float(ak.sum(events.Muons.pt))
        except Exception:  # noqa: BLE001  # as users do it
            return 0.0

    with pytest.raises(BadFilesError, match="404"):
        run(analysis, site, prefetch=prefetch)


def test_columns_that_are_not_there_may_be_passed_over(site):
    def analysis(events):
        try:
            return float(ak.sum(events.Muons.no_such_field))
        except AttributeError:
            return 1.0

    assert run(analysis, site).value == LAST + 1


def test_an_error_with_what_nobody_uses_any_more_is_none(site):
    site.bad = site.baskets(MUONS, 3)

    def analysis(events):
        return use_three(events)[0] if number_of(events) < 2 else float(ak.sum(events.Electrons.pt))

    result = run(analysis, site)
    assert site.refused == 1
    assert not result.report.failures


def test_what_could_not_be_had_ahead_is_asked_for_again(site):
    expected = run(use_three, site, prefetch=False).value
    plain, faults = site.server.otherwise, ["404"]

    def answer(request):
        fault = plain(request)
        spans = site.server.wanted(request)
        if faults and any(begin <= r.offset < end for begin, end in spans for r in site.baskets(JETS, 2)):
            return faults.pop()
        return fault

    site.server.otherwise = answer
    assert run(use_three, site).value == expected
    assert not faults


# ------------------------------------------------------------------------------------------------------ what is held


@pytest.fixture
def watched():
    source = CountingSource(data.path_of(data.SAMPLE))
    watched = WatchedSource(source, Stopwatch())
    yield source, watched
    watched.close()


def test_what_is_held_is_given_as_often_as_it_is_asked_for(watched):
    source, watched = watched
    ranges = [Range(100, 10), Range(5000, 20)]
    watched.prefetch(ranges, 1)
    watched.prefetch(ranges, 2)
    content = data.path_of(data.SAMPLE).read_bytes()
    for _ in range(2):
        assert watched.fetch([ranges[1], ranges[0]]) == [content[5000:5020], content[100:110]]
    assert watched.prefetched_bytes == 30
    assert source.requests == [2]
    watched.done(1)  # the second chunk needs it still
    watched.fetch(ranges)
    assert source.requests == [2]
    watched.done(2)
    watched.fetch(ranges)
    assert source.requests == [2, 2]


def test_only_what_is_missing_is_read(watched):
    source, watched = watched
    watched.prefetch([Range(100, 10)], 1)
    content = data.path_of(data.SAMPLE).read_bytes()
    assert watched.fetch([Range(50, 4), Range(100, 10)]) == [content[50:54], content[100:110]]
    assert source.fetched == [Range(100, 10), Range(50, 4)]


@pytest.mark.parametrize("requests", [0, 1, 6])
def test_it_closes_the_file_when_what_is_under_way_has_arrived(requests):
    class Source(CountingSource):
        def __init__(self, path):
            super().__init__(path)
            self.events = []

        def fetch(self, ranges):
            found = super().fetch(ranges)
            self.events.append("fetched")
            return found

        def close(self):
            self.events.append("closed")
            super().close()

    source = Source(data.path_of(data.SAMPLE))
    watched = WatchedSource(source, Stopwatch())
    for i in range(requests):
        watched.prefetch([Range(100 * i, 10)], i)
    watched.close()
    assert source.events[-1] == "closed"
    assert source.events.count("closed") == 1
