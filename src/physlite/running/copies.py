"""Files whose events would be counted twice: the same under two names, or made of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from physlite.exceptions import SameFileWarning
from physlite.model.originals import counted_twice, same_original
from physlite.running.weights import FileWeights
from physlite.warning import warn

__all__ = ["warn_of_copies"]


def warn_of_copies(datasets: Mapping[str, Iterable[FileWeights]]) -> None:
    """Warns, once of each, where files have the same identity and different names, and where they were made of one.

    Under one name a file is in several datasets because somebody wanted that. So is what was made of it, where that is
    in different datasets.

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
    skims = [(name, problem) for name, files in datasets.items() for problem in _of_one_file(list(files))]
    if skims:
        dataset, problem = skims[0]
        more = f" (and {len(skims) - 1} more)" if len(skims) > 1 else ""
        warn(f"dataset {dataset}: {problem}{more}", SameFileWarning)


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


def _of_one_file(files: Sequence[FileWeights]) -> Iterable[str]:
    """What is to be known of pairs of different files that have events of one.

    Selections of data may be of different events, and have no sums of weights: only a file beside what was made of it
    is certain to have some events twice.
    """
    if not any(file.originals for file in files):
        return
    twice = counted_twice([file.made_of for file in {file.identity: file for file in files}.values()])
    known: dict[str, FileWeights] = {}
    for file in sorted(files, key=lambda file: bool(file.originals)):
        shared = [original for original in sorted(file.made_of) if original in known]
        for original in file.made_of:
            known.setdefault(original, file)
        original = next((each for each in shared if each in twice), shared[0] if shared else "")
        first = known.get(original)
        if first is None or first.identity == file.identity:
            continue
        if not file.is_data:
            yield same_original(first.file, file.file, original, counts_twice=original in twice)
        elif not first.originals:
            both = f"{first.file} and {file.file}, which was made of it"
            yield f"{both}, have the same events: they are counted twice, leave one out"
