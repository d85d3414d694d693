"""Whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from work import Child, Work

__all__ = ["run"]

_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def run(command: list[str]) -> Work:
    """A command, started and waited for; what it prints is compared."""
    return Work(lambda _: _run(command), compared=lambda child: {"output": child.output})


def _run(command: list[str]) -> Child:
    # Away from the checkout, so that what is installed is imported.
    with subprocess.Popen(command, cwd=Path.home(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Child(output, usage.ru_maxrss * _UNIT)
