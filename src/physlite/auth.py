"""Grid proxies: load one, use it here, bring it to workers, connect to Rucio with it."""

from __future__ import annotations

from physlite.storage.proxy import Proxy
from physlite.storage.proxyfiles import load_proxy, use_proxy

__all__ = ["Proxy", "load_proxy", "use_proxy"]


def __dir__() -> list[str]:
    return __all__
