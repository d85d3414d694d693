"""How the files of a dataset are reached, on whichever machine that is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from physlite.storage import HttpSource
from physlite.storage.rucio import Rucio, RucioSource
from physlite.storage.signing import Signer
from physlite.storage.transports import scheme_of

__all__ = ["Access"]


class Access(NamedTuple):
    """What is needed beside the URL of a file. Pickles without secrets.

    Attributes:
        rucio: the server to ask for names in Rucio; None: that of rucio.cfg.
        signer: who signs URLs; None: they are asked for as they are.
    """

    rucio: Rucio | None = None
    signer: Signer | None = None

    def openable(self, url: str, avoid: Iterable[str] = ()) -> str | RucioSource | HttpSource:
        """What `physlite.open` takes for a file.

        Args:
            url: its path, URL, or name in Rucio.
            avoid: replicas that have turned out to be bad, as `RucioSource` takes them.
        """
        scheme = scheme_of(url)[0]
        if scheme == "rucio":
            return RucioSource(url, self.rucio, avoid)
        if self.signer is not None and scheme:
            return HttpSource(url, signer=self.signer)
        return url
