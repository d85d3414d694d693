"""Files of results, which may have taken days: a full disk must not lose them."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from physlite.cli.errors import CommandError
from physlite.running.journal import default_journal
from physlite.storage.privatefiles import write_private

__all__ = ["write_result"]


def write_result(path: Path, content: bytes) -> None:
    """Writes a file, which is there whole, or as it was before.

    Raises:
        CommandError: it cannot be written. The message says where the result is instead.
    """
    try:
        _write(path, content)
    except OSError as error:
        kept = _kept(content)
        where = f"the result is in {kept} instead" if kept else "nor anywhere else"
        msg = f"{path}: it cannot be written ({error.strerror}), {where}"
        raise CommandError(msg) from None


def _write(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # a pipe, which nothing else may take the place of
        path.write_bytes(content)
        return
    path = path.resolve()
    new = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _kept(content: bytes) -> str:
    """Where else there was room for it; nothing where there was none."""
    for folder in (tempfile.gettempdir(), default_journal("").parent):
        with suppress(OSError):
            return str(write_private(Path(folder) / f"physlite-{os.getpid()}.pkl", content))
    return ""
