"""What a file says of itself: where its events come from, and how many there were before any selection."""

from __future__ import annotations

import functools
import html
import operator
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

import numpy as np

from physlite.exceptions import (
    CorruptDataError,
    MetadataNotFoundError,
    MixedTagsWarning,
    PhysliteError,
    SameFileWarning,
    UnsupportedFormatError,
)
from physlite.formats.filters import nearest
from physlite.model.bookkeepers import (
    CutBookkeeper,
    WeightSum,
    read_bookkeepers,
    read_nominal,
    require_sums,
)
from physlite.model.facts import Facts, agreed, metadata_tree, read_facts, read_tags
from physlite.model.originals import counted_twice, each_once, same_original
from physlite.model.store import ColumnStore
from physlite.warning import warn

__all__ = ["CutBookkeeper", "Metadata", "WeightSum", "read_metadata"]

# What all files must agree in to add up.
_MUST_AGREE = ("is_simulation", "mc_channel_number")

_COMMON = "of which only the nominal sum (variation 0) adds up"

_Identity = tuple[int, int, str]  # as ColumnStore.identity


@dataclass(frozen=True)
class _Part:
    """One file, where it is still needed, the weights' names in each entry of its MetaData tree, and its originals."""

    name: str
    events: ColumnStore | None
    weight_names: tuple[tuple[str, ...], ...]
    originals: frozenset[str]

    def kept(self) -> _Part:
        """The same with its sums, if it has them, and without the file."""
        part = replace(self, events=None)
        with suppress(MetadataNotFoundError, CorruptDataError, UnsupportedFormatError):
            vars(part)["nominal"] = self.nominal
            vars(part)["sums"] = self.sums
        return part

    @functools.cached_property
    def bookkeepers(self) -> list[list[CutBookkeeper]]:
        """All of them, for each entry of the MetaData tree."""
        return read_bookkeepers(self._require())

    @functools.cached_property
    def sums(self) -> list[dict[int, WeightSum]]:
        """By variation, for each entry of the MetaData tree: of different files, where there are several."""
        return [require_sums(self.name, rows) for rows in self.bookkeepers]

    @functools.cached_property
    def nominal(self) -> WeightSum:
        """The nominal sum of all entries, for which the other containers need not be read."""
        return read_nominal(self.name, self._require())

    @property
    def tag_info(self) -> dict[str, str]:
        """What is the same in all entries of the MetaData tree."""
        tree = self._require()
        return _common(read_tags(tree, entry) for entry in range(tree.manifest.num_entries))

    def _require(self) -> ColumnStore:
        if self.events is None:
            msg = f"{self.name}: this was not kept, and the file is closed: open it again"
            raise MetadataNotFoundError(msg)
        tree = metadata_tree(self.events)
        if tree is None:
            msg = (
                f"{self.name}: it has no MetaData tree (or an empty one), where sums of weights and tags are: "
                "take the file as production wrote it"
            )
            raise MetadataNotFoundError(msg)
        return tree


