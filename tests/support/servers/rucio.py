"""A Rucio server with sites: some that can be read, and one for each reason why not."""

import hashlib
import json
import os
import sqlite3
import zlib
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from support.servers.nginx import nginx
from support.servers.process import free_port, listens, program, running

PASSWORD = "correct-horse-battery-staple"  # noqa: S105  # of every account here
SCOPE = "mc20_13TeV"

# Sites that can be read: a disk that is mounted here, a web server, an XRootD server.
DISK, WEB, XROOTD = "MWT2_LOCALGROUPDISK", "CERN_DATADISK", "DESY_DATADISK"
# Sites that can be read as far as Rucio knows: nobody listens at one, the other has lost its disk.
DOWN, LOST = "BNL_DATADISK", "LYON_DATADISK"
# A site whose files are signed for; it is not there.
GCS = "GOOGLE_DATADISK"
# Sites that are not read.
BLOCKED, TAPE, STAGING, CACHE, ODD = "TOKYO_DATADISK", "RAL_DATATAPE", "RAL_STAGING", "PRAGUE_CACHE", "TRIUMF_DATADISK"

_COUNTRIES = {DISK: "US", WEB: "CH", XROOTD: "DE", DOWN: "US", LOST: "FR"}


class Stored(NamedTuple):
    """A file in the catalogue, as the tests know it."""

    did: str
    content: bytes
    adler32: str


class RucioServer:
    """A running server.

    Attributes:
        url: where it listens.
        folder: a folder for each site, named as it; what is in that of a site is what its server serves.
    """

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self._client = _admin(url, folder)

    def path(self, rse, did):
        """Where a site has a file: Rucio names folders by the checksum of the name (lfn2pfn algorithm `hash`)."""
        scope, name = did.split(":")
        digest = hashlib.md5(did.encode(), usedforsecurity=False).hexdigest()
        return self.folder / rse / scope / digest[:2] / digest[2:4] / name

    def add_file(self, name, content, rses, *, state="A", scope=SCOPE, **meta):
        """A file with replicas; `meta` is guid and events."""
        did = f"{scope}:{name}"
        adler32 = f"{zlib.adler32(content):08x}"
        for rse in rses:
            path = self.path(rse, did)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            file = {"scope": scope, "name": name, "bytes": len(content), "adler32": adler32, "state": state}
            if rse == CACHE:  # a cache gets its files from elsewhere
                self._client.update_rse(rse, {"volatile": False})
            self._client.add_replicas(rse, [file | ({"meta": meta} if meta else {})])
            if rse == CACHE:
                self._client.update_rse(rse, {"volatile": True})
        return Stored(did, content, adler32)

    def add_dataset(self, name, *content, scope=SCOPE):
        """A dataset of files."""
        self._client.add_dataset(scope, name)
        return self._filled(scope, name, content)

    def add_container(self, name, *content, scope=SCOPE):
        """A container of datasets or containers."""
        self._client.add_container(scope, name)
        return self._filled(scope, name, content)

    def remove_replicas(self, stored):
        """Leaves a file in the catalogue without replicas, as a server's daemons do; no account may."""
        with closing(sqlite3.connect(self.folder / "server" / "rucio.db", timeout=60)) as database, database:
            changed = database.execute("DELETE FROM replicas WHERE scope = ? AND name = ?", stored.did.split(":"))
            assert changed.rowcount > 0

    def _filled(self, scope, name, content):
        dids = [dict(zip(("scope", "name"), did.split(":"), strict=True)) for did in content]
        if dids:
            self._client.attach_dids(scope, name, dids)
        return f"{scope}:{name}"

    def add_site(self, rse, protocols, *, attributes=None, read=True, **settings):
        """An RSE; protocols are (scheme, port) with the site's folder as prefix, or (scheme, port, prefix)."""
        self._client.add_rse(rse, deterministic=True, **settings)
        doors = {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1}
        for scheme, port, *prefix in protocols:
            self._client.add_protocol(
                rse,
                {
                    "scheme": scheme,
                    "hostname": "localhost" if scheme == "file" else "127.0.0.1",
                    "port": port,
                    "prefix": prefix[0] if prefix else f"{self.folder / rse}/",
                    "impl": f"rucio.rse.protocols.{'posix' if scheme == 'file' else 'gfal'}.Default",
                    "domains": {"lan": doors, "wan": doors},
                },
            )
        country = {"country": _COUNTRIES[rse]} if rse in _COUNTRIES else {}
        for key, value in (country | (attributes or {})).items():
            self._client.add_rse_attribute(rse, key, value)
        if not read:
            self._client.update_rse(rse, {"availability_read": False})
        return rse

    def add_credentials(self, rse, credentials):
        """What the server signs with for a site."""
        etc = self.folder / "server" / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "rse-accounts.cfg").write_text(json.dumps({self._client.get_rse(rse)["id"]: credentials}))

    def add_scope(self, scope):
        """A scope of the administrator."""
        self._client.add_scope("root", scope)

    def add_account(self, account, *, may_sign=False):
        """An account with a user of the same name."""
        self._client.add_account(account, "USER", f"{account}@example.org")
        self._client.add_identity(account, account, "USERPASS", f"{account}@example.org", password=PASSWORD)
        if may_sign:
            self._client.add_account_attribute(account, "sign-url", "true")


