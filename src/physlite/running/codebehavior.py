"""What classes of Awkward Arrays can do, as far as that is registered for all of them.

`vector.register_awkward()`, or `ak.behavior["Candidate"] = …`, at the begin of a script is part of an analysis that
does not refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import awkward as ak

from physlite.model.behaviors import known_everywhere
from physlite.running.codeowner import home, is_own
from physlite.running.codepieces import Absent

__all__ = ["own_behavior", "register", "registered"]


def registered(is_sound: Callable[[Any], bool]) -> dict[Any, Any]:
    """What is registered here and not everywhere, as far as it can be sent."""
    here = {key: value for key, value in ak.behavior.items() if not known_everywhere(key, value)}
    return {key: value for key, value in here.items() if is_sound((key, value))}


def own_behavior() -> dict[Any, Any]:
    """What is registered here and the user's own."""
    modules = {key: home(value) for key, value in ak.behavior.items()}
    return {key: ak.behavior[key] for key, module in modules.items() if module is not None and is_own(module)}


def register(behavior: Mapping[Any, Any]) -> None:
    """Registers what has arrived, as far as it is installed here. What is known everywhere is registered already."""
    ak.behavior.update({key: value for key, value in behavior.items() if not isinstance(value, Absent)})