@dataclass(frozen=True, repr=False, eq=False)
class Metadata(Facts):
    """What a file, or several files added up, say of themselves. Made by `File.metadata`; `sum` adds those of files.

    What a file does not say is None. Adding keeps what is the same in both. A file is read for sums, bookkeepers and
    tags when they are asked for, so it must be open then.

    Attributes:
        files: names of the files.
        num_events: number of events in them.
        is_simulation: False for data.
        mc_channel_number: the dataset number of a simulated process; without a MetaData tree that of the first event.
        mc_channel_numbers: all of them, where events of several processes are in one file.
        mc_campaign: as `mc23a`.
        run_numbers: the runs, sorted; of simulated events the run whose conditions were simulated.
        generators: as `Powheg+Pythia8+EvtGen`.
        release: the software that wrote the file.
        ami_tag: the tags of all steps of the processing.
        beam_energy: of one beam, in MeV.
        beam_type, data_type, geometry_version, conditions_tag, simulation_flavour: as the file has them.
        weight_names: names of the generator weights in the order of `EventInfo.mcEventWeights`, without blanks around.
    """

    _parts: Mapping[_Identity, _Part]
    # Of what all files must agree in: the first value that is known, and the file that has it.
    _firsts: Mapping[str, tuple[Any, str]]
    # The AMI tags that there are, each with the first file that has it.
    _ami_tags: Mapping[str, str]
    # The UUIDs of what the files were made of, each with the first file that has it.
    _originals: Mapping[str, str]

    def __eq__(self, other: object) -> bool:
        """Whether they are of the same files."""
        return self._parts.keys() == other._parts.keys() if isinstance(other, Metadata) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._parts))

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files."""
        return tuple(part.name for part in self._parts.values())

    @property
    def originals(self) -> frozenset[str]:
        """The UUIDs of the files, of those that were converted those of the files that they were made of."""
        return frozenset(self._originals)

    @functools.cached_property
    def cut_bookkeepers(self) -> tuple[CutBookkeeper, ...]:
        """The bookkeepers of all files, of complete inputs only; of files that were made of one, once.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no bookkeepers.
        """
        return tuple(row for part in self._counted for rows in part.bookkeepers for row in rows)

    @functools.cached_property
    def sums(self) -> Mapping[int, WeightSum]:
        """Sums over all events before any selection, by weight variation: 0 is the nominal weight.

        Taken from the bookkeeper `AllExecutedEvents` of the stream `StreamAOD` with the highest cycle; of variation k,
        in the same stream and cycle, from `AllExecutedEvents_NonNominalMCWeight_k` or the container
        `CutBookkeepers_weight_k`. So does Athena's CP::AsgCutBookkeeperAlg
        (PhysicsAnalysis/Algorithms/AsgAnalysisAlgorithms), which of today takes the streams RDO, EVGEN and EVNT too,
        and of 2019 `StreamAOD` alone, as here. Only where there is no `StreamAOD`, a `StreamDAOD` is taken, which
        Athena's does not. Files whose weights have different names have the nominal sum in common only, and so have
        the parts of a file that was merged from such files. Files that were made of one, as two skims of it, have each
        the sums of all of its events, which count once.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree, or no such bookkeeper.
        """
        if not self._same_weights:
            return MappingProxyType({0: self._nominal})
        sums = [(part.name, sums) for part in self._counted for sums in part.sums]
        first, total = sums[0][0], dict(sums[0][1])
        for name, more in sums[1:]:
            if more.keys() != total.keys():
                msg = (
                    f"{first} has sums of {len(total)} weight variations, {name} of {len(more)}: "
                    "they do not add up, only the nominal ones do"
                )
                raise MetadataNotFoundError(msg)
            for variation, each in more.items():
                total[variation] += each
        return MappingProxyType(total)

    @property
    def _same_weights(self) -> bool:
        """Whether all files, and what was merged into them, have weights of the same names."""
        return len({names for part in self._parts.values() for names in part.weight_names}) <= 1

    @functools.cached_property
    def _nominal(self) -> WeightSum:
        return functools.reduce(operator.add, (part.nominal for part in self._counted))

    @functools.cached_property
    def _counted(self) -> tuple[_Part, ...]:
        """The files whose sums make the whole."""
        parts = tuple(self._parts.values())
        return tuple(parts[i] for i in each_once([part.originals for part in parts]))

    @functools.cached_property
    def tag_info(self) -> Mapping[str, str]:
        """The attributes of /TagInfo, where production writes the tags of conditions, geometry and software.

        Raises:
            MetadataNotFoundError: a file has no MetaData tree.
        """
        return MappingProxyType(_common(part.tag_info for part in self._parts.values()))

    def sum_of_weights(self, variation: int | str = 0) -> float:
        """The sum of the generator weights of all events before any selection.

        Args:
            variation: index of the weight, or one of `weight_names`.

        Raises:
            MetadataNotFoundError: the file has no sums, or no such variation (the message offers the nearest names).
            TypeError: `variation` is neither an integer nor a text.
        """
        return self.sum_of(variation).weights

    def sum_of_weights_squared(self, variation: int | str = 0) -> float:
        """The sum of the squared weights; args and errors as `sum_of_weights`."""
        return self.sum_of(variation).weights_squared

    def sum_of(self, variation: int | str = 0) -> WeightSum:
        """All sums of a variation; args and errors as `sum_of_weights`."""
        index = self._variation(variation)
        if index == 0:
            return self._nominal
        if index not in self.sums:
            there = f"there are {len(self.sums)}, from 0 to {max(self.sums)}"
            if not self._same_weights:
                there = f"weights of different names, {_COMMON}"
            msg = f"{self._who}: no sum of weights of variation {index}: {there}"
            raise MetadataNotFoundError(msg)
        return self.sums[index]

    def _variation(self, variation: int | str) -> int:
        if not isinstance(variation, str):
            # True is 1 to Python, and to NumPy 2.0; here it is a mistake.
            if isinstance(variation, bool | np.bool_) or not hasattr(variation, "__index__"):
                msg = f"a weight variation is the index or the name of a weight, not {variation!r}"
                raise TypeError(msg)
            return operator.index(variation)
        name = variation.strip()
        if self.weight_names.count(name) > 1:
            msg = f"{self._who}: several weights are named {name!r}: take them by their index in weight_names"
            raise MetadataNotFoundError(msg)
        if not self._same_weights:
            msg = f"{self._who}: weights of different names, {_COMMON}: {name!r} cannot be told"
            raise MetadataNotFoundError(msg)
        if name not in self.weight_names:
            msg = f"{self._who}: no weight {name!r}{nearest(self.weight_names, name)}"
            raise MetadataNotFoundError(msg)
        return self.weight_names.index(name)

    @property
    def _who(self) -> str:
        others = len(self._parts) - 1
        return self.files[0] + (f" and {others} other file{'s' * (others > 1)}" if others else "")

    def __add__(self, other: Metadata) -> Metadata:
        """Both together, with a MixedTagsWarning where they were processed differently.

        Where simulated events of both come from one file, as those of two skims, there is a SameFileWarning: the sums
        of weights of that file count once, but events that both have count twice.

        Raises:
            ValueError: they are of different channels, or one is data and the other simulation, or a file is in both.
        """
        if not isinstance(other, Metadata):
            return NotImplemented
        for what, (theirs, their_file) in other._firsts.items():
            mine, my_file = self._firsts.get(what, (theirs, their_file))
            if mine != theirs:
                msg = f"{my_file} has {what} {mine}, {their_file} has {theirs}: they do not add up"
                raise ValueError(msg)
        if twice := [identity for identity in other._parts if identity in self._parts]:
            raise ValueError(_twice({identity: (self._parts[identity], other._parts[identity]) for identity in twice}))
        if self._ami_tags.keys() - other._ami_tags.keys() and other._ami_tags.keys() - self._ami_tags.keys():
            warn(_mixed(self._ami_tags, other._ami_tags), MixedTagsWarning)
        if self.is_simulation is not False and (shared := self._originals.keys() & other._originals.keys()):
            twice_counted = counted_twice([part.originals for part in [*self._parts.values(), *other._parts.values()]])
            original = min(shared & twice_counted or shared)
            files = self._originals[original], other._originals[original]
            warn(same_original(*files, original, counts_twice=original in twice_counted), SameFileWarning)
        return Metadata(
            **agreed(self, other),
            _parts={**self._parts, **other._parts},
            _firsts={**other._firsts, **self._firsts},
            _ami_tags={**self._ami_tags, **other._ami_tags, **self._ami_tags},  # ours come first, and keep their files
            _originals={**other._originals, **self._originals},
        )

    def __radd__(self, other: object) -> Self:
        """What `sum` begins with, 0, adds nothing."""
        return self if other == 0 else NotImplemented

    def __reduce__(self) -> tuple[type[Metadata], tuple[Any, ...]]:
        return (Metadata, tuple(getattr(self, field.name) for field in fields(self)))

    def kept(self) -> Metadata:
        """The same with the sums of weights, read now, and without what else would have to be read from the files.

        These may be closed, and take no memory.

        Raises:
            OSError: a file cannot be read.
        """
        return replace(self, _parts={identity: part.kept() for identity, part in self._parts.items()})

    def rows(self) -> list[tuple[str, str]]:
        """What is known, as pairs of a name and a text. The sum of weights is known where it can be read."""
        kind = {True: "simulation", False: "data", None: ""}[self.is_simulation]
        energy = "" if self.beam_energy is None else f"{self.beam_energy / 1e6:g} TeV"
        texts = {
            "files": "" if len(self._parts) == 1 else str(len(self._parts)),
            "events": f"{self.num_events:,}",
            "sum of weights": self._sum_text(),
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

    def _sum_text(self) -> str:
        """Empty where the sum cannot be had, since to look at metadata must not fail."""
        try:
            total = self._nominal
        except (PhysliteError, OSError, ValueError):  # none there, damaged, or the file is closed
            return ""
        return f"{total.weights:.10g} of {total.events:,} events"

    def __repr__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)

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
    entries = read_facts(store)
    part = _Part(store.name, store, tuple(facts.weight_names for facts in entries), store.originals)
    facts = functools.reduce(lambda one, other: Facts(**agreed(one, other)), entries)
    facts = replace(facts, num_events=store.manifest.num_entries)
    known = {what: getattr(facts, what) for what in _MUST_AGREE}
    if len(facts.mc_channel_numbers) > 1:
        known["mc_channel_number"] = " and ".join(map(str, facts.mc_channel_numbers))
    return Metadata(
        **{field.name: getattr(facts, field.name) for field in fields(Facts)},
        _parts={store.identity: part},
        _firsts={what: (value, part.name) for what, value in known.items() if value is not None},
        _ami_tags={facts.ami_tag: part.name} if facts.ami_tag else {},
        _originals=dict.fromkeys(store.originals, part.name),
    )


def _common(several: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What is the same in all."""
    first, *others = several
    return {name: text for name, text in first.items() if all(other.get(name) == text for other in others)}


def _twice(pairs: Mapping[_Identity, tuple[_Part, _Part]]) -> str:
    """What is wrong with files that are on both sides: names the first of them."""
    ((number, *_), (one, other)), *more = pairs.items()
    which = f"{one.name} is" if one.name == other.name else f"{one.name} and {other.name} are the same file,"
    besides = f", and so are {len(more)} more" if more else ""
    return (
        f"{which} added twice (UUID {UUID(int=number)}){besides}: their events would count twice, take each file once"
    )


def _mixed(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Of each side the first tag that the other does not have."""
    (my_tag, my_file), (their_tag, their_file) = (
        next((tag, file) for tag, file in side.items() if tag not in other)
        for side, other in ((mine, theirs), (theirs, mine))
    )
    return (
        f"{my_file} has the AMI tag {my_tag}, {their_file} has {their_tag}: their sums are added, but the same events "
        "may be there twice, processed differently, or campaigns may be mixed"
    )