def _admin(url, folder):
    """A client that may do everything, with its tokens where nobody else looks."""
    from rucio.client import Client

    class Admin(Client):
        TOKEN_PATH_PREFIX = f"{folder}/tokens_"

    return Admin(
        rucio_host=url,
        auth_host=url,
        account="root",
        auth_type="userpass",
        creds={"username": "admin", "password": PASSWORD},
        timeout=60,
    )


@contextmanager
def rucio_server(folder):
    """A server with all sites, an account `physicist`, and an account `signer` that may have URLs signed.

    Args:
        folder: for everything; servers that run as another user must be able to read it.
    """
    python = _python()
    server = folder / "server"
    server.mkdir()
    write_service_account(server / "gcs.json")
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(
            running(
                [python, "-P", str(Path(__file__).with_name("rucio_program.py")), str(server), str(port)],
                server / "log",
                ready=lambda: listens(port),
                env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"RUCIO_ADMIN_PASSWORD": PASSWORD},
            )
        )
        rucio = RucioServer(f"http://127.0.0.1:{port}", folder)
        for rse in (DISK, WEB, XROOTD):
            (folder / rse).mkdir()
        web = urlsplit(stack.enter_context(nginx(folder / WEB, folder / "nginx")).several).port
        xrootd = stack.enter_context(xrootd_server(folder / XROOTD, folder / "xrootd"))
        rucio.add_site(DISK, [("file", 0)])
        rucio.add_site(WEB, [("http", web, "/")])
        rucio.add_site(XROOTD, [("root", xrootd, f"/{folder / XROOTD}/")])
        rucio.add_site(DOWN, [("https", free_port(), "/"), ("root", free_port(), "//")])
        rucio.add_site(LOST, [("file", 0, "/there/is/no/such/disk/")])
        rucio.add_site(GCS, [("https", 443, "/bucket/")], attributes={"sign_url": "gcs"})
        rucio.add_site(BLOCKED, [("file", 0)], read=False)
        rucio.add_site(TAPE, [("file", 0)], rse_type="TAPE")
        rucio.add_site(STAGING, [("file", 0)], staging_area=True)
        rucio.add_site(CACHE, [("file", 0)], volatile=True)
        rucio.add_site(ODD, [("gsiftp", 2811)])
        rucio.add_scope(SCOPE)
        rucio.add_account("physicist")
        rucio.add_account("signer", may_sign=True)
        yield rucio


def _python():
    """The Python of Rucio's environment; skips where there is none, and fails where nothing may be skipped."""
    beside = Path(__file__).parents[3] / ".venv-rucio" / "bin" / "python"
    python = os.environ.get("PHYSLITE_RUCIO_PYTHON") or beside
    if not Path(python).exists():
        pytest.skip(f"there is no Rucio server in {python}: `make servers` installs it")
    return str(python)


@contextmanager
def xrootd_server(files, folder):
    """The port of an XRootD server that serves a folder by its full path."""
    folder.mkdir()
    folder.chmod(0o777)
    port = free_port()
    (folder / "xrootd.cfg").write_text(
        f"""all.role server
        all.export {files} r/o
        all.adminpath {folder}/admin
        all.pidpath {folder}/admin
        xrd.port {port}
        xrd.network nodnr
        """
    )
    # It refuses to run as root.
    user = ["-R", "nobody"] if os.geteuid() == 0 else []
    with running(
        [program("xrootd"), "-c", str(folder / "xrootd.cfg"), "-I", "v4", *user],
        folder / "log",
        ready=lambda: listens(port),
        cwd=folder,
    ):
        yield port


def write_service_account(path):
    """The key of a service account that nobody has."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "physlite-tests",
        "private_key_id": "0123456789abcdef",
        "private_key": pem.decode(),
        "client_email": "reader@physlite-tests.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://localhost/token",
    }
    path.write_text(json.dumps(account))
    return key
