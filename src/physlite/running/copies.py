"""Files whose events would be counted twice: the same under two names, or made of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from physlite.exceptions import SameFileWarning
from physlite.running.weights import FileWeights
from physlite.warning import warn

__all__ = ["warn_of_copies"]


def warn_of_copies(datasets: Mapping[str, Iterable[FileWeights]]) -> None:
    """Warns, once of each, where files have the same identity and different names, and where they were made of one.

    Under one name a file is in several datasets because somebody wanted that. So is what was made of it, where that is
    in different datasets: each has the right sum of weights.

    Args:
        datasets: their files, by name.
    """
    copies = list(_copies(datasets))
    if copies:
        (dataset, first_file), (other_dataset, other_file) = copies[0]
        where = f"dataset {dataset}" if dataset == other_dataset else f"datasets {dataset} and {other_dataset}"
        warn(
            f"{where}: {first_file} and {other_file} are the same file{_more(copies)}: its events are counted twice, "
            "leave one out",
            SameFileWarning,
        )
    skims = [(name, *pair) for name, files in datasets.items() for pair in _of_one_file(files)]
    if skims:
        dataset, first, other, original = skims[0]
        lead = f"dataset {dataset}: {first.file} and {other.file} have events of one file (UUID {original})"
        if first.is_data:
            warn(f"{lead}{_more(skims)}: they are counted twice, leave one out", SameFileWarning)
        else:
            warn(
                f"{lead}, and each the sums of weights of all of its events{_more(skims)}: these count twice, make one "
                "file with what both have, or a dataset of each",
                SameFileWarning,
            )


def _more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""


def _copies(datasets: Mapping[str, Iterable[FileWeights]]) -> Iterable[tuple[tuple[str, str], tuple[str, str]]]:
    """Pairs of a dataset and a file."""
    known: dict[tuple[int, int, str], tuple[str, str]] = {}
    for dataset, files in datasets.items():
        for file in files:
            first, other = known.setdefault(file.identity, (dataset, file.file)), (dataset, file.file)
            if first[1] != other[1]:
                yield first, other


def _of_one_file(files: Iterable[FileWeights]) -> Iterable[tuple[FileWeights, FileWeights, str]]:
    """Pairs of different files of a dataset, with the UUID of what both have events of.

    Selections of data may be of different events, and have no sums of weights: only a file beside what was made of it
    is certain to have some events twice.
    """
    files = list(files)
    if not any(file.originals for file in files):
        return
    known: dict[str, FileWeights] = {str(UUID(int=file.identity[0])): file for file in files if not file.originals}
    for file in files:
        for original in file.originals:
            first = known.get(original)
            if first is None:
                if not file.is_data:
                    known[original] = file
            elif first.identity != file.identity:
                yield first, file, original
                break
