"""An XRootD server that asks for grid proxies."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from support import proxies
from support.servers.process import free_port, listens, program, running
from support.trust import write_authority


@contextmanager
def xrootd_with_proxies():
    """The URL of a file on the server, and the server's log, which has the name of who logs in."""
    # It refuses to run as root, and whom it runs as then has to get into the folder.
    user = ["-R", "nobody"] if os.geteuid() == 0 else []
    xrootd = program("xrootd")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_authority(folder / "certificates")
        (folder / "data").mkdir()
        (folder / "data" / "file").write_text("hello")
        (folder / "admin").mkdir()
        (folder / "cert.pem").write_bytes(proxies.server().pem(with_key=False))
        (folder / "key.pem").touch(0o600)
        (folder / "key.pem").write_bytes(proxies.key_pem(proxies.server().key))
        if user:
            for path in ("admin", "key.pem"):
                shutil.chown(folder / path, "nobody")
        port = free_port()
        (folder / "xrootd.cfg").write_text(
            f"""all.role server
            all.export {folder}/data r/o
            all.adminpath {folder}/admin
            all.pidpath {folder}/admin
            xrd.port {port}
            xrd.network nodnr
            xrootd.seclib libXrdSec.so
            sec.protocol gsi -certdir:{folder}/certificates -cert:{folder}/cert.pem -key:{folder}/key.pem \\
              -crl:0 -gmapopt:10 -vomsat:0
            sec.protbind * only gsi
            """
        )
        command = [xrootd, "-c", str(folder / "xrootd.cfg"), "-I", "v4", *user]
        with running(command, folder / "log", ready=lambda: listens(port), cwd=folder):
            yield f"root://127.0.0.1:{port}/{folder}/data/file", folder / "log"
