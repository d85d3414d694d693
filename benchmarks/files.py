"""The files that are read: real ones where they are, toy ones made by tools/make_sample.py and kept."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["KEPT", "Missing", "real_file", "root_python", "toy_file"]

_CHECKOUT = Path(__file__).resolve().parent.parent
KEPT = _CHECKOUT / "build" / "bench"

# Baskets of tens of kB, as production files have them.
_CLUSTERS = ("--entries-per-cluster", "1000")


class Missing(Exception):  # noqa: N818  # not an error: a work that cannot be done here
    """What a work needs is not on this machine."""


def real_file(name: str) -> Path:
    """A real file from $PHYSLITE_TEST_DATA, or from ../shared/data beside the checkout."""
    for folder in (os.environ.get("PHYSLITE_TEST_DATA"), _CHECKOUT.parent / "shared" / "data"):
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    msg = f"{name}: set PHYSLITE_TEST_DATA to the folder that has it"
    raise Missing(msg)


def root_python() -> str:
    """A Python with ROOT: $PHYSLITE_ROOT_PYTHON, or that of `make root`."""
    found = os.environ.get("PHYSLITE_ROOT_PYTHON") or str(_CHECKOUT / ".venv-root" / "bin" / "python")
    if not Path(found).is_file():
        msg = "ROOT is not installed here: `make root` installs it"
        raise Missing(msg)
    return found


def toy_file(events: int, compression: str, *, ntuple: bool = False) -> Path:
    """A toy file of so many events, made once: a tree, or an RNTuple with the clusters that ROOT gives it."""
    path = KEPT / f"toy-{'ntuple-' * ntuple}{events}-{compression}.root"
    if not path.is_file():
        python = root_python()
        KEPT.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.root")
        print(f"making {path.name} …", flush=True)
        script = str(_CHECKOUT / "tools" / "make_sample.py")
        kind = ["--ntuple", "--entries-per-cluster", str(events)] if ntuple else _CLUSTERS
        subprocess.run(  # the arguments are this module's own
            [python, script, str(partial), "--rich", *kind, "--events", str(events), "--compression", compression],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        partial.rename(path)
    return path
