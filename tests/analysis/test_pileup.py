"""Pile-up weights and runs of data against Athena's example, a slow version of its recipe, and real files."""

import contextlib
import functools
import itertools
import pickle

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import GoodRuns, PileupReweighting, data_run_number, pileup_weight, variations
from physlite.analysis.luminosity import LumiBlocks
from physlite.analysis.pileup import DATA_SCALE_FACTORS, PERIODS
from physlite.analysis.pileupprofiles import DataProfile, read_profiles
from physlite.analysis.randomruns import event_seeds, first_numbers
from physlite.exceptions import ColumnNotFoundError, CorruptDataError, MetadataNotFoundError, UnsupportedFormatError
from support import data
from support.pileup_files import assert_cut_is_told, write_config, write_lumicalc

CHANNEL = 410470
A, D = 284500, 300000  # run numbers of the simulation of 2015 and 2016, and of 2017
RUNS = (276262, 297730, 311481, 325713, 340453)  # three of A, two of D
IN_BOTH = 324300  # the last run of A is the first of D
WITH_WEIGHTS = (data.R22, data.R24, data.TREE_ONLY, data.RNTUPLE)

# The files of PhysicsAnalysis/AnalysisCommon/PileupReweighting/test/ut_PRWExample_test.cxx, its periods 100 and 101
# being A and D, and its runs 1, 2 and 3 the first two of A, and one of D.
EXAMPLE_DATA = [
    (RUNS[0], 1, 0.5, 5),
    (RUNS[0], 2, 1.5, 10),
    (RUNS[1], 1, 1.5, 3),
    (RUNS[3], 1, 1.5, 7),
    (RUNS[3], 2, 2.5, 2),
]
EXAMPLE_PROFILES = {(CHANNEL, A): {0: 1, 1: 1}, (CHANNEL, D): {1: 1, 2: 1, 3: 1}}


def profile(contents):
    out = np.zeros(100)
    for mu, value in contents.items():
        out[mu] = value
    return out


def blocks(rows):
    columns = np.array(rows, float).reshape(-1, 4).T
    return LumiBlocks(columns[0].astype(int), columns[1].astype(int), columns[2].astype(np.float32), columns[3])


def reweighting(rows=EXAMPLE_DATA, profiles=EXAMPLE_PROFILES, **more):
    return PileupReweighting({key: profile(value) for key, value in profiles.items()}, blocks(rows), **more)


def simulated(rows, channel=CHANNEL):
    """Events by run number and number of interactions."""
    return ak.Array([
        {"EventInfo": {"runNumber": run, "averageInteractionsPerCrossing": float(mu), "mcChannelNumber": channel,
                       "eventNumber": i, "eventTypeBitmask": 1, "mcEventWeights": [1.0]}}
        for i, (run, mu) in enumerate(rows)
    ])  # fmt: skip


def slow_weight(run, mu, rows, profiles, scale_factor):
    """As TPileupReweighting goes about it: histograms of runs, filled lumi block by lumi block, then moved in place.

    First by the sum of the channel's profiles, for all runs, and then by each of them.
    """
    mu = int(mu) if 0 <= mu < 100 else None
    histograms = {}
    for run_of_data, _, of_data, luminosity in rows:
        at = float(np.float32(of_data) * np.float32(scale_factor))
        if 0 <= at < 100:
            histograms.setdefault(run_of_data, [0.0] * 100)[int(at)] += luminosity
    mine = {period: value for (channel, period), value in sorted(profiles.items()) if channel == CHANNEL}
    everywhere = {i: 1.0 for value in mine.values() for i in value}
    for (first, last), has_events in [((0, 9999999), everywhere), *((PERIODS[p], mine[p]) for p in mine)]:
        for run_of_data, histogram in histograms.items():
            for i in range(100) if first <= run_of_data <= last else ():
                distance, target = 0, i
                while not has_events.get(target):
                    distance = distance + 1 if target <= i else distance  # first higher by so many bins, then lower
                    target = i + distance if target <= i else i - distance
                    assert distance < 200
                if target != i:
                    histogram[target] += histogram[i]
                    histogram[i] = 0.0
    first, last = PERIODS[run]
    of_runs = [histogram for run_of_data, histogram in histograms.items() if first <= run_of_data <= last]
    luminosities = [sum(histogram[i] for histogram in of_runs) for i in range(100)]
    total = sum(map(sum, histograms.values()))
    weights = sum(sum(value.values()) for value in mine.values())
    of_period = sum(mine[run].values())
    by_period = (sum(luminosities) / total) / (of_period / weights)
    if mu is None or not mine[run].get(mu):
        return by_period
    return by_period * (luminosities[mu] / sum(luminosities)) / (mine[run][mu] / of_period) if by_period else 0.0


