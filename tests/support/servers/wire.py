"""A connection that somebody listens to: forwards TCP to a server, and keeps what passes."""

import socket
import threading
from contextlib import contextmanager, suppress


@contextmanager
def tapped(port):
    """A port that leads to another of this machine while the block runs, and a list of the pieces that passed."""
    pieces = []
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, port, pieces), daemon=True).start()
    try:
        yield listener.getsockname()[1], pieces
    finally:
        # Closing alone does not wake who waits for a connection.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener, port, pieces):
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_forward, args=(source, target, pieces), daemon=True).start()


def _forward(source, target, pieces):
    with suppress(OSError):
        while piece := source.recv(65536):
            pieces.append(piece)
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()
