"""The command line: parses, calls, prints."""

from __future__ import annotations

from physlite.cli.app import app, main

__all__ = ["app", "main"]
