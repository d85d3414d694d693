"""Element links resolved one at a time, in plain Python, after the description of the format.

It shares nothing with the package: the bytes come from uproot, where uproot misreads them they are decoded by
`slow_decoder`, and keys are computed here once more. Slow, and therefore cached: each column is resolved once.

Containers and columns have the names they have in the file: `AnalysisElectrons`,
`AnalysisElectronsAuxDyn.trackParticleLinks`.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import awkward as ak
import pytest
import uproot

from support import data, slow_decoder

FILES = (data.R21, data.R22, data.R24, data.TREE_ONLY, data.SAMPLE, data.RNTUPLE)

PINNED = Path(__file__).with_name("link_counts.json")

# Class IDs: the arguments of the CLASS_DEF macros of Athena, in its xAOD event packages.
CLIDS = {
    "DataVector<xAOD::BTagVertex_v1>": 1158124735,
    "DataVector<xAOD::BTagging_v1>": 1264356158,
    "DataVector<xAOD::CaloCluster_v1>": 1219821989,
    "DataVector<xAOD::DiTauJet_v1>": 1281324766,
    "DataVector<xAOD::Electron_v1>": 1087532415,
    "DataVector<xAOD::FlowElement_v1>": 1158384067,
    "DataVector<xAOD::Jet_v1>": 1244316195,
    "DataVector<xAOD::MuonSegment_v1>": 1129401482,
    "DataVector<xAOD::Muon_v1>": 1178459224,
    "DataVector<xAOD::PFO_v1>": 1177172577,
    "DataVector<xAOD::Particle_v1>": 1141859363,
    "DataVector<xAOD::Photon_v1>": 1105575213,
    "DataVector<xAOD::TauJet_v3>": 1177172564,
    "DataVector<xAOD::TauTrack_v1>": 1306133771,
    "DataVector<xAOD::TrackCaloCluster_v1>": 1138314170,
    "DataVector<xAOD::TrackParticle_v1>": 1287425431,
    "DataVector<xAOD::TrigComposite_v1>": 1333228823,
    "DataVector<xAOD::TrigMissingET_v1>": 1134334,
    "DataVector<xAOD::TruthEvent_v1>": 1200227006,
    "DataVector<xAOD::TruthParticle_v1>": 1237340765,
    "DataVector<xAOD::TruthVertex_v1>": 1239726567,
    "DataVector<xAOD::Vertex_v1>": 1092961325,
    "xAOD::EventInfo_v1": 45903698,
    "xAOD::EventShape_v1": 242958214,
    "xAOD::MissingETAssociationMap_v1": 135890658,
    "xAOD::MissingETContainer_v1": 1103569747,
}

# Containers that PHYSLITE, or some releases of it, leaves out while its links still name them. UFOCSSK was one class in
# release 21 and is another since.
NOT_STORED = (
    ("AntiKt10UFOCSSKJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKt4LCTopoJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKtVR30Rmax4Rmin02PV0TrackJets", "DataVector<xAOD::Jet_v1>"),
    ("AntiKtVR30Rmax4Rmin02TrackJets_BTagging201903", "DataVector<xAOD::Jet_v1>"),
    ("CaloCalTopoClusters", "DataVector<xAOD::CaloCluster_v1>"),
    ("Electrons", "DataVector<xAOD::Electron_v1>"),
    ("GSFConversionVertices", "DataVector<xAOD::Vertex_v1>"),
    ("InDetForwardTrackParticles", "DataVector<xAOD::TrackParticle_v1>"),
    ("MSOnlyExtrapolatedMuonTrackParticles", "DataVector<xAOD::TrackParticle_v1>"),
    ("MuonClusterCollection", "DataVector<xAOD::CaloCluster_v1>"),
    ("MuonSegments", "DataVector<xAOD::MuonSegment_v1>"),
    ("MuonTruthParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("Photons", "DataVector<xAOD::Photon_v1>"),
    ("TauTracks", "DataVector<xAOD::TauTrack_v1>"),
    ("TruthCharm", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthHFWithDecayParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthParticles", "DataVector<xAOD::TruthParticle_v1>"),
    ("TruthVertices", "DataVector<xAOD::TruthVertex_v1>"),
    ("UFOCSSK", "DataVector<xAOD::FlowElement_v1>"),
    ("UFOCSSK", "DataVector<xAOD::TrackCaloCluster_v1>"),
)

COLUMN = re.compile(r"^(?P<container>.+?)Aux(?:Dyn)?(?:\.|:\.?)(?P<field>.+)$")


def _crc_of_byte(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ 0x95AC9329AC4BC9B5 if byte % 2 else byte >> 1
    return byte


def storegate_key(container, clid):
    """crc64 over the bytes of the name, then over those of the class ID, the lowest first; its low 30 bits."""
    crc = 2**64 - 1
    for byte in container.encode() + clid.to_bytes((clid.bit_length() + 7) // 8, "little"):
        crc = _crc_of_byte((crc ^ byte) % 256) ^ (crc >> 8)
    return crc % 2**30


def container_of(column):
    return COLUMN.match(column)["container"]


def field_of(column):
    return COLUMN.match(column)["field"]


# ------------------------------------------------------------------------------------------------------- the columns


@functools.cache
def file_of(name):
    return uproot.open(data.path_of(name))


@functools.cache
def tree_of(name):
    return file_of(name)["EventData" if is_ntuple(name) else "CollectionTree"]


def is_ntuple(name):
    return name == data.RNTUPLE


@functools.cache
def columns_of(name):
    """The columns of a file by name: branches, or fields, with their C++ type and their values."""
    tree = tree_of(name)
    if is_ntuple(name):
        return {column: tree[column] for column in tree.keys()}  # noqa: SIM118  # no dictionary
    found = {}
    for branch in tree.itervalues():
        found.setdefault(branch.name, branch)  # one with a single part can have it by the same name
    return found


@functools.cache
def _streamed_whole(name):
    """The stores without branches for their members: by branch, the names and types of the members."""
    out = {}
    for branch in () if is_ntuple(name) else tree_of(name).branches:
        if not branch.name.endswith("Aux.") or branch.branches:
            continue
        for info in file_of(name).file.streamers.get(branch.typename, {}).values():
            members = [e for e in info.elements if e.member("fType") != 0]  # 0: a base class
            out[branch.name] = [(e.name, e.typename) for e in members]
    return out


@functools.cache
def link_columns(name):
    """The columns of links of a file: all whose C++ type names an ElementLink, in the file's order."""
    branches = [column for column, b in columns_of(name).items() if "ElementLink<" in b.typename]
    members = [s + m for s, found in _streamed_whole(name).items() for m, kind in found if "ElementLink<" in kind]
    columns = branches + members
    assert len(set(columns)) == len(columns)
    return columns


