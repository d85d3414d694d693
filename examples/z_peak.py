"""A Z peak in a dozen lines: `python examples/z_peak.py [FILE] [PICTURE]`.

Without a file it reads the sample that comes with the package.
"""

import sys
from importlib import resources

import awkward as ak
import hist
import matplotlib as mpl

import physlite
from physlite.units import GeV

mpl.use("Agg")
sample = resources.files("physlite") / "data" / "sample.root"
path = sys.argv[1] if len(sys.argv) > 1 else str(sample)
picture = sys.argv[2] if len(sys.argv) > 2 else "z_peak.png"

events = physlite.events(path)
masses = hist.Hist.new.StrCategory(["ee", "μμ"], name="pair").Reg(60, 60, 120, name="mass", label="mass [GeV]").Int64()
for name, leptons in {"ee": events.Electrons, "μμ": events.Muons}.items():
    first, second = ak.unzip(ak.combinations(leptons[leptons.pt > 20 * GeV], 2))
    z = (first + second)[first.charge != second.charge]
    masses.fill(pair=name, mass=ak.flatten(z.mass) / GeV)

masses.plot1d(overlay="pair", legend=True)
mpl.pyplot.savefig(picture)
print(f"{len(events)} events, {int(masses.sum())} pairs between 60 and 120 GeV: see {picture}")
