"""Reading with RDataFrame, in compiled C++, as one would in earnest; by a Python with ROOT."""

from __future__ import annotations

import hashlib
from pathlib import Path

from work import Work

__all__ = ["read"]


def read(path: str, name: str, columns: dict[str, str], elements: int, threads: int, build: str) -> Work:
    """Event loops over columns, whose C++ types are given; the loop is compiled into the folder `build`, once.

    It counts elements and makes no arrays, and has to find as many as it is told that there are.
    """
    import ROOT

    ROOT.gErrorIgnoreLevel = ROOT.kError
    if threads > 1:
        ROOT.EnableImplicitMT(threads)
    loop = f"loop_{hashlib.sha256(','.join(columns.values()).encode()).hexdigest()[:16]}"
    header = Path(__file__).with_name("rdataframe.h")
    code = (
        f'#include "{header}"\n'
        f"std::size_t {loop}(ROOT::RDataFrame& events, const std::vector<std::string>& names) {{\n"
        f"  return countElements<{', '.join(columns.values())}>(events, names);\n}}\n"
    )
    macro = Path(build) / f"{loop}.C"
    if not macro.exists() or macro.read_text() != code:  # the compiler goes by the time of the file
        macro.parent.mkdir(parents=True, exist_ok=True)
        macro.write_text(code)
    ROOT.gSystem.SetBuildDir(build, True)
    if ROOT.gSystem.CompileMacro(str(macro), "kO") != 1:
        msg = f"{macro} does not compile"
        raise RuntimeError(msg)
    events = ROOT.RDataFrame(name, path)
    names = ROOT.std.vector["std::string"](list(columns))
    run = getattr(ROOT, loop)

    def count(_: None) -> None:
        counted = run(events, names)
        if counted != elements:
            msg = f"{counted} elements where there are {elements}"
            raise RuntimeError(msg)

    return Work(count)
