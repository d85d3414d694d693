"""Calls of the Rucio client that end: in time, with an error of ours where they fail, and without a secret in it."""

from __future__ import annotations

import hashlib
import logging
import queue
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from physlite.exceptions import CredentialError, DatasetNotFoundError, PhysliteError, TransferError
from physlite.storage.redaction import redacted
from physlite.storage.rucio.settings import Settings, credentials

__all__ = ["Connection"]

T = TypeVar("T")

# Classes of rucio.common.exception, by what they are about.
_NOT_FOUND = frozenset({"DataIdentifierNotFound", "ReplicaNotFound", "ScopeNotFound"})
_FORBIDDEN = frozenset({"AccessDenied", "RSEAccessDenied", "ScopeAccessDenied"})
_NOT_KNOWN = frozenset(
    {"AccountNotFound", "CannotAuthenticate", "CannotAuthorize", "IdentityError", "NoAuthInformation"}
)
_WRONG_REQUEST = frozenset({"InvalidObject", "InvalidRSEExpression", "RSENotFound", "UnsupportedOperation"})

# What reading an answer raises that is not one of Rucio.
_UNLIKE_RUCIO = KeyError | TypeError | ValueError
_FAILURES = OSError | _UNLIKE_RUCIO

# The client logs passwords and tokens when it debugs, and what it fails with is in the error. Outside of the hierarchy
# of loggers nobody can switch it on.
_SILENT = logging.Logger("physlite.rucio", logging.CRITICAL + 1)  # noqa: LOG001  # as said


class Connection:
    """Clients of one server for one account, made as they are needed: each is used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._idle: list[Any] = []

    def call(self, subject: str, function: Callable[[Any], T]) -> T:
        """What `function` returns for a client.

        It runs in a thread of its own, since the client has a limit for each wait but none for the whole, and since
        looking up a host cannot be limited at all.

        Args:
            subject: what is asked about, a DID or an RSE, for the message of an error.
            function: gets a `rucio.client.Client`, and returns what is complete: no generator.

        Raises:
            DatasetNotFoundError: the catalogue does not have it.
            CredentialError: the account may not ask, or cannot be authenticated.
            TransferError: no answer in time, or one that cannot be used.
            ValueError: the server does not understand the question.
        """
        results: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

        def run() -> None:
            try:
                client = self._client()
                result = function(client)
                self._idle.append(client)
                results.put(result)
            except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
                results.put(error)

        threading.Thread(target=run, name="rucio", daemon=True).start()
        try:
            result = results.get(timeout=self.settings.timeout)
        except queue.Empty:
            msg = (
                f"{subject}: {self.settings.host} did not answer in {self.settings.timeout:g} s: "
                "try again later, or give Rucio(timeout=…) more"
            )
            raise TransferError(msg) from None
        if isinstance(result, BaseException):
            raise _translated(result, subject, self.settings) from None
        return result

    def _client(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return _connect(self.settings)


def _connect(settings: Settings) -> Any:
    client_class = _client_class()
    name = sys.argv[0]
    try:
        return client_class(settings)
    finally:
        sys.argv[0] = name  # which the client cuts down to its last part


@cache
def _client_class() -> Any:
    """Rucio's client, without what is not wanted here."""
    from rucio.client import Client

    import physlite

    class QuietClient(Client):
        """Shows nothing, asks nobody, and tells the server nothing of the command line."""

        # The client would send the program's name and its first argument.
        script_id = property(lambda _: "physlite", lambda _, __: None)

        def __init__(self, settings: Settings) -> None:
            # The client keeps tokens in files that are named by account: one that has an account on two servers would
            # send the token of the first to the second. Tokens of OIDC stay where `rucio whoami` puts them.
            if settings.auth_type != "oidc":
                whose = "\n".join((settings.auth_host, settings.auth_type, settings.username or ""))
                self.TOKEN_PATH_PREFIX += hashlib.sha256(whose.encode()).hexdigest()[:16] + "_"
            super().__init__(
                rucio_host=settings.host,
                auth_host=settings.auth_host,
                account=settings.account,
                ca_cert=settings.ca_cert,
                auth_type=settings.auth_type,
                creds=credentials(settings),
                timeout=settings.timeout,
                user_agent=f"physlite/{physlite.__version__}",
                vo=settings.vo,
                logger=_SILENT,
            )

        def _BaseClient__get_token_oidc(self) -> bool:  # noqa: N802  # a private method of BaseClient
            """Where the client would wait at the keyboard for somebody to log in with a browser."""
            from rucio.common.exception import CannotAuthenticate

            raise CannotAuthenticate("no token: set BEARER_TOKEN or BEARER_TOKEN_FILE, or log in with `rucio whoami`")  # noqa: EM101, TRY003  # shown as a part of our message

    return QuietClient


def _translated(error: BaseException, subject: str, settings: Settings) -> BaseException:
    """The error as one of ours; what is ours already, or nobody's business, stays."""
    from rucio.common.exception import RucioException

    host, kind, details = settings.host, type(error).__name__, _details(error)
    if isinstance(error, PhysliteError) or not isinstance(error, _FAILURES | RucioException):
        return error
    if kind in _NOT_FOUND:
        return DatasetNotFoundError(f"{subject}: not in the catalogue of {host}: check its scope and its name")
    if kind in _FORBIDDEN:
        return CredentialError(
            f"{subject}: the account {settings.account} may not do this at {host} ({details}): use another account, "
            "or ask for the permission"
        )
    if kind in _NOT_KNOWN:
        return CredentialError(
            f"{subject}: {host} does not accept {settings.auth_type} of {_identity(settings)} ({details}): "
            "check the account and the credential"
        )
    if kind in _WRONG_REQUEST:
        return ValueError(f"{subject}: {host} refuses the question: {details}")
    if kind in ("MissingClientParameter", "ConfigNotFound"):
        return CredentialError(f"{subject}: {settings.auth_type} needs more than was found ({details}): see rucio.cfg")
    if kind == "SSLError":
        return TransferError(
            f"{subject}: {host} has a certificate that is not trusted ({details}): set X509_CERT_DIR to the folder of "
            "the grid's authorities, or give ca_cert="
        )
    if kind in ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ServerConnectionException"):
        hosts = " or ".join(dict.fromkeys((host, settings.auth_host)))
        return TransferError(f"{subject}: {hosts} does not answer: check the address, or try again later")
    if isinstance(error, _UNLIKE_RUCIO):
        return TransferError(f"{subject}: {host} does not answer as Rucio does ({kind}): check the address")
    return TransferError(f"{subject}: {host} failed ({kind}: {details}): try again later")


def _identity(settings: Settings) -> str:
    who = f"account {settings.account}" if settings.account else "the default account"
    return f"{who} as user {settings.username}" if settings.auth_type == "userpass" else who


def _details(error: BaseException) -> str:
    """What the server says, in one line: a RucioException puts it behind a line of its own."""
    return redacted(" ".join(str(error).rpartition("Details: ")[2].split()))[:300]
