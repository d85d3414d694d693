"""Forms for notebooks."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from typing import Any

from physlite.exceptions import CredentialError, PhysliteError
from physlite.storage.proxies.pem import SecretPem
from physlite.storage.proxies.proxy import Proxy, parse_proxy

try:
    from ipywidgets import HTML, FileUpload, VBox
except ImportError as error:
    msg = "forms in notebooks need ipywidgets: pip install 'physlite[notebook]'"
    raise ImportError(msg) from error

__all__ = ["ProxyUpload"]

_REFRESH = 10.0  # seconds until the time left is shown anew


def __dir__() -> list[str]:
    return __all__


class ProxyUpload(VBox):
    """A button that takes a grid proxy from the computer of the browser, and shows whose it is and its time left.

    What was uploaded is gone from the form at once: a notebook that is saved with its widgets has nothing of it.

    Args:
        on_proxy: called with each proxy that is uploaded and valid, for example `physlite.auth.use_proxy`. Errors about
            credentials and servers that it raises are shown in the form.

    Attributes:
        proxy: the proxy that was uploaded last, or None.
    """

    def __init__(self, on_proxy: Callable[[Proxy], object] | None = None) -> None:
        self.proxy: Proxy | None = None
        self._on_proxy = on_proxy
        self._upload = FileUpload(description="Grid proxy", tooltip="The file that voms-proxy-init wrote")
        self._shown = HTML()
        self._next: asyncio.TimerHandle | None = None
        self._upload.observe(self._take, "value")
        super().__init__([self._upload, self._shown])

    def __repr__(self) -> str:
        return f"<ProxyUpload: {self.proxy or 'no proxy yet'}>"  # what a saved notebook shows where widgets are not

    def close(self) -> None:
        """Removes the form. The proxy stays in use."""
        self._stop_clock()
        super().close()

    def _take(self, change: Any) -> None:
        if not change["new"]:
            return
        (file,) = change["new"]
        name, pem = file["name"], SecretPem(bytes(file["content"]))
        self._upload.value = ()  # the browser forgets it, too
        del file
        self._stop_clock()
        try:
            self.proxy = parse_proxy(pem, name)
            self._show(self.proxy)
            if self._on_proxy is not None:
                self._on_proxy(self.proxy)
        except PhysliteError as error:
            self._stop_clock()
            self._show_error(error)

    def _show(self, proxy: Proxy) -> None:
        """Shows the proxy, and again later, since its time runs; where nothing runs in a loop, once."""
        try:
            proxy.check_time()
        except CredentialError as error:
            self._show_error(error)
            return
        self._shown.value = proxy._repr_html_()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._next = loop.call_later(_REFRESH, self._show, proxy)

    def _show_error(self, error: PhysliteError) -> None:
        self._shown.value = f"<span style='color: var(--jp-error-color1, #c00)'>{html.escape(str(error))}</span>"

    def _stop_clock(self) -> None:
        if self._next is not None:
            self._next.cancel()
