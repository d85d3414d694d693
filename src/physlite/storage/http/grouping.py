"""Requests of several ranges: as few as there are connections, each with a header that servers take."""

from __future__ import annotations

from collections.abc import Sequence

from physlite.storage.http.pieces import Piece

__all__ = ["MOST_RANGES", "grouped"]

# Servers take header lines of 8 kB (nginx, Apache) or 4 kB; one range is at most 2 × 18 digits, a dash and a comma.
_MOST_OF_A_HEADER = 4000
_A_RANGE = 38
MOST_RANGES = _MOST_OF_A_HEADER // _A_RANGE


def grouped(pieces: Sequence[Piece], requests: int) -> list[list[Piece]]:
    """Pieces in as many groups as there are requests, or more where a header would be too long; about equal in bytes.

    Args:
        pieces: at least one, in the order of the file.
        requests: how many groups are wanted, at least one.
    """
    share = sum(len(piece.view) for piece in pieces) / requests
    groups: list[list[Piece]] = [[]]
    full = 0.0
    for piece in pieces:
        if groups[-1] and (full >= share * len(groups) or len(groups[-1]) == MOST_RANGES):
            groups.append([])
        groups[-1].append(piece)
        full += len(piece.view)
    return groups
