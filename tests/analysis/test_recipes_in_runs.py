"""What recipes are made of files goes to workers with the analysis, and does the same there."""

import shutil
import warnings

import numpy as np
import pytest

import physlite
from physlite.analysis import Cutflow, GoodRuns, PileupReweighting, ScaleFactors, event_product, event_weights
from physlite.exceptions import SameFileWarning
from support import data
from support.pileup_files import write_config, write_lumicalc

v2 = pytest.importorskip("correctionlib.schemav2")

RUN, CHANNEL = 284500, 999999  # of the sample


def write_scale_factors(path):
    formula = v2.Formula(nodetype="formula", expression="1 - 1000 / (x + 10000)", parser="TFormula", variables=["pt"])
    factors = v2.Correction(
        name="identification",
        version=1,
        inputs=[v2.Variable(name="pt", type="real")],
        output=v2.Variable(name="factor", type="real"),
        data=formula,
    )
    path.write_text(v2.CorrectionSet(schema_version=2, corrections=[factors]).model_dump_json(exclude_unset=True))
    return path


def test_here_and_elsewhere(tmp_path):
    profile = np.exp(-(((np.arange(100) - 30) / 15) ** 2))
    good_runs = GoodRuns([(RUN, 1, 1)])
    prw = PileupReweighting.open(
        [write_config(tmp_path / "x.prw.root", {(CHANNEL, RUN): (profile, np.linspace(0, 100, 101))})],
        [write_lumicalc(tmp_path / "x.root", [(276262 + i, 1, 20.5 + i, 1e6) for i in range(20)])],
    )
    scale_factors = ScaleFactors.open(write_scale_factors(tmp_path / "electron.json"))

    def analysis(events):
        flow = Cutflow(event_weights(events) * prw.weight(events))
        factors = event_product(scale_factors.evaluate("identification", events.Electrons))
        flow.add("good runs", good_runs.passed(events), weights=factors)
        flow.add("early runs", prw.random_run_number(events) < 276272)
        return flow

    expected = analysis(physlite.events(data.path_of(data.SAMPLE)))
    assert 0 < expected["early runs"].events < expected["good runs"].events == 2000
    for i in range(2):
        shutil.copy(data.path_of(data.SAMPLE), tmp_path / f"{i}.sample.root")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SameFileWarning)
        found = physlite.run(analysis, str(tmp_path / "*.sample.root"), workers=2).value
    assert [step.events for step in found.steps] == [2 * step.events for step in expected.steps]
    assert [step.weights for step in found.steps] == pytest.approx([2 * step.weights for step in expected.steps])
