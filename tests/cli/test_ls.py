"""`physlite ls`: datasets in Rucio, and replicas."""

import json

import pytest
from rucio.common.config import clean_cached_config

from support import data
from support.commands import call, fails
from support.servers.rucio import DOWN, PASSWORD, TAPE, WEB

DATASET = "mc20_13TeV.999999.listed.deriv.DAOD_PHYSLITE_tid1"


@pytest.fixture
def stored(rucio_sites, tmp_path, monkeypatch):
    """A file in a dataset, for an account that rucio.cfg names."""
    content = data.path_of(data.R21).read_bytes()
    names = [f"DAOD_PHYSLITE.{tmp_path.name}.{i}.root" for i in range(2)]
    files = [rucio_sites.add_file(name, content, [WEB, TAPE, DOWN], guid="A" * 32, events=40) for name in names]
    rucio_sites.add_dataset(f"{DATASET}.{tmp_path.name}", *(file.did for file in files))
    config = tmp_path / "rucio.cfg"
    config.write_text(
        f"[client]\nrucio_host = {rucio_sites.url}\nauth_host = {rucio_sites.url}\n"
        f"account = physicist\nauth_type = userpass\nusername = physicist\npassword = {PASSWORD}\n"
    )
    for name in ("RUCIO_ACCOUNT", "RUCIO_AUTH_TYPE", "RUCIO_CFG_CLIENT_USERNAME", "RUCIO_CFG_CLIENT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUCIO_CONFIG", str(config))
    clean_cached_config()
    monkeypatch.setattr("rucio.client.baseclient.BaseClient.TOKEN_PATH_PREFIX", f"{tmp_path}/")
    yield files
    clean_cached_config()


def test_files(stored, tmp_path):
    head, _, first, second, empty, title = call("ls", f"rucio://mc20_13TeV:{DATASET}.{tmp_path.name}").splitlines()
    assert head.split() == ["file", "size", "events", "adler32", "guid"]
    assert first.split() == [stored[0].did, "1.8", "MB", "40", stored[0].adler32, "A" * 32]
    assert second.split()[0] == stored[1].did
    assert empty == ""
    assert title == f"mc20_13TeV:{DATASET}.{tmp_path.name}: 2 files, 3.7 MB, 80 events"


def test_json(stored, tmp_path):
    told = json.loads(call("ls", f"{DATASET}.{tmp_path.name}", "--json"))
    assert (told["events"], told["bytes"]) == (80, 2 * len(stored[0].content))
    assert [f"{file['scope']}:{file['name']}" for file in told["files"]] == [file.did for file in stored]


def test_replicas(stored):
    """Those that are tried first, then those that are not, with the reason."""
    _, _, *lines = call("ls", stored[0].did, "--replicas").splitlines()
    assert [line.split()[0] for line in lines][-1] == TAPE
    assert lines[-1].endswith("on tape")
    assert {line.split()[0] for line in lines} == {WEB, TAPE, DOWN}


def test_reading_commands_take_names(stored):
    assert json.loads(call("info", f"rucio://{stored[0].did}", "--json"))["events"] == 40


def test_get(stored, tmp_path):
    assert f"adler32 {stored[0].adler32}" in call("get", f"rucio://{stored[0].did}", tmp_path)
    assert (tmp_path / stored[0].did.partition(":")[2]).read_bytes() == stored[0].content


def test_no_such_name(stored):
    assert "mc20_13TeV:nothing" in fails("ls", "rucio://mc20_13TeV:nothing")
