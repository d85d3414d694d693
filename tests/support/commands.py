"""The command line, in a process of its own or in this one."""

import subprocess
import sys
from importlib import resources

from typer.testing import CliRunner

import physlite
from physlite.cli import app

SAMPLE = str(resources.files(physlite) / "data" / "sample.root")
COMMAND = [sys.executable, "-m", "physlite"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


def call(*arguments):
    """What a command prints, run in this process, which is quicker: for those that succeed."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return result.stdout


def fails(*arguments, **options):
    """Runs what must fail as a UNIX tool does, and returns the message; in this process unless it has another place."""
    if options:
        result = run(*arguments, **options)
        code, out, said = result.returncode, result.stdout, result.stderr
    else:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        code, out, said = result.exit_code, result.stdout, result.stderr
    assert code == 1
    assert out == ""
    lines = said.splitlines()
    assert len(lines) == 1, said
    return lines[0].removeprefix("physlite: ")
