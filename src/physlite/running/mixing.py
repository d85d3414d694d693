"""Files of one dataset that do not belong together: processed differently, or of data and of simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from physlite.exceptions import MixedTagsWarning
from physlite.running.weights import FileWeights
from physlite.warning import warn

__all__ = ["warn_of_mixed"]


def warn_of_mixed(datasets: Mapping[str, Iterable[FileWeights]]) -> None:
    """Warns, once, where a dataset has simulation of one process with different AMI tags, or data beside simulation.

    Data alone have another tag in each year, and different processes have different tags too.

    Args:
        datasets: their files, by name.
    """
    mixed = [problem for name, files in datasets.items() if (problem := _mixed(name, files))]
    if mixed:
        more = f" (and in {len(mixed) - 1} more datasets)" if len(mixed) > 1 else ""
        warn(mixed[0] + more, MixedTagsWarning)


def _mixed(dataset: str, files: Iterable[FileWeights]) -> str:
    """What is mixed in a dataset, with the first files that show it."""
    data: str | None = None
    simulation: str | None = None
    tags: dict[tuple[int, ...], dict[str, str]] = {}  # of each process: the first file with each tag
    for file in files:
        if file.is_data:
            data = data or file.file
        else:
            simulation = simulation or file.file
            if file.tag:
                tags.setdefault(file.channels, {}).setdefault(file.tag, file.file)
    if data and simulation:
        return (
            f"dataset {dataset}: {data} is of data, {simulation} of simulation: their results are added, "
            "make a dataset of each"
        )
    for known in tags.values():
        if len(known) == 1:
            continue
        (one, first), (other, second), *_ = known.items()
        return (
            f"dataset {dataset}: {first} has the AMI tag {one}, {second} has {other}: their sums are added, but the "
            "same events may be there twice, processed differently, or campaigns may be mixed"
        )
    return ""
