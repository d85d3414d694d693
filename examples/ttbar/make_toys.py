"""Toy samples of all processes, and the list of them: `python examples/ttbar/make_toys.py FOLDER [EVENTS]`.

They are written with ROOT, by tools/make_sample.py. `make root` installs it in .venv-root; an environment that has it
already is named by $PHYSLITE_ROOT_PYTHON.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]

# In pb. That of tt̄ is the one of the Analysis Grand Challenge; those of W and Z, whose toys
# are filtered for jets, make them about as large in the two regions as they are there.
CROSS_SECTIONS = {"ttbar": 729.84, "wjets": 400.0, "zjets": 100.0, "single_top": 79.3}
EVENTS = 20_000


def make_toys(folder: Path, events: int = EVENTS) -> Path:
    """Makes those that are missing; gives the path of the list of datasets."""
    folder.mkdir(parents=True, exist_ok=True)
    dictionaries = folder / "dictionaries"
    dictionaries.mkdir(exist_ok=True)
    for seed, process in enumerate(CROSS_SECTIONS):
        path = folder / f"{process}.root"
        if path.is_file():
            continue
        partial = path.with_suffix(".part")
        options = ["--process", process, "--seed", str(seed), "--events", str(events), "--compression", "zstd-5"]
        command = [root_python(), str(CHECKOUT / "tools" / "make_sample.py"), str(partial), *options]
        subprocess.run([*command, "--build-dir", str(dictionaries)], check=True)  # noqa: S603  # this project's own
        partial.rename(path)
    datasets = {
        name: {"files": f"{name}.root", "cross_section": cross_section}
        for name, cross_section in CROSS_SECTIONS.items()
    }
    listed = folder / "datasets.yaml"
    listed.write_text(yaml.safe_dump(datasets, sort_keys=False))
    return listed


def root_python() -> str:
    """A Python that has ROOT."""
    python = os.environ.get("PHYSLITE_ROOT_PYTHON") or str(CHECKOUT / ".venv-root" / "bin" / "python")
    if not Path(python).is_file():
        sys.exit(f"{python}: no such file: `make root` installs ROOT, or PHYSLITE_ROOT_PYTHON names one that has it")
    return python


if __name__ == "__main__":
    print(make_toys(Path(sys.argv[1]), *map(int, sys.argv[2:])))
