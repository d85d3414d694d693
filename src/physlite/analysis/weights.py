"""Weights of simulated events, and what makes of them the events that are expected in data.

An event counts w · σ · ε · k · L / Σw in a dataset of luminosity L: w is its generator weight, σ the cross-section of
the process, ε the efficiency of a filter of the generator, k a factor to a higher order, and Σw the sum of the weights
of all events before any selection, of the bookkeepers of files. Of samples that are public, σ, ε and k are in
https://opendata.atlas.cern/docs/data/for_research/evgen_metadata, which says how they go together.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import math
import numbers
import operator
import re
import reprlib
import sys
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.analysis.bands import Band
from physlite.analysis.cutflow import Cutflow
from physlite.analysis.eventinfo import is_simulation, require_field
from physlite.analysis.luminosity import Luminosity
from physlite.exceptions import MetadataNotFoundError
from physlite.formats.filters import nearest
from physlite.model.metadata import read_metadata
from physlite.model.objects import EVENT
from physlite.model.placing import covering
from physlite.model.source import source_of
from physlite.model.store import ColumnStore

__all__ = ["Processed", "event_weights", "scale_of", "scaled"]

_WEIGHTS = "mcEventWeights"

_OPTIONAL = ("filter_efficiency", "k_factor")

# How the factors of a normalisation are called elsewhere, in small letters and digits: by AMI, by the metadata of ATLAS
# Open Data, by hand. A name as near as this to one of them is taken for a misspelt one.
_SPELLINGS = {
    "cross_section": ("crosssection", "crosssectionpb", "xsec", "xsection"),
    "filter_efficiency": ("filterefficiency", "filtereff", "filteff", "genfiltereff", "genfilteff"),
    "k_factor": ("kfactor", "kfaktor", "kfac"),
}
_NEAR = 0.9

_PROFILE = "MEAN"  # kind of a histogram
# In its bins, each with the power of a factor on the weights.
_WEIGHTS_OF_PROFILES = {"sum_of_weights": 1, "sum_of_weights_squared": 2, "_sum_of_weighted_deltas_squared": 1}

# Read once for each opened file.
_names: WeakKeyDictionary[ColumnStore, tuple[str, ...]] = WeakKeyDictionary()


class Processed(Protocol):
    """What has come of one dataset, as `Result.by_dataset` of a run has it."""

    @property
    def name(self) -> str:
        """Of the dataset."""

    @property
    def value(self) -> Any:
        """What the analysis returned for its events."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was given with the dataset."""

    @property
    def is_data(self) -> bool:
        """Whether all that was processed is known to be of data."""

    @property
    def sum_of_weights(self) -> float:
        """Of all events before any selection."""


def event_weights(
    events: ak.Array,
    *,
    variation: int | str = 0,
    cross_section: float | None = None,
    filter_efficiency: float = 1.0,
    k_factor: float = 1.0,
    luminosity: float | Luminosity | None = None,
    sum_of_weights: float | None = None,
) -> NDArray[np.float64]:
    """The weight of each event: that of the generator, normalised where a cross-section is given. Data have 1.

    Which events are data, `EventInfo.eventTypeBitmask` says; see `is_simulation`.

    In a run over many files the sum of weights is not known before its end: leave out the normalisation there, and
    scale the results with `scaled`.

    Args:
        events: of one file, or of several with `ak.concatenate`.
        variation: which of the generator's weights, by its index or by one of the file's `metadata.weight_names`. Files
            have the same name at different places, so that names are for events of one file.
        cross_section: of the process, in pb; with `luminosity` and `sum_of_weights`.
        filter_efficiency: of the generator's filter.
        k_factor: to a higher order than the generator's.
        luminosity: of the data, in 1/pb, or of a file of iLumiCalc.
        sum_of_weights: of all events before any selection, of all files of the dataset.

    Returns:
        One number an event; masked where events are.

    Raises:
        ColumnNotFoundError: simulated events without generator weights.
        MetadataNotFoundError: there is no such variation.
        TypeError: a variation is neither an index nor a name, or a part of a normalisation is not a number.
        ValueError: a normalisation of which a part is missing or cannot be, as a negative cross-section, an efficiency
            above 1, or a sum of weights that is 0; or the name of a variation for events of several files.
    """
    given = {"cross_section": cross_section, "luminosity": luminosity, "sum_of_weights": sum_of_weights}
    missing = [name for name, value in given.items() if value is None]
    if missing and len(missing) < len(given):
        are = "is" if len(missing) == 1 else "are"
        msg = f"a normalisation needs {', '.join(given)}: {' and '.join(missing)} {are} missing"
        raise ValueError(msg)
    scale = 1.0
    if cross_section is not None and luminosity is not None and sum_of_weights is not None:
        factors = {"cross_section": cross_section, "filter_efficiency": filter_efficiency, "k_factor": k_factor}
        scale = _scale(factors, luminosity, sum_of_weights, "these events")
    found = is_simulation(events)
    simulated = np.ma.filled(found, False)
    weights = np.ones(len(events))
    if simulated.any():
        weights[simulated] = _of_variation(events, simulated, variation) * scale
    return np.ma.array(weights, mask=found.mask) if isinstance(found, np.ma.MaskedArray) else weights


