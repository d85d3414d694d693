"""What a file says of itself, as a text for those who read it without physlite."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any

from physlite.exceptions import PhysliteError
from physlite.model.facts import Facts
from physlite.model.metadata import Metadata

__all__ = ["facts_text"]


def facts_text(metadata: Metadata, num_entries: int) -> str:
    """What is known of the events and their sums of weights, as JSON.

    Args:
        metadata: of the files that were converted.
        num_entries: how many of their events were written.
    """
    facts: dict[str, Any] = {field.name: getattr(metadata, field.name) for field in fields(Facts)}
    facts |= {"files": metadata.files, "num_events": num_entries, "num_events_read": metadata.num_events}
    facts["originals"] = sorted(metadata.originals)
    with suppress(PhysliteError):  # of data, and of files without bookkeepers, there are no sums
        facts["sum_of_weights"] = asdict(metadata.sum_of())
        facts["sums_of_weights"] = {str(variation): asdict(found) for variation, found in metadata.sums.items()}
    return json.dumps(facts, separators=(",", ":"))
