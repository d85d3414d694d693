"""SeaweedFS: an S3 service that checks signatures, and when they expire."""

import json
import urllib.request
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.error import HTTPError, URLError

import s3fs
from botocore.exceptions import BotoCoreError

from support.servers.process import free_port, program, running

ACCESS_KEY = "AKIAPHYSLITETESTS000"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/secret+of+the+tests"  # noqa: S105  # of a server on this machine


class Seaweed(NamedTuple):
    """Where it serves: without, and with TLS if it has a certificate."""

    url: str
    tls_url: str

    def options(self, *, key=ACCESS_KEY, secret=SECRET_KEY):
        """Storage options for fsspec."""
        return {"endpoint_url": self.url, "key": key, "secret": secret}

    def put(self, path, content):
        """Makes an object, `bucket/name`, and its bucket."""
        filesystem = s3fs.S3FileSystem(**self.options(), skip_instance_cache=True)
        with suppress(FileExistsError):
            filesystem.mkdir(path.partition("/")[0])
        filesystem.pipe_file(path, content)


@contextmanager
def seaweedfs(folder, certificates=None):
    """An S3 service that knows one key.

    Args:
        folder: for its data.
        certificates: of support.certificates, for TLS.
    """
    account = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [account]}))
    (folder / "data").mkdir()
    names = ("master", "volume", "filer", "s3")
    ports = {name: free_port() for name in names} | {f"{name}.grpc": free_port() for name in names}
    command = [
        program("weed"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}",
        "-master.peers=none", "-master.volumeSizeLimitMB=64", "-filer", "-s3", f"-s3.config={folder / 's3.json'}",
        f"-master.port={ports['master']}", f"-master.port.grpc={ports['master.grpc']}",
        f"-volume.port={ports['volume']}", f"-volume.port.grpc={ports['volume.grpc']}",
        f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filer.grpc']}",
        f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3.grpc']}", "-s3.port.iceberg=0", "-s3.port.lance=0",
    ]  # fmt: skip
    tls = free_port()
    if certificates:
        files = (f"-s3.cert.file={certificates.server}", f"-s3.key.file={certificates.server_key}")
        command += [f"-s3.port.https={tls}", *files]
    url = f"http://127.0.0.1:{ports['s3']}"
    server = Seaweed(url, f"https://127.0.0.1:{tls}")
    # Told to end, it would wait for clients that are still connected.
    with running(command, folder / "log", ready=lambda: _serves(server), cwd=folder, kill=True):
        yield server


def _serves(server):
    """It answers before it can store anything."""
    try:
        urllib.request.urlopen(server.url, timeout=1).close()  # noqa: S310
    except HTTPError as error:
        with error, suppress(OSError, BotoCoreError):
            server.put("ready/ready", b"1")
            return True
    except (URLError, OSError):
        pass
    return False
