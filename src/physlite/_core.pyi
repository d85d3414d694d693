"""Types of the native module."""

from collections.abc import Sequence
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
def decode(
    requests: Sequence[tuple[NDArray[np.int64], list[Any], NDArray[np.int64], int, int]], threads: int
) -> list[list[NDArray[Any]]]: ...
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
