"""Several datasets at once: written down in a file or a dictionary, and what `physlite.run` takes for datasets."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from physlite.exceptions import DatasetNotFoundError
from physlite.formats.filters import nearest
from physlite.formats.manifest import EVENT_NTUPLE, EVENT_TREE
from physlite.running.datasetfiles import DataFile, each_of, is_list, shown
from physlite.running.datasetpaths import absolute, near, without_root
from physlite.running.datasets import OWN_METADATA, Dataset, Files
from physlite.running.datasetyaml import Entry, entries_of
from physlite.running.filesets import require_all_events, require_tree
from physlite.storage.redaction import short_name
from physlite.storage.rucio import Rucio, RucioFile, parse_did
from physlite.storage.transports import scheme_of

__all__ = ["Datasets", "as_datasets", "datasets_from"]

Datasets: TypeAlias = "Dataset | Files | Mapping[str, Any] | Iterable[Dataset]"

_WRITTEN_DOWN = (".yaml", ".yml", ".json")
_DEFAULTS = "defaults"
_OF_COFFEA = ("form", "format", "compressed_form", "did")  # in coffea's filesets, beside files and metadata
_ARGUMENTS = ("name", "rucio", *OWN_METADATA)
_EXPECTED = "a path, a list of paths, or `files` with metadata beside it"
_NO_NAME = "files"


def datasets_from(what: str | os.PathLike[str] | Mapping[str, Any], *, rucio: Rucio | None = None) -> list[Dataset]:
    """Datasets that are written down in a file, or in a dictionary of the same form.

    ::

        defaults:                       # metadata of all that do not say otherwise
          campaign: mc20e
        ttbar:
          files: rucio://mc20_13TeV:mc20_13TeV.410470.…
          cross_section: 0.83
        zee: [$DATA/zee/*.root, "*/zee.txt"]  # what begins with * is written in quotes

    Behind the name of each are its files, as `Dataset` takes them, or `files` and metadata. Relative paths begin where
    the file is, `~` and `$VARIABLES` in paths are expanded. So are coffea's filesets understood: `files` may be a
    mapping, of which steps have to be all events of a file and trees those of events, and what is in `metadata` is
    metadata.

    Args:
        what: a path, of YAML, or of JSON when it ends in `.json`; or a dictionary, whose relative paths begin here.
        rucio: as for `Dataset`, for all of them.

    Raises:
        DatasetNotFoundError: there is no such file.
        ValueError: it is not of this form; the message says where, and what is expected.
        ImportError: PyYAML is not installed.
    """
    if isinstance(what, Mapping):
        entries = [Entry(str(name), 0, value) for name, value in what.items()]
        folder, source = os.getcwd(), ""  # noqa: PTH109
    else:
        text = absolute(os.fspath(what), os.getcwd())  # noqa: PTH109
        if scheme_of(text)[0]:
            msg = f"{shown(text)}: lists of datasets are read from this machine: download it, and give its path"
            raise ValueError(msg)
        path = Path(text)
        try:
            entries = entries_of(path)
        except FileNotFoundError:
            msg = f"no such file {str(path)!r}{near(str(path))}"
            raise DatasetNotFoundError(msg) from None
        folder, source = str(path.parent), str(path)
    defaults: dict[str, Any] = {}
    for entry in entries:
        if entry.name == _DEFAULTS:
            defaults = _defaults(entry, _place(source, entry))
    made = [_dataset(e, defaults, folder, source, rucio) for e in entries if e.name != _DEFAULTS]
    if not made:
        msg = f"{source and f'{source}: '}no datasets: expected names, each with its files"
        raise ValueError(msg)
    _check_names(made)
    return made


def as_datasets(what: Datasets) -> tuple[Dataset, ...]:
    """What an analysis is given to run on.

    Args:
        what: one of

            - a dataset, or an iterable of them;
            - a dictionary, or a path that ends in `.yaml`, `.yml` or `.json`: as for `datasets_from`;
            - a path, folder, pattern, text list or URL: one dataset, called by the file without `.root`, by the folder,
              by the last folder of a pattern before its first wildcard, by the list, or by the name in Rucio;
            - an iterable of those: one dataset, called "files".

    Raises:
        DatasetNotFoundError, ValueError, ImportError: as `datasets_from`.
        ValueError: two datasets of the same name, or none at all.
        TypeError: something else, or datasets and files in one iterable.
    """
    if isinstance(what, Dataset):
        return (what,)
    if isinstance(what, Mapping):
        return tuple(datasets_from(what))
    if isinstance(what, DataFile | RucioFile):
        return (Dataset(_name_of(what.url), what),)
    if isinstance(what, str | os.PathLike):
        text = os.fsdecode(what)
        if text.endswith(_WRITTEN_DOWN) and not scheme_of(text)[0]:
            return tuple(datasets_from(text))
        return (Dataset(_name_of(text), what),)
    several = each_of(what)
    if several is None:
        msg = f"datasets are of physlite.Dataset, paths, URLs or a dictionary of them, not {type(what).__name__}"
        raise TypeError(msg)
    return _all_of(several)


def _all_of(given: list[Any]) -> tuple[Dataset, ...]:
    if not given:
        msg = "no datasets: give physlite.Dataset(name, files), or a path"
        raise ValueError(msg)
    made = tuple(item for item in given if isinstance(item, Dataset))
    if not made:
        return (Dataset(_NO_NAME, given),)
    if len(made) < len(given):
        other = next(item for item in given if not isinstance(item, Dataset))
        msg = f"datasets and {type(other).__name__} in one list: put the files into a physlite.Dataset of their own"
        raise TypeError(msg)
    _check_names(made)
    return made


def _check_names(datasets: Iterable[Dataset]) -> None:
    seen: set[str] = set()
    for dataset in datasets:
        if dataset.name in seen:
            msg = f"two datasets are called {dataset.name!r}: their results could not be told apart, so rename one"
            raise ValueError(msg)
        seen.add(dataset.name)


def _name_of(text: str) -> str:
    """What to call a dataset by, of which only the files are known."""
    path = absolute(text, os.getcwd())  # noqa: PTH109
    if scheme_of(path)[0] == "rucio":
        return parse_did(path).name
    if scheme_of(path)[0]:
        return without_root(short_name(path)) or _NO_NAME
    if glob.has_magic(path) and not os.path.lexists(path):
        parts = path.split("/")
        wild = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        return parts[wild - 1] or _NO_NAME
    name = os.path.basename(path)  # noqa: PTH119
    return (os.path.splitext(name)[0] if is_list(path) else without_root(name)) or _NO_NAME  # noqa: PTH122


# ----------------------------------------------------------------------------------------------- what is written down


def _place(source: str, entry: Entry) -> str:
    """Where something stands, for messages."""
    line = f", line {entry.line}" if entry.line else ""
    return f"{source}{line}: " if source else ""


def _defaults(entry: Entry, place: str) -> dict[str, Any]:
    value = {} if entry.value is None else entry.value
    where = f"{place}`{_DEFAULTS}`"
    if not isinstance(value, Mapping):
        raise _unlike(where, "metadata of all datasets, as `campaign: mc20e`", value)
    return _metadata(value, where, ("files", *_ARGUMENTS))


def _dataset(entry: Entry, defaults: dict[str, Any], folder: str, source: str, rucio: Rucio | None) -> Dataset:
    where = f"{_place(source, entry)}dataset {entry.name!r}"
    if not entry.name:
        msg = f"{where}: expected a name"
        raise ValueError(msg)
    files, metadata = entry.value, {}
    if isinstance(files, Mapping):
        if "files" not in files:
            raise _without_files(where, entry.name, files)
        given = {key: value for key, value in files.items() if key not in ("files", "treename")}
        require_tree(where, files.get("treename"))  # as filesets had it once
        files = files["files"]
        inner = given.get("metadata") or {}
        if isinstance(inner, Mapping):
            given.pop("metadata", None)
            given |= inner
        if isinstance(files, Mapping):
            require_all_events(where, files)
            given = {key: value for key, value in given.items() if key not in _OF_COFFEA}
        metadata = _metadata(given, where, _ARGUMENTS)
    asked = list(_files(files, where, folder))
    if not asked:
        msg = f"{where}: no files: expected {_EXPECTED}"
        raise ValueError(msg)
    return Dataset(entry.name, asked, rucio=rucio, **(defaults | metadata))


def _without_files(where: str, name: str, given: Mapping[Any, Any]) -> ValueError:
    """What is wrong with a mapping that has no files, but may have their paths."""
    names = ", ".join(shown(str(name)) for name in given) or "nothing"
    trees = (EVENT_TREE, EVENT_NTUPLE)
    is_one_too_high = any(isinstance(v, Mapping) or (isinstance(v, str) and v in trees) for v in given.values())
    hint = ": put these one level lower, under `files`" if is_one_too_high else nearest([_DEFAULTS], name)
    return ValueError(f"{where}: expected {_EXPECTED}, not {names}{hint}")


def _metadata(given: Mapping[Any, Any], where: str, reserved: tuple[str, ...]) -> dict[str, Any]:
    for key in given:
        if not isinstance(key, str):
            raise _unlike(where, "text, in quotes, as the name of metadata", key)
        if key in reserved:
            msg = f"{where}: metadata cannot be called {key!r}: call it something else"
            raise ValueError(msg)
    return dict(given)


def _files(files: Any, where: str, folder: str) -> Iterator[Any]:
    """Each file, with its path from the root."""
    several = each_of(files)
    expected = _EXPECTED if several is None else "paths in the list of files"
    for file in [files] if several is None else several:
        if isinstance(file, DataFile | RucioFile):
            yield file
        elif isinstance(file, str | os.PathLike):
            yield absolute(_expanded(os.fsdecode(file), where), folder)
        else:
            raise _unlike(where, expected, file)


def _expanded(text: str, where: str) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1].strip("{}")
        if name not in os.environ:
            msg = f"{where}: ${name} is not in the environment: set it (a $ that is meant is %24 in a URL)"
            raise ValueError(msg)
        return os.environ[name]

    expanded = re.sub(r"\$(\w+|\{\w+\})", value, text)
    if not expanded:
        msg = f"{where}: expected a path, not an empty text"
        raise ValueError(msg)
    return expanded


def _unlike(where: str, expected: str, value: Any) -> ValueError:
    found = f"a {type(value).__name__}"
    if value is None or isinstance(value, bool | int | float):
        found = "nothing" if value is None else repr(value)
    return ValueError(f"{where}: expected {expected}, not {found}")
