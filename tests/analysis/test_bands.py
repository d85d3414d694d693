"""The band of systematic variations, against a loop over bins."""

import math

import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import band
from physlite.exceptions import ColumnNotFoundError

BINS = 3
PAIRS = [["JET__1up", "JET__1down", "JET__1up5", "JET__0down5"], ["jerUp", "jerDown"]]
GROUPS = [*PAIRS, ["ONE__1up"], ["modelling"]]
NAMES = [*(name for group in GROUPS for name in group), "mu_a", "mu_b"]


def histogram(values):
    """With the variations on its second axis."""
    names = hist.axis.StrCategory([], growth=True, name="variation")
    out = hist.Hist(hist.axis.Integer(0, BINS, name="x"), names, storage=hist.storage.Double())
    for name, contents in values.items():
        out.fill(x=np.arange(BINS), variation=name, weight=contents)
    return out


def slow_band(values, groups):
    up, down = [], []
    for i, nominal in enumerate(values["nominal"]):
        ups = downs = 0.0
        for group in groups:
            deviations = [values[name][i] - nominal for name in group if name in values]
            if len(deviations) == 1:
                deviations.append(-deviations[0])
            ups += max([0, *deviations]) ** 2
            downs += min([0, *deviations]) ** 2
        up.append(math.sqrt(ups))
        down.append(math.sqrt(downs))
    return up, down


CONTENTS = st.lists(st.integers(-100, 100), min_size=BINS, max_size=BINS)


@given(values=st.fixed_dictionaries({"nominal": CONTENTS}, optional=dict.fromkeys(NAMES, CONTENTS)), random=st.data())
def test_as_a_loop_over_bins(values, random):
    order = random.draw(st.permutations(list(values)))
    scales = [name for name in order if name.startswith("mu_")]
    envelopes = ["mu_*"] if scales and random.draw(st.booleans()) else []
    groups = [*GROUPS, scales] if envelopes else [*GROUPS, *([name] for name in scales)]
    found = band(histogram({name: values[name] for name in order}), envelopes=envelopes)
    up, down = slow_band(values, groups)
    assert found.nominal.tolist() == values["nominal"]
    np.testing.assert_allclose(found.up, up, rtol=1e-12)
    np.testing.assert_allclose(found.down, down, rtol=1e-12)


def test_a_pair_on_one_side_counts_once():
    found = band(histogram({"nominal": [10, 10, 10], "a__1up": [13, 11, 9], "a__1down": [11, 9, 6]}))
    assert found.up.tolist() == [3, 1, 0]
    assert found.down.tolist() == [0, 1, 4]


def test_other_sizes_of_a_source_count_once():
    values = {"nominal": [10, 10, 10], "a__1up": [12, 12, 11], "a__1down": [8, 9, 8], "a__0up5": [11, 13, 10]}
    found = band(histogram(values))
    assert found.up.tolist() == [2, 3, 1]
    assert found.down.tolist() == [2, 1, 2]


def test_a_single_pattern():
    values = histogram({"nominal": [1, 2, 3], "MUR": [1, 4, 3], "MUF": [2, 5, 3]})
    assert band(values, envelopes="MU*").up.tolist() == [1, 3, 0]
    assert band(values, envelopes="MU*").up.tolist() == band(values, envelopes=["MU*"]).up.tolist()


def test_any_other_axes():
    axes = [hist.axis.StrCategory(["nominal", "a__1up"], name="syst"), hist.axis.Integer(0, 2), hist.axis.Integer(0, 3)]
    masses = hist.Hist(*axes, storage=hist.storage.Weight())
    masses.fill("nominal", [0, 1, 1], [2, 0, 0])
    masses.fill("a__1up", [0, 1, 1], [2, 2, 0])
    found = band(masses, "syst")
    assert found.nominal.tolist() == [[0, 0, 1], [2, 0, 0]]
    assert found.up.tolist() == found.down.tolist() == [[0, 0, 0], [1, 0, 1]]


def test_what_is_wrong_is_told():
    values = histogram({"nominal": [1, 2, 3], "a__1up": [1, 2, 3]})
    with pytest.raises(
        ValueError, match="no axis 'systematic' of variations in the histogram: it has 'x', 'variation'"
    ):
        band(values, "systematic")
    with pytest.raises(ValueError, match="has no 'nominal'"):
        band(histogram({"a__1up": [1, 2, 3]}))
    with pytest.raises(ColumnNotFoundError, match="no variation matches 'mu_"):
        band(values, envelopes=["mu_*"])


def test_a_band_is_scaled_with_its_histogram():
    values = {"nominal": [10, 0, 4], "JET__1up": [12, 1, 4], "JET__1down": [7, 0, 3]}
    found = band(histogram(values))
    for factor in (0.5, 2, np.float64(3), -2):
        expected = band(histogram({name: np.multiply(contents, factor) for name, contents in values.items()}))
        for times in (found * factor, factor * found):
            assert times.nominal.tolist() == expected.nominal.tolist()
            assert times.up.tolist() == expected.up.tolist()
            assert times.down.tolist() == expected.down.tolist()
    with pytest.raises(TypeError):
        found * "2"
