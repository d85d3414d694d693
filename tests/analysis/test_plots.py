"""Plots: that they show the numbers they were given, with the right intervals, and nothing else."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

hist = pytest.importorskip("hist")
pytest.importorskip("mplhep")

from physlite.analysis import Luminosity, plots  # noqa: E402  # needs what is asked for above
from physlite.units import fb, pb  # noqa: E402
from support.examples import FEWER  # noqa: E402

EDGES = [0.0, 10.0, 30.0, 40.0, 80.0]
PROBABILITY = math.erf(1 / math.sqrt(2))  # of one standard deviation
ENOUGH = 60  # steps of a bisection


def axis(label="pT [GeV]"):
    return hist.axis.Variable(EDGES, name="pt", label=label)


def counts(*numbers):
    histogram = hist.Hist(axis(), storage=hist.storage.Int64())
    histogram[...] = np.array(numbers)
    return histogram


def weighted(*pairs):
    """Values and variances."""
    histogram = hist.Hist(axis(), storage=hist.storage.Weight())
    histogram[...] = np.array(pairs, dtype=float)
    return histogram


DATA = counts(3, 0, 10, 25)
TTBAR = weighted((1.5, 0.25), (2.0, 1.0), (4.0, 1.0), (0.0, 0.0))
ZEE = weighted((2.0, 0.5), (1.0, 0.25), (8.0, 2.0), (0.0, 0.0))


def texts(figure):
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return found + [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().texts]


def points(axes):
    """x, y, and the ends of the vertical bars, of all points of a panel."""
    found = []
    for container in axes.containers:
        line, _, bars = container.lines
        ends = [(bar[0][1], bar[1][1]) for bar in bars[-1].get_segments()]
        found += [(x, y, *end) for x, y, end in zip(*line.get_data(), ends, strict=True)]
    return found


def steps(axes):
    """The values and the lower ends of everything that is drawn in steps, by label."""
    return {patch.get_label(): patch.get_data() for patch in axes.patches}


# ------------------------------------------------------------------------------------------------------------ intervals


def below(k, n, p):
    """The chance of k or fewer of n."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def poisson_below(k, mean):
    return math.fsum(math.exp(-mean) * mean**i / math.factorial(i) for i in range(k + 1))


def solved(falling, wanted, high):
    """Where a falling function has a value."""
    low = 0.0
    for _ in range(ENOUGH):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > wanted else (low, middle)
    return low


def slow_clopper_pearson(k, n):
    tail = (1 - PROBABILITY) / 2
    low = 0.0 if k == 0 else solved(lambda p: below(k - 1, n, p), 1 - tail, 1.0)
    high = 1.0 if k == n else solved(lambda p: below(k, n, p), tail, 1.0)
    return low, high


def beta_below(x, a, b):
    """Its cumulative distribution, by Simpson's rule."""
    n, norm = 20_000, math.gamma(a + b) / math.gamma(a) / math.gamma(b)
    values = [(i * x / n) ** (a - 1) * (1 - i * x / n) ** (b - 1) for i in range(n + 1)]
    return norm * x / n / 3 * (values[0] + values[-1] + 4 * sum(values[1:-1:2]) + 2 * sum(values[2:-1:2]))


def slow_garwood(k):
    tail = (1 - PROBABILITY) / 2
    low = 0.0 if k == 0 else solved(lambda mean: poisson_below(k - 1, mean), 1 - tail, 10.0 + 3 * k)
    return low, solved(lambda mean: poisson_below(k, mean), tail, 10.0 + 3 * k)


@FEWER
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=4, max_size=4))
def test_efficiencies_have_the_interval_of_clopper_and_pearson(passed_and_failed):
    passed = [k for k, _ in passed_and_failed]
    total = [k + failed for k, failed in passed_and_failed]
    figure = plots.efficiency(counts(*passed), counts(*total))
    expected = [(k, n, *slow_clopper_pearson(k, n)) for k, n in zip(passed, total, strict=True) if n]
    got = points(figure.axes[0])
    assert len(got) == len(expected)
    for (_, y, low, high), (k, n, slow_low, slow_high) in zip(got, expected, strict=True):
        assert y == k / n
        assert (low, high) == (pytest.approx(slow_low, abs=1e-9), pytest.approx(slow_high, abs=1e-9))