def _of_variation(events: ak.Array, simulated: NDArray[np.bool_], variation: int | str) -> NDArray[np.float64]:
    if isinstance(variation, str):
        index = _index_of(events, variation)
    elif isinstance(variation, bool | np.bool_) or not hasattr(variation, "__index__"):
        msg = f"a weight variation is the index or the name of a weight, not {variation!r:.100}"
        raise TypeError(msg)
    else:
        index = operator.index(variation)
    weights = require_field(events, _WEIGHTS)[simulated]
    fewest = ak.min(ak.num(weights), axis=None)
    if index < 0 or (fewest is not None and index >= fewest):
        msg = f"no weight {index} in EventInfo.{_WEIGHTS}: there are {fewest or 0}, counted from 0"
        raise MetadataNotFoundError(msg)
    chosen: NDArray[np.float64] = ak.to_numpy(weights[:, index]).astype(np.float64)
    return chosen


def _index_of(events: ak.Array, name: str) -> int:
    source, info = source_of(events), events.EventInfo
    if source is None or EVENT not in info.layout.fields:
        msg = f"the weight {name!r} cannot be looked up: the array does not know its file any more, give the index"
        raise MetadataNotFoundError(msg)
    event = ak.to_numpy(ak.drop_none(info[EVENT]))
    covering(source, event, "a weight by its name, of events", "give its index, or weigh events")
    store = source.store
    if store not in _names:
        _names[store] = read_metadata(store).weight_names
    names, name = _names[store], name.strip()
    if names.count(name) != 1:
        if not names:
            problem = f"no weight {name!r}: the file does not name its weights, take them by their index"
        elif name in names:
            problem = f"several weights are named {name!r}: take them by their index"
        else:
            there = f"{len(names)} names are in metadata.weight_names of physlite.open"
            problem = f"no weight {name!r}{nearest(names, name)}; the file's {there}"
        msg = f"{store.name}: {problem}"
        raise MetadataNotFoundError(msg)
    return names.index(name)


def scale_of(dataset: Processed, luminosity: float | Luminosity | Mapping[str, float | Luminosity]) -> float:
    """The factor that makes of sums of generator weights the events that are expected: σ · ε · k · L / Σw.

    σ, ε and k are `cross_section` (in pb), `filter_efficiency` and `k_factor` in the metadata of the dataset; without
    the last two they are 1. The sum of weights is that of the files that were processed. Of data it is 1; files that do
    not say what they are of are not taken for data.

    Args:
        dataset: of `Result.by_dataset`.
        luminosity: in 1/pb, or of a file of iLumiCalc; or one for each `campaign` that is in the metadata of datasets,
            as `{"mc20a": …}`.

    Raises:
        MetadataNotFoundError: the dataset has no cross-section or campaign, or no sum of weights; or what it has is
            called nearly as one of these three, and would not count.
        TypeError: a cross-section, efficiency, k-factor or luminosity is not a number, or this is no dataset.
        ValueError: one of these cannot be, as a negative cross-section or an efficiency above 1, or the sum of weights
            is 0.
    """
    if not _is_processed(dataset):
        msg = f"a scale is of a dataset, as in scale_of(result.by_dataset['ttbar'], …), not of {type(dataset).__name__}"
        raise TypeError(msg)
    if dataset.is_data:
        return 1.0
    sum_of_weights = dataset.sum_of_weights  # first: of damaged files nothing else need be known
    _check_names(dataset)
    factors = {"cross_section": _given(dataset, "cross_section")}
    factors |= {name: dataset.metadata[name] for name in _OPTIONAL if name in dataset.metadata}
    if isinstance(luminosity, Mapping):
        campaign = _given(dataset, "campaign")
        if not isinstance(campaign, str) or campaign not in luminosity:
            msg = f"dataset {dataset.name}: no luminosity of campaign {campaign!r}: there are {', '.join(luminosity)}"
            raise MetadataNotFoundError(msg)
        luminosity = luminosity[campaign]
    return _scale(factors, luminosity, sum_of_weights, f"dataset {dataset.name}", " in its metadata")


def scaled(
    by_dataset: Mapping[str, Processed], luminosity: float | Luminosity | Mapping[str, float | Luminosity]
) -> dict[str, Any]:
    """What an analysis returned for each dataset, normalised to a luminosity: `scaled(result.by_dataset, 36.6 / fb)`.

    Histograms, cutflows and bands are multiplied by `scale_of`, wherever they stand in mappings, lists, tuples and
    dataclasses; all else, as counts of events, stays as it is. Histograms of counts become some of the storage
    `Weight`, which knows what the uncertainty of a product is. Of profiles, which have means in their bins, the weights
    are multiplied: means stay, and those of several processes add up as they should.

    Args:
        by_dataset: results by the name of the dataset.
        luminosity: as of `scale_of`.

    Raises:
        MetadataNotFoundError, ValueError: as `scale_of`.
        TypeError: as `scale_of`; or these are no results by dataset, or a profile has no weights.
    """
    if not isinstance(by_dataset, Mapping) or not all(map(_is_processed, by_dataset.values())):
        found = type(by_dataset).__name__
        if isinstance(by_dataset, Mapping):
            found += f" of {', '.join(dict.fromkeys(type(value).__name__ for value in by_dataset.values()))}"
        msg = f"results are scaled by dataset, as in scaled(result.by_dataset, 36.6 / fb), not {found}"
        raise TypeError(msg)
    return {
        name: _scaled(dataset.value, scale_of(dataset, luminosity), f"dataset {name}")
        for name, dataset in by_dataset.items()
    }