# ----------------------------------------------------------------------------------------------------------- weights


def test_the_example_of_athena(tmp_path):
    edges = np.linspace(0, 10, 11)
    histograms = {key: (profile(value)[:10], edges) for key, value in EXAMPLE_PROFILES.items()}
    prw = PileupReweighting.open(
        [write_config(tmp_path / "dummy1.prw.root", histograms)],
        [write_lumicalc(tmp_path / "dummy.None.lumicalc.root", EXAMPLE_DATA)],
    )
    assert prw.weight(simulated([(A, 1.6)])).tolist() == [pytest.approx(2.407, abs=5e-4)]
    assert prw.channels == [CHANNEL]
    assert prw.luminosity.by_run == pytest.approx({RUNS[0]: 15e-6, RUNS[1]: 3e-6, RUNS[3]: 9e-6})
    assert repr(prw).startswith("<PileupReweighting: 1 channels, <Luminosity: 2.7e-05 pb⁻¹ of 3 runs")


def test_weights_restore_the_luminosity():
    """The sample, weighted, is distributed as the data are."""
    prw = reweighting()
    weights = prw.weight(simulated([(A, 0.5), (A, 1.5), (D, 1.5), (D, 2.5), (D, 3.5)]))
    assert (weights / 5 * 27).tolist() == pytest.approx([5, 13, 7, 2, 0])


@given(
    st.lists(st.tuples(st.sampled_from((*RUNS, IN_BOTH)), st.floats(0, 8, width=32), st.floats(0.5, 9)), min_size=1),
    st.dictionaries(st.integers(0, 6), st.floats(0.5, 9), min_size=1),
    st.dictionaries(st.integers(0, 6), st.floats(0.5, 9), min_size=1),
    st.lists(st.tuples(st.sampled_from((A, D)), st.floats(0, 9)), max_size=5),
    st.sampled_from(sorted(DATA_SCALE_FACTORS)),
)
def test_against_a_slow_version(rows, of_a, of_d, asked, variation):
    """With whatever share of data that are not represented."""
    rows = [(run, block, mu, luminosity) for block, (run, mu, luminosity) in enumerate(rows)]
    profiles = {(CHANNEL, A): of_a, (CHANNEL, D): of_d, (700322, A): {50: 1.0}}
    prw = reweighting(rows, profiles)
    prw._check_represented = lambda *_: None
    asked += [(A, -1.0), (D, 100.0), (A, float("nan"))]
    expected = [slow_weight(run, mu, rows, profiles, DATA_SCALE_FACTORS[variation]) for run, mu in asked]
    assert prw.weight(simulated(asked), variation=variation).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("mu", [11.33, 15.45, 30.9])
def test_edges_of_bins_are_met_in_single_precision(mu):
    above = round(mu / 1.03)
    assert int(np.float32(mu) * np.float32(1 / 1.03)) != int(float(np.float32(mu)) / 1.03)
    expected = int(np.float32(mu) * np.float32(1 / 1.03))
    prw = reweighting([(RUNS[0], 1, mu, 1.0)], {(CHANNEL, A): {above - 1: 1, above: 1}})
    weights = prw.weight(simulated([(A, above - 1), (A, above)]))
    assert weights.tolist() == [2.0 * (at == expected) for at in (above - 1, above)]


