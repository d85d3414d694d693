"""Whole processes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["run"]


def run(command: list[str]) -> Callable[[], Any]:
    """A command, started and waited for; away from the checkout, so that what is installed is imported."""
    return lambda: subprocess.run(command, check=True, cwd=Path.home(), stdout=subprocess.DEVNULL)