def _given(dataset: Processed, name: str) -> Any:
    if name not in dataset.metadata:
        msg = f"dataset {dataset.name}: no {name} in its metadata: Dataset({dataset.name!r}, …, {name}=…)"
        raise MetadataNotFoundError(msg)
    return dataset.metadata[name]


def _is_processed(value: Any) -> bool:
    return isinstance(getattr(value, "metadata", None), Mapping) and hasattr(value, "is_data")


def _check_names(dataset: Processed) -> None:
    """Makes sure that nothing in the metadata is meant for a factor, and has another name."""
    for name in dataset.metadata:
        for right in _SPELLINGS:
            if _is_misspelt(name, right):
                msg = f"dataset {dataset.name}: {name!r} in its metadata would not count: call it {right}"
                raise MetadataNotFoundError(msg)


def _is_misspelt(name: str, right: str) -> bool:
    plain, spellings = re.sub("[^a-z0-9]", "", name.lower()), _SPELLINGS[right]
    if name == right or plain in spellings:
        return name != right
    if plain.startswith(spellings[0]) and len(plain) > len(spellings[0]) + 1:
        return False  # another thing, as cross_section_error
    alike = [each for each in spellings if each[0] == plain[:1]]
    return bool(difflib.get_close_matches(plain, alike, 1, _NEAR))


def _require_number(name: str, value: Any, what: str, where: str) -> None:
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value):
        msg = f"{what}: {name} is {reprlib.repr(value)}{where}, which is not a number: "
        raise TypeError(msg + ("write it without quotes, as 1.0e+3" if isinstance(value, str) else "give it one"))
    if name == "filter_efficiency" and not 0 < float(value) <= 1:
        msg = f"{what}: {name} is {value}{where}: it is a share of events, above 0 and at most 1"
        raise ValueError(msg)
    if name in ("cross_section", "luminosity") and float(value) < 0:
        msg = f"{what}: {name} is {value}{where}: it cannot be negative"
        raise ValueError(msg)


def _scale(
    factors: Mapping[str, Any], luminosity: float | Luminosity, sum_of_weights: float, what: str, where: str = ""
) -> float:
    for name, factor in factors.items():
        _require_number(name, factor, what, where)
    total = float(luminosity) if isinstance(luminosity, Luminosity) else luminosity
    _require_number("luminosity", total, what, "")
    if not sum_of_weights or not math.isfinite(sum_of_weights):
        msg = f"{what} cannot be normalised: the sum of weights is {sum_of_weights:g}"
        raise ValueError(msg)
    return float(math.prod(factors.values()) * total / sum_of_weights)


def _scaled(value: Any, scale: float, what: str) -> Any:
    if isinstance(value, Cutflow | Band):
        return value * scale
    if _is_histogram(value):
        return _scaled_histogram(value, scale, what)
    if isinstance(value, Mapping):
        return {key: _scaled(item, scale, what) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_scaled(item, scale, what) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(changed, field.name, _scaled(getattr(value, field.name), scale, what))
        return changed
    return value


def _is_histogram(value: Any) -> bool:
    """Whether it is one of boost-histogram or hist, which is not imported for that."""
    module = sys.modules.get("boost_histogram")
    return module is not None and isinstance(value, module.Histogram)


def _scaled_histogram(histogram: Any, scale: float, what: str) -> Any:
    if scale == 1:
        return histogram.copy()
    if histogram.kind != _PROFILE:
        return _with_variances(histogram) * scale
    scaled = histogram.copy()
    view = scaled.view(flow=True)
    if "sum_of_weights" not in view.dtype.names:
        msg = f"{what}: a profile of the storage Mean has no weights to be scaled: make it with .WeightedMean()"
        raise TypeError(msg)
    for name, power in _WEIGHTS_OF_PROFILES.items():
        view[name] *= scale**power
    return scaled


def _with_variances(histogram: Any) -> Any:
    """A histogram of counts as one of weights, whose variances are known when they are multiplied as well."""
    import boost_histogram as bh

    counts, variances = histogram.values(flow=True), histogram.variances(flow=True)
    if variances is None or isinstance(histogram.view(), bh.view.WeightedSumView):
        return histogram
    weighted = type(histogram)(*histogram.axes, storage=bh.storage.Weight())
    view = weighted.view(flow=True)
    view.value, view.variance = counts, variances
    for name in ("name", "label", "metadata"):
        if hasattr(histogram, name):
            setattr(weighted, name, getattr(histogram, name))
    return weighted
