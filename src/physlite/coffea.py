"""Events for coffea: `PHYSLITESchema` for its `NanoEventsFactory` and `Runner`; needs `pip install 'physlite[coffea]'`.

With this module imported, objects of events answer to the names that coffea has for what they can do.
"""

from __future__ import annotations

try:
    import coffea  # noqa: F401  # says what is missing
except ImportError as error:
    if error.name != "coffea":
        raise
    msg = "physlite.coffea is for coffea: pip install 'physlite[coffea]'"
    raise ImportError(msg, name=error.name) from None

from physlite.interop.coffea.entrance import patch_nanoevents
from physlite.interop.coffea.schema import PHYSLITESchema

__all__ = ["PHYSLITESchema", "patch_nanoevents"]
