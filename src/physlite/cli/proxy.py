"""`physlite proxy`: what a grid proxy says, and where programs find it."""

from __future__ import annotations

import shlex
import sys
from datetime import timedelta
from pathlib import Path

import typer

from physlite.cli.errors import CommandError
from physlite.cli.output import print_json

try:
    from physlite.auth import Proxy, load_proxy
    from physlite.storage.proxies.pem import MAX_PEM
    from physlite.storage.proxies.proxyfiles import adopt_proxy
except ImportError as error:
    raise CommandError(str(error)) from error


def info(path: str | None, *, as_json: bool) -> None:
    """Prints what the proxy in a file says, or the one that grid tools would use."""
    proxy = load_proxy(path)
    if as_json:
        print_json(_as_json(proxy))
        return
    rows = proxy.rows()
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        typer.echo(f"{name.ljust(width)}  {text}")


def install(file: str) -> None:
    """Writes a proxy where only its owner reads it, and prints the line that tells a shell so."""
    proxy = load_proxy(sys.stdin.buffer.read(MAX_PEM + 1)) if file == "-" else adopt_proxy(Path(file))
    typer.echo(f"export X509_USER_PROXY={shlex.quote(str(proxy.write()))}")


def _as_json(proxy: Proxy) -> dict[str, object]:
    return {
        "path": proxy.name,
        "subject": proxy.subject,
        "identity": proxy.identity,
        "issuer": proxy.issuer,
        "type": proxy.kind,
        "vo": proxy.vo,
        "attributes": list(proxy.attributes),
        "not_before": proxy.not_before.isoformat(),
        "expires": proxy.expires.isoformat(),
        "seconds_left": proxy.time_left // timedelta(seconds=1),
    }
