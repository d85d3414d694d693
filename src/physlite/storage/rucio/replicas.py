"""Copies of a file: which can be read, in which order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from physlite.storage.redaction import redacted

__all__ = ["SCHEMES", "Replica", "listed", "sorted_replicas"]

# Protocols, best first. A disk that is mounted costs nothing to try. HTTP is what storage serves with most connections
# at once; `davs` is HTTPS by the name that gfal gives it, `xroot` the older name of `root`.
SCHEMES = ("file", "https", "davs", "root", "roots", "xroot", "gs", "s3", "http")
_SAME = {"davs": "https", "xroot": "root"}

# What Rucio appends for gfal where the RSE attribute simulate_multirange is set; it is part of no URL
# (_build_list_replicas_pfn in rucio/core/replica.py).
_FOR_GFAL = re.compile(r"&#multirange=false&nconnections=\d+$")

# Parameters that only a signed URL has, and who signs so.
_SIGNED_BY = {
    "GoogleAccessId": "gcs",
    "X-Goog-Signature": "gcs",
    "AWSAccessKeyId": "s3",
    "X-Amz-Signature": "s3",
    "temp_url_sig": "swift",
}


class Replica(NamedTuple):
    """A copy of a file at one storage element (RSE), by one protocol.

    Attributes:
        rse: name of the storage element.
        url: where it is, without a signature.
        service: who signs URLs of it, `gcs`, `s3` or `swift`; empty where they need no signature.
        problem: why it is not read; empty when it can be.
    """

    rse: str
    url: str
    service: str = ""
    problem: str = ""

    @property
    def scheme(self) -> str:
        """The protocol."""
        return self.url.partition(":")[0]

    def __repr__(self) -> str:
        parts = [self.rse, redacted(self.url)]
        if self.service:
            parts.append(f"signed by {self.service}")
        if self.problem:
            parts.append(self.problem)
        return f"Replica({', '.join(parts)})"


class _Candidate(NamedTuple):
    """A replica with what it is sorted by."""

    replica: Replica
    priority: int


def listed(
    row: Mapping[str, Any], blocked: Collection[str], special: Collection[str], preferred: Sequence[Collection[str]]
) -> list[Replica]:
    """The replicas in an answer of `list_replicas`, best first, then those that are not read.

    Args:
        row: the file's part of the answer, with all states and all RSEs.
        blocked: RSEs that are not available for reading.
        special: RSEs that hand files out only after they were staged.
        preferred: RSEs that come first, before those of the next element.
    """
    found = []
    for url, entry in row["pfns"].items():
        problem = _problem(entry, row.get("states", {}).get(entry["rse"], "AVAILABLE"), blocked, special)
        plain, service = _unsigned(url)
        found.append(_Candidate(Replica(entry["rse"], plain, service, problem), entry["priority"]))
    reachable = {candidate.replica.rse for candidate in found}
    elsewhere = [
        Replica(rse, "", problem=f"none of its protocols can be read here ({', '.join(SCHEMES)})")
        for rse in sorted(row.get("states", {}))
        if rse not in reachable
    ]
    return [*sorted_replicas(found, preferred), *elsewhere]


def sorted_replicas(candidates: Iterable[tuple[Replica, int]], preferred: Sequence[Collection[str]]) -> list[Replica]:
    """Those that can be read first; by preferred RSEs, then by protocol, then by the server's priority."""

    def key(candidate: tuple[Replica, int]) -> tuple[bool, int, int, int, str]:
        replica, priority = candidate
        place = next((i for i, rses in enumerate(preferred) if replica.rse in rses), len(preferred))
        return bool(replica.problem), place, SCHEMES.index(replica.scheme), priority, replica.url

    return [replica for replica, _ in sorted(candidates, key=key)]


def _problem(entry: Mapping[str, Any], state: str, blocked: Collection[str], special: Collection[str]) -> str:
    if state != "AVAILABLE":
        return f"this copy is {state.lower().replace('_', ' ')}"
    if entry["rse"] in blocked:
        return "not available for reading"
    if entry["type"] == "TAPE":
        return "on tape"
    if entry["rse"] in special:
        return "only after staging"
    if entry["volatile"]:
        return "a cache, which may have dropped it"
    return ""


def _unsigned(url: str) -> tuple[str, str]:
    """The URL as it is read, without its signature, and who signed it."""
    scheme, separator, rest = _FOR_GFAL.sub("", url).partition("://")
    rest, mark, query = rest.partition("?")
    service = next((_SIGNED_BY[name] for name, _ in parse_qsl(query) if name in _SIGNED_BY), "")
    return _SAME.get(scheme, scheme) + separator + rest + ("" if service else mark + query), service
