"""PEM text with a private key in it, kept where no log, traceback or pickle shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

__all__ = ["MAX_PEM", "SecretPem"]

# A proxy of four certificates with several attribute certificates has some 20 kB.
MAX_PEM = 256 * 1024

_BEGIN = b"-----BEGIN "
_END = b"-----END "
_DASHES = b"-----"


class SecretPem:
    """A text with PEM blocks (RFC 7468), which is shown as its size only.

    Any bytes will do to make one, since a traceback from here can show the variables of the caller.
    """

    __slots__ = ("_text",)

    def __init__(self, text: bytes) -> None:
        self._text = text

    def blocks(self, kind: str) -> list[bytes]:
        """The blocks whose label ends with these words.

        Raises:
            ValueError: the text is too long, or a block does not end.
        """
        if len(self._text) > MAX_PEM:
            msg = f"has {len(self._text)} bytes, more than any proxy ({MAX_PEM})"
            raise ValueError(msg)
        return [self._text[where] for label, where in self._find() if label.endswith(kind.encode())]

    def _find(self) -> Iterator[tuple[bytes, slice]]:
        """The label of each block, and where it stands."""
        start = self._text.find(_BEGIN)
        while start >= 0:
            begin = start + len(_BEGIN)
            label = self._text[begin : max(self._text.find(_DASHES, begin), begin)]
            end = self._text.find(_END, begin)
            last = end + len(_END + label + _DASHES)
            if end < 0 or self._text[end:last] != _END + label + _DASHES:
                msg = "is cut or damaged: a PEM block does not end"
                raise ValueError(msg)
            yield label, slice(start, last)
            start = self._text.find(_BEGIN, last)

    def reveal(self) -> bytes:
        """The whole text, with the key."""
        return self._text

    def __repr__(self) -> str:
        return f"<PEM, {len(self._text)} bytes>"

    def __reduce__(self) -> NoReturn:
        msg = (
            "a proxy holds a private key and is not pickled, or it would be in logs and caches on the way: "
            "physlite.auth.ship_proxy(client) brings it to Dask's workers, Proxy.write() to a file"
        )
        raise TypeError(msg)
