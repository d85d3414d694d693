"""Reading columns of an opened file, and the memory that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import awkward as ak

import columns
import files
import peers
import physlite
from checks import check_columns, readable_columns
from files import Missing, Source
from harness import Comparison, Target
from peers import THREADS, threaded

__all__ = ["Makers", "everything", "floats", "links", "list15", "memory", "nested"]

Makers = Iterator[partial[Comparison]]

_Least = Mapping[str, Mapping[str, float]]  # of a kind of file and a peer how many times as fast


def floats(events: int) -> Makers:
    """Ten columns of floats."""
    least: _Least = {"tree": {"uproot": 3, "RDataFrame": 2.5}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _all_files("ten floats", columns.FLOATS, events, least)


def nested(events: int) -> Makers:
    """A list of lists."""
    least: _Least = {"tree": {"uproot": 4, "RDataFrame": 2.5}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _all_files("nested", columns.NESTED, events, least)


def links(events: int) -> Makers:
    """A list of lists of links."""
    least: _Least = {"tree": {"uproot": 8}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _all_files("links", columns.LINKS, events, least)


def _all_files(work: str, names: list[str], events: int, least: _Least) -> Makers:
    for source in files.toys(events, "zlib-1", "zstd-5"):
        yield partial(_reading, work, names, source, least[source.kind])


def _reading(work: str, wanted: list[str], source: Source, least: Mapping[str, float]) -> Comparison:
    """Against uproot, RDataFrame and decompression alone."""
    path, kind = source.find(), source.kind
    names = _those_there(path, kind, wanted)
    targets = [Target("physlite", "least", bound, who) for who, bound in least.items()]
    if kind == "ntuple":
        targets.append(Target("physlite", "most", 1.3, "decompression"))
    return Comparison(
        work,
        _detail(source, path, names, len(wanted)),
        peers.uproot(path, kind, names)
        | peers.rdataframe(path, kind, names, (1,))
        | peers.limit_and_physlite(path, names),
        [] if source.stand_in else targets,
        limit="decompression",
        events=_events(path),
    )


def list15(events: int) -> Makers:
    """The 45 columns of the 200 Gbps exercise, against whatever uproot, coffea and RDataFrame have to be fast."""
    for source in files.toys(events, "zlib-1", "zstd-5"):
        yield partial(_list15, source)


def _list15(source: Source) -> Comparison:
    path, kind = source.find(), source.kind
    names = _those_there(path, kind, columns.LIST15)
    return Comparison(
        "list15",
        _detail(source, path, names, len(columns.LIST15)),
        peers.uproot(path, kind, names)
        | peers.uproot_fastest(path, kind, names)
        | peers.coffea("coffea_read", source, names=names)
        | peers.rdataframe(path, kind, names, THREADS)
        | peers.limit_and_physlite(path, names),
        [] if source.stand_in else _against_fastest(kind),
        limit="decompression",
        events=_events(path),
    )


def _against_fastest(kind: str) -> list[Target]:
    fastest = {n: threaded("uproot fastest", n if kind == "tree" else 1) for n in THREADS}
    return [Target(threaded("physlite", n), "least", 2, fastest[n]) for n in THREADS]


# Of the events that other works read: what takes uproot a second has to be done 15 times.
_PART = 5

# Of decompression; there is no target for LZ4, which is nearly free.
_WITHIN = {"zlib-1": 1.5, "zstd-5": 1.5, "lzma-1": 1.1}


def everything(events: int) -> Makers:
    """All columns, against uproot's fastest and decompression alone."""
    # Fewer events tell as much: LZMA takes seconds, and to LZ4 no target is set.
    for part, compressions in ((_PART, ("zlib-1", "zstd-5")), (4 * _PART, ("lzma-1", "lz4-4"))):
        for source in files.toys(events // part, *compressions):
            yield partial(_everything, source)
        if files.root_python() is None:  # there is but one sample
            return


def _everything(source: Source) -> Comparison:
    path, kind = source.find(), source.kind
    names = readable_columns(path, kind)
    targets = [*_against_fastest(kind), Target("physlite, 2 threads", "least", 1.8, "physlite")]
    if (within := _WITHIN.get(source.compression)) is not None:
        targets += [Target(threaded("physlite", n), "most", within, threaded("decompression", n)) for n in THREADS]
    return Comparison(
        "everything",
        _detail(source, path, names, len(names)),
        peers.uproot_fastest(path, kind, names) | peers.limit_and_physlite(path, names),
        [] if source.stand_in else targets,
        limit="decompression",
        events=_events(path),
    )


def memory(events: int) -> Makers:
    """The peak of memory while all columns are read, against the arrays."""
    for source in files.toys(events // _PART, "zstd-5"):
        yield partial(_memory, source)


def _memory(source: Source) -> Comparison:
    path, kind = source.find(), source.kind
    names = readable_columns(path, kind)
    with physlite.open(path) as file:
        arrays = _distinct_bytes(file.arrays(names))
    ours = {who: way for who, way in peers.limit_and_physlite(path, names).items() if who.startswith("physlite")}
    targets = [Target(threaded("physlite", n), "most", 1.4, "arrays") for n in THREADS]
    return Comparison(
        "memory",
        f"everything, {source.label}, {len(names)} columns",
        peers.uproot_fastest(path, kind, names, (1,)) | ours,
        [] if source.stand_in else targets,
        limit="arrays",
        given={"arrays": arrays},
        unit="B",
    )


def _distinct_bytes(arrays: ak.Array) -> int:
    """Of all buffers; those that columns share, such as offsets, count once."""
    _, _, buffers = ak.to_buffers(arrays)
    return sum({b.__array_interface__["data"][0]: b.nbytes for b in buffers.values()}.values())


def _those_there(path: str, kind: str, names: list[str]) -> list[str]:
    """The columns that the file has, by their names in it."""
    wanted = [columns.in_ntuple(name) for name in names] if kind == "ntuple" else names
    with physlite.open(path) as file:
        found = [name for name in wanted if name in file.columns]
    if not found:
        msg = f"the file has no such columns: {', '.join(names[:3])}"
        raise Missing(msg)
    return found


def _detail(source: Source, path: str, names: list[str], wanted: int) -> str:
    """Compares the columns with uproot's, too."""
    size = check_columns(path, source.kind, names)
    number = f"{len(names)}" if len(names) == wanted else f"{len(names)} of {wanted}"
    return f"{source.label}, {number} column{'s' * (wanted > 1)}, {size / 1e6:.1f} MB"


def _events(path: str) -> int:
    with physlite.open(path) as file:
        return file.num_entries
