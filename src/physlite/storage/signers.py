"""Who signs URLs: Rucio, or the credentials for a cloud that are on this machine."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from physlite.exceptions import CredentialError
from physlite.storage.redaction import redacted
from physlite.storage.rucio.catalogue import Rucio
from physlite.storage.signing import SignedUrl, expiry_of

__all__ = ["GcsSigner", "RucioSigner", "S3Signer"]

_LIFETIME = 3600  # seconds; a URL that leaks is of little use after that, and one signature serves many requests
_FRESH = 300  # seconds for which credentials that were found are used: others may have been put in their place

# Whose URLs Rucio signs (SUPPORTED_SIGN_URL_SERVICES in rucio/common/constants.py).
_SERVICES = ("gcs", "s3", "swift")

_GCS = "https://storage.googleapis.com"

# An endpoint is shown and pickled: there is no place in it for a password or a signature.
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+/?")


@dataclass(frozen=True)
class RucioSigner:
    """Rucio signs, with credentials that only its server has; the account needs the permission `get_signed_url`.

    Pickles as its arguments.

    Args:
        rucio: the server, and the account to ask with.
        rse: name of the storage element where the files are.
        service: what it is: `gcs`, `s3` or `swift`.
        lifetime: seconds that a URL is valid.

    Raises:
        ValueError: another service.
    """

    rucio: Rucio
    rse: str
    service: str
    lifetime: int = _LIFETIME

    def __post_init__(self) -> None:
        if self.service not in _SERVICES:
            msg = f"service={self.service!r}: one of {', '.join(_SERVICES)}"
            raise ValueError(msg)

    def url(self, file: str) -> SignedUrl:
        """A signed URL of a file.

        Args:
            file: its `https://` URL; `gs://bucket/name` for `gcs` too.

        Raises:
            CredentialError: the account may not have URLs signed, or cannot be authenticated.
            TransferError: Rucio could not be asked.
            ValueError: not a URL of the service, or signed in a way that is not understood.
        """
        if self.service == "gcs" and file.startswith("gs://"):
            file = f"{_GCS}/{file.removeprefix('gs://')}"
        url = self.rucio.signed_url(file, rse=self.rse, service=self.service, lifetime=self.lifetime)
        return SignedUrl(url, expiry_of(url))


@dataclass(frozen=True)
class S3Signer:
    """Credentials for S3 on this machine sign (Signature Version 4). Needs `pip install 'physlite[cloud]'`.

    They are found as by Amazon's own tools: in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in `~/.aws`, or from the
    machine's role. Pickles as its arguments.

    Args:
        profile: section of `~/.aws/credentials` and `~/.aws/config`; by default AWS_PROFILE, or none.
        endpoint: the service, as `https://s3.example.org`; by default Amazon's.
        region: where the bucket is; by default AWS_DEFAULT_REGION, or that of the profile.
        lifetime: seconds that a URL is valid; temporary credentials can end sooner.

    Raises:
        ValueError: an endpoint that is more than scheme, host and port.
    """

    profile: str | None = None
    endpoint: str | None = None
    region: str | None = None
    lifetime: int = _LIFETIME

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)

    def url(self, file: str) -> SignedUrl:
        """A signed URL of a file.

        Args:
            file: `s3://bucket/name`, or a URL of the endpoint with the bucket in its path.

        Raises:
            CredentialError: there is no credential; the message says where it was looked for.
            ValueError: not a file of the service.
            ImportError: botocore is not installed.
        """
        bucket, name = _bucket_and_name(file, "s3://", [self.endpoint] if self.endpoint else [])
        try:
            from botocore.exceptions import BotoCoreError
        except ImportError:
            msg = "signing for S3 needs the package botocore: pip install 'physlite[cloud]'"
            raise ImportError(msg) from None
        try:
            client = _s3_client(self.profile, self.endpoint, self.region, _now())
            url = client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": name}, ExpiresIn=self.lifetime
            )
        except BotoCoreError as error:
            raise _s3_error(error, file, self.profile) from None
        return SignedUrl(url, expiry_of(url))


@dataclass(frozen=True)
class GcsSigner:
    """A service account's key on this machine signs (Signature Version 4). Needs `pip install 'physlite[cloud]'`.

    Pickles as its arguments: the path of the key, not the key.

    Args:
        credentials: path of the key, a JSON file; by default that in GOOGLE_APPLICATION_CREDENTIALS.
        endpoint: the service.
        lifetime: seconds that a URL is valid, at most a week.

    Raises:
        ValueError: an endpoint that is more than scheme, host and port.
    """

    credentials: str | os.PathLike[str] | None = None
    endpoint: str = _GCS
    lifetime: int = _LIFETIME

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)

    def url(self, file: str) -> SignedUrl:
        """A signed URL of a file.

        Args:
            file: `gs://bucket/name`, or `https://storage.googleapis.com/bucket/name`, or a URL of the endpoint.

        Raises:
            CredentialError: there is no key, or none of a service account; the message says where it was looked for.
            ValueError: not a file of the service.
            ImportError: google-cloud-storage is not installed.
        """
        bucket, name = _bucket_and_name(file, "gs://", [self.endpoint, _GCS])
        path = self.credentials or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        if not path:
            msg = f"{file}: no key to sign with: give credentials=, or set GOOGLE_APPLICATION_CREDENTIALS to its path"
            raise CredentialError(msg)
        client = _gcs_client(os.fspath(path), _now())
        url = (
            client.bucket(bucket)
            .blob(name)
            .generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=self.lifetime),
                method="GET",
                api_access_endpoint=self.endpoint.rstrip("/"),
            )
        )
        return SignedUrl(url, expiry_of(url))


def _now() -> int:
    """The same number for a few minutes."""
    return int(time.monotonic() // _FRESH)


@lru_cache(maxsize=16)
def _s3_client(profile: str | None, endpoint: str | None, region: str | None, _when: int) -> Any:
    """A client that signs; making one takes long, and what it has found it keeps."""
    from botocore.config import Config
    from botocore.session import Session

    # Services other than Amazon's rarely have a name for each bucket.
    style = {"addressing_style": "path" if endpoint else "auto"}
    config = Config(signature_version="s3v4", s3=style)
    return Session(profile=profile).create_client("s3", region_name=region, endpoint_url=endpoint, config=config)


@lru_cache(maxsize=16)
def _gcs_client(path: str, _when: int) -> Any:
    """A client that signs with the key in a file; it connects to nothing."""
    try:
        from google.cloud.storage import Client
        from google.oauth2.service_account import Credentials
    except ImportError:
        msg = "signing for Google Cloud Storage needs google-cloud-storage: pip install 'physlite[cloud]'"
        raise ImportError(msg) from None
    try:
        credentials = Credentials.from_service_account_file(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no key of a service account"
        msg = f"{path}: {reason}: signing needs the JSON file of a service account's key"
        raise CredentialError(msg) from None
    return Client(project=credentials.project_id or "none", credentials=credentials)


def _s3_error(error: Exception, file: str, profile: str | None) -> Exception:
    from botocore.exceptions import ParamValidationError

    if isinstance(error, ParamValidationError):
        return ValueError(f"{file}: {' '.join(str(error).split())}")
    where = (
        f"profile {profile}" if profile else "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, the machine's role"
    )
    return CredentialError(f"{file}: no credentials for S3 in {where} ({' '.join(str(error).split())})")


def _check_endpoint(endpoint: str | None) -> None:
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        msg = f"{redacted(endpoint)!r} is no endpoint: give scheme, host and port alone, as https://s3.example.org"
        raise ValueError(msg)


def _bucket_and_name(file: str, scheme: str, endpoints: Sequence[str]) -> tuple[str, str]:
    """Where an object is: names stand as they are behind `s3://` and `gs://`, and percent-encoded in other URLs."""
    for prefix in (scheme, *(endpoint.rstrip("/") + "/" for endpoint in endpoints)):
        if file.startswith(prefix):
            rest = file.removeprefix(prefix)
            bucket, _, name = (rest if prefix == scheme else unquote(rest)).partition("/")
            if bucket and name:
                return bucket, name
    places = " or ".join(f"{place}bucket/name" for place in (scheme, *(e.rstrip("/") + "/" for e in endpoints)))
    msg = f"{redacted(file)}: not a file that can be signed for: give {places}"
    raise ValueError(msg)