def _entries(branch):
    """The bytes of each entry of a branch."""
    for i in range(branch.num_baskets):
        basket = branch.basket(i)
        data, starts = bytes(basket.data), basket.byte_offsets.tolist()
        yield from (data[a:b] for a, b in pairwise(starts))


def _pairs(links):
    """Decoded links, or nested lists of them, as (key, index)."""
    return (links["m_persKey"], links["m_persIndex"]) if isinstance(links, dict) else [_pairs(link) for link in links]


@functools.cache
def _members(name, store):
    entries = _entries(tree_of(name)[store])
    return [slow_decoder.object_members(entry, _streamed_whole(name)[store]) for entry in entries]


@functools.cache
def links(name, column):
    """The (key, index) of all links, event by event: nested lists, or single pairs where an event has one link."""
    store, _, member = column.partition("Aux.")
    if f"{store}Aux." in _streamed_whole(name):
        return [_pairs(entry[member]) for entry in _members(name, f"{store}Aux.")]
    branch = tree_of(name)[column]
    if is_ntuple(name):
        return _pairs(branch.array().to_list())
    kind = slow_decoder.normalized(branch.typename)
    if kind.startswith("vector<vector<"):
        return _pairs(branch.array().to_list())
    if [b.name for b in branch.branches] == [f"{column}.m_persKey", f"{column}.m_persIndex"]:
        keys, indices = (b.array().to_list() for b in branch.branches)
        return [list(zip(*event, strict=True)) for event in zip(keys, indices, strict=True)]
    # Streamed member by member, or a single link: uproot gets them wrong.
    whole = branch.branches[0] if branch.branches else branch
    return [_pairs(slow_decoder.entry_value(kind, entry)) for entry in _entries(whole)]


