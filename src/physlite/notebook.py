"""Whether this is a notebook."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["notebook_shell"]


def notebook_shell() -> Any:
    """The shell of IPython where this process is the kernel of a notebook, else None. Imports nothing.

    That there is `ipykernel` does not tell: other packages import it.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None
