"""When an analysis is the same, and when it is not."""

import dataclasses
import enum
import functools
import os
import subprocess
import sys
import textwrap
import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import awkward as ak
import hist
import numpy as np
import pytest

import physlite
from physlite.running.fingerprint import fingerprint

HELPERS = """
import functools, math, re
from dataclasses import dataclass, field
from enum import Enum

CUT = 30
REGIONS = {"a", "b", "signal", "control"}
NAME = re.compile("Jet.*")

class Kind(Enum):
    DATA = 1
    MC = 2

@dataclass
class Result:
    n: int
    kind: Kind = Kind.DATA
    items: list = field(default_factory=list)

    def scaled(self, by):
        return Result(self.n * by)

@functools.cache
def loaded(name):
    return other(name) if name else 0

def other(name):
    return loaded(name[1:])

def select(pt):
    try:
        return pt > CUT and NAME.match("Jets") and loaded("ab")
    except ValueError:
        return pt in {"x", "y", "z"}
"""
SUB = """
FACTOR = 3
def scaled(x):
    return x * FACTOR
"""
MAIN = """
import functools
import sys
from pathlib import Path
import numpy as np
import helpers
from physlite.running.fingerprint import fingerprint

weights = {"pt": np.array([1.0, 2.0]), "path": Path("/data")}

def above(cut):
    return lambda pt: pt > cut + helpers.CUT

def analysis(events, low=above(10)):
    from sub import scaled
    class Scale:
        by = 5
    total = sum(pt * 7 for pt in events)
    for pt in events:
        if helpers.select(pt) and low(pt) and pt in helpers.REGIONS:
            total += weights["pt"][0] * scaled(pt)
    return helpers.Result(total)

if __name__ == "__main__":
    print(fingerprint(analysis))
"""


@pytest.fixture(scope="module")
def of_files(tmp_path_factory):
    """The fingerprint of the analysis in these files, taken in a process of its own."""
    seeds = iter(range(1, 1000))

    def of_files(main=MAIN, helpers=HELPERS, sub=SUB, name="main.py"):
        seed = next(seeds)
        folder = tmp_path_factory.mktemp("copy")
        for file, text in ((name, main), ("helpers.py", helpers), ("sub.py", sub)):
            (folder / file).write_text(text, "utf-8")
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, str(folder / name)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    return of_files


@pytest.fixture(scope="module")
def expected(of_files):
    return of_files()


def test_processes_folders_and_layout_do_not_matter(expected, of_files):
    assert len(bytes.fromhex(expected)) == 32
    assert of_files() == expected
    main = MAIN.replace(
        "    class Scale:\n", '    """Adds up."""\n\n    class Scale:  # by how much\n        """In GeV."""\n'
    )
    assert main != MAIN
    helpers = '"""Helps."""\n\n\n' + HELPERS.replace("    n: int\n", '    """A number."""\n\n    n: int\n')
    assert of_files(main, helpers, "# factors\n" + SUB, name="renamed.py") == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pt > cut + helpers.CUT", "pt >= cut + helpers.CUT"),
        ("above(10)", "above(11)"),
        ("pt * 7", "pt * 7.0"),
        ("by = 5", "by = 6"),
        ("[1.0, 2.0]", "[1.0, 2.5]"),
        ('"/data"', '"/date"'),
        ("CUT = 30", "CUT = 31"),
        ('"control"', '"controls"'),
        ("Jet.*", "Jets.*"),
        ("MC = 2", "MC = 3"),
        ("Kind = Kind.DATA", "Kind = Kind.MC"),
        ("self.n * by", "self.n + by"),
        ("name[1:]", "name[2:]"),
        ('"z"', '"w"'),
        ("except ValueError", "except KeyError"),
        ("FACTOR = 3", "FACTOR = 4"),
        ("x * FACTOR", "FACTOR * x"),
    ],
)
def test_code_and_data_that_are_reached_matter(before, after, expected, of_files):
    texts = (MAIN, HELPERS, SUB)
    assert sum(text.count(before) for text in texts) == 1
    assert of_files(*(text.replace(before, after) for text in texts)) != expected


def analysis_of(text, **names):
    names = {"__name__": "__main__", **names}
    exec(compile(textwrap.dedent(text), "<cell>", "exec", dont_inherit=True), names)  # noqa: S102  # as a notebook does
    return names["analysis"]


def of_data(value):
    """The fingerprint of an analysis that refers to this."""
    return fingerprint(analysis_of("def analysis(): return data", data=value))


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Config:
    cut: float
    names: tuple = ()


class Pair(NamedTuple):
    x: int
    y: int


