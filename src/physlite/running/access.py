"""How the files of a dataset are reached, on whichever machine that is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from physlite.storage.transports import scheme_of

if TYPE_CHECKING:
    from physlite.storage import HttpSource
    from physlite.storage.rucio import Rucio, RucioSource
    from physlite.storage.signing import Signer

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
            from physlite.storage.rucio import RucioSource  # which other files do without

            return RucioSource(url, self.rucio, avoid)
        if self.signer is not None and scheme:
            from physlite.storage import HttpSource  # nor do these without aiohttp

            return HttpSource(url, signer=self.signer)
        return url
