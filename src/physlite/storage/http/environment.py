"""What the environment says of how servers are spoken to."""

from __future__ import annotations

import os
from pathlib import Path

from physlite.storage.http.settings import HttpSettings

__all__ = ["default_settings"]


def default_settings() -> HttpSettings:
    """Settings with the certificates that X509_USER_PROXY and X509_CERT_DIR name, as grid tools take them.

    A variable that names something that is not there counts as not set.
    """
    proxy, authorities = (_existing(name) for name in ("X509_USER_PROXY", "X509_CERT_DIR"))
    return HttpSettings(certificate=proxy, more_authorities=authorities)


def _existing(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value and Path(value).exists() else None