def test_data_without_events_count_in_the_nearest_bin():
    """Of two that are as near, in the higher one."""
    rows = [(RUNS[0], 1, 10.5 * 1.03, 96.0), (RUNS[0], 2, 12.5 * 1.03, 2.0), (RUNS[0], 3, 30.5 * 1.03, 2.0)]
    prw = reweighting(rows, {(CHANNEL, A): {10: 1, 14: 1}})
    assert prw.weight(simulated([(A, 10), (A, 14)])).tolist() == pytest.approx([0.96 * 2, 0.04 * 2])


def test_data_are_moved_for_the_whole_sample_before():
    """A has no events at μ = 4, and is nearer to its bin 0; but D has some at 5, and from there 9 is nearer."""
    rows = [(RUNS[0], 1, 0.5, 96.0), (RUNS[0], 2, 4.5 * 1.03, 4.0), (RUNS[3], 1, 5.5 * 1.03, 100.0)]
    prw = reweighting(rows, {(CHANNEL, A): {0: 1, 9: 1}, (CHANNEL, D): {5: 2}})
    assert prw.weight(simulated([(A, 0), (A, 9), (D, 5)])).tolist() == pytest.approx([0.48 * 4, 0.02 * 4, 1])
    assert set(prw.random_run_number(simulated([(A, 9)] * 9)).tolist()) == {RUNS[0]}


def test_data_of_two_run_numbers_are_moved_for_both():
    """From μ = 5 to 3 for A, and from there to 2 for D, though it has events at 5; A has none where they are then."""
    prw = reweighting([(IN_BOTH, 1, 5.5 * 1.03, 1.0)], {(CHANNEL, A): {3: 1}, (CHANNEL, D): {5: 1, 2: 1}})
    prw._check_represented = lambda *_: None
    assert prw.weight(simulated([(A, 3), (D, 2), (D, 5)])).tolist() == pytest.approx([0, 3, 0])


def test_too_much_data_without_events():
    rows = [(RUNS[0], 1, 10.5, 90.0), (RUNS[3], 1, 10.5, 10.0)]
    prw = reweighting(rows, {(CHANNEL, A): {10: 1}})
    with pytest.raises(ValueError, match=r"^channel 410470 has no events for 10% of the data, in their runs or at"):
        prw.weight(simulated([(A, 10.5)]))


def test_five_per_cent_of_the_data_may_have_no_events():
    for without, allowed in ((5.0, True), (5.01, False)):
        prw = reweighting([(RUNS[0], 1, 10.5, 95.0), (RUNS[3], 1, 10.5, without)], {(CHANNEL, A): {10: 1}})
        with contextlib.nullcontext() if allowed else pytest.raises(ValueError, match="no events for 5% of the data"):
            prw.weight(simulated([(A, 10.5)]))


def test_variations_of_the_scale():
    """Data at μ = 30.5 are simulated with 29.6, 30.8 or 28.5."""
    prw = reweighting([(RUNS[0], 1, 30.5, 1.0)], {(CHANNEL, A): {28: 1, 29: 1, 30: 1}})
    events = simulated([(A, 28.5), (A, 29.5), (A, 30.5)])
    assert prw.weight(events).tolist() == pytest.approx([0, 3, 0])
    assert prw.weight(events, variation="PRW_DATASF__1up").tolist() == pytest.approx([0, 0, 3])
    assert prw.weight(events, variation="PRW_DATASF__1down").tolist() == pytest.approx([3, 0, 0])
    assert prw.weight(events, variation="nominal").tolist() == prw.weight(events).tolist()
    assert prw.variations == ("nominal", "PRW_DATASF__1up", "PRW_DATASF__1down")
    for name in ("up", "NOSYS"):
        said = f"^no variation '{name}' of pile-up: there are nominal, PRW_DATASF__1up, PRW_DATASF__1down$"
        with pytest.raises(ValueError, match=said):
            prw.weight(events, variation=name)


