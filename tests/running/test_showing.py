"""How far a run is, on terminals, in notebooks and in logs."""

import io
import logging
import re
import sys
import threading
import time
from contextlib import contextmanager, redirect_stderr

import pytest

from physlite.running import showing
from physlite.running.pace import Counts, Pace
from physlite.running.showing import Display
from support.servers.process import wait_until
from support.terminal import OF_TERMINALS, Terminal


def words(pace, now, **counts):
    return ", ".join(pace.at(now, Counts(**counts)).words())


# --------------------------------------------------------------------------------------------------- how far, how fast


def test_what_an_earlier_run_has_done_took_no_time_now():
    pace = Pace(20, None, now=0.0, files_before=10)
    assert pace.at(1.0, Counts(10)).left is None
    moment = pace.at(10.0, Counts(12))
    assert (moment.share, moment.left) == pytest.approx((0.6, 40.0))


def test_rates_are_of_the_last_seconds():
    """100 events a second at first, then 10,000; an average would be somewhere between."""
    pace = Pace(10, None, now=0.0)
    for second in range(100):
        pace.at(second, Counts(events=100 * second))
    for second in range(100, 111):
        moment = pace.at(second, Counts(events=10_000 + 10_000 * (second - 100), bytes=second))
    assert moment.events_per_second == 10_000


