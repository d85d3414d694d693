"""XRootD: a server of files, and a proxy that fetches what stands in the path of a URL."""

import os
import pwd
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.certificates import hashed_authorities
from support.servers.process import free_port, listens, program, running

_CONFIG = """
all.role server
xrd.port {port}
xrd.network nodnr
all.adminpath {work}/admin
all.pidpath {work}/admin
xrootd.trace all
{more}
"""
_FILES = """
all.export / r/o
oss.localroot {folder}
"""
# Without an origin, it is in the path: root://proxy//root://origin//path. Plug-ins have their version in their name.
_PROXY = """
all.export /root:/ r/o
ofs.osslib libXrdPss.so
pss.origin =
"""


class XRootD:
    """A server that can be stopped and started again, on the same port.

    Attributes:
        folder: what it serves; of a proxy None.
        authorities: folder with the certificate of its authority, where it has one.
        url: of the folder.
    """

    def __init__(self, work, config, folder=None, more=""):
        self.folder = folder
        self.authorities = work / "authorities"
        self.port = free_port()
        self.url = f"root://127.0.0.1:{self.port}//"
        self._work = work
        self._config = work / "xrootd.cfg"
        self._config.write_text(_CONFIG.format(port=self.port, work=work, more=config.format(folder=folder) + more))
        self._running = ExitStack()

    def start(self):
        """Waits until it serves."""
        command = [program("xrootd"), "-c", str(self._config), "-I", "v4", "-n", "test"]
        if os.geteuid() == 0:  # which it does not want to be
            command += ["-R", _user().pw_name]
        log = self._work / f"log-{len(list(self._work.glob('log-*')))}"
        self._running.enter_context(running(command, log, ready=lambda: listens(self.port), cwd=self._work, kill=True))

    def stop(self):
        """Ends it at once, with all connections."""
        self._running.close()

    def log(self):
        """What it has said so far, requests among it."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._work.glob("log-*")))


@contextmanager
def xrootd(*, more="", tls=None):
    """A server of a new folder.

    Args:
        more: configuration.
        tls: certificates with which it serves, over TLS only; the folder of their authority is then its `authorities`.
    """
    with _work() as work:
        folder = work / "served"
        folder.mkdir()
        if tls is not None:
            more += _tls(work, tls)
        with _started(XRootD(work, _FILES, folder, more)) as server:
            yield server


@contextmanager
def xrootd_proxy():
    """A proxy for any server, which is named in the path."""
    with _work() as work, _started(XRootD(work, _PROXY)) as server:
        yield server


def _tls(work, certificates):
    """Configuration for TLS, with certificates where the server's user can read them."""
    for name in ("server", "server_key"):
        (work / name).write_bytes(getattr(certificates, name).read_bytes())
    (work / "server_key").chmod(0o400)
    if os.geteuid() == 0:
        os.chown(work / "server_key", _user().pw_uid, -1)
    authorities = hashed_authorities(work / "authorities", certificates)
    return f"xrd.tls {work}/server {work}/server_key\nxrd.tlsca certdir {authorities}\nxrootd.tls all\n"


@contextmanager
def _started(server):
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _work():
    """A folder that the server's user can read and write, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="physlite-xrootd-") as name:
        work = Path(name)
        work.chmod(0o755)
        (work / "admin").mkdir()
        if os.geteuid() == 0:
            os.chown(work, _user().pw_uid, -1)
            os.chown(work / "admin", _user().pw_uid, -1)
        yield work


def _user():
    """Whom the server runs as when root starts it; Debian's package makes one for it."""
    try:
        return pwd.getpwnam("xrootd")
    except KeyError:
        return pwd.getpwnam("nobody")