# ---------------------------------------------------------------------------------------------------- the containers


@functools.cache
def containers(name):
    """The classes of the containers that a file stores."""
    if is_ntuple(name):
        return {column: b.typename for column, b in columns_of(name).items() if b.typename in CLIDS}
    return {b.name: b.typename for b in tree_of(name).branches if b.typename in CLIDS}


@functools.cache
def key_table(name):
    """Containers by key, with whether the file stores them."""
    absent = {storegate_key(c, CLIDS[of]): (c, False) for c, of in NOT_STORED}
    stored = {storegate_key(c, CLIDS[of]): (c, True) for c, of in containers(name).items()}
    return absent | stored


@functools.cache
def sizes(name, container):
    """How many objects a container has in each event, as its interface object says."""
    if is_ntuple(name):
        return ak.num(tree_of(name)[container].array()).to_list()
    kind = containers(name)[container]
    return [slow_decoder.entry_value(kind, entry) for entry in _entries(tree_of(name)[container])]


# ----------------------------------------------------------------------------------------------------- the resolving


class OutOfRange(NamedTuple):
    """A target that the event does not have."""

    container: str
    index: int


def _resolved(links, event, name):
    if isinstance(links, list):
        return [_resolved(link, event, name) for link in links]
    key, index = links
    if key == 0:
        return None
    if key not in key_table(name):
        return ("unknown", key)
    container, stored = key_table(name)[key]
    if not stored:
        return ("absent", container)
    if index >= sizes(name, container)[event]:
        return OutOfRange(container, index)
    return (container, index)


@functools.cache
def resolve(name, column):
    """What the links of a column point to, event by event, nested as they are.

    Each is one of: None for a null link, ("absent", container) where the file does not store the container,
    ("unknown", key), OutOfRange(container, index), and (container, index).
    """
    return [_resolved(links_of_event, event, name) for event, links_of_event in enumerate(links(name, column))]


def flat(nested):
    """What is in nested lists, in order."""
    if not isinstance(nested, list):
        return [nested]
    return [item for inner in nested for item in flat(inner)]


def counts(name, column):
    """How many links of a column are null, lead to absent containers, have unknown keys, are valid, out of range."""
    out = {"null": 0, "absent": Counter(), "unknown": Counter(), "valid": Counter(), "out_of_range": 0}
    for target in flat(resolve(name, column)):
        if target is None:
            out["null"] += 1
        elif isinstance(target, OutOfRange):
            out["out_of_range"] += 1
        elif target[0] in ("absent", "unknown"):
            out[target[0]][str(target[1])] += 1
        else:
            out["valid"][target[0]] += 1
    return {kind: dict(sorted(n.items())) if isinstance(n, Counter) else n for kind, n in out.items()}


def nonzero_counts(name, column):
    return {kind: n for kind, n in counts(name, column).items() if n}


@functools.cache
def pinned():
    """The counts that were written down: by file and column, those that are not zero."""
    return json.loads(PINNED.read_text())


def parameters():
    """Files and their columns of links, as parameters of tests; see `data.parameters`."""
    columns = pinned()
    return [
        pytest.param(*file.values, column, marks=file.marks)
        for file in data.parameters(columns)
        for column in columns[file.values[0]]
    ]


def write_down():
    """Writes the counts of all files to `PINNED`, a line for each column.

    In `tests`: `python -c "from support import slow_links; slow_links.write_down()"`.
    """
    files = []
    for name in FILES:
        lines = [f'  "{column}": {json.dumps(nonzero_counts(name, column))}' for column in link_columns(name)]
        files.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    PINNED.write_text("{\n" + ",\n".join(files) + "\n}\n")


@functools.cache
def format_table(name):
    """The containers that the file itself says it has, or its input had: (container, class, key)."""
    (branch,) = [b for b in file_of(name)["MetaData"].branches if b.typename.startswith("xAOD::EventFormat_v")]
    (entry,) = _entries(branch)
    data, columns = slow_decoder.Bytes(entry), []
    for _ in range(3):  # names, classes, parents
        data.take(6)
        columns.append([data.string().decode() for _ in range(data.unpack(">I"))])
    data.take(6)
    keys = [data.unpack(">I") for _ in range(data.unpack(">I"))]
    assert data.rest() == 0
    return list(zip(columns[0], columns[1], keys, strict=True))
