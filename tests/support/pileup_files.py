"""Small files of iLumiCalc and PileupReweightingTool, as these write them but for branches that nobody needs."""

from __future__ import annotations

import awkward as ak
import numpy as np
import uproot

from physlite.exceptions import CorruptDataError

__all__ = ["assert_cut_is_told", "write_config", "write_lumicalc"]


def assert_cut_is_told(path, content, read):
    """Of files of various lengths: behind the last of what is read there is nothing to miss."""
    messages = []
    for length in range(4, len(content) // 2, len(content) // 40):
        path.write_bytes(content[:length])
        try:
            read(path)
        except CorruptDataError as error:
            messages.append(str(error))
    assert len(messages) > 1
    for message in messages:
        assert message.startswith(f"{path}: it cannot be read (")
        assert message.endswith("): the file is damaged or cut, copy it again")
        assert "\n" not in message


def write_lumicalc(path, rows, without=()):
    """Each row has a run, a lumi block, the average number of interactions, and the luminosity in 1/µb."""
    types = {"RunNbr": "u4", "LBStart": "u4", "AvergeInteractionPerXing": "f4", "IntLumi": "f4"}
    columns = {name: np.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(types.items())}
    kept = {name: column for name, column in columns.items() if name not in without}
    with uproot.recreate(path) as file:
        file.mktree("LumiMetaData", {name: column.dtype for name, column in kept.items()})
        file["LumiMetaData"].extend(kept)
    return path


def write_config(path, simulated, data=(), *, folder="", without=(), period=(222222, 999999)):
    """Histograms, as pairs of contents and edges, of samples by channel and run number, and of data by run."""
    trees = {
        "MCPileupReweighting": {
            "Channel": np.array([channel for channel, _ in simulated], "i4"),
            "RunNumber": np.array([run for _, run in simulated], "u4"),
            "PeriodStarts": ak.Array([[np.uint32(period[0])]] * len(simulated)),
            "PeriodEnds": ak.Array([[np.uint32(period[1])]] * len(simulated)),
            "HistName": [f"pileup_chan{channel}_run{run}" for channel, run in simulated],
        },
        "DataCustomReweighting": {
            "RunNumber": np.array(list(data), "u4"),
            "HistName": [f"pileup_data_run{run}" for run in data],
        },
    }
    with uproot.recreate(path) as file:
        for tree, histograms in zip(trees, (simulated, data), strict=True):
            columns = {name: column for name, column in trees[tree].items() if name not in without}
            if not histograms:
                continue
            types = {"HistName": "string", "PeriodStarts": "var * uint32", "PeriodEnds": "var * uint32"}
            file.mktree(f"{folder}{tree}", {n: types.get(n) or column.dtype for n, column in columns.items()})
            file[f"{folder}{tree}"].extend(columns)
            for name, key in zip(trees[tree]["HistName"], histograms, strict=True):
                if key not in without:
                    file[f"{folder}{name}"] = histograms[key]
    return path
