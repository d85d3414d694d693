"""What a file says of itself: where its events come from, and how many there were before any selection."""

from __future__ import annotations

import functools
import html
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Self

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError, MetadataNotFoundError, UnsupportedFormatError
from physlite.formats.filters import nearest
from physlite.formats.metadata import read_file_texts, read_folder
from physlite.model.store import ColumnStore

__all__ = ["CutBookkeeper", "Metadata", "WeightSum", "read_metadata"]

# xAOD::EventInfo_v1::IS_SIMULATION, a bit of eventTypeBitmask.
_IS_SIMULATION = 1

_BOOKKEEPERS = "CutBookkeepers"
# Up to release 21 the variations are rows beside the nominal one, since then each has a container of its own.
_CONTAINER = re.compile(r"CutBookkeepers(?:_weight_(?P<variation>[0-9]{1,6}))?")
_ALL_EVENTS = "AllExecutedEvents"
_STEP = re.compile(r"AllExecutedEvents(?:_NonNominalMCWeight_(?P<variation>[0-9]{1,6}))?")
# The stream that derivations read: the counts before it are of the events that were simulated.
_STREAM = "StreamAOD"
_DERIVED_STREAM = "StreamDAOD"

_TEXTS = ("name", "inputStream")
_NUMBERS = ("cycle", "nAcceptedEvents", "sumOfEventWeights", "sumOfEventWeightsSquared")

# What is read at once.
_FACTS = (
    "TruthMetaDataAux.mcChannelNumber", "TruthMetaDataAux.weightNames", "TruthMetaDataAux.generators",
    "FileMetaDataAux.productionRelease", "FileMetaDataAux.dataType", "FileMetaDataAux.runNumbers",
    "FileMetaDataAuxDyn.mcCampaign", "FileMetaDataAuxDyn.generatorsInfo", "FileMetaDataAuxDyn.amiTag",
    "FileMetaDataAuxDyn.beamEnergy", "FileMetaDataAuxDyn.beamType", "FileMetaDataAuxDyn.geometryVersion",
    "FileMetaDataAuxDyn.conditionsTag", "FileMetaDataAuxDyn.simFlavour",
)  # fmt: skip


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

    What a file does not say is None. Adding keeps what is the same in both. A file is read for sums, bookkeepers and
    tags when they are asked for, so it must be open then.

    Attributes:
        files: names of the files.
        num_events: number of events in them.
        is_simulation: False for data.
        mc_channel_number: the dataset number of a simulated process; without a MetaData tree that of the first event.
        mc_campaign: as `mc23a`.
        run_numbers: the runs, sorted; of simulated events the run whose conditions were simulated.
        generators: as `Powheg+Pythia8+EvtGen`.
        release: the software that wrote the file.
        ami_tag: the tags of all steps of the processing.
        beam_energy: of one beam, in MeV.
        beam_type, data_type, geometry_version, conditions_tag, simulation_flavour: as the file has them.
        weight_names: names of the generator weights in the order of `EventInfo.mcEventWeights`, without blanks around.
    """

    def __init__(self, parts: tuple[_Part, ...], facts: _Facts, firsts: Mapping[str, tuple[Any, str]]) -> None:
        self._parts = parts
        self._facts = facts
        # Of what all files must agree in: the first value that is known, and the file that has it.
        self._firsts = firsts
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

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files."""
        return tuple(part.name for part in self._parts)

    @functools.cached_property
    def cut_bookkeepers(self) -> tuple[CutBookkeeper, ...]:
        """The bookkeepers of all files, of complete inputs only.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no bookkeepers.
        """
        return tuple(row for part in self._parts for rows in part.bookkeepers for row in rows)

    @functools.cached_property
    def sums(self) -> Mapping[int, WeightSum]:
        """Sums over all events before any selection, by weight variation: 0 is the nominal weight.

        Taken from the bookkeeper `AllExecutedEvents` of the stream `StreamAOD` with the highest cycle; of variation k,
        in the same stream and cycle, from `AllExecutedEvents_NonNominalMCWeight_k` or the container
        `CutBookkeepers_weight_k`. So does Athena's CP::AsgCutBookkeeperAlg
        (PhysicsAnalysis/Algorithms/AsgAnalysisAlgorithms), which of today takes the streams RDO, EVGEN and EVNT too,
        and of 2019 `StreamAOD` alone, as here. Only where there is no `StreamAOD`, a `StreamDAOD` is taken, which
        Athena's does not. Files whose weights have different names have the nominal sum in common only.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no such bookkeeper.
        """
        first, *others = self._parts
        total = dict(first.sums)
        for part in others:
            if part.sums.keys() != total.keys():
                msg = (
                    f"{first.name} has sums of {len(total)} weight variations, {part.name} of {len(part.sums)}: "
                    "they do not add up"
                )
                raise MetadataNotFoundError(msg)
            for variation, more in part.sums.items():
                total[variation] += more
        same_weights = all(part.weight_names == first.weight_names for part in others)
        return MappingProxyType(total if same_weights else {0: total[0]})

    @functools.cached_property
    def tag_info(self) -> Mapping[str, str]:
        """The attributes of /TagInfo, where production writes the tags of conditions, geometry and software.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree.
        """
        first, *others = self._parts
        common = dict(first.tag_info)
        for part in others:
            tags = part.tag_info
            common = {name: text for name, text in common.items() if tags.get(name) == text}
        return MappingProxyType(common)

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
        others = len(self._parts) - 1
        return self._parts[0].name + (f" and {others} other file{'s' * (others > 1)}" if others else "")

    def __add__(self, other: Metadata) -> Metadata:
        """Both together.

        Raises:
            ValueError: they are of different channels, or one is data and the other simulation.
        """
        if not isinstance(other, Metadata):
            return NotImplemented
        for what, (theirs, their_file) in other._firsts.items():
            mine, my_file = self._firsts.get(what, (theirs, their_file))
            if mine != theirs:
                msg = f"{my_file} has {what} {mine}, {their_file} has {theirs}: they do not add up"
                raise ValueError(msg)
        return Metadata(self._parts + other._parts, self._facts + other._facts, {**other._firsts, **self._firsts})

    def __radd__(self, other: object) -> Self:
        """What `sum` begins with, 0, adds nothing."""
        return self if other == 0 else NotImplemented

    def __reduce__(self) -> tuple[type[Metadata], tuple[Any, ...]]:
        return (Metadata, (self._parts, self._facts, self._firsts))

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
    part = _Part(store)
    facts = part.facts()
    known = {"is_simulation": facts.is_simulation, "mc_channel_number": facts.mc_channel_number}
    firsts = {what: (value, part.name) for what, value in known.items() if value is not None}
    return Metadata((part,), facts, firsts)


