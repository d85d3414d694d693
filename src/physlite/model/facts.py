"""What a file says of where its events come from, read from its MetaData tree and, where that is silent, its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

import awkward as ak
import numpy as np

from physlite.exceptions import CorruptDataError
from physlite.formats.metadata import read_file_texts, read_folder
from physlite.model.store import ColumnStore

__all__ = ["Facts", "agreed", "metadata_tree", "read_facts", "read_origin", "read_tags"]

# xAOD::EventInfo_v1::IS_SIMULATION, a bit of eventTypeBitmask.
_IS_SIMULATION = 1

# The store that has texts. Where all are columns, a store of another class can bear the name.
_FILE_METADATA = "xAOD::FileMetaDataAuxInfo_v1"

# hadd leaves an entry for each file that it merged. More is no file but an endless loop.
_MOST_ENTRIES = 100_000

_CHANNELS = "TruthMetaDataAux.mcChannelNumber"
_AMI_TAG = "FileMetaDataAuxDyn.amiTag"
_AMI_TAG_INFO = "AMITag"  # in /TagInfo
# What is read at once.
_COLUMNS = (
    _CHANNELS, "TruthMetaDataAux.weightNames", "TruthMetaDataAux.generators",
    "FileMetaDataAux.productionRelease", "FileMetaDataAux.dataType", "FileMetaDataAux.runNumbers",
    "FileMetaDataAuxDyn.mcCampaign", "FileMetaDataAuxDyn.generatorsInfo", _AMI_TAG,
    "FileMetaDataAuxDyn.beamEnergy", "FileMetaDataAuxDyn.beamType", "FileMetaDataAuxDyn.geometryVersion",
    "FileMetaDataAuxDyn.conditionsTag", "FileMetaDataAuxDyn.simFlavour",
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """The facts of one file, or what several have in common; `Metadata` says what each is."""

    num_events: int
    is_simulation: bool | None
    mc_channel_number: int | None
    mc_channel_numbers: tuple[int, ...]
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


def agreed(one: Facts, other: Facts) -> dict[str, Any]:
    """What holds for both, by name; numbers of events add up, and runs and channels are those of either."""
    common: dict[str, Any] = {}
    for field in fields(Facts):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        common[field.name] = mine if mine == theirs else None
    common["num_events"] = one.num_events + other.num_events
    common["run_numbers"] = tuple(sorted({*one.run_numbers, *other.run_numbers}))
    common["mc_channel_numbers"] = tuple(sorted({*one.mc_channel_numbers, *other.mc_channel_numbers}))
    common["weight_names"] = common["weight_names"] or ()
    return common


def metadata_tree(events: ColumnStore) -> ColumnStore | None:
    """The MetaData tree of a file; None where it has none, or an empty one.

    Raises:
        CorruptDataError, UnsupportedFormatError: as `ColumnStore.metadata`.
    """
    tree = events.metadata
    if tree is None or tree.manifest.num_entries == 0:
        return None
    if tree.manifest.num_entries > _MOST_ENTRIES:
        msg = (
            f"{events.name}: a MetaData tree of {tree.manifest.num_entries} entries, one for each file that was merged "
            "is there as a rule; the file is damaged, copy it again"
        )
        raise CorruptDataError(msg)
    return tree


def read_facts(events: ColumnStore) -> list[Facts]:
    """What can be known of a file without its bookkeepers: for each entry of its MetaData tree, or once without one.

    `num_events` is left 0: an entry does not say how many of the events are of its file.

    Raises:
        CorruptDataError, OSError: the MetaData tree is damaged, or cannot be read.
    """
    tree = metadata_tree(events)
    if tree is None:
        return [replace(_facts(events, {}, {}), run_numbers=_runs_of_events(events))]
    columns = _columns(tree, _COLUMNS)
    found = [
        _facts(events, {name: column[i] for name, column in columns.items()}, read_tags(tree, i))
        for i in range(tree.manifest.num_entries)
    ]
    if all(facts.run_numbers for facts in found):
        return found
    runs = _runs_of_events(events)
    return [facts if facts.run_numbers else replace(facts, run_numbers=runs) for facts in found]


def read_origin(events: ColumnStore) -> tuple[tuple[int, ...] | None, str]:
    """The channels of the samples in a file, as `Facts.mc_channel_numbers`, and its AMI tag, and nothing else.

    Returns:
        The numbers, sorted; None for data. The tag; empty where there is none, or several.

    Raises:
        CorruptDataError, OSError: as `read_facts`.
    """
    tree = metadata_tree(events)
    found = {} if tree is None else _columns(tree, (_CHANNELS, _AMI_TAG))
    tags = {tag for tag in found.get(_AMI_TAG, []) if isinstance(tag, str) and tag}
    if not tags and tree is not None:
        with suppress(CorruptDataError):  # what else is known is known without the tag
            tags = {read_tags(tree, i).get(_AMI_TAG_INFO, "") for i in range(tree.manifest.num_entries)}
    tag = tags.pop() if len(tags) == 1 else ""
    values = found.get(_CHANNELS, [])
    channels = {number for value in values if isinstance(value, list) for number in value if isinstance(number, int)}
    if not channels:
        simulated = _is_simulation(events, {})
        if simulated is None and tree is not None:  # as without events
            with suppress(CorruptDataError):
                simulated = _is_simulation(events, read_tags(tree, 0))
        if simulated is False:
            return None, tag
        channels = set(_of_first_event(events, "mcChannelNumber"))
    return tuple(sorted(channels)), tag


def read_tags(tree: ColumnStore, entry: int) -> dict[str, str]:
    """The attributes of /TagInfo in an entry of a MetaData tree; of several payloads the last that has one counts.

    Raises:
        CorruptDataError, OSError: the folder is damaged, or cannot be read.
    """
    column = tree.manifest.index.get("_TagInfo")
    if column is None or not tree.manifest.columns[column].pages:
        return {}
    lists = tree.object(column, read_folder, entry)
    return {name: str(value) for attributes in lists for name, value in attributes.attributes.items()}


def _facts(events: ColumnStore, values: Mapping[str, Any], tags: Mapping[str, str]) -> Facts:
    """The facts in one entry of the MetaData tree; where that has none, of the events."""

    def text(name: str, tag: str = "") -> str | None:
        value = values.get(name)
        return value if isinstance(value, str) and value else tags.get(tag) or None

    def different(name: str, kind: type) -> list[Any]:
        """What the samples that are mixed in the file have."""
        value = values.get(name)
        found = [each for each in value if isinstance(each, kind)] if isinstance(value, list) else []
        texts = (tuple(str(text).strip() for text in each) if isinstance(each, list) else each for each in found)
        return list(dict.fromkeys(texts))

    def only(name: str, kind: type) -> Any:
        found = different(name, kind)
        return found[0] if len(found) == 1 else None

    channels = different("TruthMetaDataAux.mcChannelNumber", int) or _of_first_event(events, "mcChannelNumber")
    runs = values.get("FileMetaDataAux.runNumbers")
    return Facts(
        num_events=0,
        is_simulation=_is_simulation(events, tags),
        mc_channel_number=channels[0] if len(channels) == 1 else None,
        mc_channel_numbers=tuple(sorted(channels)),
        mc_campaign=text("FileMetaDataAuxDyn.mcCampaign"),
        run_numbers=tuple(sorted(set(runs))) if isinstance(runs, list) else (),
        generators=text("FileMetaDataAuxDyn.generatorsInfo") or only("TruthMetaDataAux.generators", str) or None,
        # TagInfo first: FileMetaData can be a copy of the input file's.
        release=tags.get("AtlasRelease") or text("FileMetaDataAux.productionRelease"),
        ami_tag=text(_AMI_TAG, _AMI_TAG_INFO),
        beam_energy=_energy(values.get("FileMetaDataAuxDyn.beamEnergy", tags.get("beam_energy"))),
        beam_type=text("FileMetaDataAuxDyn.beamType", "beam_type"),
        data_type=text("FileMetaDataAux.dataType"),
        geometry_version=text("FileMetaDataAuxDyn.geometryVersion", "GeoAtlas"),
        conditions_tag=text("FileMetaDataAuxDyn.conditionsTag", "IOVDbGlobalTag"),
        simulation_flavour=text("FileMetaDataAuxDyn.simFlavour"),
        weight_names=only("TruthMetaDataAux.weightNames", list) or (),
    )


def _columns(tree: ColumnStore, names: Iterable[str]) -> dict[str, list[Any]]:
    """The values of those columns that are there; read in one request."""
    index, columns = tree.manifest.index, tree.manifest.columns
    there = [name for name in names if name in index and columns[index[name]].encoding]
    layouts = tree.layouts([index[name] for name in there], 0, tree.manifest.num_entries)
    values = {name: list(ak.to_list(layout)) for name, layout in zip(there, layouts, strict=True)}
    store = index.get("FileMetaDataAux.")
    # Release 22 streamed it whole. The texts come first, and are no columns of their own.
    if (
        store is not None
        and columns[store].type_name == _FILE_METADATA
        and "FileMetaDataAux.dataType" not in values
        and columns[store].pages
    ):
        texts = [tree.object(store, read_file_texts, entry) for entry in range(tree.manifest.num_entries)]
        values["FileMetaDataAux.productionRelease"] = [release for release, _ in texts]
        values["FileMetaDataAux.dataType"] = [data_type for _, data_type in texts]
    return values


def _integers(events: ColumnStore, name: str, stop: int) -> np.ndarray[Any, Any] | None:
    """The values of a column of EventInfo up to an event, where it is one of integers."""
    manifest = events.manifest
    for store in ("AuxDyn", "Aux"):
        column = manifest.index.get(f"EventInfo{store}.{name}")
        if column is None or not manifest.columns[column].encoding or manifest.unreadable_part(column):
            continue
        buffers = events.buffers([column], 0, min(stop, manifest.num_entries))[0]
        if len(buffers) == 1 and np.issubdtype(buffers[0].dtype, np.integer) and buffers[0].ndim == 1:
            return buffers[0]
    return None


def _of_first_event(events: ColumnStore, name: str) -> list[int]:
    """A number of the first event; nothing where there is none."""
    values = _integers(events, name, 1)
    return [int(values[0])] if values is not None and values.size == 1 else []


def _is_simulation(events: ColumnStore, tags: Mapping[str, str]) -> bool | None:
    project = tags.get("project_name", "")
    if project == "IS_SIMULATION" or project.startswith("data"):
        return project == "IS_SIMULATION"
    bits = _of_first_event(events, "eventTypeBitmask")
    return bool(bits[0] & _IS_SIMULATION) if bits else None


def _runs_of_events(events: ColumnStore) -> tuple[int, ...]:
    values = _integers(events, "runNumber", events.manifest.num_entries)
    return () if values is None else tuple(np.unique(values).tolist())


def _energy(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
