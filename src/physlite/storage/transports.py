"""From a URL to a source of its bytes, by the scheme."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from physlite.exceptions import UnsupportedFormatError
from physlite.storage._source import ByteSource
from physlite.storage.paths import open_path
from physlite.storage.redaction import redacted

__all__ = ["open_url", "scheme_of"]

# Of a URL, or of several that are chained as fsspec does it: simplecache::ssh://host/file.
_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?P<mark>://|::)")


def scheme_of(text: str) -> tuple[str, bool]:
    """The scheme of a URL, in small letters, and whether it is a chain of URLs; empty for what is none."""
    match = _SCHEME.match(text)
    return (match["scheme"].lower(), match["mark"] == "::") if match else ("", False)


def open_url(url: str) -> ByteSource:
    """Opens a URL; nothing is asked of a server yet.

    Raises:
        UnsupportedFormatError: of a kind that is not known.
        ImportError: it needs a package which is not installed; the message names it.
        FileNotFoundError: a `file://` URL of no file.
    """
    return _OPENERS.get(scheme_of(url)[0], _open_other)(url)


def _open_file_url(url: str) -> ByteSource:
    """A URL as `Path.as_uri` makes them."""
    return open_path(unquote(url.partition("://")[2].removeprefix("localhost")))


def _open_web(url: str) -> ByteSource:
    from physlite.storage.http.source import HttpSource  # brings aiohttp along

    return HttpSource(url)


def _open_xrootd(url: str) -> ByteSource:
    from physlite.storage.xrootd import XrootdSource

    return XrootdSource(url)


def _open_other(url: str) -> ByteSource:
    """What fsspec knows."""
    from fsspec import available_protocols

    scheme, _ = scheme_of(url)
    known = available_protocols()
    if scheme not in known:
        msg = (
            f"{redacted(url)}: cannot read {scheme}://, but {', '.join(_OPENERS)}, rucio, and what fsspec knows "
            f"(s3, gs, ssh and {len(known) - 3} others)"
        )
        raise UnsupportedFormatError(msg)
    from physlite.storage.filesystem import FsspecSource

    return FsspecSource(url)


_OPENERS: dict[str, Callable[[str], ByteSource]] = {
    "file": _open_file_url,
    "http": _open_web,
    "https": _open_web,
    "dav": _open_web,
    "davs": _open_web,
    "root": _open_xrootd,
    "roots": _open_xrootd,
    "xroot": _open_xrootd,
    "xroots": _open_xrootd,
}
