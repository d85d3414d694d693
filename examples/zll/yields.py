"""From what came of datasets to what is expected of processes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from pairs import is_drawn_as_data

from physlite.analysis import scaled

__all__ = ["DATA", "added", "luminosity_of", "of_processes"]

DATA = "data"


def of_processes(by_dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What came of each process: data as they are, and simulation as expected for their luminosity.

    Args:
        by_dataset: of the result of `physlite.run`. Datasets with a `cross_section` are simulation, of the `process`
            that their metadata name, and are normalised as `physlite.analysis.scaled` does it. Others are data.

    Raises:
        ValueError: a dataset of a process has no cross-section.
    """
    for name, dataset in by_dataset.items():
        if is_drawn_as_data(dataset.metadata) and "process" in dataset.metadata:
            msg = f"dataset {name}: simulation of a process, and no cross_section: write it into the list of datasets"
            raise ValueError(msg)
    processes: dict[str, list[dict[str, Any]]] = {}
    simulation = {name: dataset for name, dataset in by_dataset.items() if not is_drawn_as_data(dataset.metadata)}
    expected = scaled(simulation, luminosity_of(by_dataset)) if simulation else {}
    for name, dataset in by_dataset.items():
        process = dataset.metadata.get("process", name) if name in simulation else DATA
        processes.setdefault(process, []).append(expected.get(name, dataset.value))
    return {name: added(values) for name, values in processes.items()}


def luminosity_of(by_dataset: Mapping[str, Any]) -> Any:
    """In 1/pb, as the metadata of all datasets have it: a number, or one for each `campaign`; None: nothing is said."""
    return next(iter(by_dataset.values())).metadata.get("luminosity")


def added(values: Iterable[Any]) -> Any:
    """The sum, key by key."""
    return functools.reduce(_add, values)


def _add(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        return {key: _add(first[key], second[key]) for key in first}
    return first + second