@FEWER
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=4, max_size=4), st.sampled_from([0.25, 1, 8])
)
def test_efficiencies_of_one_weight_are_those_of_counts(passed_and_failed, weight):
    passed = [k for k, _ in passed_and_failed]
    total = [k + failed for k, failed in passed_and_failed]
    bare = points(plots.efficiency(counts(*passed), counts(*total)).axes[0])
    pair = (weighted(*[(k * weight, k * weight**2) for k in numbers]) for numbers in (passed, total))
    for got, expected in zip(points(plots.efficiency(*pair).axes[0]), bare, strict=True):
        assert got == pytest.approx(expected, abs=1e-9)


def test_efficiency_of_different_weights():
    passed, total = weighted(*[(6.0, 20.0)] * 4), weighted(*[(10.0, 25.0)] * 4)  # 100 / 25: as 4 counts
    _, part, low, high = points(plots.efficiency(passed, total).axes[0])[0]
    assert part == pytest.approx(0.6)
    tail = (1 - PROBABILITY) / 2
    # Of the beta distribution, of which the binomial one is a case.
    assert beta_below(low, 2.4, 2.6) == pytest.approx(tail)
    assert beta_below(high, 3.4, 1.6) == pytest.approx(1 - tail)


def test_efficiency_where_weights_are_negative():
    passed, total = weighted(*[(5.0, 10.0)] * 4), weighted(*[(4.0, 11.0), (-1.0, 11.0), (5.0, 10.0), (5.0, 10.0)])
    drawn = points(plots.efficiency(passed, total).axes[0])
    assert [part for _, part, _, _ in drawn] == [1.25, 1.0, 1.0]  # and none where their sum is negative


@FEWER
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_data_have_the_interval_of_a_poisson_mean(numbers):
    figure = plots.stack(data=counts(*numbers))
    got = points(figure.axes[0])
    assert [y for _, y, _, _ in got] == [k for k in numbers if k]
    for _, k, low, high in got:
        assert (low, high) == pytest.approx(slow_garwood(int(k)), abs=1e-6)


def test_a_sum_of_counts_is_of_counts():
    once = hist.Hist(axis()).fill([5.0, 35.0, 35.0])
    assert (once + once).variances() is None
    drawn = points(plots.stack(data=once + once).axes[0])
    assert [point[1] for point in drawn] == [2.0, 4.0]
    assert drawn[0][2:] == pytest.approx(slow_garwood(2))


def test_weighted_data_have_their_standard_deviation():
    figure = plots.stack(data=TTBAR)
    assert points(figure.axes[0])[1] == (20.0, 2.0, 1.0, 3.0)


# ---------------------------------------------------------------------------------------------------------------- stack


def test_simulation_is_stacked_with_its_uncertainty():
    figure = plots.stack(simulation={"ttbar": TTBAR, "Z": ZEE})
    drawn = steps(figure.axes[0])
    assert drawn["ttbar"].values.tolist() == [1.5, 2.0, 4.0, 0.0]
    assert drawn["Z"].values.tolist() == [3.5, 3.0, 12.0, 0.0]
    assert drawn["Z"].baseline.tolist() == [1.5, 2.0, 4.0, 0.0]
    assert [label for label in drawn if label] == ["Z", "ttbar", "Uncertainty"]  # from top to bottom
    assert drawn["Z"].edges.tolist() == EDGES
    deviation = np.sqrt([0.75, 1.25, 3.0, 0.0])
    total = drawn["Z"].values
    np.testing.assert_allclose(drawn["Uncertainty"].values, total + deviation)
    np.testing.assert_allclose(drawn["Uncertainty"].baseline, total - deviation)


def test_ratio_is_data_divided_by_the_sum():
    figure = plots.stack(data=DATA, simulation={"ttbar": TTBAR, "Z": ZEE})
    main, below_main = figure.axes
    assert [y for _, y, _, _ in points(main)] == [3, 10, 25]  # nothing where there are no data
    got = points(below_main)
    assert [x for x, *_ in got] == [5.0, 35.0]  # nothing where nothing is expected
    assert [y for _, y, _, _ in got] == [3 / 3.5, 10 / 12]
    assert got[0][2:] == pytest.approx([bound / 3.5 for bound in slow_garwood(3)])
    (band,) = below_main.patches
    np.testing.assert_allclose(band.get_data().values, 1 + np.sqrt([0.75, 1.25, 3.0, 0.0]) / [3.5, 3.0, 12.0, 1.0])