def test_as_a_factor_of_varied_weights():
    prw, events = reweighting(), simulated([(A, 1.5), (D, 2.5)])
    pileup = {name: functools.partial(prw.weight, variation=name) for name in prw.variations}
    (nominal,) = variations(events, {}, {"pileup": pileup})
    found = {name: weights.tolist() for name, weights in nominal.weights(events)}
    assert found == {name: prw.weight(events, variation=name).tolist() for name in prw.variations}


def test_data_have_one():
    events = ak.Array([{"EventInfo": {"runNumber": RUNS[0], "lumiBlock": 1, "eventTypeBitmask": 0}}] * 2)
    assert reweighting().weight(events).tolist() == pileup_weight(events).tolist() == [1, 1]
    assert reweighting().random_run_number(events).tolist() == data_run_number(events).tolist() == [RUNS[0]] * 2
    assert reweighting().weight(simulated([(A, 1)])[:0]).tolist() == []


def test_samples_that_are_not_known():
    prw = reweighting()
    with pytest.raises(
        MetadataNotFoundError, match=r"^no pile-up profile of channel 410471; nearest: 410470: add the con"
    ):
        prw.weight(simulated([(A, 1)], channel=410471))
    with pytest.raises(
        MetadataNotFoundError, match=r"^no pile-up profile of channel 410470 in run 310000: add its conf"
    ):
        prw.weight(simulated([(310000, 1)]))
    with pytest.raises(
        ValueError, match="channel 1 is of run number 5, which stands for no runs of data: those do: 284500, "
    ):
        PileupReweighting({(1, 5): np.ones(100)}, blocks(EXAMPLE_DATA))
    with pytest.raises(ValueError, match="the profile of channel 1 has 50 bins: 100 from 0 to 100 are expected"):
        PileupReweighting({(1, A): np.ones(50)}, blocks(EXAMPLE_DATA))
    with pytest.raises(ValueError, match=r"^no data to reweight to"):
        PileupReweighting({(1, A): np.ones(100)}, blocks([]))
    with pytest.raises(ValueError, match=rf"^lumi block 1 of run {RUNS[0]} is there 2 times, and would count so: take"):
        reweighting([(RUNS[0], 1, 1.5, 1.0), (RUNS[0], 1, 2.5, 1.0)])
    with pytest.raises(ValueError, match=r"^a pile-up profile without events"):
        reweighting([(RUNS[0], 1, 1.5, 1.0), (RUNS[3], 1, 1.5, 0.01)], {(1, A): {1: 1}, (1, D): {}}).weight(
            simulated([(A, 1)], channel=1)
        )


def test_it_is_sent_to_workers():
    prw, pickled = reweighting(), pickle.dumps(reweighting())
    expected = prw.weight(simulated([(A, 1.6)])).tolist()
    assert pickle.dumps(prw) == pickled, "whether it was used before or not"
    assert pickle.loads(pickled).weight(simulated([(A, 1.6)])).tolist() == expected  # noqa: S301


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_stored_weights(name):
    events = physlite.events(data.path_of(name))
    if name in (*WITH_WEIGHTS, data.TIMES_50):
        assert pileup_weight(events).tolist() == events.EventInfo.PileupWeight_NOSYS.to_list()
        assert pileup_weight(events, variation="nominal").tolist() == pileup_weight(events).tolist()
        for variation in ("PRW_DATASF__1up", "NOSYS"):
            said = f"^these events have no '{variation}' of EventInfo.PileupWeight_…: there are nominal$"
            with pytest.raises(ColumnNotFoundError, match=said):
                pileup_weight(events, variation=variation)
    else:
        with pytest.raises(ColumnNotFoundError, match=r"PileupWeight_…: weights are made with PileupReweighting$"):
            pileup_weight(events)
    assert data_run_number(events).tolist() == events.EventInfo.RandomRunNumber.to_list()


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_stored_weights_are_functions_of_the_bin(name):
    """As they are here: what Athena has computed has one weight in each bin of μ."""
    info = physlite.events(data.path_of(name)).EventInfo
    for mu in set(info.averageInteractionsPerCrossing.to_list()):
        in_bin = info.PileupWeight_NOSYS[np.floor(info.averageInteractionsPerCrossing) == int(mu)]
        assert len(set(in_bin.to_list())) == 1


