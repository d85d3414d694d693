"""Types of the native module."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

_Buffer: TypeAlias = bytes | bytearray | memoryview

class CorruptData(ValueError): ...
class Unsupported(NotImplementedError): ...

class FileHeader(TypedDict):
    version: int
    begin: int
    end: int
    name_bytes: int
    compression: int
    streamers_offset: int
    streamers_bytes: int
    uuid: bytes

_Leaf: TypeAlias = tuple[str, str, str, int, bool, str]
_Branch: TypeAlias = tuple[str, str, str, str, str, int, int, int, int, int, bool, int, int, int, int, int, list[_Leaf]]
_Element: TypeAlias = tuple[str, str, str, int, int, str, int]

class ScannedTree(TypedDict):
    name: str
    title: str
    entries: int
    auto_flush: int
    cluster_range_end: NDArray[np.int64]
    cluster_size: NDArray[np.int64]
    branches: list[_Branch]
    basket_first_entry: NDArray[np.int64]
    basket_offset: NDArray[np.int64]
    basket_bytes: NDArray[np.int64]
    embedded: bytes

def file_header(data: _Buffer) -> FileHeader: ...
def directory(data: _Buffer) -> tuple[int, int]: ...
def keys(data: _Buffer) -> list[tuple[str, int, str, str, int, int, int]]: ...
def object(data: _Buffer) -> bytes: ...
def streamers(data: _Buffer, key_bytes: int) -> list[tuple[str, int, int, list[_Element]]]: ...
def scan_tree(data: _Buffer, key_bytes: int) -> ScannedTree: ...

class Program:
    """How the entries of a column are decoded, made from the integers of an encoding."""

    def __init__(self, code: NDArray[np.int64]) -> None: ...

class BasketTables:
    """All baskets of a tree: those of a column one after the other."""

    def __init__(
        self, first_entry: NDArray[np.int64], offset: NDArray[np.int64], size: NDArray[np.int64], entries: int
    ) -> None: ...
    def plan(self, columns: Sequence[tuple[Program, int, int]], start: int, stop: int) -> BasketPlan:
        """Which baskets hold entries of columns; of each its program, its first basket and their number."""

class BasketPlan:
    """`offset` and `size`: of the baskets that are needed, column by column."""

    offset: list[int]
    size: list[int]
    def pages(self, request: int) -> tuple[int, int]:
        """The first basket of a column that is needed, and the one behind the last, counted among all."""

    def decode(
        self, stored: list[Any], threads: int, clock: NDArray[np.int64] | None = None
    ) -> Iterator[list[NDArray[Any]]]:
        """The buffers of each column, while those after it are still being decoded.

        Raises:
            CorruptData, Unsupported: a basket is damaged; `args` has the message, the column and its basket, both
                counted among those of the plan.
        """

def decompress(pages: list[Any], sizes: Sequence[int], threads: int) -> None:
    """Decompress pages into scratch memory and forget them: what reading them costs at least.

    Args:
        pages: of each the compressed blocks as they stand on file, without key or checksum; objects with a buffer.
        sizes: the bytes that each becomes.
        threads: that take part, as far as there is enough for them to do.

    Raises:
        CorruptData: a page is damaged or does not become so many bytes; `args` has the message, 0, and its number.
        Unsupported: a page is compressed in a way that is not known; `args` likewise.
        ValueError: not as many sizes as pages.
    """

def empty_places(number: int) -> NDArray[np.int64]: ...
def distinct_keys(keys: NDArray[np.uint32]) -> list[int]: ...
def place_links(
    events: NDArray[np.int64] | None,
    first: int,
    offsets: NDArray[np.int64] | None,
    groups: NDArray[np.int64] | None,
    keys: NDArray[np.uint32],
    indices: NDArray[np.uint32],
    wanted: int,
    targets: NDArray[np.int64],
    begin: int,
    clear: bool,
    out: NDArray[np.int64],
    threads: int,
) -> int: ...

class NtupleSchema(TypedDict):
    """What a header says.

    Of the ntuple's columns `kinds` are how elements are stored, and `kind` which of them those of each are. `columns`
    are those that are read: name, type, encoding, problem, and number of streams. Of each stream `codes` are what its
    elements are, `column` where they are stored, `representations` all of these where there are several; `parent` is
    the stream of the lists that they are in and `child` what the items of its own begin with, or -1; `factor` and
    `child_factor` are how many elements these have for each item.
    """

    checksum: int
    kinds: list[tuple[int, int, float, float]]
    kind: NDArray[np.int32]
    columns: list[tuple[str, str, str, str, int]]
    codes: list[str]
    column: NDArray[np.int64]
    representations: dict[int, tuple[int, ...]]
    parent: NDArray[np.int64]
    factor: NDArray[np.int64]
    child: NDArray[np.int64]
    child_factor: NDArray[np.int64]

class NtuplePages(TypedDict):
    clusters: list[tuple[int, int]]
    first_page: NDArray[np.int64]
    first_element: NDArray[np.int64]
    compression: NDArray[np.uint32]
    elements: NDArray[np.int64]
    offset: NDArray[np.int64]
    bytes: NDArray[np.int64]
    has_checksum: NDArray[np.uint8]

NOT_YET: int
HOLDS_NOTHING: str
IN_ITS_MEMBERS: str
ALTERNATIVES: str
PLACES: str

def ntuple_anchor(data: _Buffer) -> tuple[tuple[int, int, int], tuple[int, int, int], int]: ...
def envelope(stored: _Buffer, uncompressed: int) -> bytes: ...
def ntuple_schema(header: _Buffer, extension: _Buffer) -> NtupleSchema: ...
def ntuple_footer(data: _Buffer) -> tuple[int, bytes, list[tuple[int, tuple[int, int, int]]]]:
    """The checksum of the header, what was added to that later, and of each cluster group its size and its pages."""

def ntuple_pages(data: _Buffer, clusters: int, columns: int, checksum: int) -> NtuplePages: ...

class StreamTables:
    """All pages of an ntuple: see `StreamPages`; of each stream `first_page`, the number of its `pages`, `starts`."""

    def __init__(
        self,
        kinds: Sequence[tuple[int, int, float, float]],
        kind: NDArray[np.int32],
        elements: NDArray[np.int64],
        checksum: NDArray[np.bool_],
        base: NDArray[np.int64],
        first: NDArray[np.int64],
        offset: NDArray[np.int64],
        size: NDArray[np.int64],
        starts: NDArray[np.int64],
        first_page: NDArray[np.int64],
        pages: NDArray[np.int64],
    ) -> None: ...
    def plan(self, wanted: Sequence[tuple[int, int, int, int, bool, bool]]) -> StreamPlan:
        """Which pages hold elements of streams.

        Of each the stream, the first element and the one behind the last, the number of the type of its values, whether
        these are offsets of lists, and whether it is stored as where something ends.
        """

class StreamPlan:
    """`offset` and `size`: of the pages that are needed and stored; `which`: for all that was wanted its request.

    `total`: elements of all requests.
    """

    offset: list[int]
    size: list[int]
    which: list[int]
    total: int
    def pages(self, request: int) -> tuple[int, int]:
        """The first page that is needed, and the one behind the last, counted among all."""

    def elements(self, request: int) -> tuple[int, int]:
        """The first element that is decoded, and the one behind the last."""

    def decode(self, stored: list[Any], threads: int, clock: NDArray[np.int64] | None = None) -> Iterator[NDArray[Any]]:
        """The array of each request, while those after it are still being decoded; errors as of `BasketPlan`."""