class _Part:
    """One file: its MetaData tree, or none, and its events for what that does not say."""

    def __init__(self, store: ColumnStore) -> None:
        self._events = store
        self.weight_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self._events.name

    @property
    def _tree(self) -> ColumnStore | None:
        tree = self._events.metadata
        return tree if tree is not None and tree.manifest.num_entries > 0 else None

    def facts(self) -> _Facts:
        """What can be known without the bookkeepers."""
        tree = self._tree
        if tree is None:
            facts = self._facts_of({}, {})
        else:
            values = self._columns(tree, _FACTS)
            entries = range(tree.manifest.num_entries)
            facts = functools.reduce(
                operator.add,
                (self._facts_of({name: column[i] for name, column in values.items()}, self._tags(i)) for i in entries),
            )
        facts = replace(facts, num_events=self._events.manifest.num_entries)
        self.weight_names = facts.weight_names
        return facts

    def _facts_of(self, values: Mapping[str, Any], tags: Mapping[str, str]) -> _Facts:
        """The facts in one entry of the MetaData tree; where that has none, of the events."""

        def text(name: str, tag: str = "") -> str | None:
            value = values.get(name)
            return value if isinstance(value, str) and value else tags.get(tag) or None

        def first(name: str, kind: type) -> Any:
            value = values.get(name)
            return value[0] if isinstance(value, list) and value and isinstance(value[0], kind) else None

        channel = first("TruthMetaDataAux.mcChannelNumber", int)
        runs = values.get("FileMetaDataAux.runNumbers")
        return _Facts(
            num_events=0,
            is_simulation=self._is_simulation(tags),
            mc_channel_number=self._of_first_event("mcChannelNumber") if channel is None else channel,
            mc_campaign=text("FileMetaDataAuxDyn.mcCampaign"),
            run_numbers=tuple(sorted(set(runs))) if isinstance(runs, list) and runs else self._runs_of_events(),
            generators=text("FileMetaDataAuxDyn.generatorsInfo") or first("TruthMetaDataAux.generators", str) or None,
            # TagInfo first: FileMetaData can be a copy of the input file's.
            release=tags.get("AtlasRelease") or text("FileMetaDataAux.productionRelease"),
            ami_tag=text("FileMetaDataAuxDyn.amiTag", "AMITag"),
            beam_energy=_energy(values.get("FileMetaDataAuxDyn.beamEnergy", tags.get("beam_energy"))),
            beam_type=text("FileMetaDataAuxDyn.beamType", "beam_type"),
            data_type=text("FileMetaDataAux.dataType"),
            geometry_version=text("FileMetaDataAuxDyn.geometryVersion", "GeoAtlas"),
            conditions_tag=text("FileMetaDataAuxDyn.conditionsTag", "IOVDbGlobalTag"),
            simulation_flavour=text("FileMetaDataAuxDyn.simFlavour"),
            weight_names=tuple(str(name).strip() for name in first("TruthMetaDataAux.weightNames", list) or ()),
        )

    @functools.cached_property
    def bookkeepers(self) -> list[list[CutBookkeeper]]:
        """All of them, for each entry of the MetaData tree; read in one request."""
        tree = self._require()
        index = tree.manifest.index
        containers = [c.name.partition("Aux.")[0] for c in tree.manifest.columns if c.name.endswith("Aux.cycle")]
        containers = [c for c in containers if _CONTAINER.fullmatch(c)]
        if not containers:
            msg = f"{self.name}: no CutBookkeepers in its MetaData tree, so no sums of weights"
            raise MetadataNotFoundError(msg)
        names = [f"{container}Aux.{member}" for container in containers for member in (*_TEXTS, *_NUMBERS)]
        for name in names:
            if name not in index or not tree.manifest.columns[index[name]].encoding:
                msg = f"{self.name}: no {name} that can be read in its MetaData tree, so no sums of weights"
                raise MetadataNotFoundError(msg)
        columns = dict(
            zip(names, tree.buffers([index[name] for name in names], 0, tree.manifest.num_entries), strict=True)
        )
        return [
            [row for container in containers for row in self._rows(container, columns, entry)]
            for entry in range(tree.manifest.num_entries)
        ]

    def _rows(self, container: str, columns: Mapping[str, list[NDArray[Any]]], entry: int) -> Iterable[CutBookkeeper]:
        values = {}
        for member in (*_TEXTS, *_NUMBERS):
            name = f"{container}Aux.{member}"
            try:
                values[member] = (_texts if member in _TEXTS else _numbers)(columns[name], entry)
            except ValueError:
                msg = f"{self.name}: {name} in the MetaData tree is not of the type that it always had"
                raise UnsupportedFormatError(msg) from None
        lengths = {len(column) for column in values.values()}
        if len(lengths) > 1:
            msg = f"{self.name}: the columns of {container}Aux. differ in length; the file is damaged, copy it again"
            raise CorruptDataError(msg)
        return map(
            functools.partial(CutBookkeeper, container),
            values["name"],
            values["cycle"],
            values["inputStream"],
            values["nAcceptedEvents"],
            values["sumOfEventWeights"],
            values["sumOfEventWeightsSquared"],
        )

    @functools.cached_property
    def sums(self) -> dict[int, WeightSum]:
        """By variation; the entries of the MetaData tree, which are of different files, add up."""
        total: dict[int, WeightSum] = {}
        for entry, rows in enumerate(self.bookkeepers):
            found = sums_of(rows)
            if 0 not in found:
                msg = f"{self.name}: no bookkeeper {_ALL_EVENTS} of {_STREAM}, so no sum of weights"
                raise MetadataNotFoundError(msg)
            if entry and found.keys() != total.keys():
                msg = f"{self.name}: was merged from files with different weights: their sums do not add up"
                raise MetadataNotFoundError(msg)
            for variation, more in found.items():
                total[variation] = total[variation] + more if variation in total else more
        return total

    @property
    def tag_info(self) -> dict[str, str]:
        """What is the same in all entries of the MetaData tree."""
        first, *others = map(self._tags, range(self._require().manifest.num_entries))
        return {name: text for name, text in first.items() if all(tags.get(name) == text for tags in others)}

    def _tags(self, entry: int) -> dict[str, str]:
        """The attributes of /TagInfo; of several payloads the last one that has it counts."""
        tree = self._require()
        column = tree.manifest.index.get("_TagInfo")
        if column is None or not tree.manifest.columns[column].pages:
            return {}
        lists = tree.object(column, read_folder, entry)
        return {name: str(value) for attributes in lists for name, value in attributes.attributes.items()}

    def _require(self) -> ColumnStore:
        tree = self._tree
        if tree is None:
            msg = (
                f"{self.name}: it has no MetaData tree (or an empty one), where sums of weights and tags are: "
                "take the file as production wrote it"
            )
            raise MetadataNotFoundError(msg)
        return tree

    def _columns(self, tree: ColumnStore, names: Iterable[str]) -> dict[str, list[Any]]:
        """The values of those columns that are there; read in one request."""
        index, columns = tree.manifest.index, tree.manifest.columns
        there = [name for name in names if name in index and columns[index[name]].encoding]
        layouts = tree.layouts([index[name] for name in there], 0, tree.manifest.num_entries)
        values = {name: list(ak.to_list(layout)) for name, layout in zip(there, layouts, strict=True)}
        store = index.get("FileMetaDataAux.")
        # Release 22 streamed it whole. The texts come first, and are no columns of their own.
        if store is not None and "FileMetaDataAux.dataType" not in values and columns[store].pages:
            texts = [tree.object(store, read_file_texts, entry) for entry in range(tree.manifest.num_entries)]
            values["FileMetaDataAux.productionRelease"] = [release for release, _ in texts]
            values["FileMetaDataAux.dataType"] = [data_type for _, data_type in texts]
        return values

    def _event_info(self, name: str) -> int | None:
        """Where a column of EventInfo is, if it can be read."""
        manifest = self._events.manifest
        columns = (manifest.index.get(f"EventInfo{store}.{name}") for store in ("AuxDyn", "Aux"))
        return next((i for i in columns if i is not None and manifest.columns[i].encoding), None)

    def _of_first_event(self, name: str) -> int | None:
        column = self._event_info(name)
        if column is None or self._events.manifest.num_entries == 0:
            return None
        value = self._events.buffers([column], 0, 1)[0][-1]
        return int(value[0]) if value.size == 1 else None

    def _is_simulation(self, tags: Mapping[str, str]) -> bool | None:
        project = tags.get("project_name")
        if project is not None:
            return project == "IS_SIMULATION"
        bits = self._of_first_event("eventTypeBitmask")
        return None if bits is None else bool(bits & _IS_SIMULATION)

    def _runs_of_events(self) -> tuple[int, ...]:
        column = self._event_info("runNumber")
        if column is None:
            return ()
        (buffers,) = self._events.buffers([column], 0, self._events.manifest.num_entries)
        return tuple(np.unique(buffers[-1]).tolist())


