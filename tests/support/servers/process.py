"""Programs that serve: found, started, waited for, stopped."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PATIENCE = 60  # seconds until a server that does not answer is given up


def program(name, remedy="make servers"):
    """The path of a program; skips the test where it is not installed."""
    beside = Path(sys.executable).parent  # some come from the package index
    found = shutil.which(name) or shutil.which(name, path=f"{beside}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: `{remedy}` installs it")
    return found


def free_port():
    """A port that nobody listens on; somebody else may take it before it is used, so servers are tried again."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    """Whether somebody accepts connections on a port of this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def running(command, log, *, ready, env=None, cwd=None, kill=False):
    """A server process while the block runs.

    Args:
        command: program and arguments.
        log: path that its output goes to; the end of it is in the error of a server that does not start.
        ready: function that says whether it serves by now; called until it does.
        env: its environment, by default that of the tests.
        cwd: its working directory.
        kill: whether it ends without having the time to say goodbye.
    """
    with open(log, "wb") as out:  # noqa: PTH123  # log may be a string
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd)
        try:
            _wait(process, ready, log)
            yield process
        finally:
            process.kill() if kill else process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(condition, seconds=10):
    """Waits for what happens in the background; fails when it does not."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not so after {seconds} s"
        time.sleep(0.02)


def _wait(process, ready, log):
    until = time.monotonic() + _PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            with open(log, "rb") as file:  # noqa: PTH123  # as above
                said = file.read()[-3000:].decode(errors="replace")
            state = "ended" if process.poll() is not None else f"does not answer after {_PATIENCE} s"
            raise RuntimeError(f"{process.args[0]} {state}:\n{said}")
        time.sleep(0.05)
