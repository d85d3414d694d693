"""What a file must be, whichever way its bytes come."""

import functools

import awkward as ak

import physlite
from support import data
from support.compare import assert_same

CONTAINERS = ("AnalysisElectronsAuxDyn.", "AnalysisMuonsAuxDyn.", "EventInfoAuxDyn.")


@functools.cache
def _expected():
    with physlite.open(data.path_of(data.R21)) as file:
        return _look(file)


def _look(file):
    events = file.events()
    names = [name for name in file.columns if name.startswith(CONTAINERS) and not file.columns[name].problem]
    return {
        "columns": list(file.columns),
        "arrays": file.arrays(names),
        "tracks": ak.materialize(events.Electrons[events.Electrons.pt > 10_000].trackParticles.z0),
        "truth": ak.materialize(events.TruthElectrons.parents.children.parents.children.pdgId),
        "trigger": events.trigger.passed("HLT_e26_lhtight_nod0_ivarloose"),
        "matched": events.Muons.matched("HLT_mu26_ivarmedium"),
        "weights": file.metadata.sum_of_weights(),
        "channel": file.metadata.mc_channel_number,
    }


def check_events(where):
    """Opens the release 21.2 file, wherever it is; columns, links, trigger and metadata are those of the local one."""
    with physlite.open(where) as file:
        found = _look(file)
    for name, expected in _expected().items():
        if isinstance(expected, ak.Array):
            assert_same(found[name], expected)
        else:
            assert found[name] == expected
