"""Writes trees of many kinds with ROOT: run by a Python that has PyROOT, as `write_with_root.py FOLDER`.

The values follow from the numbers of entry and item, so that the tests know them without ROOT.
"""

import shutil
import sys
from pathlib import Path

ENTRIES = 60


def main():
    import ROOT

    folder = Path(sys.argv[1])
    # ROOT leaves the library that it makes beside the source.
    source = shutil.copy(Path(__file__).with_name("root_trees.C"), folder)
    if ROOT.gSystem.CompileMacro(str(source), "kO") != 1:
        sys.exit("the classes do not compile")
    zstd, zlib, lzma = 505, 101, 207
    ROOT.fill_flat(str(folder / "flat.root"), ENTRIES, zstd, True)
    ROOT.fill_flat(str(folder / "flat_embedded.root"), ENTRIES, zlib, False)
    ROOT.fill_objects(str(folder / "objects.root"), ENTRIES, zstd, True)
    ROOT.fill_objects(str(folder / "objects_embedded.root"), ENTRIES, zlib, False)
    ROOT.fill_large(str(folder / "large.root"), lzma)


if __name__ == "__main__":
    main()
