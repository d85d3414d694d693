"""`physlite trigger`: the chains or items of the trigger, and how many events passed them."""

from __future__ import annotations

from dataclasses import asdict

import physlite
from physlite.cli.output import Head, print_json, print_table
from physlite.model.trigger import TriggerSummary


def run(path: str, pattern: str | None, *, l1: bool, as_json: bool) -> None:
    """Counts the events that passed each chain, or item, that a pattern chooses, or all; the most first."""
    with physlite.open(path) as file:
        events = file.num_entries
        trigger = file.events().trigger
        found = trigger.summary_l1(pattern) if l1 else trigger.summary(pattern)
    found.sort(key=lambda chain: -chain.passed)
    if as_json:
        print_json({"file": path, "events": events, "items" if l1 else "chains": [asdict(chain) for chain in found]})
        return
    heads = (
        Head("L1 item" if l1 else "chain", weight=1),
        Head("prescale", number=True),
        Head("passed", number=True),
        Head("fraction", number=True),
    )
    print_table(heads, [_row(chain, events) for chain in found])


def _row(chain: TriggerSummary, events: int) -> tuple[str, ...]:
    return (
        chain.name,
        ", ".join("off" if prescale <= 0 else f"{prescale:g}" for prescale in chain.prescales),
        f"{chain.passed:,}",
        f"{chain.passed / events:.1%}" if events else "",
    )
