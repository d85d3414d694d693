"""Files that are the same under two names, whose events would be counted twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from physlite.exceptions import SameFileWarning
from physlite.running.weights import FileWeights
from physlite.warning import warn

__all__ = ["warn_of_copies"]


def warn_of_copies(datasets: Mapping[str, Iterable[FileWeights]]) -> None:
    """Warns, once, where files have the same identity and different names.

    Under one name a file is in several datasets because somebody wanted that.

    Args:
        datasets: their files, by name.
    """
    known: dict[tuple[int, int, str], tuple[str, str]] = {}
    copies = []
    for dataset, files in datasets.items():
        for file in files:
            first, other = known.setdefault(file.identity, (dataset, file.file)), (dataset, file.file)
            if first[1] != other[1]:
                copies.append((first, other))
    if not copies:
        return
    (dataset, first_file), (other_dataset, other_file) = copies[0]
    where = f"dataset {dataset}" if dataset == other_dataset else f"datasets {dataset} and {other_dataset}"
    more = f" (and {len(copies) - 1} more)" if len(copies) > 1 else ""
    warn(
        f"{where}: {first_file} and {other_file} are the same file{more}: its events are counted twice, leave one out",
        SameFileWarning,
    )
