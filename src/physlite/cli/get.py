"""`physlite get`: a remote file to a local one."""

from __future__ import annotations

import time

import typer

from physlite.cli.errors import CommandError
from physlite.cli.output import print_json
from physlite.storage.download import download
from physlite.storage.opening import open_bare, take_everything
from physlite.text import human_bytes

__all__ = ["run"]


def run(url: str, to: str, *, as_json: bool) -> None:
    """Downloads, and says where to, how much and how fast."""
    begin = time.perf_counter()
    source = open_bare(url)
    if not source.remote:
        msg = f"{source.name}: it is here already: get is for files that are elsewhere"
        raise CommandError(msg)
    take_everything(source)
    try:
        done = download(source, to)
    finally:
        source.close()
    seconds = time.perf_counter() - begin
    adler32 = f"{done.adler32:08x}"
    if as_json:
        print_json({"file": str(done.path), "bytes": done.bytes, "adler32": adler32, "seconds": seconds})
    else:
        rate = human_bytes(round(done.bytes / seconds))
        typer.echo(f"{done.path}: {human_bytes(done.bytes)} in {seconds:.1f} s ({rate}/s), adler32 {adler32}")
