"""Grid proxies: load one, use it here, bring it to workers, connect to Rucio with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up
from physlite.storage.proxies.proxy import Proxy
from physlite.storage.proxies.proxyfiles import load_proxy, use_proxy

if TYPE_CHECKING:
    from physlite.running.shipping import ship_proxy
    from physlite.storage.proxies.ruciosetup import setup_rucio

__all__ = ["Proxy", "load_proxy", "setup_rucio", "ship_proxy", "use_proxy"]

# Need more than a proxy does, so they are looked up on first use.
_HOME = {"setup_rucio": "physlite.storage.proxies.ruciosetup", "ship_proxy": "physlite.running.shipping"}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return __all__
