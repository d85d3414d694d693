"""Writes ntuples of many kinds with ROOT: run by a Python that has PyROOT, as `write_ntuples.py FOLDER`."""

import shutil
import sys
from pathlib import Path

ENTRIES = 60
CLUSTER = 17
COMPRESSIONS = {"none": 0, "zlib": 101, "lzma": 207, "lz4": 404, "zstd": 505}


def main():
    import ROOT

    folder = Path(sys.argv[1])
    # ROOT leaves the library that it makes beside the source.
    source = shutil.copy(Path(__file__).with_name("ntuples.C"), folder)
    if ROOT.gSystem.CompileMacro(str(source), "kO") != 1:
        sys.exit("the functions do not compile")
    for name, compression in COMPRESSIONS.items():
        ROOT.fill_types(str(folder / f"types_{name}.root"), ENTRIES, compression, CLUSTER)
    ROOT.fill_types(str(folder / "types_one_cluster.root"), ENTRIES, 505, 0)
    ROOT.fill_encodings(str(folder / "encodings.root"), ENTRIES, CLUSTER)
    ROOT.fill_later(str(folder / "later.root"), ENTRIES, CLUSTER)
    ROOT.fill_representations(str(folder / "representations.root"), ENTRIES, CLUSTER)
    ROOT.fill_uncommon(str(folder / "uncommon.root"), ENTRIES, CLUSTER)
    ROOT.fill_shared(str(folder / "shared.root"))
    ROOT.fill_streamed(str(folder / "streamed.root"))
    ROOT.fill_extremes(str(folder / "empty.root"), str(folder / "huge.root"))


if __name__ == "__main__":
    main()
