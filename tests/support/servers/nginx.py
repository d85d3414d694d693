"""nginx: several ranges in a request, one, or none; TLS with client certificates; HTTP/2."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support.servers.process import free_port, listens, program, running

_CONFIG = """
daemon off;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/error.log;
events {{ worker_connections 1024; }}
http {{
    log_format requests '$status "$request_uri" "$http_range" $bytes_sent "$http_authorization"';
    access_log {work}/access.log requests;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    keepalive_timeout {keep_alive};
    server {{
        listen 127.0.0.1:{several};
        root {folder};
    }}
    server {{
        listen 127.0.0.1:{single};
        root {folder};
        max_ranges 1;
    }}
    server {{
        listen 127.0.0.1:{whole};
        root {folder};
        max_ranges 0;
    }}
    {tls}
}}
"""

_TLS = """
    server {{
        listen 127.0.0.1:{port} ssl{http2};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {ca};
        ssl_verify_client {verify};
        ssl_verify_depth 10;
        location / {{ root {folder}; }}
    }}
"""


class Nginx(NamedTuple):
    """Where it serves, and what it says of that."""

    several: str  # several ranges in a request
    single: str  # one range in a request; for several the whole file
    whole: str  # no ranges
    folder: Path
    work: Path

    def requests(self):
        """The lines of its log: status, URI, Range, bytes sent, Authorization."""
        return (self.work / "access.log").read_text().splitlines()


@contextmanager
def nginx(folder, work, *, tls="", keep_alive=65):
    """An nginx that serves a folder.

    Args:
        folder: what it serves.
        work: where its logs go.
        tls: further servers, as `tls_server` makes them.
        keep_alive: seconds that it keeps an idle connection.
    """
    ports = {"several": free_port(), "single": free_port(), "whole": free_port()}
    work.mkdir(exist_ok=True)
    config = work / "nginx.conf"
    config.write_text(_CONFIG.format(work=work, folder=folder, **ports, tls=tls, keep_alive=keep_alive))
    command = [program("nginx"), "-p", str(work), "-e", str(work / "error.log"), "-c", str(config)]
    # Its workers give up their rights, and may not read what only we may read.
    command += ["-g", "user root;"] if os.geteuid() == 0 else []
    with running(command, work / "out.log", ready=lambda: all(map(listens, ports.values()))):
        yield Nginx(*(f"http://127.0.0.1:{port}/" for port in ports.values()), Path(folder), work)


def tls_server(folder, port, certificates, *, verify="on", http2=False):
    """A server with TLS that asks for a client certificate, for `nginx`."""
    return _TLS.format(
        port=port,
        folder=folder,
        http2=" http2" if http2 else "",
        certificate=certificates.server,
        key=certificates.server_key,
        ca=certificates.ca,
        verify=verify,
    )
