"""Which journal a run has, and what becomes of those that runs before it have left."""

import pytest

from physlite.running.journal import Journal
from physlite.running.noting import noted_in
from physlite.running.parts import Outcome
from physlite.running.plan import FileGroup

IDENTITY = {"analysis": "a"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"


def run(path, files, identity=IDENTITY):
    """What is said of a run that is interrupted when it has finished these files."""

    def interrupted():
        with noted_in(path, "", identity, resume=False) as noting, noting.of_early_ends(9):
            for number in files:
                noting.journal.add(FileGroup(0, number, 1), Outcome(b"", ()), "as they are")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        interrupted()
    return raised.value.__notes__[0]


def noted(path, identity=IDENTITY):
    """The files that another run would go on with."""
    with noted_in(path, "", identity, resume=True) as noting:
        return sorted(group.first for group in noting.journal.groups())


def test_what_is_finished_outlives_a_run_that_begins_anew_and_is_interrupted(path):
    assert run(path, [1, 2, 3]) == f"3 of 9 files are noted, journal='{path}', resume=True goes on"
    assert run(path, []) == f"3 of 9 files are noted, journal='{path}', resume=True goes on"
    assert run(path, [4]) == f"3 of 9 files are noted, journal='{path}', resume=True goes on"
    assert noted(path) == [1, 2, 3]


def test_until_that_has_finished_more(path):
    run(path, [1, 2])
    run(path, [3, 4, 5])
    assert noted(path) == [3, 4, 5]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_also_one_that_was_killed(path):
    """Which leaves both."""
    run(path, [1, 2])
    with noted_in(path, "", IDENTITY, resume=False) as noting:
        noting.journal.add(FileGroup(0, 3, 1), Outcome(b"", ()), "as they are")
        kept = {p: p.read_bytes() for p in path.parent.iterdir()}
    for killed, content in kept.items():
        killed.write_bytes(content)
    assert noted(path) == [1, 2]


def test_when_nothing_is_finished_there_is_nothing_to_go_on_with(path):
    assert run(path, []) == "0 of 9 files are noted"


def test_nothing_is_left_of_a_run_that_is_over(path):
    run(path, [1, 2])
    with noted_in(path, "", IDENTITY, resume=False) as noting:
        noting.remove()
    assert list(path.parent.iterdir()) == []


def test_of_another_run_nothing_is_kept(path):
    run(path, [1, 2])
    run(path, [3], identity={"analysis": "b"})
    assert noted(path, {"analysis": "b"}) == [3]


def test_what_another_run_has_set_aside_is_its_own(path):
    run(path, [1, 2])
    with noted_in(path, "", IDENTITY, resume=False) as noting:
        with pytest.raises(Exception, match="another run is using this journal"):
            noted(path)
        assert noting.aside.exists()
    assert noted(path) == [1, 2]


def test_one_that_cannot_be_resumed_is_replaced(path):
    journal = Journal(path, IDENTITY, resume=False)
    journal.add(FileGroup(0, 1, 1), Outcome(b"", ()), "")  # with files that have failed
    journal.close()
    run(path, [2])
    assert noted(path) == [2]
