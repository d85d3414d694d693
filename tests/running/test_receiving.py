"""What a worker does with a proxy that is sent to it, in this process."""

import os
from pathlib import Path

import pytest

from physlite.exceptions import CredentialError
from physlite.running.receiving import offer_key, take_proxy, worker_begins, worker_ends
from physlite.running.sealing import seal
from support import proxies

PROXY = proxies.voms_proxy()


@pytest.fixture(autouse=True)
def worker(tmp_path, monkeypatch):
    """A worker, with a folder for running programs, who has had a proxy before."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("X509_USER_PROXY", "before")
    monkeypatch.setenv("RUCIO_CLIENT_PROXY", "")
    monkeypatch.delenv("RUCIO_CLIENT_PROXY")
    worker_begins("this")
    yield
    worker_ends("this")
    assert os.environ["X509_USER_PROXY"] == "before"
    assert "RUCIO_CLIENT_PROXY" not in os.environ
    assert list((tmp_path / "run").glob("physlite/*")) == []


def test_a_message_is_taken_once():
    public = offer_key()
    message = seal(PROXY, public)
    path = Path(take_proxy(public, message))
    assert path.read_bytes() == PROXY
    with pytest.raises(CredentialError, match=r"has no key for .*: ship the proxy again"):
        take_proxy(public, message)


def test_mailboxes_that_nobody_writes_to_are_given_up():
    first = offer_key()
    others = [offer_key() for _ in range(16)]
    with pytest.raises(CredentialError, match="ship the proxy again"):
        take_proxy(first, seal(PROXY, first))
    assert take_proxy(others[0], seal(PROXY, others[0]))


def test_an_expired_proxy_is_not_taken():
    public = offer_key()
    with pytest.raises(CredentialError, match="the proxy expired at"):
        take_proxy(public, seal(proxies.proxy(begins=-2, hours=-1).pem(), public))
    assert os.environ["X509_USER_PROXY"] == "before"


def test_the_last_worker_of_a_process_cleans_up():
    worker_begins("another")
    public = offer_key()
    path = Path(take_proxy(public, seal(PROXY, public)))
    worker_ends("another")
    assert path.exists()
    assert os.environ["X509_USER_PROXY"] == str(path)
