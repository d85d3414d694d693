"""Commands with files that are elsewhere."""

import json
import os
import signal
import subprocess
import sys
import zlib

import pytest

from physlite.storage.redaction import redacted
from support import data
from support.commands import SAMPLE, call, fails, run
from support.servers.faults import fault_server
from support.servers.process import wait_until

SIGNATURE = "?X-Amz-Signature=very-secret&X-Amz-Date=1"


@pytest.fixture(scope="module")
def server():
    with fault_server(data.path_of(data.SAMPLE).read_bytes()) as found:
        yield found


@pytest.mark.parametrize("options", [[], ["--mode", "whole"], ["--mode", "auto"]], ids=str)
@pytest.mark.parametrize(
    "command", [["show", "--filter", "AnalysisElectrons*"], ["info", "--top", "5"], ["links"], ["trigger"]], ids=str
)
def test_reading_commands_take_urls(server, command, options):
    local = call(*command, SAMPLE)
    remote = call(*command, server.url + SIGNATURE, *options)
    assert "very-secret" not in remote
    assert remote.replace(redacted(server.url + SIGNATURE), SAMPLE) == local


def test_demo_of_a_url(server, tmp_path):
    shown = call("demo", "--file", server.url + SIGNATURE, "--out", tmp_path)
    assert "very-secret" not in shown
    assert (tmp_path / "dilepton_mass.png").exists()


def test_a_cache(server, tmp_path):
    call("show", server.url, "--cache", tmp_path)
    asked = len(server.requests)
    call("show", server.url, "--cache", tmp_path)
    assert len(server.requests) == asked


def test_json_names_the_file_without_its_signature(server):
    assert json.loads(call("show", server.url + SIGNATURE, "--json"))["file"] == server.url + "?…"


def test_get(server, tmp_path):
    shown = call("get", server.url + SIGNATURE, tmp_path)
    path = tmp_path / "file.root"
    assert path.read_bytes() == server.content
    assert shown.startswith(f"{path}: ")
    assert f"adler32 {zlib.adler32(server.content):08x}" in shown
    assert path.stat().st_mode & 0o077 == 0o044
    message = fails("get", server.url, tmp_path)
    assert message == f"{path}: there is such a file already: remove it first, or name another"
    told = json.loads(call("get", server.url, tmp_path / "other.root", "--json"))
    assert told["bytes"] == len(server.content)


def test_get_that_fails_leaves_nothing(server, tmp_path):
    server.faults += ["404"]
    assert "404 Not Found" in fails("get", server.url + SIGNATURE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_get_to_no_folder_and_of_a_local_file(server, tmp_path):
    assert fails("get", server.url, tmp_path / "nowhere" / "x.root") == f"{tmp_path}/nowhere: there is no such folder"
    folder = f"{tmp_path}/nowhere/"
    assert fails("get", server.url, folder) == f"{folder}: there is no such folder"
    assert "it is here already" in fails("get", SAMPLE, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_part_behind(tmp_path, number):
    with fault_server(data.path_of(data.SAMPLE).read_bytes(), bytes_per_second=100_000) as server:
        command = [sys.executable, "-m", "physlite", "get", server.url, str(tmp_path)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: any(tmp_path.iterdir()))
            process.send_signal(number)
            _, said = process.communicate(timeout=10)
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "XRootD").mkdir()
    (tmp_path / "XRootD" / "__init__.py").write_text("raise ModuleNotFoundError('no XRootD', name='XRootD')")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    message = fails("info", "root://host//file.root", env=environment)
    assert "pip install 'physlite[grid]'" in message
    assert "unexpected" not in message


def test_a_url_with_one_slash():
    assert "a URL is a string, and has two slashes" in fails("info", "http:/host/file.root")


def test_errors_are_one_line_without_secrets(server):
    server.faults += ["403"]
    result = run("show", server.url + SIGNATURE)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"physlite: {server.url}?…: no access: the server answers 403 Forbidden")
    assert "very-secret" not in result.stderr