VALUES = {
    "numbers": [1, 1.0, True, "1", b"1", None, 2, -0.0, 0.0, 1j, ...],
    "containers": [
        (1, 2),
        [1, 2],
        {1, 2},
        frozenset({1, 2}),
        {1: 2},
        {2: 1},
        (2, 1),
        ((1,), 2),
        (1, (2,)),
        "1, 2",
        Pair(1, 2),
    ],
    "paths": [Path("/a"), Path("/b"), "/a"],
    "enums": [Color.RED, Color.BLUE, Color],
    "dataclasses": [Config(1.0), Config(2.0), Config(1.0, ("a",)), Config],
    "arrays": [
        np.arange(3),
        np.arange(3.0),
        np.arange(3).reshape(1, 3),
        np.arange(3)[::-1],
        np.int64(3),
        np.float32(3),
    ],
    "arrays of objects": [np.array(["a", None], dtype=object), np.array(["a", 1], dtype=object)],
    "awkward arrays": [ak.Array([[1], []]), ak.Array([[], [1]])],
    "histograms": [hist.Hist.new.Reg(4, 0, 1).Int64(), hist.Hist.new.Reg(4, 0, 2).Int64()],
    "partials": [
        functools.partial(max, 1),
        functools.partial(max, 2),
        functools.partial(min, 1),
        functools.partial(max, k=1),
    ],
    "names": [max, min, np.add, np.subtract, int, dataclasses.field, os.path],
    "ranges": [range(3), range(4), slice(3), slice(4)],
    "dictionaries of other classes": [
        OrderedDict(a=1),
        OrderedDict(a=2),
        defaultdict(int, a=1),
        defaultdict(list, a=1),
    ],
    "methods of strings": ["".join, ",".join],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_data_count_by_what_they_are(values):
    found = [of_data(value) for value in values]
    assert len(set(found)) == len(found)
    assert found == [of_data(value) for value in values]


def test_the_order_of_sets_and_dictionaries_does_not_matter():
    assert of_data({"a": 1, "b": {"c", "d"}}) == of_data({"b": {"d", "c"}, "a": 1})


def test_which_function_stands_where_matters():
    def above(cut):
        return lambda pt: pt > cut

    def below(cut):
        return lambda pt: pt < cut

    assert of_data({"a": above(1), "b": above(2)}) != of_data({"a": above(2), "b": above(1)})
    assert of_data([above(1), below(1)]) != of_data([below(1), above(1)])


def test_what_is_far_away_matters():
    lines = [f"def f{n}(): return f{n + 1}()" for n in range(300)]
    one, other = ("\n".join([*lines, f"def f300(): return {n}", "analysis = f0"]) for n in (1, 2))
    assert fingerprint(analysis_of(one)) != fingerprint(analysis_of(other))


def test_circles_end():
    text = """
        tree = {"name": "top", "children": []}
        tree["children"].append({"name": "NAME", "parent": tree})
        registry = {}

        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != 0 and registry["even"](n - 1)

        registry["even"] = even

        class Node:
            def add(self, other):
                return Node(), tree

        def analysis(n):
            return even(n), tree, Node().add(1), analysis
    """
    found = fingerprint(analysis_of(text))
    assert fingerprint(analysis_of(text)) == found
    assert fingerprint(analysis_of(text.replace("NAME", "name"))) != found
    assert fingerprint(analysis_of(text.replace("n - 1", "n - 2"))) != found


def test_objects_that_share_a_great_deal_are_quick():
    value = [1]
    for _ in range(200):
        value = [value, value]
    assert of_data(value) == of_data(value)


def test_instances_and_their_methods():
    text = """
        class Processor:
            def __init__(self, cut):
                self.cut = cut
            def process(self, events):
                return events + self.cut
        analysis = Processor(CUT)
    """
    one, other = (analysis_of(text.replace("CUT", cut)) for cut in "12")
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one.process) != fingerprint(other.process)
    assert fingerprint(one) != fingerprint(analysis_of(text.replace("+", "-").replace("CUT", "1")))


def test_what_cannot_be_looked_into_counts_by_its_class():
    assert of_data(threading.Lock()) == of_data(threading.Lock())
    assert of_data(threading.Lock()) != of_data(open)


def test_what_is_never_the_same_counts_by_its_class(monkeypatch):
    """A class of an installed package whose objects pickle with something random."""
    text = """
        import os
        class Token:
            def __reduce__(self):
                return Token, (), {"now": os.urandom(8)}
        analysis = Token
    """
    kind = analysis_of(text, __name__="email.message")
    monkeypatch.setattr("email.message.Token", kind, raising=False)
    assert of_data(kind()) == of_data(kind())


def test_events_are_the_same_when_the_file_is():
    with physlite.open(physlite.sample()) as one, physlite.open(physlite.sample()) as other:
        assert of_data(one) == of_data(other)
        assert of_data(one.events()) == of_data(other.events())
        assert of_data(one.events()) != of_data(one.events()[:1])


def test_functions_that_are_installed_count_by_name():
    assert of_data(textwrap.dedent) == of_data(textwrap.dedent)
    assert of_data(textwrap.dedent) != of_data(textwrap.indent)
