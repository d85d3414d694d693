"""Events made of lists of objects, an object a dictionary of its columns, as arrays that look like those of a file."""

from __future__ import annotations

import awkward as ak
import numpy as np

from physlite import register_awkward

register_awkward()

F, LINK = np.float32, "link"

# Of each collection the class, and of each field the type of its numbers and in how many lists they are.
SCHEMA = {
    "Electrons": (
        "Electron",
        {
            "pt": (F, 0),
            "eta": (F, 0),
            "phi": (F, 0),
            "author": (np.uint16, 0),
            "DFCommonElectronsLHLoose": (np.int8, 0),
            "trackParticleLinks": (LINK, 1),
        },
    ),
    "Muons": (
        "Muon",
        {"pt": (F, 0), "eta": (F, 0), "phi": (F, 0), "muonType": (np.uint16, 0), "inDetTrackParticleLink": (LINK, 0)},
    ),
    "TauJets": ("TauJet", {"pt": (F, 0), "eta": (F, 0), "phi": (F, 0), "m": (F, 0)}),
    "Photons": ("Photon", {"pt": (F, 0), "eta": (F, 0), "phi": (F, 0)}),
    "Jets": (
        "Jet",
        {
            "pt": (F, 0),
            "eta": (F, 0),
            "phi": (F, 0),
            "m": (F, 0),
            "NumTrkPt500": (np.int32, 1),
            "SumPtTrkPt500": (F, 1),
            "GhostTrack": (LINK, 1),
        },
    ),
    "LargeRJets": ("Jet", {"pt": (F, 0), "eta": (F, 0), "phi": (F, 0), "m": (F, 0)}),
    "PrimaryVertices": ("Vertex", {"vertexType": (np.int16, 0)}),
}


def events_of(events):
    """The events as an array. Links are (key, index); the tracks of electrons have their `originalTrack`, if any."""
    collections = {}
    for name, (record, fields) in SCHEMA.items():
        lists = [event[name] for event in events]
        columns = {field: jagged(_column(lists, field), *kind) for field, kind in fields.items()}
        if name == "Electrons":
            # Links cannot be followed here: what they lead to is a field.
            originals = [[[e["originalTrack"]] if e["trackParticleLinks"] else [] for e in es] for es in lists]
            columns["trackParticles"] = ak.zip({"originalTrackParticle": jagged(originals, LINK, 1)}, depth_limit=3)
        collections[name] = ak.zip(columns, depth_limit=2, with_name=record)
    return ak.zip(collections, depth_limit=1)


def _column(lists, field):
    return [[thing[field] for thing in things] for things in lists]


def mask(lists):
    return jagged(lists, np.bool_, 0)


def jagged(values, kind, depth):
    """Values of objects of events, in so many lists more."""
    return ak.Array(_layout(values, kind, depth + 1))


def _layout(values, kind, depth):
    if depth:
        offsets = np.cumsum([0, *map(len, values)])
        content = _layout([x for inner in values for x in inner], kind, depth - 1)
        return ak.contents.ListOffsetArray(ak.index.Index64(offsets), content)
    if kind == LINK:
        numbers = np.array([link or (0, 0) for link in values], dtype=np.uint32).reshape(-1, 2)
        members = [ak.contents.NumpyArray(np.ascontiguousarray(numbers[:, i])) for i in (0, 1)]
        return ak.contents.RecordArray(members, ["m_persKey", "m_persIndex"])
    return ak.contents.NumpyArray(np.array(values, dtype=kind))
