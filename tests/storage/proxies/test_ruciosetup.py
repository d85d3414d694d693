"""Rucio with a grid proxy: a real server that takes proxies, and what goes wrong."""

import os
import subprocess
import sys

import pytest
from rucio.client.baseclient import BaseClient
from rucio.common.config import clean_cached_config, config_get

import physlite.auth
from physlite.auth import load_proxy, setup_rucio
from physlite.exceptions import ConfigurationError, CredentialError, TransferError
from support import proxies
from support.servers.process import free_port
from support.servers.rucio_x509 import rucio_with_proxies

VARIABLES = ("RUCIO_ACCOUNT", "RUCIO_AUTH_TYPE", "RUCIO_CLIENT_PROXY", "RUCIO_CONFIG", "RUCIO_VO", "X509_USER_PROXY")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rucio")
    with rucio_with_proxies(folder) as url:
        yield url, folder


@pytest.fixture(autouse=True)
def own_places(tmp_path, server, monkeypatch):
    """The environment of somebody who trusts the authority and has no rucio.cfg, no proxy and no token yet."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("X509_CERT_DIR", str(server[1] / "ca.pem"))
    monkeypatch.setattr(BaseClient, "TOKEN_PATH_PREFIX", str(tmp_path / "tokens_"))
    for name in (*VARIABLES, "RUCIO_HOME", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.setenv(name, "")  # restored behind the test, also when the test sets it
        monkeypatch.delenv(name)
    clean_cached_config()
    yield
    clean_cached_config()


@pytest.fixture
def url(server):
    return server[0]


PROXY = load_proxy(proxies.voms_proxy())


def environment():
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def test_connects_and_leaves_everything_ready(url, tmp_path):
    who = setup_rucio(PROXY, "jdoe", host=url)
    assert (who["account"], who["status"], who["email"]) == ("jdoe", "ACTIVE", "jdoe@example.org")
    folder = tmp_path / "run" / "physlite"
    assert environment() == {
        "RUCIO_ACCOUNT": "jdoe",
        "RUCIO_AUTH_TYPE": "x509_proxy",
        "RUCIO_CLIENT_PROXY": str(folder / "x509up"),
        "RUCIO_CONFIG": str(folder / "rucio.cfg"),
        "X509_USER_PROXY": str(folder / "x509up"),
    }


@pytest.mark.parametrize("command", ["from rucio.client import Client; print(Client().whoami()['account'])"])
def test_a_client_that_is_told_nothing(url, command, tmp_path, monkeypatch):
    """Here and in a process that is started from here, whatever was configured before."""
    (tmp_path / "rucio.cfg").write_text("[client]\nrucio_host = https://elsewhere\nauth_host = https://elsewhere\n")
    monkeypatch.setenv("RUCIO_CONFIG", str(tmp_path / "rucio.cfg"))
    assert config_get("client", "rucio_host") == "https://elsewhere"  # is remembered
    setup_rucio(PROXY, "jdoe", host=url)
    exec(command)  # noqa: S102
    assert (
        subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout == "jdoe\n"
    )


def test_a_server_that_rucio_cfg_names(url, tmp_path, monkeypatch):
    (tmp_path / "rucio.cfg").write_text(f"[client]\nrucio_host = {url}\nauth_host = {url}\n")
    monkeypatch.setenv("RUCIO_CONFIG", str(tmp_path / "rucio.cfg"))
    assert setup_rucio(PROXY, "jdoe")["account"] == "jdoe"
    assert os.environ["RUCIO_CONFIG"] == str(tmp_path / "rucio.cfg")


def test_the_vo_is_named(url):
    setup_rucio(PROXY, "jdoe", host=url, vo="def")
    assert os.environ["RUCIO_VO"] == "def"


def test_an_account_that_is_not_of_this_proxy(url):
    for account in ("other", "nobody"):
        with pytest.raises(CredentialError) as caught:
            setup_rucio(PROXY, account, host=url)
        assert str(caught.value) == (
            f"{url}, account {account}: the proxy is not accepted (Cannot authenticate. Details: Cannot authenticate "
            f"to account {account} with given credentials): is it of a user of this account?"
        )
    assert environment() == {}


def test_a_token_of_an_earlier_login_does_not_count(url):
    setup_rucio(PROXY, "jdoe", host=url)
    stranger = load_proxy(proxies.proxy(proxies.user("/CN=stranger", "other")).pem())
    with pytest.raises(CredentialError, match="account jdoe: the proxy is not accepted"):
        setup_rucio(stranger, "jdoe", host=url)


def test_a_proxy_of_an_authority_that_the_server_does_not_know(url):
    unknown = proxies.unknown_user()
    with pytest.raises(
        CredentialError, match=rf"^{url}, account jdoe: the server ended the connection, as.*voms-proxy-init"
    ):
        setup_rucio(load_proxy(proxies.proxy(unknown).pem()), "jdoe", host=url)


def test_a_server_that_is_not_trusted(url, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("X509_CERT_DIR", str(tmp_path / "empty"))
    with pytest.raises(TransferError, match=rf"^{url}, account jdoe: the server's own certificate.*\$X509_CERT_DIR$"):
        setup_rucio(PROXY, "jdoe", host=url)


def test_a_server_that_is_not_there():
    nobody = f"https://127.0.0.1:{free_port()}"
    with pytest.raises(
        TransferError, match=rf"^{nobody}, account jdoe: the server cannot be reached.*Connection refused"
    ):
        setup_rucio(PROXY, "jdoe", host=nobody)
    assert environment() == {}


def test_a_password_in_the_url_is_not_shown():
    with pytest.raises(TransferError) as caught:
        setup_rucio(PROXY, "jdoe", host=f"https://jane:opensesame@127.0.0.1:{free_port()}")
    assert "https://127.0.0.1:" in str(caught.value)
    assert "opensesame" not in str(caught.value)


def test_a_server_that_is_not_rucio(url):
    with pytest.raises(TransferError, match=r"/elsewhere, account jdoe: .*does not answer as Rucio does .*404"):
        setup_rucio(PROXY, "jdoe", host=f"{url}/elsewhere")


def test_the_servers_may_be_two(url):
    with pytest.raises(TransferError, match="does not answer as Rucio does"):
        setup_rucio(PROXY, "jdoe", host=url, auth_host=f"{url}/elsewhere")


def test_no_server_is_named():
    with pytest.raises(
        ConfigurationError, match=r"account jdoe: there is no rucio.cfg that names a server: give host="
    ):
        setup_rucio(PROXY, "jdoe")


def test_without_rucio_clients(monkeypatch):
    monkeypatch.setitem(sys.modules, "rucio.client", None)
    monkeypatch.delitem(sys.modules, "physlite.storage.proxies.ruciosetup")
    with pytest.raises(ImportError, match=r"setup_rucio needs rucio-clients: pip install 'physlite\[grid\]'"):
        physlite.auth.__getattr__("setup_rucio")
