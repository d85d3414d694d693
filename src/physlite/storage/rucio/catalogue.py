"""What Rucio knows: the files of a dataset, the replicas of a file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from physlite.exceptions import DatasetNotFoundError
from physlite.storage.rucio.connection import Connection
from physlite.storage.rucio.did import Did, parse_did
from physlite.storage.rucio.listing import RucioFile, RucioFiles
from physlite.storage.rucio.replicas import SCHEMES, Replica, listed
from physlite.storage.rucio.settings import Settings

__all__ = ["Located", "Rucio", "files", "shared"]

# RSEs that are not read from: blocklisted; or so that a file must be staged first, which is how Rucio's own download
# client knows tapes too (`istape` in rucio/client/downloadclient.py).
_BLOCKED = "availability_read=False"
_SPECIAL = "rse_type=TAPE|istape=true|staging_area=True"

_TRUSTED = 600.0  # seconds until RSEs are asked for again: sites are blocked and freed within hours

_DEFAULT_TIMEOUT = 60.0


class Located(NamedTuple):
    """A file with its replicas, best first; those with a problem last."""

    did: Did
    bytes: int
    adler32: str | None
    replicas: list[Replica]

    @property
    def usable(self) -> list[Replica]:
        """The replicas that can be read.

        Raises:
            DatasetNotFoundError: there is none; the message says for each why not.
        """
        usable = [replica for replica in self.replicas if not replica.problem]
        if usable:
            return usable
        if self.replicas:
            problems = {replica.rse: replica.problem for replica in self.replicas}
            reasons = ", ".join(f"{rse}: {problem}" for rse, problem in problems.items())
            msg = f"{self.did}: no replica can be read ({reasons}): ask for another with `rucio rule add {self.did} …`"
        else:
            msg = f"{self.did}: no replica; the file was deleted, or is not where the RSE expression allows"
        raise DatasetNotFoundError(msg)


class Rucio:
    """A Rucio server, asked in the name of an account. Needs `pip install 'physlite[grid]'`.

    What is not given is taken from where Rucio's own commands take it: the environment (RUCIO_ACCOUNT, RUCIO_AUTH_TYPE)
    and rucio.cfg. With `host` and `account` no rucio.cfg is needed. Nothing is looked up or sent before it is needed.

    It pickles as its arguments. Credentials are found anew on each machine: passwords in RUCIO_CFG_CLIENT_PASSWORD or
    in rucio.cfg, proxies in RUCIO_CLIENT_PROXY, in rucio.cfg, in X509_USER_PROXY or where voms-proxy-init puts them,
    tokens in BEARER_TOKEN, in BEARER_TOKEN_FILE or where `rucio whoami` puts them. Several threads may use it.

    Args:
        host: the server, as `https://voatlasrucio-server-prod.cern.ch:443`.
        account: the account in Rucio.
        auth_host: the server that authenticates; with `host` the same by default.
        auth_type: `x509_proxy` (default), `userpass`, `oidc`, or another one that the client knows.
        username: user of `userpass`; RUCIO_CFG_CLIENT_USERNAME where it is not given.
        ca_cert: file or folder of trusted authorities; X509_CERT_DIR where it is not given.
        vo: virtual organisation, for servers of several.
        rses: an RSE expression that replicas must fulfil, as `tier=1&country=US`.
        prefer: RSE expressions whose replicas come first, in this order, as `["site=MWT2", "country=US"]`.
        timeout: seconds within which a call ends.

    Raises:
        ImportError: rucio-clients is not installed; raised by the methods.
        ConfigurationError: no server is named; raised by the methods.
    """

    def __init__(
        self,
        host: str | None = None,
        account: str | None = None,
        auth_host: str | None = None,
        *,
        auth_type: str | None = None,
        username: str | None = None,
        ca_cert: str | None = None,
        vo: str | None = None,
        rses: str | None = None,
        prefer: Iterable[str] = (),
        timeout: float = _DEFAULT_TIMEOUT,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "host": host,
            "account": account,
            "auth_host": auth_host,
            "auth_type": auth_type,
            "username": username,
            "ca_cert": ca_cert,
            "vo": vo,
            "timeout": timeout,
        }
        self._rses = rses
        self._prefer = (prefer,) if isinstance(prefer, str) else tuple(prefer)
        self._connection: Connection | None = None
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    def files(self, did: str | Did) -> RucioFiles:
        """The files of a dataset or a container, of containers in it too, or the file itself; each once.

        Args:
            did: `scope:name`, `rucio://scope:name`, or a name that its scope can be read from, as in
                `data17_13TeV.00327265.…` and `user.jdoe.…`.

        Raises:
            DatasetNotFoundError: the catalogue does not have it.
            CredentialError, TransferError: Rucio could not be asked.
            ValueError: no name that Rucio would take.
        """
        parsed = parse_did(did)
        # Rows are many times as large as what is kept of them.
        files = self._call(str(parsed), lambda client: [_file(row) for row in client.list_files(*parsed)])
        unique = {file.did: file for file in files}
        return RucioFiles(parsed, [unique[did] for did in sorted(unique)])

    def replicas(self, did: str | Did, *, unusable: bool = False) -> list[Replica]:
        """The replicas of a file, or of the only file of a dataset: those that can be read, best first.

        First come those at preferred RSEs, then those by the better protocol (`file`, `https`, `root`, `gs`, `s3`,
        `http`), then those that the server puts first: it sorts by distance, where it knows its clients' places. Doors
        are those for clients from anywhere (`wan`).

        Left out are

        - copies in another state than AVAILABLE: on their way, lost, declared bad (`ReplicaState` in
          rucio/db/sqla/constants.py),
        - RSEs that are not available for reading (`availability_read`): Rucio calls them blocklisted,
        - tapes (RSE type TAPE, attribute `istape`) and staging areas (`staging_area`): reading there means waiting for
          a robot, or fails; Rucio's download client leaves tapes out as well,
        - caches (`volatile`): they drop files without telling Rucio,
        - RSEs with none of the protocols.

        Args:
            did: as for `files`.
            unusable: appends those that were left out, each with its `problem`.

        Raises:
            DatasetNotFoundError: not in the catalogue, or no replica that can be read; the message says why, for each
                RSE.
            CredentialError, TransferError: Rucio could not be asked.
            ValueError: no name that Rucio would take, a dataset of several files, or an RSE expression without RSEs.
        """
        located = self.locate(did)
        return located.replicas if unusable else located.usable

    def locate(self, did: str | Did) -> Located:
        """The file with all its replicas, as `replicas` has them.

        Raises:
            DatasetNotFoundError, CredentialError, TransferError, ValueError: as `replicas`.
        """
        asked = parse_did(did)
        rows = self._replica_rows(asked)
        if not rows or (rows[0]["scope"], rows[0]["name"]) != asked:
            # A dataset's files are listed where they have replicas: one row does not mean one file.
            file = self._only_file(asked)
            rows = [row for row in rows if (row["scope"], row["name"]) == file] or self._replica_rows(file)
        row = rows[0]
        if row["bytes"] is None:
            msg = f"{row['scope']}:{row['name']}: the catalogue has no size of it, so that nothing can be checked"
            raise DatasetNotFoundError(msg)
        blocked, special = self._rses_of(_BLOCKED), self._rses_of(_SPECIAL)
        preferred = [self._rses_of(expression, must_exist=True) for expression in self._prefer]
        return Located(
            Did(row["scope"], row["name"]), row["bytes"], row["adler32"], listed(row, blocked, special, preferred)
        )

    def signed_url(self, url: str, *, rse: str, service: str, lifetime: int) -> str:
        """A URL with a signature that the server makes, to read with for `lifetime` seconds.

        Args:
            url: the `https://` URL of the file.
            rse: name of its storage element.
            service: `gcs`, `s3` or `swift`.
            lifetime: in seconds.

        Raises:
            CredentialError: the account may not have URLs signed.
            TransferError: Rucio could not be asked.
            ValueError: Rucio cannot sign this.
        """
        signed: str = self._call(
            f"{rse}: {url}", lambda client: str(client.get_signed_url(rse, service, "read", url, lifetime=lifetime))
        )
        return signed

    def _call(self, subject: str, function: Any) -> Any:
        if self._connection is None:
            self._connection = Connection(_settings(self._arguments))
        return self._connection.call(subject, function)

    def _replica_rows(self, did: Did) -> list[dict[str, Any]]:
        """The answer about all replicas of a file, and about those of two files of a dataset."""
        from itertools import islice

        question: dict[str, Any] = {
            "dids": [{"scope": did.scope, "name": did.name}],
            "schemes": list(SCHEMES),
            "all_states": True,
            "ignore_availability": True,
            "rse_expression": self._rses,
            "domain": "wan",
            "resolve_archives": False,
        }
        rows: list[dict[str, Any]] = self._call(
            str(did), lambda client: list(islice(client.list_replicas(**question), 2))
        )
        return rows

    def _only_file(self, did: Did) -> Did:
        found = self.files(did)
        if len(found) == 1:
            return found[0].did
        if not found:
            msg = f"{did}: a dataset without files: check its name, or wait until it is filled"
            raise DatasetNotFoundError(msg)
        msg = (
            f"{did}: a dataset of {len(found)} files: open those that physlite.storage.rucio.files({str(did)!r}) lists "
            "one at a time"
        )
        raise ValueError(msg)

    def _rses_of(self, expression: str, *, must_exist: bool = False) -> frozenset[str]:
        """The RSEs that fulfil an expression, as of the last minutes."""
        when, names = self._known.get(expression, (-_TRUSTED, frozenset()))
        if time.monotonic() - when > _TRUSTED:
            names = self._call(f"RSEs with {expression}", lambda client: _names(client, expression, must_exist))
            self._known[expression] = (time.monotonic(), names)
        return names

    def _key(self) -> tuple[tuple[str, Any], ...]:
        return (*self._arguments.items(), ("rses", self._rses), ("prefer", self._prefer))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return shared, (self._key(),)

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self._key() if value not in (None, (), _DEFAULT_TIMEOUT)]
        return f"Rucio({', '.join(given)})"


@lru_cache(maxsize=16)
def shared(arguments: tuple[tuple[str, Any], ...] = ()) -> Rucio:
    """The one object of these arguments in this process: what it learns of sites holds for all files that it opens."""
    return Rucio(**dict(arguments))


def files(did: str | Did, rucio: Rucio | None = None) -> RucioFiles:
    """The files of a dataset or a container: `Rucio.files` of the server in rucio.cfg, or of another one.

    Args:
        did: `scope:name`, `rucio://scope:name`, or a name that its scope can be read from.
        rucio: the server, and the account to ask with.

    Raises:
        DatasetNotFoundError: the catalogue does not have it.
        CredentialError, TransferError: Rucio could not be asked.
        ValueError: no name that Rucio would take.
        ConfigurationError: no server is named.
        ImportError: rucio-clients is not installed.
    """
    return (rucio or shared()).files(did)


def _settings(arguments: dict[str, Any]) -> Settings:
    try:
        import rucio.client  # noqa: F401  # also logs to nowhere what it has to say on import
    except ImportError:
        msg = "Rucio needs the package rucio-clients: pip install 'physlite[grid]'"
        raise ImportError(msg) from None
    return Settings.found(**arguments)


def _file(row: dict[str, Any]) -> RucioFile:
    return RucioFile(row["scope"], row["name"], row["bytes"], row["adler32"], row["guid"], row["events"])


def _names(client: Any, expression: str, must_exist: Sequence[str] | bool) -> frozenset[str]:
    from rucio.common.exception import InvalidRSEExpression

    try:
        return frozenset(row["rse"] for row in client.list_rses(expression))
    except InvalidRSEExpression:  # which it is too when no RSE fulfils it
        if must_exist:
            raise
        return frozenset()
