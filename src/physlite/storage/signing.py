"""Signed URLs: who holds one can read the file until it expires, and needs no other credential."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple, Protocol, runtime_checkable
from urllib.parse import parse_qsl

from physlite.storage.redaction import redacted

__all__ = ["SignedUrl", "Signer", "expiry_of"]

# When a URL was signed and for how many seconds: Signature Version 4 of Amazon and of Google
# (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html,
# cloud.google.com/storage/docs/authentication/signatures).
_DATED = (("X-Goog-Date", "X-Goog-Expires"), ("X-Amz-Date", "X-Amz-Expires"))
_DATE = "%Y%m%dT%H%M%SZ"

# Until when it is valid, in seconds since 1970: Version 2 of both, and Swift's temporary URLs
# (docs.openstack.org/swift/latest/api/temporary_url_middleware.html), which Rucio makes too.
_UNTIL = ("Expires", "temp_url_expires")

_MOST_DIGITS = 12  # of seconds: 30,000 years


class SignedUrl(NamedTuple):
    """A URL with a signature in its query, and when it expires, in seconds since 1970; shown without the signature."""

    url: str
    expires: float

    def __repr__(self) -> str:
        return f"SignedUrl({redacted(self.url)!r}, expires={self.expires:.0f})"


@runtime_checkable
class Signer(Protocol):
    """Makes signed URLs, on whichever machine reads.

    A signer pickles without secrets: it holds where credentials are found (a profile, an environment, a service's
    address), and finds them again on the machine where it is unpickled. Its methods are called from several threads.
    """

    def url(self, file: str) -> SignedUrl:
        """A new URL for a file, as `https://storage.googleapis.com/bucket/name` or `s3://bucket/name`.

        Raises:
            CredentialError: there is no credential, or it is not accepted; the message says where it was looked for.
            FileNotFoundError: no such file, as far as the signer knows.
            OSError: the service that signs cannot be reached.
        """
        ...


def expiry_of(url: str) -> float:
    """When a signed URL expires, in seconds since 1970: what the URL says of itself is what the server goes by.

    Args:
        url: signed for Google Cloud Storage or S3, by Signature Version 2 or 4, or for Swift.

    Raises:
        ValueError: it does not say, or not in a way that is understood; the message does not show the query.
    """
    query = dict(parse_qsl(url.partition("?")[2].partition("#")[0]))
    try:
        for date, seconds in _DATED:
            if date in query and seconds in query:
                signed = datetime.strptime(query[date], _DATE).replace(tzinfo=UTC)
                return signed.timestamp() + _digits(query[seconds])
        for until in _UNTIL:
            if until in query:
                return float(_digits(query[until]))
    except ValueError:
        msg = f"{redacted(url)}: the time when it expires is not understood"
        raise ValueError(msg) from None
    msg = f"{redacted(url)}: does not say when it expires; is it signed?"
    raise ValueError(msg)


def _digits(text: str) -> int:
    """A number as servers write them; int() takes signs, spaces and underscores too."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError
    return int(text)
