"""Forms for notebooks."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from typing import Any

from physlite.exceptions import CredentialError
from physlite.storage.proxy import Proxy
from physlite.storage.proxyfiles import load_proxy

try:
    from ipywidgets import HTML, FileUpload, VBox
except ImportError as error:
    msg = "forms in notebooks need ipywidgets: pip install 'physlite[notebook]'"
    raise ImportError(msg) from error

__all__ = ["ProxyUpload"]

_REFRESH = 10.0  # seconds between two looks at the clock


class ProxyUpload(VBox):
    """A button that takes a grid proxy from the computer that the browser runs on, and shows whose it is.

    `physlite.auth.use_proxy` is what `on_proxy` most often should be. What was uploaded is forgotten by the form at
    once: a notebook that is saved with its widgets has nothing of it.

    Attributes:
        proxy: the proxy that was uploaded last, or None.

    Args:
        on_proxy: called with each proxy that is uploaded and in order.
    """

    def __init__(self, on_proxy: Callable[[Proxy], object] | None = None) -> None:
        self.proxy: Proxy | None = None
        self._on_proxy = on_proxy
        self._upload = FileUpload(description="Grid proxy", tooltip="The file that voms-proxy-init made", multiple=False)
        self._shown = HTML()
        self._clock: asyncio.TimerHandle | None = None
        self._upload.observe(self._take, "value")
        super().__init__([self._upload, self._shown])

    def _take(self, change: Any) -> None:
        if not change["new"]:
            return
        (file,) = change["new"]
        name, content = file["name"], bytes(file["content"])
        del change, file
        self._upload.value = ()  # the front end forgets it, too
        try:
            self.proxy = load_proxy(content)
            del content
            if self._on_proxy is not None:
                self._on_proxy(self.proxy)
        except CredentialError as error:
            self._show_error(error)
        else:
            self._show()