# -------------------------------------------------------------------------------------------------------- random runs


def test_random_numbers_are_those_of_the_mersenne_twister():
    """NumPy has it too, with the same seeding."""
    seeds = np.array([1, 4357, 65539, 2**31, 2**32 - 1, 428956419], np.uint32)
    expected = [np.random.RandomState(int(seed)).randint(0, 2**32, dtype=np.uint32) * 2.0**-32 for seed in seeds]
    assert first_numbers(seeds).tolist() == expected
    assert event_seeds(np.array([2**31]), np.array([2**40 + 5])).tolist() == [(314159 + 2718 * 2**31 + 5) % 2**32]


@pytest.mark.parametrize("name", [data.R21, *WITH_WEIGHTS])
def test_random_numbers_order_the_runs_that_athena_chose(name):
    """A larger number is a later run, among events with the same luminosities: whatever those were."""
    info = physlite.events(data.path_of(name)).EventInfo
    numbers = first_numbers(event_seeds(ak.to_numpy(info.mcChannelNumber), ak.to_numpy(info.eventNumber)))
    bins = np.floor(info.averageInteractionsPerCrossing)
    runs = ak.to_numpy(info.RandomRunNumber).astype(int)
    for mu in np.unique(bins):
        mine = ak.to_numpy(bins) == mu
        assert (np.diff(runs[mine][np.argsort(numbers[mine])]) >= 0).all()
    assert len(set(runs.tolist())) > 1


def test_random_runs_against_a_loop():
    rows = [(run, luminosity, mu, luminosity) for run, mu, luminosity in zip(
        (*RUNS, *RUNS), (1.5, 1.5, 2.5, 1.5, 1.5, 2.5, 4.5, 4.5, 2.5, 2.5), range(1, 11), strict=True)]  # fmt: skip
    prw = reweighting(rows, {(CHANNEL, A): {1: 1, 2: 1, 3: 1, 4: 1}, (CHANNEL, D): {1: 1, 2: 1}})
    asked = [(A, 1.5), (A, 2.5), (A, 3.5), (A, 4.5), (A, 7.5), (D, 1.5), (D, 2.5), (D, 9.5)] * 50
    events = simulated(asked)
    found = prw.random_run_number(events)
    numbers = first_numbers(event_seeds(np.full(len(asked), CHANNEL), np.arange(len(asked))))
    for run, (period, mu), number in zip(found.tolist(), asked, numbers.tolist(), strict=True):
        mine = [
            (r, int(m / 1.03), lumi) for r, _, m, lumi in sorted(rows) if PERIODS[period][0] <= r <= PERIODS[period][1]
        ]
        there = [(r, lumi) for r, m, lumi in mine if m == int(mu)] or [(r, lumi) for r, _, lumi in mine]
        goal = number * sum(lumi for _, lumi in there) - 1e-11
        sums = itertools.accumulate(lumi for _, lumi in there)
        assert run == next(r for (r, _), so_far in zip(there, sums, strict=True) if so_far >= goal)
    assert prw.random_run_number(events[100:120]).tolist() == found[100:120].tolist()
    assert set(found.tolist()) == set(RUNS)


