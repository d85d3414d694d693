"""`physlite proxy`: what it prints, where it writes, and how it fails."""

import json
import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from physlite.cli import app
from support import proxies
from support.proxies import FQANS, IDENTITY
from support.servers.process import program


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("X509_USER_PROXY", raising=False)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "x509up", proxies.voms_proxy())


def written(path, content):
    path.touch(0o600)
    path.write_bytes(content)
    return path


def run(*arguments, **options):
    return CliRunner().invoke(app, ["proxy", *map(str, arguments)], **options)


def output(*arguments, **options):
    result = run(*arguments, **options)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def fails(*arguments, **options):
    """The one line of a command that must fail."""
    result = run(*arguments, **options)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("physlite: ")


def test_info(file):
    rows = [re.split(r"  +", line, maxsplit=1) for line in output("info", file).splitlines()]
    left = dict(rows).pop("time left")
    assert re.fullmatch(r"11:59:\d\d \(until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)", left)
    assert [row for row in rows if row[0] != "time left"] == [
        ["subject", f"{IDENTITY}/CN=1234567890"],
        ["identity", IDENTITY],
        ["issuer", IDENTITY],
        ["type", "RFC 3820"],
        ["VO", "atlas"],
        ["VO attributes", ", ".join(FQANS)],
        ["path", str(file)],
    ]


def test_info_of_the_proxy_of_all_grid_tools(file, monkeypatch):
    monkeypatch.setenv("X509_USER_PROXY", str(file))
    assert output("info").splitlines()[-1].split() == ["path", str(file)]


def test_json(file):
    content = json.loads(output("info", file, "--json"))
    expires = datetime.fromisoformat(content.pop("expires"))
    left = timedelta(seconds=content.pop("seconds_left"))
    assert abs(expires - datetime.now(UTC) - left) < timedelta(seconds=5)
    assert datetime.fromisoformat(content.pop("not_before")) < datetime.now(UTC)
    assert content == {
        "path": str(file),
        "subject": f"{IDENTITY}/CN=1234567890",
        "identity": IDENTITY,
        "issuer": IDENTITY,
        "type": "RFC 3820",
        "vo": "atlas",
        "attributes": list(FQANS),
    }


def test_an_expired_proxy(tmp_path):
    path = written(tmp_path / "old", proxies.proxy(begins=-2, hours=-1).pem())
    for command in ("info", "set"):
        assert re.fullmatch(
            rf"{path}: the proxy expired at .* UTC; make a new one with `voms-proxy-init -voms atlas`",
            fails(command, path),
        )
    assert list((tmp_path / "run").iterdir()) == []


def test_no_proxy_at_all(tmp_path):
    assert fails("info", tmp_path / "x").startswith(f"{tmp_path / 'x'}: no such file; make a new one with")


def test_a_file_that_others_can_read(file):
    file.chmod(0o644)
    assert fails("info", file) == f"{file}: can be used by others (mode 0644): `chmod 600 {file}`"
    assert output("set", file).startswith("export X509_USER_PROXY=")  # to where nobody else can


def test_what_is_no_proxy_is_not_to_be_made_private(tmp_path):
    (tmp_path / "x").write_text("hello")
    (tmp_path / "x").chmod(0o644)
    for command in ("info", "set"):
        assert "chmod" not in fails(command, tmp_path / "x")


@pytest.mark.parametrize("from_stdin", [False, True])
def test_set(tmp_path, file, from_stdin):
    line = output("set", "-", input=file.read_bytes()) if from_stdin else output("set", file)
    path = tmp_path / "run" / "physlite" / "x509up"
    assert line == f"export X509_USER_PROXY={path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == file.read_bytes()


def test_a_shell_takes_the_line(tmp_path, file, monkeypatch):
    """Also where the path has characters that mean something to it."""
    (tmp_path / "a b; $HOME'").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "a b; $HOME'"))
    script = 'eval "$("$0" -m physlite proxy set "$1")"; printf %s "$X509_USER_PROXY"'
    command = [program("sh"), "-c", script, sys.executable, file]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout
    assert said == str(tmp_path / "a b; $HOME'" / "physlite" / "x509up")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe garbage", b"x" * 300_000], ids=["nothing", "garbage", "too much"])
def test_set_to_something_else(tmp_path, content):
    assert fails("set", "-", input=content).startswith("<bytes>: has ")
    assert list((tmp_path / "run").iterdir()) == []


def test_help_has_examples():
    for command in ("info", "set"):
        text = output(command, "--help")
        assert "For example:\n\n      " in text
        assert max(map(len, text.splitlines())) <= 100


def test_without_cryptography(file):
    code = "import sys; sys.modules['cryptography'] = None; from physlite.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "proxy", "info", file], capture_output=True, text=True, check=False
    )
    expected = "physlite: grid proxies need cryptography: pip install 'physlite[grid]'\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", expected)
