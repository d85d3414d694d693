"""Which of fsspec's storage options give access to something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["secret_options"]

# Names in the filesystems that fsspec lists, and in what they hand on (client_kwargs of s3fs, for example).
_SECRET = re.compile(
    r"(.*_)?(key|access_key_id|secret|token|password|passwd|passphrase|credentials?|pkey|auth|connection_string)",
    re.IGNORECASE,
)
_WAYS = ("anon", "google_default", "cloud", "cache", "browser")  # to a token (gcsfs)


def secret_options(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of what gives access, within other options too."""
    for name, value in options.items():
        if _SECRET.fullmatch(name):
            if value and not _names_a_way(value):
                yield name, value
        elif isinstance(value, Mapping):
            yield from secret_options(value)


def _names_a_way(value: Any) -> bool:
    """Whether a value says only how, or in which file, a secret is found."""
    return isinstance(value, str) and (value in _WAYS or ("/" in value and Path(value).is_file()))