def sums_of(rows: Iterable[CutBookkeeper]) -> dict[int, WeightSum]:
    """The sums over all events before any selection, by variation, from the bookkeepers of one file; see `Metadata`."""
    steps = [(row, _STEP.fullmatch(row.name)) for row in rows if row.stream.startswith((_STREAM, _DERIVED_STREAM))]
    nominal = [row for row, _ in steps if (row.container, row.name) == (_BOOKKEEPERS, _ALL_EVENTS)]
    if not nominal:
        return {}
    last = max(nominal, key=lambda row: (row.stream == _STREAM, row.cycle))
    sums: dict[int, WeightSum] = {}
    for row, step in steps:
        container = _CONTAINER.fullmatch(row.container)
        if step is None or container is None or (row.stream, row.cycle) != (last.stream, last.cycle):
            continue
        variation = int(container["variation"] or step["variation"] or 0)
        found = WeightSum(row.accepted_events, row.sum_of_weights, row.sum_of_weights_squared)
        sums[variation] = sums[variation] + found if variation in sums else found
    return dict(sorted(sums.items()))


def _energy(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _numbers(buffers: list[NDArray[Any]], entry: int) -> list[Any]:
    """The list in one entry of a column of lists of numbers."""
    offsets, numbers = buffers
    return list(numbers[offsets[entry] : offsets[entry + 1]].tolist())


def _texts(buffers: list[NDArray[Any]], entry: int) -> list[str]:
    """The list in one entry of a column of lists of texts."""
    lists, offsets, characters = buffers
    first, last = lists[entry : entry + 2].tolist()
    ends = offsets[first : last + 1].tolist()
    return [characters[a:b].tobytes().decode("utf-8", "replace") for a, b in pairwise(ends)]