def test_luminosities_are_compared_with_a_tolerance():
    """As in the tool: a random number just above what a run adds up to is still of this run."""
    (number,) = first_numbers(event_seeds(np.array([CHANNEL]), np.array([0])))
    for beyond, run in ((5e-12, RUNS[0]), (2e-11, RUNS[1])):
        first = float(number) - beyond
        prw = reweighting([(RUNS[0], 1, 1.5, first), (RUNS[1], 1, 1.5, 1 - first)], {(CHANNEL, A): {1: 1}})
        assert prw.random_run_number(simulated([(A, 1.5)])).tolist() == [run]


def test_runs_of_simulation_need_random_run_numbers():
    with pytest.raises(
        ColumnNotFoundError, match=r"these events have no EventInfo.RandomRunNumber; nearest: runNumber"
    ):
        data_run_number(simulated([(A, 1)]))


# -------------------------------------------------------------------------------------------------------------- files


def test_runs_of_data_that_a_file_tells(tmp_path):
    """Of a run number of the simulation that is not known."""
    path = write_config(tmp_path / "x.prw.root", {(1, 470000): (np.ones(100), np.linspace(0, 100, 101))}, period=(1, 9))
    lumicalc = write_lumicalc(tmp_path / "y.root", [(5, 1, 10.5, 1.0), (9, 1, 20.5, 3.0)])
    prw = PileupReweighting.open([path], [lumicalc])
    assert prw.weight(simulated([(470000, 10), (470000, 19)], channel=1)).tolist() == pytest.approx([25, 75])
    assert set(prw.random_run_number(simulated([(470000, 90)] * 50, channel=1)).tolist()) == {5, 9}


def test_good_runs_choose_the_data(tmp_path):
    lumicalc = [
        write_lumicalc(tmp_path / f"{i}.root", rows) for i, rows in enumerate((EXAMPLE_DATA[:2], EXAMPLE_DATA[2:]))
    ]
    histogram = {(CHANNEL, A): (profile({0: 1, 1: 1}), np.linspace(0, 100, 101))}
    config = write_config(tmp_path / "x.prw.root", histogram, folder="PileupReweighting/")
    good = GoodRuns([(RUNS[0], 2, 2), (RUNS[1], 1, 1)])
    prw = PileupReweighting.open([config], lumicalc, good)
    assert prw.luminosity.by_run == pytest.approx({RUNS[0]: 10e-6, RUNS[1]: 3e-6})
    assert prw.weight(simulated([(A, 0.5), (A, 1.5)])).tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"^no data to reweight to"):
        PileupReweighting.open([config], lumicalc, GoodRuns([(1, 1, 1)]))


def test_one_file_and_none(tmp_path):
    config = write_config(tmp_path / "x.prw.root", {(CHANNEL, A): (np.ones(100), np.linspace(0, 100, 101))})
    lumicalc = write_lumicalc(tmp_path / "y.root", EXAMPLE_DATA[:2])
    for one in (PileupReweighting.open(config, lumicalc), PileupReweighting.open(str(config), [lumicalc])):
        assert one.luminosity.by_run == pytest.approx({RUNS[0]: 15e-6})
    with pytest.raises(ValueError, match=r"^no luminosity files: pile-up weights are made of"):
        PileupReweighting.open(config, [])
    with pytest.raises(ValueError, match=r"^no configuration files: pile-up weights are made of"):
        PileupReweighting.open([], lumicalc)


def test_profiles_in_files(tmp_path):
    """In whatever bins; those of the same sample add up."""
    wide = (np.arange(50.0), np.linspace(0, 100, 51))
    shifted = (np.ones(101), np.linspace(-0.5, 100.5, 102))
    first = write_config(tmp_path / "a.prw.root", {(1, A): wide, (2, A): shifted})
    second = write_config(tmp_path / "b.prw.root", {(1, A): wide}, {RUNS[0]: wide})
    profiles = read_profiles([first, second])
    assert set(profiles.simulated) == {(1, A), (2, A)}
    assert profiles.simulated[1, A][1::2].tolist() == (2 * np.arange(50)).tolist()
    assert profiles.simulated[1, A][0::2].tolist() == [0] * 50
    assert profiles.simulated[2, A].tolist() == [1] * 100
    assert list(profiles.data) == [RUNS[0]]


