"""Where the time of a file goes."""

import threading
from types import SimpleNamespace

import pytest

from physlite.running import stopwatch
from physlite.running.records import STAGES, Stage
from physlite.running.stopwatch import Stopwatch

SECOND = 1_000_000_000
NOTHING = (0, 0, 0)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """What the clocks show; numbers that binary fractions are exact for."""
    now = SimpleNamespace(wall=100.0, cpu=10.0)
    times = SimpleNamespace(perf_counter=lambda: now.wall, thread_time=lambda: now.cpu)
    monkeypatch.setattr(stopwatch, "time", times)
    return now


@pytest.fixture
def passes(clock):
    def passes(wall, cpu):
        clock.wall += wall
        clock.cpu += cpu

    return passes


def stages(watch, clock=NOTHING):
    """By name, those in which something was noted."""
    noted = dict(zip(STAGES, watch.stages(clock), strict=True))
    return {name: stage for name, stage in noted.items() if stage != Stage(0.0, 0.0)}


def test_what_is_of_no_stage_is_the_users(passes):
    watch = Stopwatch()
    passes(2.0, 0.5)
    assert stages(watch) == {"user": Stage(2.0, 0.5)}


def test_each_moment_is_of_the_innermost_stage(passes):
    watch = Stopwatch()
    passes(1.0, 1.0)
    with watch.stage("open"):
        passes(2.0, 0.5)
        with watch.stage("fetch"):
            passes(4.0, 0.0)
        passes(8.0, 0.25)
    passes(16.0, 2.0)
    with watch.stage("open"):
        passes(32.0, 0.0)
    assert stages(watch) == {"open": Stage(42.0, 0.75), "fetch": Stage(4.0, 0.0), "user": Stage(17.0, 3.0)}


def test_the_stage_that_lasts_counts_too(passes):
    watch = Stopwatch()
    with watch.stage("fetch"):
        passes(1.0, 0.0)
        assert stages(watch) == {"fetch": Stage(1.0, 0.0)}
        passes(1.0, 0.0)
    assert stages(watch) == {"fetch": Stage(2.0, 0.0)}


def test_a_stage_ends_with_an_error(passes):
    watch = Stopwatch()

    def fetch():
        with watch.stage("fetch"):
            passes(1.0, 0.0)
            raise KeyError

    with pytest.raises(KeyError):
        fetch()
    passes(2.0, 2.0)
    assert stages(watch) == {"fetch": Stage(1.0, 0.0), "user": Stage(2.0, 2.0)}


def test_other_threads_are_not_noted(passes):
    """Their time passes while this one waits, or works."""
    watch = Stopwatch()

    def fetch():
        with watch.stage("fetch"):
            passes(1.0, 0.0)

    thread = threading.Thread(target=fetch)
    thread.start()
    thread.join()
    assert stages(watch) == {"user": Stage(1.0, 0.0)}


def test_the_core_says_how_much_of_decoding_is_decompressing(passes):
    """A second of four threads, that of Python around it apart: three quarters of their time are decompressing."""
    watch = Stopwatch()
    with watch.stage("decode"):
        passes(1.5, 1.5)
    noted = stages(watch, (3 * SECOND, 4 * SECOND, SECOND))
    assert noted == {"decompress": Stage(0.75, 3.0), "decode": Stage(0.75, 1.0 + 0.5)}
    assert sum(stage.wall for stage in noted.values()) == 1.5


def test_the_core_had_nothing_to_do(passes):
    watch = Stopwatch()
    with watch.stage("decode"):
        passes(1.0, 0.5)
    assert stages(watch) == {"decode": Stage(1.0, 0.5)}


def test_the_core_worked_for_other_threads_as_well(passes):
    """What they read passes while this one does something else: no part is more than the whole."""
    watch = Stopwatch()
    with watch.stage("decode"):
        passes(1.0, 0.5)
    assert stages(watch, (2 * SECOND, 2 * SECOND, 2 * SECOND)) == {"decompress": Stage(1.0, 2.0)}
