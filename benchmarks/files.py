"""The files that are read: real ones where they are, toy ones made with ROOT and kept, else the packaged sample."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import physlite

__all__ = ["CLUSTER", "KEPT", "TREES", "Missing", "Source", "many", "real", "root_python", "small_files", "toys"]

_CHECKOUT = Path(__file__).resolve().parent.parent
_TOOLS = _CHECKOUT / "tools"
KEPT = _CHECKOUT / "build" / "bench"

TREES = {"tree": "CollectionTree", "ntuple": "EventData"}

# Of a tree with baskets of tens of kB, as production files have them; of an ntuple with pages as ROOT makes them.
CLUSTER = {"tree": 1000, "ntuple": 5000}


class Missing(Exception):  # noqa: N818  # not an error: what cannot be compared here
    """What a comparison needs is not on this machine."""


@dataclass(frozen=True)
class Source:
    """A file of events: a tree or an ntuple, what it is called in titles, and what finds or makes it.

    A `stand_in` is read where the right one is missing; targets are not for it.
    """

    kind: str
    label: str
    find: Callable[[], str]
    compression: str = ""
    stand_in: bool = False


def _sample(kind: str) -> Source:
    path = physlite.sample("tree" if kind == "tree" else "rntuple")
    return Source(kind, f"{kind}, packaged sample", lambda: str(path), stand_in=True)


def real(name: str, kind: str) -> Source:
    """A real file from $PHYSLITE_TEST_DATA, or from ../shared/data beside the checkout; else the sample."""
    for folder in (os.environ.get("PHYSLITE_TEST_DATA"), _CHECKOUT.parent / "shared" / "data"):
        if folder and (path := Path(folder) / name).is_file():
            return Source(kind, f"{kind}, {name}", lambda: str(path))
    _say_once(f"{name} is not here, set PHYSLITE_TEST_DATA to the folder that has it: the packaged sample in its place")
    return _sample(kind)


def toys(events: int, *compressions: str) -> Iterator[Source]:
    """Toy files of so many events, of each kind and compression; without ROOT, the sample of each kind."""
    for kind in TREES:
        if root_python() is None:
            yield _sample(kind)
            continue
        for compression in compressions:
            label = f"{kind}, {compression}, {events:,} events"
            yield Source(kind, label, functools.partial(_toy_file, events, compression, kind), compression)


def many(source: Source, count: int) -> list[str]:
    """The same file under so many names."""
    original = Path(source.find())
    folder = KEPT / f"many-{original.stem}"
    paths = [folder / f"{i:03}.root" for i in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if not path.exists():
            os.link(original, path)
    return [str(path) for path in paths]


def small_files(count: int, events: int) -> list[str]:
    """Many copies of a small toy file, or of the sample: the same work for each, from bytes of its own."""
    source = next(toys(events, "zstd-5"))
    original = Path(source.find())
    folder = KEPT / f"small-{original.stem}-{count}"
    paths = [folder / f"{i:03}.root" for i in range(count)]
    if not paths[-1].exists():
        for old in KEPT.glob("small-*/"):
            shutil.rmtree(old)
        folder.mkdir(parents=True)
        for path in paths:
            shutil.copy(original, path)
    return [str(path) for path in paths]


@functools.cache
def root_python() -> str | None:
    """A Python with ROOT: $PHYSLITE_ROOT_PYTHON, or that of `make root`; says so once if there is none."""
    found = os.environ.get("PHYSLITE_ROOT_PYTHON") or str(_CHECKOUT / ".venv-root" / "bin" / "python")
    if Path(found).is_file():
        return found
    _say_once("ROOT is not here, `make root` installs it: no RDataFrame, and the packaged sample in place of toy files")
    return None


@functools.cache
def _say_once(line: str) -> None:
    print(line, flush=True)


# ------------------------------------------------------------------------------------------------------------ toy files


def _toy_file(events: int, compression: str, kind: str) -> str:
    """Made anew when anything that decides its content has changed."""
    options = [
        "--rich", *["--ntuple"] * (kind == "ntuple"),
        "--entries-per-cluster", str(CLUSTER[kind]), "--events", str(events), "--compression", compression,
    ]  # fmt: skip
    key = hashlib.sha256(" ".join([_maker(), *options]).encode()).hexdigest()[:8]
    path = KEPT / f"toy-{key}-{kind}-{events}-{compression}.root"
    if not path.is_file():
        for old in KEPT.glob(path.name.replace(key, "*")):
            old.unlink()
        _make(path, options, kind)
    return str(path)


@functools.cache
def _maker() -> str:
    """The program that makes the files, and the version of ROOT that writes them."""
    sources = [_TOOLS / "make_sample.py", *sorted((_TOOLS / "sample").glob("*.[ph]*"))]
    program = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    ask = "import ROOT; print(ROOT.gROOT.GetVersion())"
    command = [str(root_python()), "-W", "ignore", "-c", ask]
    root = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return f"{program} {root.stdout.strip()}"


def _make(path: Path, options: list[str], kind: str) -> None:
    dictionaries = KEPT / f"dictionaries-{kind}"
    dictionaries.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.root")
    print(f"making {path.name} …", flush=True)
    command = [str(root_python()), str(_TOOLS / "make_sample.py"), str(partial), *options]
    command += ["--build-dir", str(dictionaries)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        msg = f"{path.name} could not be made:\n{made.stderr}"
        raise RuntimeError(msg)
    partial.rename(path)
