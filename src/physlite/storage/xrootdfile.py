"""One open file of XRootD's client library, and what that library's errors mean."""

from __future__ import annotations

import errno
import functools
import importlib
import math
import re
from concurrent.futures import Future
from typing import Any, NamedTuple, NoReturn, TypeVar

from physlite.exceptions import CredentialError, TransferError
from physlite.storage.patience import Again
from physlite.storage.redaction import said
from physlite.storage.settings import TransferSettings
from physlite.storage.workers import Workers

__all__ = ["Limits", "OpenFile"]

T = TypeVar("T")

# As the library is set up, it tries for ten minutes to reach a server that refuses connections, and after that not at
# all for half an hour; and it looks every 15 s which requests take too long. Trying again is our business. These are
# settings of the process, those of the environment's XRD_CONNECTIONRETRY and so on (man xrdcp).
_CLIENT = {"ConnectionRetry": 1, "ConnectionWindow": 15, "StreamErrorWindow": 0, "TimeoutResolution": 1}
# Seconds more than a request may take, after which it is not waited for: the above if the environment says otherwise.
_SLACK = 20.0
_CLOSING = 10  # seconds to wait for the answer to a farewell
_SHORT = 3  # characters

# Codes of servers as in XProtocol/XProtocol.hh, and of the client itself as in XrdCl/XrdClStatus.hh.
_NOT_FOUND = 3011
_DENIED = (3010, 3030)
_FINAL = {
    3013: "",  # not supported
    3015: "it is not a file",
    3016: "it is a directory",
    3028: "use roots:// instead of root://",
}
_CLIENT_DENIED = 204
_CLIENT_FINAL = {
    9: "check the address",  # invalid arguments
    110: "check the certificates of authorities, in the folder that X509_CERT_DIR names",  # no secure connection
    306: "",  # too many redirects
}
_ANSWERED = 400
_INVALID_ADDRESS, _UNREACHABLE, _EXPIRED = 101, 108, 206


class Limits(NamedTuple):
    """Of a vector read: how many ranges, and bytes of each; by default those that XRootD's servers have."""

    ranges: int = 1024
    bytes: int = 2_097_136  # 2 MiB - 16


