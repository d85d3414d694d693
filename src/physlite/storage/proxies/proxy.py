"""Grid proxies: short-lived certificates that act for a user, with their private key and the chain up to the user.

What is checked here is what can be said without the certificates of the authorities; whether to trust a proxy is for
the servers to decide that it is shown to.
"""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from physlite.exceptions import CredentialError
from physlite.storage.privatefiles import private_folder, write_private
from physlite.storage.proxies.certificates import grid_name, memberships, proxy_kind, read_chain
from physlite.storage.proxies.pem import SecretPem

__all__ = ["REMEDY", "Proxy", "parse_proxy"]

REMEDY = "make a new one with `voms-proxy-init -voms atlas`"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A grid proxy, as `load_proxy` gives it. It is shown without its key, and does not pickle.

    Attributes:
        name: where it was loaded from.
        subject: the name in its certificate, in the form of grid tools: `/DC=ch/DC=cern/…/CN=jdoe/CN=1234567`.
        issuer: the name of who signed it: the user, or another proxy.
        identity: the name of the user: the subject without what proxies add to it.
        kind: `RFC 3820`, or `legacy` for those that Globus 2 made.
        vo: the virtual organisation (`atlas`), or None for a proxy without VO attributes.
        attributes: groups and roles in it (VOMS FQANs), the primary one first: `/atlas/Role=NULL/Capability=NULL`.
        not_before: when it begins to be valid, in UTC.
        expires: when the first of its certificates or of its VO attributes expires, in UTC.
    """

    name: str
    subject: str
    issuer: str
    identity: str
    kind: str
    vo: str | None
    attributes: tuple[str, ...]
    not_before: datetime
    expires: datetime
    _pem: SecretPem = field(repr=False, compare=False)

    @property
    def time_left(self) -> timedelta:
        """Until it expires, zero afterwards."""
        return max(self.expires - datetime.now(UTC), timedelta(0))

    def check_time(self) -> None:
        """Raises CredentialError when the proxy has expired, or is not valid yet."""
        if not self.time_left:
            problem = f"expired at {_utc(self.expires)}; {REMEDY}"
        elif self.not_before > datetime.now(UTC):
            problem = f"is not valid before {_utc(self.not_before)}; set the clock of this machine, or {REMEDY}"
        else:
            return
        msg = f"{self.name}: the proxy {problem}"
        raise CredentialError(msg)

    def reveal(self) -> bytes:
        """The proxy with its private key, in PEM, as it was loaded."""
        return self._pem.reveal()

    def write(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the proxy to a file that only you can read (mode 0600), at once or not at all.

        Args:
            path: where to; by default `x509up` in a folder of yours alone, `physlite` in $XDG_RUNTIME_DIR or else
                `physlite-$UID` in the folder for temporary files. A file that is there is replaced.

        Returns:
            The path of the file, absolute.

        Raises:
            CredentialError: the folder is there, but open to others or not yours.
            OSError: the file cannot be written.
        """
        return write_private(private_folder() / "x509up" if path is None else Path(path).expanduser(), self.reveal())

    def rows(self) -> list[tuple[str, str]]:
        """What there is to show, as pairs of a name and a text."""
        return [
            ("subject", self.subject),
            ("identity", self.identity),
            ("issuer", self.issuer),
            ("type", self.kind),
            ("VO", self.vo or "none"),
            ("VO attributes", ", ".join(self.attributes) or "none"),
            ("time left", f"{_duration(self.time_left)} (until {_utc(self.expires)})"),
            ("path", self.name),
        ]

    def __repr__(self) -> str:
        return f"<Proxy of {self.identity}, VO {self.vo or 'none'}, {_duration(self.time_left)} left>"

    def _repr_html_(self) -> str:
        cells = (
            f"<tr><th style='text-align: left'>{html.escape(name)}</th>"
            f"<td style='text-align: left'>{html.escape(text)}</td></tr>"
            for name, text in self.rows()
        )
        return f"<table>{''.join(cells)}</table>"


def parse_proxy(pem: SecretPem, name: str) -> Proxy:
    """A proxy from its PEM text: certificate, private key, and the certificates up to the user's.

    Raises:
        CredentialError: it is not that; it has expired or is not valid yet; the key is missing, encrypted, or
            another certificate's.
    """
    try:
        proxy = _parsed(pem, name)
    except ValueError as error:  # UnicodeError too
        msg = f"{name}: {error}; {REMEDY}"
        raise CredentialError(msg) from None
    proxy.check_time()
    return proxy


def _parsed(pem: SecretPem, name: str) -> Proxy:
    chain = read_chain(pem)
    vos = memberships(chain)
    return Proxy(
        name=name,
        subject=grid_name(chain[0].subject),
        issuer=grid_name(chain[0].issuer),
        identity=grid_name(chain[-1].subject),
        kind=proxy_kind(chain[0]),
        vo=vos[0].vo if vos else None,
        attributes=tuple(fqan for vo in vos for fqan in vo.fqans),
        not_before=max(*(c.not_valid_before_utc for c in chain), *(vo.not_before for vo in vos)),
        expires=min(*(c.not_valid_after_utc for c in chain), *(vo.not_after for vo in vos)),
        _pem=pem,
    )


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _duration(time: timedelta) -> str:
    """Hours, minutes and seconds, as `voms-proxy-info` has them."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
