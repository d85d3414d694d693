"""The metadata tree: bookkeeping of events and weights, trigger menu, provenance, and the table of link keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .content import CHANNEL_NUMBER, WEIGHT_NAMES, Content
from .hashes import CLID, EVENT_INTERFACES, MATCH_CLASS, PRESENT, sg_hash
from .trigger import CHAINS, HLTPSK, ITEMS, L1PSK, SMK

STREAM, OUTPUT_STREAM = "StreamAOD", "StreamDAOD_PHYSLITE"


@dataclass
class Store:
    """An auxiliary store of the metadata tree: its class and the values of its members."""

    cls: str
    members: dict[str, Any] = field(default_factory=dict)


def bookkeeper(name: str, stream: str, cycle: int, events: int, weights: np.ndarray) -> dict[str, Any]:
    """One row of CutBookkeepers."""
    return {
        "nameIdentifier": sg_hash(name, 0),
        "uniqueIdentifier": sg_hash(f"{name}{stream}{cycle}", 0),
        "name": name,
        "description": "N/A",
        "cutLogic": 1,
        "isTopFilter": 1,
        "cycle": cycle,
        "inputStream": stream,
        "outputStreams": ["AllStreams"],
        "nAcceptedEvents": events,
        "sumOfEventWeights": float(weights.sum(dtype=np.float64)),
        "sumOfEventWeightsSquared": float((weights.astype(np.float64) ** 2).sum()),
    }


def bookkeepers(weights: np.ndarray) -> tuple[Store, Store]:
    """CutBookkeepers with rows for each weight, and the incomplete ones, whose numbers must never be used."""
    n = len(weights)
    nominal = weights[:, 0]
    rows = [
        bookkeeper("AllExecutedEvents", "StreamEVGEN", 0, 2 * n, np.repeat(nominal, 2)),
        bookkeeper("AllExecutedEvents", STREAM, 4, n, nominal / 2),
        bookkeeper("AllExecutedEvents", STREAM, 5, n, nominal),
        bookkeeper("PHYSLITEKernel", STREAM, 5, n, nominal),
    ]
    rows += [
        bookkeeper(f"AllExecutedEvents_NonNominalMCWeight_{k}", STREAM, 5, n, weights[:, k])
        for k in range(1, weights.shape[1])
    ]
    incomplete = [
        bookkeeper("AllExecutedEvents", "StreamRDO", 0, 10 * n, np.repeat(nominal, 10)),
        bookkeeper("AllExecutedEvents", STREAM, 4, 3 * n, np.repeat(nominal, 3)),
    ]
    cls = "xAOD::CutBookkeeperAuxContainer_v1"
    return tuple(Store(cls, {name: [r[name] for r in part] for name in part[0]}) for part in (rows, incomplete))


def trigger_menu() -> Store:
    """The menu that belongs to the configuration keys of the events."""
    return Store(
        "xAOD::TriggerMenuAuxContainer_v1",
        {
            "smk": [SMK],
            "l1psk": [L1PSK],
            "hltpsk": [HLTPSK],
            "itemCtpIds": [list(ITEMS.values())],
            "itemNames": [list(ITEMS)],
            "itemPrescales": [[1.0] * len(ITEMS)],
            "chainIds": [[c.counter for c in CHAINS]],
            "chainNames": [[c.name for c in CHAINS]],
            "chainParentNames": [[c.seed for c in CHAINS]],
            "chainPrescales": [[c.prescale for c in CHAINS]],
            "chainRerunPrescales": [[0.0] * len(CHAINS)],
            "chainPassthroughPrescales": [[0.0] * len(CHAINS)],
        },
    )


def event_format(content: Content) -> Store:
    """Names, classes and keys of what the file holds."""
    classes = {container: PRESENT.get(container, MATCH_CLASS) for container in content.lengths}
    for stub in content.stubs:
        single = stub.removesuffix("Aux.") in EVENT_INTERFACES
        classes[stub] = "xAOD::AuxInfoBase" if single else "xAOD::AuxContainerBase"
    classes |= content.stores | EVENT_INTERFACES
    members = {
        "m_branchNames": list(classes),
        "m_classNames": list(classes.values()),
        "m_parentNames": [""] * len(classes),
        "m_branchHashes": [sg_hash(name, CLID[cls]) for name, cls in classes.items()],
    }
    return Store("xAOD::EventFormat_v1", members)


def truth_metadata() -> Store:
    """What was generated."""
    return Store(
        "xAOD::TruthMetaDataAuxContainer_v1",
        {
            "weightNames": [list(WEIGHT_NAMES)],
            "mcChannelNumber": [CHANNEL_NUMBER],
            "lhefGenerator": [""],
            "generators": ["ToyGenerator"],
            "evgenProcess": [""],
            "evgenTune": ["none"],
            "hardPDF": [""],
            "softPDF": [""],
        },
    )


FILE_TEXTS = {
    "amiTag": "e0000_s0000_r0000_p0000",
    "beamType": "collisions",
    "conditionsTag": "OFLCOND-MC16-SDR-25",
    "geometryVersion": "ATLAS-R2-2016-01-00-01",
    "simFlavour": "ToySimulation",
}
FILE_NUMBERS = {
    "beamEnergy": np.array([6.5e6], np.float32),
    "isDataOverlay": np.array([0], np.int8),
    "mcProcID": np.array([CHANNEL_NUMBER], np.float32),
}


def stores(content: Content) -> dict[str, Store]:
    """All stores of the metadata tree, by branch name."""
    complete, incomplete = bookkeepers(content.weights)
    members = {"productionRelease": "PhysliteToySample-1", "dataType": OUTPUT_STREAM}
    return {
        "FileMetaDataAux.": Store("xAOD::FileMetaDataAuxInfo_v1", members),
        "EventFormat": event_format(content),
        "TruthMetaDataAux.": truth_metadata(),
        "CutBookkeepersAux.": complete,
        "IncompleteCutBookkeepersAux.": incomplete,
        "TriggerMenuAux.": trigger_menu(),
    }
