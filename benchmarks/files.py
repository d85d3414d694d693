"""The files that are read: real ones where they are, toy ones made by tools/make_sample.py and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["KEPT", "TREES", "Missing", "real_file", "root_python", "small_files", "toy_file"]

_CHECKOUT = Path(__file__).resolve().parent.parent
_TOOLS = _CHECKOUT / "tools"
KEPT = _CHECKOUT / "build" / "bench"

TREES = {"tree": "CollectionTree", "ntuple": "EventData"}

# Of a tree with baskets of tens of kB, as production files have them; of an ntuple with pages as ROOT makes them.
_CLUSTER = {"tree": 1000, "ntuple": 5000}


class Missing(Exception):  # noqa: N818  # not an error: a work that cannot be done here
    """What a work needs is not on this machine."""


def real_file(name: str) -> str:
    """A real file from $PHYSLITE_TEST_DATA, or from ../shared/data beside the checkout."""
    for folder in (os.environ.get("PHYSLITE_TEST_DATA"), _CHECKOUT.parent / "shared" / "data"):
        if folder and (Path(folder) / name).is_file():
            return str(Path(folder) / name)
    msg = f"{name}: set PHYSLITE_TEST_DATA to the folder that has it"
    raise Missing(msg)


def root_python() -> str:
    """A Python with ROOT: $PHYSLITE_ROOT_PYTHON, or that of `make root`."""
    found = os.environ.get("PHYSLITE_ROOT_PYTHON") or str(_CHECKOUT / ".venv-root" / "bin" / "python")
    if not Path(found).is_file():
        msg = "ROOT is not installed here: `make root` installs it"
        raise Missing(msg)
    return found


def toy_file(events: int, compression: str, kind: str) -> str:
    """A toy file of so many events, a tree or an ntuple; made anew when the program that makes it has changed."""
    path = KEPT / f"toy-{_program()}-{kind}-{events}-{compression}.root"
    if not path.is_file():
        for old in KEPT.glob(path.name.replace(_program(), "*")):
            old.unlink()
        _make(path, events, compression, kind)
    return str(path)


def _program() -> str:
    """A name for what makes the files."""
    sources = [_TOOLS / "make_sample.py", *sorted((_TOOLS / "sample").glob("*.[ph]*"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]


def _make(path: Path, events: int, compression: str, kind: str) -> None:
    python = root_python()
    dictionaries = KEPT / f"dictionaries-{kind}"
    dictionaries.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.root")
    print(f"making {path.name} …", flush=True)
    made = subprocess.run(
        [
            python, str(_TOOLS / "make_sample.py"), str(partial), "--rich", *["--ntuple"] * (kind == "ntuple"),
            "--entries-per-cluster", str(_CLUSTER[kind]), "--events", str(events),
            "--compression", compression, "--build-dir", str(dictionaries),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if made.returncode:
        msg = f"{path.name} could not be made:\n{made.stderr}"
        raise RuntimeError(msg)
    partial.rename(path)


def small_files(count: int, events: int) -> list[str]:
    """Many copies of a small toy file: the same work for each, from bytes of its own."""
    original = Path(toy_file(events, "zstd-5", "tree"))
    folder = original.with_suffix("")
    paths = [folder / f"{i:03}.root" for i in range(count)]
    if not paths[-1].exists():
        for old in KEPT.glob("toy-*/"):
            shutil.rmtree(old)
        folder.mkdir()
        for path in paths:
            shutil.copy(original, path)
    return [str(path) for path in paths]
