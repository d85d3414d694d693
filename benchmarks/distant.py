"""A web server that is far away: `python distant.py FILE` prints its port and serves the file until it is stopped."""

from __future__ import annotations

import asyncio
import atexit
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.servers.faults import FaultServer  # type: ignore[import-not-found]  # of the tests

__all__ = ["BYTES_PER_SECOND", "DELAY", "serve"]

DELAY = 0.05  # seconds before each answer
BYTES_PER_SECOND = 25e6  # of all connections together: 200 Mbit/s


def serve(path: str) -> int:
    """The port of a server for a file, which ends with this process."""
    process = subprocess.Popen([sys.executable, __file__, path], stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    assert process.stdout is not None
    return int(process.stdout.readline())


async def _serve(content: bytes) -> None:
    server = FaultServer(content, delay=DELAY, bytes_per_second=BYTES_PER_SECOND)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=256)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]).read_bytes()))
