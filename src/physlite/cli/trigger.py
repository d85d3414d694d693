"""`physlite trigger`: the chains or items of the trigger, and how many events passed them."""

from __future__ import annotations

import re
from dataclasses import asdict

from physlite.cli.errors import CommandError
from physlite.cli.output import Head, print_json, print_table
from physlite.cli.wanted import WantedFile
from physlite.exceptions import TriggerNotFoundError
from physlite.model.trigger import Trigger, TriggerSummary

# Names, globs and regular expressions of the levels, which have prefixes.
_ITEM = re.compile(r"\W*L1_", re.IGNORECASE)
_CHAIN = re.compile(r"\W*HLT_", re.IGNORECASE)

# What the same error advises in Python.
_PYTHON = re.compile(r"; \S+ is (an item|a chain) of .*: see .*$")


def run(wanted: WantedFile, pattern: str | None, *, l1: bool, as_json: bool) -> None:
    """Counts the events that passed each chain, or item, that a pattern chooses, or all; the most first."""
    with wanted.open() as file:
        events = file.num_entries
        trigger = file.events().trigger
        _require_names(trigger, pattern, l1=l1)
        found = trigger.summary_l1(pattern) if l1 else trigger.summary(pattern)
    found.sort(key=lambda chain: -chain.passed)
    if as_json:
        print_json(
            {"file": file.name, "events": events, "items" if l1 else "chains": [asdict(chain) for chain in found]}
        )
        return
    heads = (
        Head("L1 item" if l1 else "chain", weight=1),
        Head("prescale", number=True),
        Head("passed", number=True),
        Head("fraction", number=True),
    )
    print_table(heads, [_row(chain, events) for chain in found])


def _require_names(trigger: Trigger, pattern: str | None, *, l1: bool) -> None:
    """Says so where a pattern is one of the other level."""
    _ = trigger.menus  # without one nothing is found at either level
    try:
        (trigger.items if l1 else trigger.names)(pattern)
    except TriggerNotFoundError as error:
        msg = _PYTHON.sub("", str(error))
        msg = msg.replace(
            f"see trigger.{'items' if l1 else 'names'}()", f"`physlite trigger FILE{' --l1' * l1}` lists them"
        )
        if pattern is not None and (_CHAIN if l1 else _ITEM).match(pattern):
            msg += "; HLT chains are listed without --l1" if l1 else "; L1 items are listed with --l1"
        raise CommandError(msg) from None


def _row(chain: TriggerSummary, events: int) -> tuple[str, ...]:
    return (
        chain.name,
        ", ".join("off" if prescale <= 0 else f"{prescale:g}" for prescale in chain.prescales),
        f"{chain.passed:,}",
        f"{chain.passed / events:.1%}" if events else "",
    )
