"""URLs as they may be shown: signatures, tokens and passwords are nobody's business but the server's."""

from __future__ import annotations

import re

__all__ = ["redacted"]

# Of each URL in a text: its scheme, user and password, the rest up to the query, and the query with the fragment.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@]*@)?(?P<rest>[^\s?#'\"<>]*)(?P<query>[?#][^\s'\"<>]*)?"
)


def redacted(text: str) -> str:
    """A URL, or a text with URLs, with `…` in place of each query and without users and passwords."""
    return _URL.sub(lambda m: m["scheme"] + m["rest"] + ("?…" if m["query"] else ""), text)