def test_a_file_that_is_there_twice(tmp_path):
    path = write_config(tmp_path / "a.prw.root", {(1, A): (np.ones(100), np.linspace(0, 100, 101))})
    copy = tmp_path / "b.prw.root"
    copy.write_bytes(path.read_bytes())
    for again in (path, str(path), copy):
        with pytest.raises(ValueError, match=r"\.prw\.root: the same as .*a\.prw\.root, whose .* count twice"):
            read_profiles([path, again])


def test_runs_with_a_profile_of_their_own():
    """The actual μ of data, whose profile is stretched by the scale factor and has the luminosity of the run."""
    of_run = DataProfile(np.array([10.5, 20.5]), np.array([0.0, 10.0]))
    prw = reweighting(
        [(RUNS[0], 1, 50.0, 4.0), (RUNS[1], 1, 15.0, 4.0)],
        {(CHANNEL, A): dict.fromkeys(range(100), 1.0)},
        data_profiles={RUNS[0]: of_run, RUNS[3]: of_run},
    )
    weights = prw.weight(simulated([(A, mu) for mu in range(100)]))
    shape = np.interp((np.arange(100) + 0.5) * 1.03, [10.5, 20.5], [0, 10])
    shape = 50 * shape / shape.sum()
    shape[14] += 50
    assert weights.tolist() == pytest.approx(shape.tolist())
    assert DataProfile(np.array([1.0]), np.array([0.0])).binned(1.0).tolist() == [0] * 100


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"without": ("Channel",)}, CorruptDataError, "no Channel in its tree MCPileupReweighting"),
        ({"without": ((1, A),)}, CorruptDataError, "no histogram pileup_chan1_run284500, which its trees tell of"),
    ],
    ids=["branch", "histogram"],
)
def test_damaged_configurations(tmp_path, change, error, said):
    path = write_config(tmp_path / "x.prw.root", {(1, A): (np.ones(2), np.arange(3.0))}, **change)
    with pytest.raises(error, match=rf"x\.prw\.root: {said}"):
        read_profiles([path])


def test_configurations_that_are_cut(tmp_path):
    content = write_config(tmp_path / "x.root", {(1, A): (np.ones(100), np.linspace(0, 100, 101))}).read_bytes()
    assert_cut_is_told(tmp_path / "cut.prw.root", content, lambda path: read_profiles([path]))


def test_what_is_no_configuration(tmp_path):
    path = write_config(tmp_path / "x.prw.root", {(1, A): (np.ones((2, 2)), np.arange(3.0), np.arange(3.0))})
    with pytest.raises(UnsupportedFormatError, match=r"x\.prw\.root: histogram pileup_chan1_run284500 has 2 axes"):
        read_profiles([path])
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("nominal", {"x": "f4"})
    with pytest.raises(CorruptDataError, match=r"other\.root: no tree MCPileupReweighting in it"):
        read_profiles([tmp_path / "other.root"])
    with uproot.recreate(tmp_path / "other.root") as file:
        file["MCPileupReweighting"] = (np.ones(2), np.arange(3.0))
    with pytest.raises(CorruptDataError, match=r"other\.root: no tree MCPileupReweighting in it"):
        read_profiles([tmp_path / "other.root"])
    path = write_config(tmp_path / "tree.root", {(1, A): (np.ones(2), np.arange(3.0))}, without=((1, A),))
    with uproot.update(path) as file:
        file.mktree(f"pileup_chan1_run{A}", {"x": "f4"})
    with pytest.raises(CorruptDataError, match=rf"tree\.root: no histogram pileup_chan1_run{A}"):
        read_profiles([path])
    (tmp_path / "text").write_text("text")
    with pytest.raises(CorruptDataError, match="text: no ROOT file, where a configuration of pile-up is expected"):
        read_profiles([tmp_path / "text"])
