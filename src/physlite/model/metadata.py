"""What a file says of itself: where its events come from, and how many there were before any selection."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Self

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import MetadataNotFoundError
from physlite.formats.filters import nearest
from physlite.formats.metadata import read_folder
from physlite.model.store import ColumnStore

__all__ = ["CutBookkeeper", "Metadata", "WeightSum", "read_metadata"]

# xAOD::EventInfo_v1::IS_SIMULATION, a bit of eventTypeBitmask.
_IS_SIMULATION = 1

_BOOKKEEPERS = "CutBookkeepers"
_VARIATION = "CutBookkeepers_weight_"
_ALL_EVENTS = "AllExecutedEvents"
_OLD_VARIATION = "AllExecutedEvents_NonNominalMCWeight_"
# The stream that derivations read: the counts before it are of the events that were simulated.
_STREAM = "StreamAOD"
_DERIVED_STREAM = "StreamDAOD"


@dataclass(frozen=True)
class CutBookkeeper:
    """How many events passed a step of the processing.

    Attributes:
        container: where it stands, as `CutBookkeepers`; those of weight variation k are in `CutBookkeepers_weight_k`.
        name: of the step.
        cycle: how many times the events had been processed before.
        stream: the input of the step.
        accepted_events: number of events that passed.
        sum_of_weights, sum_of_weights_squared: of these events.
    """

    container: str
    name: str
    cycle: int
    stream: str
    accepted_events: int
    sum_of_weights: float
    sum_of_weights_squared: float


@dataclass(frozen=True)
class WeightSum:
    """Sums over all events before any selection, with the weights of one variation."""

    events: int
    weights: float
    weights_squared: float

    def __add__(self, other: WeightSum) -> WeightSum:
        return WeightSum(
            self.events + other.events,
            self.weights + other.weights,
            self.weights_squared + other.weights_squared,
        )


@dataclass(frozen=True)
class _Facts:
    num_events: int
    is_simulation: bool | None
    mc_channel_number: int | None
    mc_campaign: str | None
    run_numbers: tuple[int, ...]
    generators: str | None
    release: str | None
    ami_tag: str | None
    beam_energy: float | None
    beam_type: str | None
    data_type: str | None
    geometry_version: str | None
    conditions_tag: str | None
    simulation_flavour: str | None
    weight_names: tuple[str, ...]

    def __add__(self, other: _Facts) -> _Facts:
        """What holds for both; numbers of events add up."""
        common: dict[str, Any] = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            common[field.name] = mine if mine == theirs else None
        common["num_events"] = self.num_events + other.num_events
        common["run_numbers"] = tuple(sorted({*self.run_numbers, *other.run_numbers}))
        common["weight_names"] = common["weight_names"] or ()
        return _Facts(**common)


class Metadata:
    """What a file, or several files added up, say of themselves. Made by `File.metadata`; `sum` adds those of files.

    What a file does not say is None. Adding keeps what is the same in both.

    Attributes:
        files: names of the files.
        num_events: number of events in them.
        is_simulation: False for data.
        mc_channel_number: the dataset number of a simulated process.
        mc_campaign: as `mc23a`.
        run_numbers: the runs, sorted; of simulated events the run whose conditions were simulated.
        generators: as `Powheg+Pythia8+EvtGen`.
        release: the software that wrote the file.
        ami_tag: the tags of all steps of the processing.
        beam_energy: of one beam, in MeV.
        beam_type, data_type, geometry_version, conditions_tag, simulation_flavour: as the file has them.
        weight_names: names of the generator weights in the order of `EventInfo.mcEventWeights`, without blanks around.
    """

    def __init__(
        self,
        files: tuple[str, ...],
        facts: _Facts,
        bookkeepers: Callable[[], tuple[CutBookkeeper, ...]],
        sums: Callable[[], Mapping[int, WeightSum]],
        tag_info: Callable[[], Mapping[str, str]],
    ) -> None:
        self.files = files
        self._facts = facts
        self._read_bookkeepers = bookkeepers
        self._read_sums = sums
        self._read_tag_info = tag_info
        self.num_events = facts.num_events
        self.is_simulation = facts.is_simulation
        self.mc_channel_number = facts.mc_channel_number
        self.mc_campaign = facts.mc_campaign
        self.run_numbers = facts.run_numbers
        self.generators = facts.generators
        self.release = facts.release
        self.ami_tag = facts.ami_tag
        self.beam_energy = facts.beam_energy
        self.beam_type = facts.beam_type
        self.data_type = facts.data_type
        self.geometry_version = facts.geometry_version
        self.conditions_tag = facts.conditions_tag
        self.simulation_flavour = facts.simulation_flavour
        self.weight_names = facts.weight_names

    @functools.cached_property
    def cut_bookkeepers(self) -> tuple[CutBookkeeper, ...]:
        """The bookkeepers of all files, of complete inputs only.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no bookkeepers.
        """
        return self._read_bookkeepers()

    @functools.cached_property
    def sums(self) -> Mapping[int, WeightSum]:
        """Sums over all events before any selection, by weight variation: 0 is the nominal weight.

        Taken from the bookkeeper `AllExecutedEvents` of the stream `StreamAOD` with the highest cycle, as described
        for the xAOD::CutBookkeeper in the ATLAS analysis software tutorial; of variation k from
        `AllExecutedEvents_NonNominalMCWeight_k`, or the container `CutBookkeepers_weight_k`.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no such bookkeeper.
        """
        return MappingProxyType(dict(self._read_sums()))

    @functools.cached_property
    def tag_info(self) -> Mapping[str, str]:
        """The attributes of /TagInfo, where production writes the tags of conditions, geometry and software.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree.
        """
        return MappingProxyType(dict(self._read_tag_info()))

    def sum_of_weights(self, variation: int | str = 0) -> float:
        """The sum of the generator weights of all events before any selection.

        Args:
            variation: index of the weight, or one of `weight_names`.

        Raises:
            MetadataNotFoundError: the file has no sums, or no such variation (the message offers the nearest names).
        """
        return self.sum_of(variation).weights

    def sum_of_weights_squared(self, variation: int | str = 0) -> float:
        """The sum of the squared weights; args and errors as `sum_of_weights`."""
        return self.sum_of(variation).weights_squared

    def sum_of(self, variation: int | str = 0) -> WeightSum:
        """All sums of a variation; args and errors as `sum_of_weights`."""
        index = self._variation(variation)
        if index not in self.sums:
            msg = f"{self._who}: no sum of weights of variation {index}: there are {len(self.sums)}"
            raise MetadataNotFoundError(msg)
        return self.sums[index]

    def _variation(self, variation: int | str) -> int:
        if not isinstance(variation, str):
            return variation
        name = variation.strip()
        if self.weight_names.count(name) > 1:
            msg = f"{self._who}: several weights are named {name!r}: take them by their index in weight_names"
            raise MetadataNotFoundError(msg)
        if name not in self.weight_names:
            msg = f"{self._who}: no weight {name!r}{nearest(self.weight_names, name)}"
            raise MetadataNotFoundError(msg)
        return self.weight_names.index(name)

    @property
    def _who(self) -> str:
        return self.files[0] if len(self.files) == 1 else f"{self.files[0]} and {len(self.files) - 1} other files"

    def __add__(self, other: Metadata) -> Metadata:
        """Both together.

        Raises:
            ValueError: they are of different channels, or one is data and the other simulation.
        """
        if not isinstance(other, Metadata):
            return NotImplemented
        for what in ("is_simulation", "mc_channel_number"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine is not None and theirs is not None and mine != theirs:
                msg = f"{self._who} has {what} {mine}, {other._who} has {theirs}: they do not add up"
                raise ValueError(msg)
        return Metadata(
            self.files + other.files,
            self._facts + other._facts,
            lambda: self.cut_bookkeepers + other.cut_bookkeepers,
            lambda: self._sums_with(other),
            lambda: dict(self.tag_info.items() & other.tag_info.items()),
        )

    def __radd__(self, other: object) -> Self:
        """What `sum` begins with, 0, adds nothing."""
        return self if other == 0 else NotImplemented

    def _sums_with(self, other: Metadata) -> dict[int, WeightSum]:
        if self.sums.keys() != other.sums.keys():
            msg = (
                f"{self._who} has sums of {len(self.sums)} weight variations, {other._who} of {len(other.sums)}: "
                "they do not add up"
            )
            raise MetadataNotFoundError(msg)
        return {index: self.sums[index] + other.sums[index] for index in self.sums}

    def rows(self) -> list[tuple[str, str]]:
        """What is known, as pairs of a name and a text."""
        kind = {True: "simulation", False: "data", None: ""}[self.is_simulation]
        energy = "" if self.beam_energy is None else f"{self.beam_energy / 1e6:g} TeV"
        texts = {
            "files": "" if len(self.files) == 1 else str(len(self.files)),
            "events": f"{self.num_events:,}",
            "kind": kind,
            "channel": self.mc_channel_number,
            "campaign": self.mc_campaign,
            "runs": ", ".join(map(str, self.run_numbers)),
            "generators": self.generators,
            "release": self.release,
            "AMI tag": self.ami_tag,
            "beam energy": energy,
            "data type": self.data_type,
            "geometry": self.geometry_version,
            "conditions": self.conditions_tag,
            "simulation": self.simulation_flavour,
            "weights": f"{len(self.weight_names)}, as {self.weight_names[0]!r}" if self.weight_names else "",
        }
        return [(name, str(text)) for name, text in texts.items() if text not in (None, "")]

    def __repr__(self) -> str:
        width = max(len(name) for name, _ in self.rows())
        return "\n".join(f"{name.ljust(width)}  {text}" for name, text in self.rows())

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(text)}"
            "</td></tr>"
            for name, text in self.rows()
        )
        return f"<table>{cells}</table>"


def read_metadata(store: ColumnStore) -> Metadata:
    """The metadata of a file: facts at once, sums and bookkeepers when they are asked for.

    Raises:
        CorruptDataError: the MetaData tree is damaged.
    """
    tree = _Tree(store)
    return Metadata((store.name,), tree.facts(), tree.bookkeepers, tree.sums, tree.tag_info)


class _Tree:
    """The MetaData tree of a file, or none, and its events for what that does not say."""

    def __init__(self, store: ColumnStore) -> None:
        self._events = store
        tree = store.metadata
        self._tree = tree if tree is not None and tree.manifest.num_entries > 0 else None

    def facts(self) -> _Facts:
        """What can be known without the bookkeepers."""
        tags = self.tag_info() if self._tree is not None else {}
        channel = self._first("TruthMetaDataAux.mcChannelNumber")
        if channel is None:
            channel = self._of_first_event("mcChannelNumber")
        names = self._first("TruthMetaDataAux.weightNames") or []
        return _Facts(
            num_events=self._events.manifest.num_entries,
            is_simulation=self._is_simulation(tags),
            mc_channel_number=None if channel is None else int(channel),
            mc_campaign=self._text("FileMetaDataAuxDyn.mcCampaign"),
            run_numbers=self._run_numbers(),
            generators=self._text("FileMetaDataAuxDyn.generatorsInfo")
            or self._first("TruthMetaDataAux.generators")
            or None,
            # TagInfo first: FileMetaData can be a copy of the input file's.
            release=tags.get("AtlasRelease") or self._text("FileMetaDataAux.productionRelease"),
            ami_tag=self._text("FileMetaDataAuxDyn.amiTag") or tags.get("AMITag"),
            beam_energy=self._energy(tags),
            beam_type=self._text("FileMetaDataAuxDyn.beamType") or tags.get("beam_type"),
            data_type=self._text("FileMetaDataAux.dataType"),
            geometry_version=self._text("FileMetaDataAuxDyn.geometryVersion") or tags.get("GeoAtlas"),
            conditions_tag=self._text("FileMetaDataAuxDyn.conditionsTag") or tags.get("IOVDbGlobalTag"),
            simulation_flavour=self._text("FileMetaDataAuxDyn.simFlavour"),
            weight_names=tuple(name.strip() for name in names),
        )

    def bookkeepers(self) -> tuple[CutBookkeeper, ...]:
        """All of them, read in one request."""
        tree = self._require()
        containers = [
            c.name.removesuffix("Aux.sumOfEventWeights")
            for c in tree.manifest.columns
            if c.name.endswith("Aux.sumOfEventWeights")
        ]
        containers = [c for c in containers if c == _BOOKKEEPERS or c.removeprefix(_VARIATION).isdecimal()]
        if not containers:
            msg = f"{self._events.name}: no CutBookkeepers in its MetaData tree, so no sums of weights"
            raise MetadataNotFoundError(msg)
        index = tree.manifest.index
        members = ("name", "cycle", "inputStream", "nAcceptedEvents", "sumOfEventWeights", "sumOfEventWeightsSquared")
        buffers = iter(tree.buffers([index[f"{c}Aux.{member}"] for c in containers for member in members], 0, 1))
        rows = []
        for container in containers:
            names, cycles, streams, accepted, weights, squares = (_values(next(buffers)) for _ in members)
            rows += [
                CutBookkeeper(container, *row)
                for row in zip(names, cycles, streams, accepted, weights, squares, strict=True)
            ]
        return tuple(rows)

    def sums(self) -> dict[int, WeightSum]:
        """By variation."""
        best: dict[int, CutBookkeeper] = {}
        for row in self.bookkeepers():
            variation = _variation_of(row)
            if variation is not None and (variation not in best or _rank(row) > _rank(best[variation])):
                best[variation] = row
        if 0 not in best:
            msg = f"{self._events.name}: no bookkeeper {_ALL_EVENTS} of {_STREAM}, so no sum of weights"
            raise MetadataNotFoundError(msg)
        return {
            variation: WeightSum(row.accepted_events, row.sum_of_weights, row.sum_of_weights_squared)
            for variation, row in sorted(best.items())
        }

    def tag_info(self) -> dict[str, str]:
        """The attributes of /TagInfo: of each the last of its values."""
        tree = self._require()
        column = tree.manifest.index.get("_TagInfo")
        if column is None:
            return {}
        return {name: str(values[-1]) for name, values in read_folder(tree.raw(column, 0)).items()}

    def _require(self) -> ColumnStore:
        if self._tree is None:
            msg = (
                f"{self._events.name}: it has no MetaData tree (or an empty one), where sums of weights and tags are: "
                "take the file as production wrote it"
            )
            raise MetadataNotFoundError(msg)
        return self._tree

    def _value(self, store: ColumnStore | None, name: str) -> Any:
        """A column's value in the first entry; None when there is none that can be read."""
        if store is None or store.manifest.num_entries == 0:
            return None
        column = store.manifest.index.get(name)
        if column is None or not store.manifest.columns[column].encoding:
            return None
        return ak.to_list(store.layouts([column], 0, 1)[0])[0]

    def _text(self, name: str) -> str | None:
        value = self._value(self._tree, name)
        return value if isinstance(value, str) and value else None

    def _first(self, name: str) -> Any:
        values = self._value(self._tree, name)
        return values[0] if isinstance(values, list) and values else None

    def _of_first_event(self, name: str) -> Any:
        for prefix in ("EventInfoAuxDyn.", "EventInfoAux."):
            value = self._value(self._events, prefix + name)
            if value is not None:
                return value
        return None

    def _energy(self, tags: Mapping[str, str]) -> float | None:
        value = self._value(self._tree, "FileMetaDataAuxDyn.beamEnergy")
        if value is None:
            try:
                value = float(tags.get("beam_energy", ""))
            except ValueError:
                return None
        return float(value)

    def _is_simulation(self, tags: Mapping[str, str]) -> bool | None:
        project = tags.get("project_name")
        if project is not None:
            return project == "IS_SIMULATION"
        bits = self._of_first_event("eventTypeBitmask")
        return None if bits is None else bool(bits & _IS_SIMULATION)

    def _run_numbers(self) -> tuple[int, ...]:
        told = self._value(self._tree, "FileMetaDataAux.runNumbers")
        if isinstance(told, list) and told:
            return tuple(sorted({int(number) for number in told}))
        for prefix in ("EventInfoAuxDyn.", "EventInfoAux."):
            column = self._events.manifest.index.get(f"{prefix}runNumber")
            if column is not None and self._events.manifest.columns[column].encoding:
                (buffers,) = self._events.buffers([column], 0, self._events.manifest.num_entries)
                return tuple(np.unique(buffers[0]).tolist())
        return ()


def _variation_of(row: CutBookkeeper) -> int | None:
    """The weight variation whose sum a bookkeeper has, or None when it has none over all events."""
    if not row.stream.startswith((_STREAM, _DERIVED_STREAM)):
        return None
    if row.name == _ALL_EVENTS:
        return 0 if row.container == _BOOKKEEPERS else int(row.container.removeprefix(_VARIATION))
    number = row.name.removeprefix(_OLD_VARIATION)
    if row.container == _BOOKKEEPERS and number != row.name and number.isdecimal():
        return int(number)
    return None


def _rank(row: CutBookkeeper) -> tuple[bool, int]:
    return row.stream == _STREAM, row.cycle


def _values(buffers: list[NDArray[Any]]) -> list[Any]:
    """The list in the only entry of a column of numbers or of texts."""
    if len(buffers) == 2:  # noqa: PLR2004  # offsets and numbers
        return list(buffers[1].tolist())
    _, offsets, characters = buffers
    text = characters.tobytes()
    ends = offsets.tolist()
    return [text[a:b].decode("utf-8", "replace") for a, b in pairwise(ends)]
