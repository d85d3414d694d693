"""Numbers in YAML as physicists write them."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["reads_numbers"]

# As in YAML 1.2: `1e-5` and `2.7e4` are texts in YAML 1.1, which PyYAML reads.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")


def reads_numbers(loader: Any) -> Any:
    """The class of a loader of PyYAML that takes these for numbers too."""
    kind: Any = type("_Loader", (loader,), {})
    kind.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
    return kind
