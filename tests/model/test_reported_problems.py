"""What users of other readers reported in public, each on a file where it happened."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import awkward as ak
import pytest

import physlite
from physlite.exceptions import UnreadableColumnError
from support import data, oracle
from support.compare import assert_same
from support.recording import RecordingSource, baskets


@pytest.mark.parametrize("suffix", ["GhostTrack", "childLinks", "parentLinks"])
def test_uproot5_798_lists_that_are_empty_in_the_first_events(suffix):
    """The same result from any first event: the type does not depend on what comes first."""
    with physlite.open(data.path_of(data.R21)) as file:
        names = [n for n in file.columns if n.endswith(f".{suffix}")]
        assert names
        for name in names:
            whole = oracle.column(data.R21, file.columns[name].path)
            for start in range(0, file.num_entries, 3):
                for stop in (start, start + 1, file.num_entries):
                    ours = file.array(name, start, stop)
                    assert_same(ours, whole[start:stop], f"{name} {start}:{stop}")
                    assert ours.type.content == file.array(name).type.content


def test_uproot5_1282_links_to_any_class_are_decoded_here():
    """Not only those of a list of classes."""
    for name in data.ALL_TTREES:
        with physlite.open(data.path_of(name)) as file:
            links = [c for c in file.manifest.columns if "ElementLink<" in c.type_name]
            assert len(links) > 20
            assert [c.name for c in links if "m_persKey=u4,m_persIndex=u4" not in c.encoding] == []


def test_uproot5_1046_one_unreadable_column_does_not_break_the_rest():
    with physlite.open(data.path_of(data.R24)) as file:
        events = file.events()
        assert ak.sum(ak.num(events.Jets.pt)) > 0
        unreadable = "xTrigDecision"
        with pytest.raises(UnreadableColumnError, match=r"24\.0\.2.*xTrigDecision cannot be read: it holds no data"):
            file.array(unreadable)
        assert len(file.array("AnalysisJetsAuxDyn.pt")) == file.num_entries


def test_uproot5_1102_files_and_events_go_to_other_processes():
    """A task held a lock that could not be pickled."""
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        events = file.events()
        ak.sum(events.Jets.pt)
        assert pickle.loads(pickle.dumps(file)).num_entries == file.num_entries  # noqa: S301
        parts = [events[i : i + 500] for i in range(0, len(events), 500)]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            leading = list(pool.map(max_pt, parts))
        assert max(leading) == ak.max(events.Jets.pt)


def max_pt(events):
    """In another process."""
    return float(ak.max(events.Jets.pt))


def test_coffea_1073_one_column_reads_its_own_bytes():
    source = RecordingSource(data.path_of(data.R24))
    events = physlite.open(source).events()
    source.take()
    ak.sum(events.Jets.pt)
    assert source.take() == baskets(physlite.open(source).manifest, "AnalysisJetsAuxDyn.pt")


def test_coffea_1280_a_range_that_does_not_start_at_zero():
    for name in data.REAL_TTREES:
        with physlite.open(data.path_of(name)) as file:
            whole, part = file.events(), file.events(entry_start=31)
            for field in ("pt", "truthParticleLink"):
                assert_same(part.Electrons[field], whole.Electrons[field][31:], name)
            assert_same(ak.num(part.Jets), ak.num(whole.Jets)[31:])
            assert_same(part.Jets[part.Jets.pt > 20_000].eta, whole[31:].Jets[whole[31:].Jets.pt > 20_000].eta)


def test_truth_particles_with_both_energy_and_mass():
    """Another reader raised "multiple temporal aliases present: ['e', 'm']"."""
    for name in data.REAL_TTREES:
        events = physlite.events(data.path_of(name))
        truth = events.TruthElectrons
        assert {"e", "m", "px"} <= set(truth.fields)
        assert ak.all(truth.pt >= 0)
        assert_same(truth.m, truth["m"])
