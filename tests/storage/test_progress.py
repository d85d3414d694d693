"""Bars for what takes long, where somebody sees them."""

import threading
import time
from contextlib import contextmanager, redirect_stderr

import pytest

import physlite
from physlite.storage import open_source
from physlite.storage import progress as module
from physlite.storage.progress import progress
from support.servers.faults import fault_server, random_content
from support.servers.process import wait_until
from support.terminal import Terminal

CONTENT = random_content(1_000_000, 3)


@pytest.fixture
def terminal(monkeypatch):
    found = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_BEAT", 0.01)
    # That of other tests may be waiting for what was to be shown with more patience.
    monkeypatch.setattr(module, "_display", module._Display())
    return found


@contextmanager
def bar(terminal, *arguments):
    with redirect_stderr(terminal), progress(*arguments):
        yield


def shown(terminal, text):
    wait_until(lambda: text in terminal.getvalue())


def test_how_far_it_is_and_what_is_left(terminal):
    done = 0
    with bar(terminal, "file.root", lambda: done, 2_000_000):
        shown(terminal, "0.0/2.0 MB")
        done = 1_500_000
        shown(terminal, "1.5/2.0 MB")
    assert "file.root" in terminal.getvalue()


def test_it_is_gone_afterwards(terminal):
    with bar(terminal, "file.root", lambda: 1, 10):
        shown(terminal, "file.root")
    length = len(terminal.getvalue())
    time.sleep(0.1)  # ten beats
    assert len(terminal.getvalue()) == length
    assert terminal.getvalue().endswith("\r\x1b[2K\x1b[?25h\r")  # the line is erased, the cursor is back


def test_a_total_that_is_not_known(terminal):
    with bar(terminal, "file.root", lambda: 0):
        shown(terminal, "0/? bytes")


def test_the_innermost_is_shown(terminal):
    with bar(terminal, "outer", lambda: 0, 7):
        shown(terminal, "outer")
        with bar(terminal, "inner", lambda: 0, 10):
            shown(terminal, "inner")
            before = len(terminal.getvalue())
            wait_until(lambda: terminal.getvalue().count("inner") > 3)
            assert "outer" not in terminal.getvalue()[before:]


def test_threads_have_bars_of_their_own(terminal):
    release = threading.Event()

    def read(name):
        with bar(terminal, name, lambda: 0, 10):
            release.wait(10)

    threads = [threading.Thread(target=read, args=[name]) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    shown(terminal, "first")
    shown(terminal, "second")
    release.set()
    for thread in threads:
        thread.join()


def test_what_is_quick_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 2.0)
    with bar(terminal, "file.root", lambda: 0, 10):
        time.sleep(0.1)  # ten beats
    assert terminal.getvalue() == ""


@pytest.mark.slow
def test_a_terminal_that_is_gone_does_no_harm(terminal):
    with bar(terminal, "file.root", lambda: 0, 10):
        shown(terminal, "file.root")
        terminal.ended = True
        time.sleep(0.05)  # five beats


def test_nothing_is_shown_in_pipes(monkeypatch, capsys):
    """Also where something has imported the kernel of notebooks."""
    pytest.importorskip("ipykernel")
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    with progress("file.root", lambda: 0, 10):
        time.sleep(0.05)  # five beats
    assert capsys.readouterr() == ("", "")


def test_the_thread_ends_when_there_is_nothing_to_watch(terminal, monkeypatch):
    monkeypatch.setattr(module, "_IDLE", 0.05)
    with bar(terminal, "file.root", lambda: 0, 10):
        shown(terminal, "file.root")
    wait_until(lambda: not module._display._is_running)
    with bar(terminal, "another", lambda: 0, 10):
        shown(terminal, "another")


# ------------------------------------------------------------------------------------------------------- of real reads


@pytest.mark.parametrize("mode", ["ranges", "whole"])
def test_opening_a_file_that_is_slow(terminal, mode):
    with redirect_stderr(terminal), fault_server(CONTENT, delay=0.5) as server:
        source = open_source(server.url, mode=mode)
        assert source.size() == len(CONTENT)
    assert "file.root" in terminal.getvalue()
    assert ("/1.0 MB" in terminal.getvalue()) == (mode == "whole")


def test_the_bytes_of_a_download_move_it(terminal):
    with redirect_stderr(terminal), fault_server(CONTENT, bytes_per_second=2_000_000) as server:
        open_source(server.url, mode="whole").size()
    seen = {n for n in range(1, 10) if f"0.{n}/1.0 MB" in terminal.getvalue()}
    assert len(seen) > 3


def test_columns_that_are_slow(terminal):
    sample = physlite.sample().read_bytes()
    with redirect_stderr(terminal), fault_server(sample, bytes_per_second=2_000_000) as server:
        physlite.open(server.url).arrays(["AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.eta", "AnalysisJetsAuxDyn.phi"])
    assert "file.root" in terminal.getvalue()
