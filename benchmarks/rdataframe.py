"""An event loop for each line of the standard input: `rdataframe.py BUILD FILE LOOP COLUMN …`, by a Python with ROOT.

Compiled, as one would in earnest, into the folder BUILD. Answers each line with the number of elements.
"""

import sys
from pathlib import Path


def main() -> None:
    """Opens the file once, then loops as often as asked to."""
    import ROOT

    build, path, loop, *columns = sys.argv[1:]
    ROOT.gSystem.SetBuildDir(build, True)
    if ROOT.gSystem.CompileMacro(str(Path(__file__).with_name("rdataframe.C")), "kO") != 1:
        sys.exit("the loops do not compile")
    events = ROOT.RDataFrame("EventData", path)
    names = ROOT.std.vector["std::string"](columns)
    for _ in sys.stdin:
        print(getattr(ROOT, loop)(events, names), flush=True)


if __name__ == "__main__":
    main()
