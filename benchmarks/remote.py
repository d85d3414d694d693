"""A file behind a web server that is far away: opened, and columns of the first cluster read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import columns
import files
import physlite
from distant import BYTES_PER_SECOND, DELAY, serve
from files import TREES, Source
from harness import Comparison, Target, Way
from reading import Makers

__all__ = ["remote"]

# One for the ends of the file, one for the data.
_ROUND_TRIPS = 2
_COLUMNS = 50


def remote(events: int) -> Makers:
    """Against the time that the bytes need on the way, and against uproot with fsspec on the same server."""
    for source in files.toys(events, "zstd-5"):
        yield partial(_remote, source)


def _remote(source: Source) -> Comparison:
    path = source.find()
    with physlite.open(path) as file:
        there = [name for name in file.columns if not file.columns[name].problem]
        wanted = columns.LIST15 if source.kind == "tree" else list(map(columns.in_ntuple, columns.LIST15))
        others = [name for name in there if name.startswith("AnalysisElectronsAuxDyn")]
        names = [name for name in dict.fromkeys([*wanted, *others]) if name in there][:_COLUMNS]
        stop = min(file.num_entries, files.CLUSTER[source.kind])
    url = f"http://127.0.0.1:{serve(path)}/{Path(path).name}"
    with physlite.open(url) as file:
        file.arrays(names, 0, stop)
        stats = file.source.stats
        limit = _ROUND_TRIPS * DELAY + stats.received / BYTES_PER_SECOND
    what = {"url": url, "names": names, "stop": stop}
    ways = {
        "physlite": Way("ours:open_and_read", what | {"manifest_of": None}),
        "physlite, manifest": Way("ours:open_and_read", what | {"manifest_of": path}),
    }
    if source.kind == "tree":  # of an ntuple it takes over ten seconds
        ways["uproot, fsspec"] = Way("theirs:uproot_open_and_read", what | {"name": TREES["tree"]})
    return Comparison(
        "remote",
        f"{source.label}, {len(names)} columns of {stop:,} events, {DELAY * 1e3:.0f} ms and "
        f"{BYTES_PER_SECOND * 8 / 1e6:.0f} Mbit/s away, {stats.requests} requests, {stats.received / 1e6:.1f} MB",
        ways,
        [Target("physlite", "most", 1.3, "2 round trips and the bytes")],
        limit="2 round trips",
        given={"2 round trips and the bytes": limit},
        events=stop,
    )
