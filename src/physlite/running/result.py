"""What a run returns."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from physlite.exceptions import PhysliteError
from physlite.model.bookkeepers import WeightSum
from physlite.running.report import Report
from physlite.running.weights import FileWeights, channels, total_weights

__all__ = ["DatasetResult", "Result"]


@dataclass(frozen=True)
class DatasetResult:
    """What has come of one dataset.

    Attributes:
        name: of the dataset.
        value: the sum of what the analysis returned for its events; None where it returned nothing.
        metadata: what was given with the dataset.
        events: how many were processed.
        files: how many were processed.
    """

    name: str
    value: Any
    metadata: Mapping[str, Any]
    events: int
    files: int
    _weights: tuple[FileWeights, ...]

    @property
    def mc_channel_numbers(self) -> tuple[int, ...]:
        """The channels that its files are of: one, as a rule; none of data, nor of files that do not say it."""
        return tuple(channels(self._weights))

    @property
    def is_data(self) -> bool:
        """Whether files that were processed say that they are of data, and none that it is simulated."""
        return not self.mc_channel_numbers and any(file.is_data for file in self._weights)

    @property
    def sum_of_weights(self) -> float:
        """The sum of the generator weights of all events before any selection, of the files that were processed.

        Raises:
            MetadataNotFoundError: a file has none, as those of data, or files are of different channels.
        """
        return self.sum_of().weights

    def sum_of(self) -> WeightSum:
        """The nominal sums: events, weights and squared weights; errors as `sum_of_weights`."""
        return total_weights(self.name, self._weights)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.events:,} events of {self.files} files, {type(self.value).__name__}>"


@dataclass(frozen=True)
class Result:
    """What has come of a run.

    Attributes:
        by_dataset: of each dataset, by name.
        report: what was read, and where the time went.
    """

    by_dataset: Mapping[str, DatasetResult]
    report: Report
    _value: Any
    _problem: PhysliteError | None = None

    @property
    def value(self) -> Any:
        """The sum over all datasets.

        Raises:
            AddingError: what the analysis returned for one dataset does not add up with that of another.
            AnalysisError: `postprocess` of the analysis fails.
        """
        if self._problem is not None:
            raise self._problem
        return self._value

    def __repr__(self) -> str:
        return f"<Result: {type(self._value).__name__} of {', '.join(self.by_dataset)}; {self.report!r}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{dataset.events:,} events</td>"
            f"<td>{dataset.files:,} files</td><td>{html.escape(type(dataset.value).__name__)}</td></tr>"
            for name, dataset in self.by_dataset.items()
        )
        return f"<table>{rows}</table>{self.report._repr_html_()}"  # what notebooks ask for
