"""Warnings that point to the line of the user's that they are about."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn"]

# What stands between that line and the place that notices: this package, and the libraries that call it back.
_INSIDE = ("physlite", "awkward", "vector", "numpy", "functools", "contextlib")


def warn(message: str, category: type[Warning]) -> None:
    """Warns with the place of the caller outside of these packages."""
    depth = 1
    frame = sys._getframe(1)  # noqa: SLF001  # the only way to the callers; `warnings` has it from Python 3.12 on
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame = frame.f_back
        depth += 1
    warnings.warn(message, category, stacklevel=depth + 1)
