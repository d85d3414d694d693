"""What commands print on a terminal."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys

import pytest

# What else tells programs what their terminal is like; xdist sets some of it.
OF_TERMINALS = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE")


class Terminal(io.StringIO):
    """Keeps what is printed; `ended` makes it one whose other end is closed."""

    ended = False

    def isatty(self):
        return True

    def write(self, text):
        if self.ended:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def lines(self):
        """What was in its lines, one moment after the other, without colors."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line.rstrip() for line in re.split(r"[\r\n]+", text)]


def output_in_terminal(*arguments, columns=80, environment=()):
    """What the command line prints on a terminal of that width, colors and all."""
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    ours_alone = {name: value for name, value in os.environ.items() if name not in OF_TERMINALS}
    environment = ours_alone | {"TERM": "xterm-256color"} | dict(environment)
    command = [sys.executable, "-m", "physlite", *arguments]
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        output = b""
        while chunk := _read(ours):
            output += chunk
    os.close(ours)
    assert process.returncode == 0
    return output.decode().replace("\r\n", "\n")


def in_terminal(columns, *arguments):
    """The lines that the command line prints on a terminal of that width, without colors."""
    output = output_in_terminal(*arguments, columns=columns, environment={"NO_COLOR": "1"})
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in output.splitlines()]


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux's way to say that the other end is closed
        return b""
