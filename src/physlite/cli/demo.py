"""`physlite demo`: Z bosons."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer

from physlite.analysis import dilepton
from physlite.cli.errors import CommandError
from physlite.cli.output import Head, print_json, print_table, print_title
from physlite.cli.wanted import WantedFile
from physlite.model.file import File
from physlite.storage.redaction import short_name

# What tells a file with leptons of an identification that is known here from others.
_NEEDED = (("Electrons", "DFCommonElectronsLHMedium"), ("Muons", "quality"))


def run(wanted: WantedFile, out: Path, *, is_toy: bool, as_json: bool) -> None:
    """Selects, draws, and prints the cutflow."""
    start = time.perf_counter()
    with wanted.open() as file:
        _require_leptons(file)
        channels = dilepton.analyse(file.events())
        events = file.num_entries
        label = "toy simulation" if is_toy else short_name(file.name)
    seconds = time.perf_counter() - start
    if not as_json:
        _print(channels, events, seconds)
    # Without the packages for pictures all else is there.
    from physlite.cli.plots import draw_masses

    picture = out / "dilepton_mass.png"
    out.mkdir(parents=True, exist_ok=True)
    draw_masses(dilepton.histogram(channels), picture, label=label)
    if as_json:
        print_json(_as_json(channels, events, seconds, picture))
    else:
        typer.echo(f"Picture: {picture}")


def _require_leptons(file: File) -> None:
    for collection, field in _NEEDED:
        known = file.collections.get(collection)
        if known is None or field not in known.fields:
            msg = f"{file.name}: it has no {collection}.{field}, by which the demo selects its pairs"
            raise CommandError(msg)


def _as_json(channels: list[dilepton.Channel], events: int, seconds: float, picture: Path) -> dict[str, Any]:
    return {
        "events": events,
        "seconds": seconds,
        "events_per_second": events / seconds,
        "channels": [
            {"name": c.name, "cutflow": [{"step": step, "events": n} for step, n in c.cutflow.items()]}
            for c in channels
        ],
        "pictures": [str(picture)],
    }


def _print(channels: list[dilepton.Channel], events: int, seconds: float) -> None:
    heads = [Head("events with"), *(Head(c.name, number=True) for c in channels)]
    steps = zip(*(c.cutflow.items() for c in channels), strict=True)
    rows = [(step[0][0], *(f"{number:,}" for _, number in step)) for step in steps]
    print_title("Pairs of electrons and of muons")
    print_table(heads, rows)
    typer.echo(f"\n{events:,} events in {seconds:.2f} s: {events / seconds:,.0f} events/s")
