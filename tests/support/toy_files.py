"""Files whose events differ from file to file, and an analysis whose last bits tell in which order it was added."""

from functools import reduce
from operator import add

import awkward as ak
import hist
import numpy as np
import uproot

import physlite
from physlite.analysis import dilepton
from support.made_ntuples import BYTE, FLOAT, Cluster, items, ntuple, value

CLUSTERS, ENTRIES = 4, 100  # of each file, and of each of its clusters
MUON_MASS = 105.66

_LEPTONS = {
    "Electrons": ("pt", "eta", "phi", "m", "charge", "DFCommonElectronsLHMedium"),
    "Muons": ("pt", "eta", "phi", "charge", "quality"),
}
_INTEGERS = ("DFCommonElectronsLHMedium", "quality")


def toy_files(folder, number):
    """Writes files with random choices of the sample's events, as `folder/000.root` and so on; gives their paths."""
    with physlite.open(physlite.sample("rntuple")) as file:
        names = ["EventInfoAuxDyn:mcEventWeights"]
        names += [f"Analysis{kind}AuxDyn:{field}" for kind, fields in _LEPTONS.items() for field in fields]
        events = file.arrays(names)
    mass = "AnalysisMuonsAuxDyn:m"  # real files leave it to the class of the objects, which is not known here
    events[mass] = ak.full_like(events["AnalysisMuonsAuxDyn:pt"], MUON_MASS)
    names.append(mass)
    fields = [
        items(name, value("_0", "std::int8_t", BYTE) if name.endswith(_INTEGERS) else value("_0", "float", FLOAT))
        for name in names
    ]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(number):
        random = np.random.default_rng(i)
        clusters = []
        for _ in range(CLUSTERS):
            chosen = events[random.integers(len(events), size=ENTRIES)]
            pairs = ((np.cumsum(ak.num(chosen[name])), ak.flatten(chosen[name])) for name in names)
            clusters.append(Cluster(ENTRIES, *(column for pair in pairs for column in pair)))
        path = folder / f"{i:03d}.root"
        path.write_bytes(ntuple(fields, *clusters, compressed=uproot.ZSTD(1)))
        paths.append(path)
    return paths


def weighted_masses(events):
    """The dilepton analysis, with the masses filled with weights whose sums are rounded."""
    channels = dilepton.analyse(events)
    masses = dilepton.histogram(channels)
    weighted = hist.Hist(*masses.axes, storage=hist.storage.Weight())
    for channel in channels:
        weighted.fill(channel=channel.name, mass=channel.mass, weight=1 / channel.mass)
    return {
        "cutflows": {channel.name: channel.cutflow for channel in channels},
        "masses": masses,
        "weighted": weighted,
        "sum of weights": float(ak.sum(events.EventInfo.mcEventWeights[:, 0] / 3)),
    }


def bits(value):
    """All that the analysis returned, as bytes or numbers that are equal only when each bit is."""
    histograms = [value[name].view(flow=True).tobytes() for name in ("masses", "weighted")]
    return value["cutflows"], value["sum of weights"].hex(), histograms


def in_other_orders(files):
    """The sum over the files from the first to the last, and from the last to the first, one after the other."""
    values = [weighted_masses(physlite.events(path)) for path in files]
    return [reduce(_added, values), reduce(_added, reversed(values))]


def _added(one, other):
    """What is in two mappings, key by key."""
    return {
        key: _added(one[key], other[key]) if isinstance(one[key], dict) else add(one[key], other[key]) for key in one
    }
