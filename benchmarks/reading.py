"""Reading columns of an opened file, and the memory that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import awkward as ak

import columns
import files
import peers
import physlite
from checks import check_columns, decoded_columns, readable_columns
from files import Missing, Source
from harness import Comparison, Target
from peers import THREADS, threaded

__all__ = ["Makers", "everything", "floats", "links", "list15", "memory", "mixed", "nested"]

Makers = Iterator[partial[Comparison]]


def floats(events: int) -> Makers:
    """Ten columns of floats."""
    return _all_files("ten floats", columns.FLOATS, events, {"uproot": 3, "RDataFrame": 2.5})


def nested(events: int) -> Makers:
    """A list of lists."""
    return _all_files("nested", columns.NESTED, events, {"uproot": 4, "RDataFrame": 2.5})


def links(events: int) -> Makers:
    """A list of lists of links."""
    return _all_files("links", columns.LINKS, events, {"uproot": 8})


def mixed(events: int) -> Makers:
    """All of these from an ntuple at once, also against decompression."""
    wanted = [*columns.FLOATS, *columns.NESTED, *columns.LINKS]
    for source in files.toys(events, "zlib-1", "zstd-5"):
        if source.kind == "ntuple":
            yield partial(_reading, "mixed", wanted, source, {"uproot": 3, "RDataFrame": 1.5}, 1.3)


def _all_files(work: str, names: list[str], events: int, least: Mapping[str, float]) -> Makers:
    for source in files.toys(events, "zlib-1", "zstd-5"):
        yield partial(_reading, work, names, source, least)


def _reading(
    work: str, wanted: list[str], source: Source, least: Mapping[str, float], most: float | None = None
) -> Comparison:
    """Against uproot, RDataFrame and decompression alone; `least` times as fast, `most` as long."""
    path, kind = source.find(), source.kind
    names = _those_there(path, kind, wanted)
    ways = (
        peers.uproot(path, kind, names)
        | peers.rdataframe(path, kind, names, (1,))
        | peers.limit_and_physlite(path, names)
    )
    targets = [Target("physlite", "least", bound, who) for who, bound in least.items() if who in ways]
    if most is not None:
        targets.append(Target("physlite", "most", most, "decompression"))
    return Comparison(
        work,
        _detail(source, path, names, len(wanted)),
        ways,
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


# Of the events that other works read: what takes uproot or LZMA a second has to be done 15 times.
_PART = 10

# Of decompression; LZ4 is nearly free.
_WITHIN = {"zlib-1": 1.5, "zstd-5": 1.5, "lzma-1": 1.1}


def everything(events: int) -> Makers:
    """All columns, against decompression alone, and against uproot's fastest."""
    yield from _parts(_everything_and_limit, events, {1: ("zlib-1", "zstd-5"), _PART: ("lzma-1",)})
    yield from _parts(_everything_and_uproot, events, {_PART: ("zlib-1", "zstd-5", "lz4-4"), 2 * _PART: ("lzma-1",)})


def _parts(compare: Callable[[Source], Comparison], events: int, parts: Mapping[int, tuple[str, ...]]) -> Makers:
    for part, compressions in parts.items():
        for source in files.toys(events // part, *compressions):
            yield partial(compare, source)
        if files.root_python() is None:  # there is but one sample
            return


def _everything_and_limit(source: Source) -> Comparison:
    path = source.find()
    names = decoded_columns(path)
    with physlite.open(path) as file:
        size = sum(file.columns[name].uncompressed_bytes for name in names)
    targets = [Target("physlite, 2 threads", "least", 1.8, "physlite")]
    if (within := _WITHIN.get(source.compression)) is not None:  # not of the sample
        targets += [Target(threaded("physlite", n), "most", within, threaded("decompression", n)) for n in THREADS]
    return Comparison(
        "everything, and the limit",
        f"{source.label}, {len(names)} columns, {size / 1e6:.1f} MB",
        peers.limit_and_physlite(path, names),
        [] if source.stand_in else targets,
        limit="decompression",
        events=_events(path),
    )


def _everything_and_uproot(source: Source) -> Comparison:
    path, kind = source.find(), source.kind
    names = readable_columns(path, kind)
    return Comparison(
        "everything",
        _detail(source, path, names, len(names)),
        peers.uproot_fastest(path, kind, names) | peers.ours(path, names),
        [] if source.stand_in else _against_fastest(kind),
        events=_events(path),
    )


def memory(events: int) -> Makers:
    """The peak of memory while all columns are read, against the arrays."""
    for source in files.toys(events, "zstd-5"):
        yield partial(_memory, source)


def _memory(source: Source) -> Comparison:
    path = source.find()
    names = decoded_columns(path)
    with physlite.open(path) as file:
        arrays = _distinct_bytes(file.arrays(names))
    targets = [Target(threaded("physlite", n), "most", 1.4, "arrays") for n in THREADS]
    return Comparison(
        "memory",
        f"everything, {source.label}, {len(names)} columns",
        peers.ours(path, names),
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