def test_ratio_above_the_panel_is_marked():
    figure = plots.stack(data=counts(3, 2, 1, 1), simulation={"flat": weighted(*[(1.0, 0.1)] * 4)})
    marked = [line.get_data() for line in figure.axes[1].lines if line.get_marker() == "^"]
    assert [(list(x), list(y)) for x, y in marked] == [([5.0], [2.0])]


@pytest.mark.parametrize("given", ["data", "simulation", "ratio=False"])
def test_one_panel_without_a_ratio(given):
    everything = {"data": DATA, "simulation": {"ttbar": TTBAR}}
    chosen = everything | {"ratio": False} if given == "ratio=False" else {given: everything[given]}
    assert len(plots.stack(**chosen).axes) == 1


def test_an_axis_of_names_is_as_good_as_a_mapping():
    names = hist.axis.StrCategory(["ttbar", "Z"], name="process")
    both = hist.Hist(names, axis(), storage=hist.storage.Weight())
    both.view(flow=False)[...] = np.stack([TTBAR.view(), ZEE.view()])
    got = steps(plots.stack(simulation=both).axes[0])
    for label, patch in steps(plots.stack(simulation={"ttbar": TTBAR, "Z": ZEE}).axes[0]).items():
        assert got[label].values.tolist() == patch.values.tolist()


def test_bins_with_names():
    histogram = hist.Hist(hist.axis.StrCategory(["15 D", "15 J"], name="period", label="Period"))
    histogram.fill(["15 D", "15 J", "15 J"])
    axes = plots.stack(data=histogram, simulation=histogram).axes
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["15 D", "15 J"]
    assert (axes[0].get_ylabel(), axes[1].get_xlabel()) == ("Events", "Period")
    assert [point[:2] for point in points(axes[0])] == [(0.5, 1.0), (1.5, 2.0)]


@pytest.mark.parametrize(
    ("bins", "label", "expected"),
    [
        (hist.axis.Regular(30, 60, 120, label="mass [GeV]"), "mass [GeV]", "Events / 2 GeV"),
        (hist.axis.Regular(4, 0, 1, label="score"), "score", "Events / 0.25"),
        (hist.axis.Variable(EDGES, label="pT [GeV]"), "pT [GeV]", "Events / bin"),
        (hist.axis.Integer(0, 5, label="jets"), "jets", "Events"),
    ],
    ids=["with a unit", "without a unit", "of several widths", "of numbers"],
)
def test_axes_say_what_they_are_of(bins, label, expected):
    (axes,) = plots.stack(data=hist.Hist(bins)).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == (label, expected)


def test_no_entries_at_all():
    empty = counts(0, 0, 0, 0)
    nothing = weighted(*[(0.0, 0.0)] * 4)
    assert points(plots.stack(data=empty, simulation={"nothing": nothing}).axes[1]) == []
    assert points(plots.efficiency(empty, empty).axes[0]) == []


def test_logarithmic_axis():
    (axes,) = plots.stack(data=DATA, log=True).axes
    assert axes.get_yscale() == "log"


# -------------------------------------------------------------------------------------------------------------- caption


def test_the_name_of_the_collaboration_is_only_there_when_it_is_asked_for():
    assert not any("ATLAS" in text for text in texts(plots.stack(data=DATA, label="toy")))
    assert "ATLAS" in texts(plots.stack(data=DATA, atlas=""))
    found = texts(plots.efficiency(DATA, DATA, atlas="Internal"))
    assert "ATLAS" in found
    assert " Internal" in found


def test_what_is_written_into_a_plot():
    found = texts(plots.stack(data=DATA, label="ee\ntoy", luminosity=36.64674 / fb, energy=13.6))
    assert "√$s$ = 13.6 TeV, 36.65 fb$^{-1}$" in found
    assert {"ee", "toy", "Data"} <= set(found)
    assert not any("TeV" in text for text in texts(plots.stack(data=DATA)))


