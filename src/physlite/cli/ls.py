"""`physlite ls`: what is behind a name in Rucio."""

from __future__ import annotations

from typing import Any

import typer

from physlite.cli.errors import CommandError
from physlite.cli.output import Head, print_json, print_table, print_title
from physlite.text import human_bytes

try:
    from physlite.storage.rucio import Replica, Rucio, RucioFiles
except ImportError as error:
    raise CommandError(str(error)) from error

__all__ = ["run"]

_FILE_HEADS = (
    Head("file", weight=2),
    Head("size", number=True),
    Head("events", number=True),
    Head("adler32"),
    Head("guid", weight=1, optional=True),
)
_REPLICA_HEADS = (
    Head("site"),
    Head("URL", weight=2),
    Head("signed by", optional=True),
    Head("not read because", weight=1),
)


def run(name: str, *, replicas: bool, as_json: bool) -> None:
    """Lists the files of a name, or the replicas of a file."""
    rucio = Rucio()
    if replicas:
        _replicas(rucio.replicas(name, unusable=True), as_json=as_json)
    else:
        _files(rucio.files(name), as_json=as_json)


def _files(files: RucioFiles, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {"did": str(files.did), "bytes": files.total_bytes, "events": files.total_events}
        print_json(told | {"files": [file._asdict() for file in files]})
        return
    rows = [
        (
            str(f.did),
            _or_nothing(f.bytes, human_bytes),
            _or_nothing(f.events, "{:,}".format),
            f.adler32 or "",
            f.guid or "",
        )
        for f in files
    ]
    print_table(_FILE_HEADS, rows)
    typer.echo()
    print_title(files.title)


def _or_nothing(number: int | None, shown: Any) -> str:
    return "" if number is None else shown(number)


def _replicas(replicas: list[Replica], *, as_json: bool) -> None:
    if as_json:
        print_json({"replicas": [replica._asdict() for replica in replicas]})
    else:
        print_table(_REPLICA_HEADS, [(r.rse, r.url, r.service, r.problem) for r in replicas])
