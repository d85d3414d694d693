"""Files that ROOT wrote: kept beside the tests, and written anew where $PHYSLITE_ROOT_PYTHON has PyROOT."""

from __future__ import annotations

import os
import subprocess

import pytest

ROOT_PYTHON = os.environ.get("PHYSLITE_ROOT_PYTHON")

no_root = pytest.mark.skipif(not ROOT_PYTHON, reason="no PyROOT: `make root` installs it in .venv-root")
# The kept files say the same, so that nothing is missing where ROOT is not, or while it takes half a minute.
WRITERS = ["kept", pytest.param("fresh", marks=[pytest.mark.root, pytest.mark.slow, no_root])]


def written_anew(script, folder):
    """The folder, with the files that a script of ROOT writes there."""
    done = subprocess.run(
        [str(ROOT_PYTHON), script, str(folder)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
