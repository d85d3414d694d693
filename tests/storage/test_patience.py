"""What is told of attempts that fail."""

import logging
from types import SimpleNamespace

import pytest

from physlite.exceptions import TransferError
from physlite.storage import patience
from physlite.storage.http.settings import HttpSettings
from physlite.storage.patience import Again, Patience

LIMITS = HttpSettings(attempts=4, deadline=100)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Seconds that have passed."""
    now = [1000.0]
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(patience, "_noticed", -100.0)
    return now


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_attempts_that_take_long_are_told_of(clock, caplog):
    waiting = Patience("file.root", LIMITS)
    waiting.pause(Again("no connection to x"))
    assert not warnings_of(caplog)
    clock[0] += 3
    waiting.pause(Again("no connection to x"))
    assert warnings_of(caplog) == ["file.root: no connection to x; trying again (2 of 4)"]


def test_a_wait_that_the_server_asks_for_is_told_of(caplog):
    assert Patience("file.root", LIMITS).pause(Again("too many requests", after=20)) == 20
    assert warnings_of(caplog) == ["file.root: too many requests; trying again (1 of 4)"]


def test_not_each_is_told_of(clock, caplog):
    """All files on a server fail when it does."""
    for _ in range(50):
        Patience("file.root", LIMITS).pause(Again("too many requests", after=20))
    assert len(warnings_of(caplog)) == 1
    clock[0] += 5
    Patience("file.root", LIMITS).pause(Again("too many requests", after=20))
    assert len(warnings_of(caplog)) == 2


def test_the_end_says_what_to_do(clock):
    limits = HttpSettings(attempts=1)
    with pytest.raises(TransferError) as raised:
        Patience("file.root", limits).pause(Again("no connection to x"))
    remedy = "check the address and the network, or try again later"
    assert str(raised.value) == f"file.root: no connection to x (the last of 1 attempts); {remedy}"
    waiting = Patience("file.root", LIMITS)
    clock[0] += 101
    with pytest.raises(TransferError) as raised:
        waiting.pause(Again("no connection to x"))
    assert str(raised.value) == f"file.root: no connection to x (given up after 101 s of 100 s); {remedy}"
