"""URLs as they may be shown: signatures, tokens and passwords are nobody's business but the server's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

__all__ = ["redacted", "redacted_url", "said", "short_name", "without_signature"]

# Of each URL in a text, URLs within URLs too: its scheme, user and password, the rest up to the query, and the query
# with the fragment.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@]*@)?"
    r"(?P<rest>(?:(?![A-Za-z][A-Za-z0-9+.-]*://)[^\s?#'\"<>])*)(?P<query>[?#][^\s'\"<>]*)?"
)


def redacted(text: str) -> str:
    """A URL, or a text with URLs, with `…` in place of each query and without users and passwords."""
    return _URL.sub(lambda m: m["scheme"] + m["rest"] + ("?…" if m["query"] else ""), text)


def redacted_url(url: str) -> str:
    """A URL, whatever is in it, without user, password, query and fragment; `…` says that there was a query."""
    head, mark, _ = re.split(r"([?#])", url, maxsplit=1) if re.search("[?#]", url) else (url, "", "")
    scheme, separator, rest = head.partition("://")
    authority, slash, path = rest.partition("/")
    shown = scheme + separator + authority.rpartition("@")[2] + slash + path
    return redacted(shown) + ("?…" if mark else "")


def short_name(name: str) -> str:
    """The last part of a path or URL; of what is in Rucio, the name without its scope."""
    if "://" not in name:
        return os.path.basename(name)  # noqa: PTH119
    last = re.split(r"[?#]", name)[0].rstrip("/").rpartition("/")[2]
    return last.partition(":")[2] if name.startswith("rucio:") else last


# Parameters that give access: of S3 and CloudFront, GCS and Swift, of XRootD and dCache, of WLCG and OAuth tokens.
_SECRET = re.compile(
    r"X-Amz-.*|X-Goog-.*|AWSAccessKeyId|GoogleAccessId|Signature|Expires|Policy|Key-Pair-Id|temp_url_.*|authz|"
    r"xrd\.wantprot|access_token|token",
    re.IGNORECASE,
)
# Those of Azure, whose names are too short to mean that alone; all signatures have the first two.
_AZURE = re.compile(r"sig|sv|se|st|sp|sr|ss|srt|spr|sip|sdd|ses|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid")


def without_signature(url: str) -> str:
    """A URL without user, password, fragment and the parameters that give access; others tell files from each other."""
    url = url.partition("#")[0]
    head, mark, query = url.partition("?")
    head = _URL.sub(lambda m: m["scheme"] + m["rest"], head)
    names = {part.partition("=")[0] for part in query.split("&")}
    is_azure = {"sig", "sv"} <= names
    secret = {name for name in names if _SECRET.fullmatch(name) or (is_azure and _AZURE.fullmatch(name))}
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in secret]
    return head + (mark + "&".join(kept) if kept else "")


_MOST_SAID = 200  # characters


def said(text: str, secrets: Iterable[str]) -> str:
    """What a server or library says, in one short line without queries and secrets."""
    out = " ".join(text.split())
    for secret in sorted(secrets, key=len, reverse=True):
        out = out.replace(secret, "…")
    out = re.sub(r"\?[^\s;,'\"]+", "?…", redacted(out))
    return "".join(c for c in out if c.isprintable())[:_MOST_SAID]
