"""From what came of datasets to what is expected of processes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["DATA", "added", "of_processes"]

DATA = "data"


def of_processes(by_dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What came of each process: data as they are, and simulation as expected for their luminosity.

    Args:
        by_dataset: of the result of `physlite.run`. Datasets with a `cross_section`, in pb, are simulation, of the
            `process` that their metadata name, and have the `luminosity` of the data, in 1/pb. Others are data.
    """
    processes: dict[str, list[dict[str, Any]]] = {}
    for name, dataset in by_dataset.items():
        told = dataset.metadata
        if "cross_section" not in told:
            processes.setdefault(DATA, []).append(dataset.value)
            continue
        expected = told["cross_section"] * told["luminosity"]
        factor = expected / (dataset.sum_of_weights * told.get("share", 1.0))
        processes.setdefault(told.get("process", name), []).append(_scaled(dataset.value, factor))
    return {name: added(values) for name, values in processes.items()}


def added(values: Iterable[Any]) -> Any:
    """The sum, key by key."""
    return functools.reduce(_add, values)


def _add(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        return {key: _add(first[key], second[key]) for key in first}
    return first + second


def _scaled(value: dict[str, Any], factor: float) -> dict[str, Any]:
    """All that is weighted, by a factor. Probes are counts, and stay."""
    cutflow = {
        channel: {step: number * factor for step, number in steps.items()}
        for channel, steps in value["cutflow"].items()
    }
    return value | {"cutflow": cutflow, "mass": value["mass"] * factor, "period": value["period"] * factor}
