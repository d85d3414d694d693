"""Collections as flat arrays: one row an object, sorted by event, and the lists and links between their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .hashes import key

LINK = np.dtype([("m_persKey", "u4"), ("m_persIndex", "u4")])
NO_TARGET = np.array((0, 0xFFFFFFFF), LINK)  # default-constructed link
THINNED = np.array((0, 0), LINK)  # its target did not survive the skimming of tracks


def offsets(parent: np.ndarray, n_parents: int) -> np.ndarray:
    """Offsets of the lists that ``parent`` (sorted) makes: list i holds the rows with ``parent == i``."""
    return np.concatenate([[0], np.cumsum(np.bincount(parent, minlength=n_parents))]).astype(np.int64)


@dataclass
class Lists:
    """A list for each row of a collection: ``content`` cut at ``offsets``. Content may be Lists again."""

    offsets: np.ndarray
    content: np.ndarray | Lists

    @classmethod
    def gather(cls, parent: np.ndarray, n_parents: int, content: np.ndarray) -> Lists:
        """Put each item of ``content`` into the list of its parent, keeping the order within a parent."""
        order = np.argsort(parent, kind="stable")
        return cls(offsets(parent[order], n_parents), content[order])

    @classmethod
    def regular(cls, content: np.ndarray) -> Lists:
        """Lists of equal length from a two-dimensional array."""
        return cls(np.arange(len(content) + 1, dtype=np.int64) * content.shape[1], content.ravel())

    @classmethod
    def single(cls, content: np.ndarray) -> Lists:
        """Lists of one item each."""
        return cls(np.arange(len(content) + 1, dtype=np.int64), content)

    @classmethod
    def empty(cls, n: int, dtype: np.dtype | type) -> Lists:
        """``n`` lists without items."""
        return cls(np.zeros(n + 1, np.int64), np.zeros(0, dtype))


@dataclass
class Table:
    """A collection: the event of each row (sorted) and its columns."""

    n_events: int
    event: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __setitem__(self, name: str, values: np.ndarray) -> None:
        self.columns[name] = values

    @property
    def offsets(self) -> np.ndarray:
        return offsets(self.event, self.n_events)

    @property
    def index(self) -> np.ndarray:
        """Position of each row within its event."""
        return np.arange(len(self)) - self.offsets[self.event]

    def take(self, rows: np.ndarray) -> Table:
        """The given rows (a mask or row numbers), in that order."""
        return Table(self.n_events, self.event[rows], {k: v[rows] for k, v in self.columns.items()})


def merge(parts: Sequence[Table], by: str | None = None) -> tuple[Table, list[np.ndarray]]:
    """One table of all parts, sorted by event and then by falling ``by``; and each part's rows in it."""
    event = np.concatenate([p.event for p in parts])
    names = set.intersection(*(set(p.columns) for p in parts))
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0].columns if name in names}
    order = np.lexsort((-columns[by], event)) if by else np.argsort(event, kind="stable")
    row = np.empty(len(order), np.int64)
    row[order] = np.arange(len(order))
    table = Table(parts[0].n_events, event, columns).take(order)
    return table, np.split(row, np.cumsum([len(p) for p in parts])[:-1])


def cross(a: Table, b: Table) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (row of ``a``, row of ``b``) within an event."""
    counts = np.diff(b.offsets)[a.event]
    rows_a = np.repeat(np.arange(len(a)), counts)
    first = np.repeat(b.offsets[a.event], counts)
    within = np.arange(len(rows_a)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows_a, first + within


def delta_r(a: Table, b: Table, rows_a: np.ndarray, rows_b: np.ndarray) -> np.ndarray:
    """Distance in (eta, phi) of pairs of rows."""
    d_phi = (a["phi"][rows_a] - b["phi"][rows_b] + np.pi) % (2 * np.pi) - np.pi
    return np.hypot(a["eta"][rows_a] - b["eta"][rows_b], d_phi)


def nearest(a: Table, b: Table, radius: float) -> np.ndarray:
    """For each row of ``a`` the nearest row of ``b`` within ``radius``, else -1."""
    rows_a, rows_b = cross(a, b)
    distance = delta_r(a, b, rows_a, rows_b)
    close = distance < radius
    order = np.argsort(-distance[close], kind="stable")
    result = np.full(len(a), -1, np.int64)
    result[rows_a[close][order]] = rows_b[close][order]  # the nearest is assigned last
    return result


def link(container: str, table: Table, rows: np.ndarray, null: np.ndarray = NO_TARGET) -> np.ndarray:
    """Links to ``rows`` of ``table``, stored as ``container``; row -1 becomes a null link."""
    links = np.full(len(rows), null, LINK)
    there = rows >= 0
    links["m_persKey"][there] = key(container)
    links["m_persIndex"][there] = table.index[rows[there]]
    return links


def absent_link(container: str, index: np.ndarray) -> np.ndarray:
    """Links to the given indices of a container that the file does not hold."""
    links = np.empty(len(index), LINK)
    links["m_persKey"] = key(container)
    links["m_persIndex"] = index
    return links


def shorten(values: np.ndarray, bits: int) -> np.ndarray:
    """Round to float32 with ``bits`` bits of mantissa, as the lossy float compression of derivations does."""
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32)
    drop = 23 - bits
    if drop <= 0:
        return raw.view(np.float32)
    half = np.uint32(1 << (drop - 1))
    return ((raw + half) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)
