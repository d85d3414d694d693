"""Signed URLs: who holds one can read the file until it expires, and needs no other credential."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from physlite.storage.redaction import redacted

__all__ = ["SignedUrl", "Signer"]


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