def test_what_changes_rarely_has_a_rate_too():
    pace = Pace(10, None, now=0.0)
    for second in range(200):
        moment = pace.at(second, Counts(events=6000 * (second // 60)))
    assert moment.events_per_second == 6000 / (199 - 120)


def test_what_stands_still_gets_slower():
    pace = Pace(10, None, now=0.0)
    for second in range(100):
        pace.at(second, Counts(events=1000 * second))
    assert pace.at(1098, Counts(events=99_000)).events_per_second == 1.0


def test_the_time_left_follows_from_files():
    pace = Pace(10, None, now=0.0)
    assert pace.at(20.0, Counts()).left is None
    moment = pace.at(40.0, Counts(files_done=3, files_failed=1))
    assert (moment.share, moment.left) == (0.4, 60.0)


def test_the_time_left_follows_from_bytes_where_they_are_known():
    pace = Pace(10, 1000, now=0.0)
    assert pace.at(40.0, Counts(files_done=4, bytes=500)).left == 40.0


def test_more_bytes_than_expected_tell_nothing():
    moment = Pace(10, 1000, now=0.0).at(40.0, Counts(files_done=5, bytes=1001))
    assert (moment.share, moment.left) == (0.5, 40.0)


def test_workers_that_come_late_do_not_make_it_look_slow():
    """Nothing for half an hour, then a file each second."""
    pace = Pace(10_000, None, now=0.0)
    for second in range(1800, 5401):
        moment = pace.at(second, Counts(files_done=second - 1800))
    assert moment.left == pytest.approx(6400, rel=0.01)


def test_words():
    pace = Pace(200_000, None, now=0.0)
    counts = {"files_done": 100_000, "events": 12_345_678, "bytes": 123_400_000}
    assert words(pace, 10.0, **counts) == "100000/200000 files, 12.3M events, 1.23 MHz, 12.3 MB/s, 10s left"
    assert words(pace, 10.0, **counts, files_failed=2).startswith("100000/200000 files, 2 failed, 12.3M events, ")
    summary = pace.at(100.0, Counts(**counts)).summary()
    assert summary == ["100000/200000 files", "12.3M events", "123 kHz", "1.2 MB/s", "in 1m40s"]


def test_a_run_of_nothing():
    moment = Pace(0, None, now=0.0).at(0.0, Counts())
    assert (moment.share, moment.words()) == (1.0, ["0/0 files", "0 events", "0 Hz", "0 B/s"])


# -------------------------------------------------------------------------------------------------------- on terminals


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(showing, "_PATIENCE", 0.0)
    monkeypatch.setattr(showing, "_BEAT", 0.01)
    monkeypatch.setattr(showing, "_LOG_BEAT", 0.01)


@pytest.fixture
def terminal(monkeypatch, quick):
    for name in OF_TERMINALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


@contextmanager
def shown_on(terminal, *arguments):
    with redirect_stderr(terminal), Display(*arguments) as display:
        yield display


def awaited(terminal, text):
    wait_until(lambda: any(text in line for line in terminal.lines()))


def test_a_bar_with_numbers(terminal):
    with shown_on(terminal, 4) as display:
        awaited(terminal, "0/4 files  0 events")
        display.update(files_done=1, events=1000, bytes=2_000_000)
        awaited(terminal, "1/4 files  1.00k events")
        display.update(files_done=2)
        awaited(terminal, "2/4 files  1.00k events")
    assert "failed" not in terminal.getvalue()


def test_failures_are_red(terminal):
    with shown_on(terminal, 4) as display:
        display.update(files_done=1, files_failed=2)
        awaited(terminal, "1/4 files  2 failed  0 events")
    assert "\x1b[31m2 failed\x1b[0m" in terminal.getvalue()


def test_it_fits_into_80_columns(terminal):
    with shown_on(terminal, 200_000) as display:
        display.update(files_done=123_456, files_failed=1234, events=123_456_789_012, bytes=10**13)
        awaited(terminal, " left")
    lines = [line for line in terminal.lines() if "files" in line]
    assert max(map(len, lines)) <= 80
    assert any(re.fullmatch(r"[━╸╺]{4,} 123456/200000 files 1234 failed 123G events .*/s .* left", x) for x in lines)


def test_the_numbers_stay(terminal):
    with shown_on(terminal, 4) as display:
        awaited(terminal, "0/4 files")
        display.update(files_done=4, events=1000)
    *_, last, end = terminal.lines()
    assert re.fullmatch(r"4/4 files  1.00k events  [\d.]+ k?Hz  0 B/s  in [\d.]+s", last)
    assert end == ""
    assert "\x1b[1A\x1b[2K" + last[:9] in terminal.getvalue()  # in place of the bar
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h")  # the cursor is back


def test_notes_stand_above(terminal):
    with shown_on(terminal, 4) as display:
        awaited(terminal, "0/4 files")
        display.note("a [bold]worker[/bold] left")
        awaited(terminal, "a [bold]worker[/bold] left")
        display.note("another one left")
    assert "another one left" in terminal.lines()


def test_what_the_analysis_prints_stands_above(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    with shown_on(terminal, 4):
        awaited(terminal, "0/4 files")
        print("hello")
        awaited(terminal, "hello")
    assert "hello" in terminal.lines()


def test_what_is_printed_into_a_file_stays_there(terminal, monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    with shown_on(terminal, 4):
        awaited(terminal, "0/4 files")
        print("hello")
    assert file.getvalue() == "hello\n"


def test_what_is_quick_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(showing, "_PATIENCE", 100.0)
    with shown_on(terminal, 4) as display:
        display.update(files_done=4)
        time.sleep(0.1)  # ten beats
    assert terminal.getvalue() == ""


def test_an_error_ends_it(terminal):
    def work():
        with shown_on(terminal, 4) as display:
            display.update(files_done=1)
            awaited(terminal, "1/4 files")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert terminal.lines()[-2].startswith("1/4 files")
    assert not [t for t in threading.enumerate() if t.name == "physlite-run-progress"]


def test_a_terminal_that_is_gone_does_no_harm(terminal):
    with redirect_stderr(terminal):
        with Display(4) as display:
            awaited(terminal, "0/4 files")
            assert sys.stderr is not terminal  # what is printed there goes above the bar
            terminal.ended = True
            display.note("nobody reads this")
            display.update(files_done=4)
        assert sys.stderr is terminal


def test_numbers_from_many_threads(terminal):
    """Each thread says another number; none is lost."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with shown_on(terminal, 4) as display:
            names = ("files_done", "files_failed", "events", "bytes")
            work = [threading.Thread(target=lambda n=n: [display.update(**{n: i}) for i in range(5000)]) for n in names]
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            assert display._counts == Counts(4999, 4999, 4999, 4999)
    finally:
        sys.setswitchinterval(interval)


# ------------------------------------------------------------------------------------------------------------- in logs


@pytest.mark.parametrize("kind", ["auto", False])
def test_without_terminal_there_are_lines_in_the_log(quick, caplog, capsys, kind):
    caplog.set_level(logging.INFO, "physlite.running")
    with Display(4, None, kind) as display:
        display.note("a worker left")
        wait_until(lambda: any(line.startswith("0/4 files, 0 events") for line in caplog.messages))
        display.update(files_done=4)
    assert caplog.messages[0] == "a worker left"
    assert re.fullmatch(r"4/4 files, 0 events, 0 Hz, 0 B/s, in [\d.]+s", caplog.messages[-1])
    assert {(record.name, record.levelname) for record in caplog.records} == {("physlite.running", "INFO")}
    assert capsys.readouterr() == ("", "")


def test_lines_in_the_log_are_rare(quick, caplog, monkeypatch):
    monkeypatch.setattr(showing, "_LOG_BEAT", 30.0)
    caplog.set_level(logging.INFO, "physlite.running")
    with Display(4) as display:
        display.update(files_done=4)
        display.note("a worker left")
        wait_until(lambda: caplog.messages)
    assert caplog.messages == ["a worker left"]


def test_no_bar_on_a_terminal_where_nobody_wants_one(terminal, caplog):
    caplog.set_level(logging.INFO, "physlite.running")
    with shown_on(terminal, 4, None, False):
        wait_until(lambda: caplog.messages)
    assert terminal.getvalue() == ""


def test_a_bar_where_somebody_wants_one(terminal, monkeypatch):
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    with shown_on(terminal, 4, None, True):
        awaited(terminal, "0/4 files")


# -------------------------------------------------------------------------------------------------------- in notebooks

PREPARED = """
import threading
import time
from physlite.running import showing
from physlite.running.shownotebook import NotebookFace

showing._PATIENCE, showing._BEAT = 0.0, 0.01
draw = NotebookFace.draw
NotebookFace.draw = lambda face, moment: (draw(face, moment), moment.share and drawn.set())
"""
RUN = """
drawn = threading.Event()
with showing.Display(4) as display:
    display.update(files_done=1, files_failed={failed}, events=1000)
    drawn.wait()
    display.note("a <worker> left")
    display.update(files_done={done}, events=2000)
"""
ENDS = {(4, 0): "success", (3, 1): "error", (2, 0): "error"}  # by files that are done, and that failed


def test_bars_in_notebooks():
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    runs = [RUN.format(done=done, failed=failed) for done, failed in ENDS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (PREPARED, *runs)])
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute()
    shown = [w for w in client.widget_state.values() if w["_model_name"] in ("HTMLModel", "IntProgressModel")]
    widgets = list(batched(shown, 3))
    assert len(widgets) == len(ENDS)
    for (_, failed), (notes, label, bar) in zip(ENDS, widgets, strict=True):
        assert notes["value"] == "a &lt;worker&gt; left"
        assert (bar["value"], bar["max"]) == (250 * (1 + failed), 1000)
        assert label["value"].startswith("1/4 files, ")
        assert (">1 failed</span>, 1.00k events" in label["value"]) == bool(failed)
    for ((done, failed), color), cell in zip(ENDS.items(), notebook.cells[1:], strict=True):
        (output,) = cell.outputs  # each run is shown below its own cell, once, and without a widget when it is over
        assert set(output["data"]) == {"text/plain", "text/html"}
        note, numbers = output["data"]["text/plain"].splitlines()
        words = [f"{done}/4 files", *(["1 failed"] if failed else []), "2.00k events"]
        assert note == "a <worker> left"
        assert numbers.split(", ")[: len(words)] == words
        html = output["data"]["text/html"]
        assert html.startswith("<div>a &lt;worker&gt; left</div>")
        assert f"width: {25 * (done + failed)}%; height: 100%; background: var(--jp-{color}-color1" in html
        assert (">1 failed</span>, 2.00k events" in html) == bool(failed)


def batched(things, number):
    return zip(*[iter(things)] * number, strict=True)