@pytest.mark.parametrize(
    ("luminosity", "text"),
    [
        (140.1 / fb, "140.1 fb$^{-1}$"),
        (1 / fb, "1 fb$^{-1}$"),
        (10 / pb, "10 pb$^{-1}$"),
        (Luminosity([276262, 276329], [500.0, 1500.0]), "2 fb$^{-1}$"),
    ],
)
def test_luminosities_are_in_the_units_of_all_recipes(luminosity, text):
    assert f"√$s$ = 13 TeV, {text}" in texts(plots.stack(data=DATA, luminosity=luminosity, energy=13.0))
    assert f"√$s$ = 13 TeV, {text}" in texts(plots.efficiency(DATA, DATA, luminosity=luminosity, energy=13.0))


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.slow
def test_the_same_plot_has_the_same_bytes(tmp_path):
    for folder in ("first", "second"):
        plots.stack(data=DATA, simulation={"ttbar": TTBAR}, luminosity=1.0, out=tmp_path / folder / "a.b")
        plots.stack(data=DATA, out=tmp_path / folder / "c.png")
        plots.efficiency(DATA, DATA, out=str(tmp_path / folder / "efficiency"))
    names = ["a.b.pdf", "a.b.png", "c.pdf", "c.png", "efficiency.pdf", "efficiency.png"]
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == names
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_importing_it_imports_nothing_that_draws():
    code = "import sys, physlite.analysis.plots; print({'matplotlib', 'mplhep', 'hist', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_no_figure_stays_open():
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    plots.stack(data=DATA, simulation={"ttbar": TTBAR})
    assert plt.get_fignums() == before


# --------------------------------------------------------------------------------------------------------------- errors


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no data and no simulation"):
        plots.stack()


def test_an_axis_without_bins():
    with pytest.raises(ValueError, match="'Period' has no categories yet"):
        plots.stack(data=hist.Hist(hist.axis.StrCategory([], growth=True, label="Period")))


def test_histograms_of_other_bins():
    other = hist.Hist(hist.axis.Regular(4, 0, 80, name="pt", label="pT [GeV]"))
    with pytest.raises(ValueError, match="other bins"):
        plots.stack(data=DATA, simulation={"other": other})


def test_histograms_of_several_dimensions():
    two = hist.Hist(axis(), axis().__class__(EDGES, name="other"))
    with pytest.raises(ValueError, match=r"project\(name\)"):
        plots.stack(data=two)
    with pytest.raises(ValueError, match="no StrCategory"):
        plots.stack(simulation=two)


def test_weights_without_variances():
    histogram = hist.Hist(axis(), storage=hist.storage.Double())
    histogram.fill([5.0], weight=[0.5])
    with pytest.raises(ValueError, match=r"make it with \.Weight\(\)"):
        plots.stack(simulation={"ttbar": histogram})


def test_a_histogram_of_variations():
    names = hist.axis.StrCategory(["nominal", "JES_up"], name="variation")
    histogram = hist.Hist(names, axis(), storage=hist.storage.Weight()).fill("nominal", [5.0])
    with pytest.raises(ValueError, match=r"no processes: take one, as histogram\[\{'variation': 'nominal'\}\]"):
        plots.stack(simulation=histogram)
    plots.stack(simulation=histogram[{"variation": "nominal"}])


def test_more_passed_than_there_were():
    with pytest.raises(ValueError, match=r"5 of 3 passed in the bin \(0\.0, 10\.0\)"):
        plots.efficiency(counts(5, 0, 0, 0), counts(3, 0, 0, 0))


def test_an_efficiency_of_weights_without_variances():
    histogram = hist.Hist(axis(), storage=hist.storage.Double())
    histogram.fill([5.0], weight=[0.5])
    with pytest.raises(ValueError, match=r"make it with \.Weight\(\)"):
        plots.efficiency(histogram, histogram)


def test_what_is_negative_is_below_zero():
    """Each bin: processes are stacked above zero where they are positive, below where they are not."""
    a, b = weighted((4.0, 1.0), (-2.0, 1.0), (1.0, 1.0), (0.0, 0.0)), weighted(*[(-3.0, 1.0)] * 4)
    main = plots.stack(simulation={"a": a, "b": b}).axes[0]
    fills = {patch.get_label(): patch.get_data() for patch in main.patches if patch.get_label() in ("a", "b")}
    assert fills["a"].values.tolist() == [4.0, -2.0, 1.0, 0.0]
    assert fills["a"].baseline.tolist() == [0.0] * 4
    assert fills["b"].values.tolist() == [-3.0, -5.0, -3.0, -3.0]
    assert fills["b"].baseline.tolist() == [0.0, -2.0, 0.0, 0.0]
    assert main.get_ylim()[0] < -5 - math.sqrt(2)


def test_an_efficiency_of_other_names():
    with pytest.raises(ValueError, match="other names"):
        plots.efficiency({"a": DATA}, {"b": DATA})
