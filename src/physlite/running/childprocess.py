"""What is done in a process that was started for it: the less is imported here, the sooner it begins."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import time
from pathlib import Path

from physlite.exceptions import CodeError
from physlite.running.code import PackedCode, unpack
from physlite.running.parts import FilePart, Outcome, Settings
from physlite.running.processing import process
from physlite.storage.progress import hide

__all__ = ["begin", "work"]

_PAUSE = 1.0  # seconds after which a process looks again whether it is still needed

_code: PackedCode | None = None


def begin(code_file: str, digest: str, parent: int) -> None:
    """Makes a process ready.

    Args:
        code_file: where the analysis is, packed and pickled.
        digest: SHA-256 of it.
        parent: the process that needs this one.
    """
    global _code  # noqa: PLW0603  # one a process
    threading.Thread(target=_leave_after, args=(parent,), name="physlite-parent", daemon=True).start()
    packed = Path(code_file).read_bytes()
    if hashlib.sha256(packed).hexdigest() != digest:  # folders for temporary files are everybody's
        msg = f"{code_file}: not what was written there for this process"
        raise CodeError(msg)
    _code = pickle.loads(packed)  # noqa: S301  # of the process that started this one
    hide()


def _leave_after(parent: int) -> None:
    """Ends this process when its parent is gone: one that was killed has told nobody, and work would go on for nobody.

    Signals of the system tell when a thread of the parent has ended, and pipes stay open in whatever else it started.
    """
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os._exit(1)


def work(part: FilePart, settings: Settings) -> Outcome:
    """What the analysis makes of a part of a file; errors as of `process`."""
    assert _code is not None  # noqa: S101  # processes begin with it
    return process(part, unpack(_code), settings)