class OpenFile:
    """A file as one process has it open; its methods may be called from several threads.

    Requests are made in threads of their own, and not with callbacks: the library ends its threads before a fork, which
    never comes about when one of them waits for Python's lock that the forking thread holds.

    All methods raise `Again` for what may go right with the file opened anew, and else FileNotFoundError,
    CredentialError or TransferError.

    Args:
        url: to the letter.
        name: the URL as it may be shown.
        settings: how the server is asked.

    Attributes:
        size: bytes in the file.
        modified: when it was written, in seconds since 1970.
        server: which one has it; others may have replicas, written at other times.
    """

    def __init__(self, url: str, name: str, settings: TransferSettings) -> None:
        self._client = _library()
        self._name = name
        self._host = name.partition("://")[2].partition("/")[0]
        self._secrets = _values_of_query(url)
        self._timeout = math.ceil(settings.answer)
        self._workers = Workers(settings.requests, "physlite-xrootd")
        self._file = self._client.File()
        # Where a connection breaks off, the library would open the file again and go on with whatever is there then.
        self._file.set_property("ReadRecovery", "false")
        try:
            self.wait(self.submit(self._open, url))
            self.size, self.modified = self.wait(self.submit(self._stat, False))
            self.server: str = self._file.get_property("DataServer")
        except BaseException:
            self.close(wait=False)
            raise

    def _open(self, url: str) -> None:
        flags = self._client.flags.OpenFlags.READ
        status, _ = self._file.open(url, flags, 0, self._timeout)
        self._check(status)

    def submit(self, call: Any, *arguments: Any) -> Future[Any]:
        """Starts a call in one of the threads."""
        try:
            return self._workers.submit(call, *arguments)
        except RuntimeError:  # it was closed by another thread
            raise Again(_NO_FILE) from None

    def wait(self, future: Future[T]) -> T:
        """What a call returns that was submitted."""
        try:
            return future.result(self._timeout + _SLACK)
        except TimeoutError:
            msg = f"no answer in {self._timeout} s"
            raise Again(msg) from None

    def limits(self) -> Limits:
        """What the server that has the file can do in a vector read; asked once a server."""
        return _limits_of(self.server, self._timeout)

    def look(self) -> None:
        """Asks for size and time of the last change as they are by now."""
        self.size, self.modified = self._stat(True)

    def _stat(self, again: bool) -> tuple[int, int]:
        try:
            status, found = self._file.stat(again, self._timeout)
        except ValueError:
            raise Again(_NO_FILE) from None
        self._check(status)
        return int(found.size), int(found.modtime)

    def read(self, start: int, size: int) -> bytes:
        """Bytes of the file, at least one."""
        try:
            status, data = self._file.read(start, size, self._timeout)
        except ValueError:
            raise Again(_NO_FILE) from None
        self._check(status)
        if len(data) != size:
            msg = f"the server sent {len(data)} bytes for {size}"
            raise Again(msg)
        return bytes(data)

    def vector_read(self, ranges: list[tuple[int, int]]) -> list[bytes]:
        """Bytes of several ranges, offset and size, which are within the limits."""
        try:
            status, found = self._file.vector_read(ranges, self._timeout)
        except ValueError:
            raise Again(_NO_FILE) from None
        self._check(status)
        chunks = found.chunks if found else []
        if [(chunk.offset, len(chunk.buffer)) for chunk in chunks] != ranges:
            msg = f"the server sent other ranges than the {len(ranges)} that were asked for"
            raise Again(msg)
        return [chunk.buffer for chunk in chunks]

    def close(self, *, wait: bool = True) -> None:
        """Closes the file, in the background or until it is. May be called by a finalizer."""
        self._workers.end(functools.partial(_close, self._file))
        if wait:
            self._workers.join()

    def _check(self, status: Any) -> None:
        if status.ok:
            return
        if status.code == _ANSWERED:
            self._refuse(status)
        reason = self._said(status)
        if status.code == _CLIENT_DENIED:
            self._deny(reason)
        if status.code in _CLIENT_FINAL:
            self._end(reason, _CLIENT_FINAL[status.code])
        if status.code == _EXPIRED:
            reason = f"no answer in {self._timeout} s"
        if status.code == _INVALID_ADDRESS:
            reason = f"there is no host {self._host}"
        if status.code == _UNREACHABLE:
            reason = f"no connection to {self._host}"
        raise Again(reason)

    def _refuse(self, status: Any) -> None:
        """Makes an error of what a server answers."""
        reason = f"the server answers {self._said(status)}"
        if status.errno == _NOT_FOUND:
            raise FileNotFoundError(errno.ENOENT, f"{reason}: it has no such file", self._name)
        if status.errno in _DENIED:
            self._deny(reason)
        if status.errno in _FINAL:
            self._end(reason, _FINAL[status.errno])
        raise Again(reason)

    def _deny(self, reason: str) -> NoReturn:
        remedy = "check the proxy (X509_USER_PROXY), or the token (BEARER_TOKEN, or authz in the URL)"
        msg = f"{self._name}: no access: {reason}; {remedy}"
        raise CredentialError(msg)

    def _end(self, reason: str, remedy: str) -> NoReturn:
        msg = f"{self._name}: {reason}" + (f"; {remedy}" if remedy else "")
        raise TransferError(msg)

    def _said(self, status: Any) -> str:
        """What is wrong as the library puts it."""
        text = status.message.replace("Server responded with an error:", "")
        return said(re.sub(r"^\s*\[\w+\]", "", text), self._secrets) or "nothing"


_NO_FILE = "the file was closed"


@functools.cache
def _library() -> Any:
    """The client library.

    Raises:
        ImportError: it is not installed.
    """
    try:
        client: Any = importlib.import_module("XRootD.client")  # its types say little, and some are wrong
        importlib.import_module("XRootD.client.flags")
    except ImportError as error:
        msg = f"root:// needs the package xrootd ({error}): pip install 'physlite[grid]'"
        raise ImportError(msg) from None
    for setting, value in _CLIENT.items():
        if client.EnvGetInt(setting) == int(client.EnvGetDefault(setting)):  # nobody has chosen another
            client.EnvPutInt(setting, value)
    return client


def _close(file: Any) -> None:
    if file.is_open():
        file.close(_CLOSING)


_limits: dict[str, Limits] = {}  # of servers, for as long as the process lives


def _limits_of(server: str, timeout: int) -> Limits:
    if server in _limits:
        return _limits[server]
    client = _library()
    code = client.flags.QueryCode.CONFIG
    status, answer = client.FileSystem(f"root://{server}").query(code, "readv_iov_max readv_ior_max", timeout)
    if not status.ok:
        return Limits()
    # A value for each name, one a line; the name itself where it is not known.
    values = [int(line) if re.fullmatch(rb"\s*[1-9]\d{0,9}\s*", line) else 0 for line in answer.split(b"\n")[:2]]
    found = Limits(*(value or default for value, default in zip([*values, 0, 0], Limits(), strict=False)))
    return _limits.setdefault(server, found)


def _values_of_query(url: str) -> list[str]:
    """What stands in the query of a URL; what is shorter than a secret may be a part of any word."""
    values = (part.partition("=")[2] for part in re.split(r"[?&]", url)[1:])
    return [value for value in values if len(value) > _SHORT]
