"""What a worker does to receive a proxy: it makes a key, takes what is encrypted for it, and puts that in its place."""

from __future__ import annotations

import os
from pathlib import Path

from physlite.exceptions import CredentialError
from physlite.running.sealing import Mailbox
from physlite.storage.privatefiles import private_folder
from physlite.storage.proxies.proxyfiles import PROXY_VARIABLES, load_proxy, name_proxy

__all__ = ["offer_key", "take_proxy", "worker_begins", "worker_ends"]

_MOST = 16  # mailboxes that wait for their message; older ones are given up
_mailboxes: dict[bytes, Mailbox] = {}
# Workers may share a process, and so its environment: behind the last one it is as it was before the first proxy.
_workers: set[str] = set()
_before: dict[str, str | None] = {}


def offer_key() -> bytes:
    """The public key, 32 bytes, of a new mailbox for one message."""
    mailbox = Mailbox()
    while len(_mailboxes) >= _MOST:
        del _mailboxes[next(iter(_mailboxes))]
    _mailboxes[mailbox.public] = mailbox
    return mailbox.public


def take_proxy(key: bytes, message: bytes) -> str:
    """Takes the message for one of the keys that were offered, and uses the proxy in it.

    Returns:
        The path of the proxy's file, of this process alone.

    Raises:
        CredentialError: the key is not known, the message was changed, or the proxy is not valid by the clock here.
    """
    mailbox = _mailboxes.pop(key, None)
    if mailbox is None:
        msg = f"worker process {os.getpid()} has no key for the proxy that it was sent: ship the proxy again"
        raise CredentialError(msg)
    proxy = load_proxy(mailbox.unseal(message))
    for name in PROXY_VARIABLES:
        _before.setdefault(name, os.environ.get(name))
    return str(name_proxy(proxy.write(_path())))


def worker_begins(name: str) -> None:
    """Notes a worker of this process."""
    _workers.add(name)


def worker_ends(name: str) -> None:
    """Removes the proxy, and its name from the environment, when this was the last worker of the process."""
    _workers.discard(name)
    if _workers:
        return
    _path().unlink(missing_ok=True)
    for variable, value in _before.items():
        if os.environ.get(variable) == str(_path()):
            del os.environ[variable]
            if value is not None:
                os.environ[variable] = value
    _before.clear()


def _path() -> Path:
    return private_folder() / f"x509up-{os.getpid()}"
