"""The user's code in processes that do not have it, and its results back again."""

import ctypes
import functools
import importlib
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path

import awkward as ak
import cloudpickle
import hist
import numpy as np
import pytest

import physlite
from physlite.exceptions import CodeError
from physlite.running import codeversions
from physlite.running.code import PackedCode, check_versions, dumps, loads, pack, unpack, versions

# Takes pickles of packed code and arguments, calls the one with the others, and answers with what `dumps` makes of it.
WORKER = """
import pickle, sys
from physlite.running.code import dumps, unpack
out, sys.stdout = sys.stdout.buffer, sys.stderr
while True:
    try:
        packed, args = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        answer = True, dumps(unpack(packed)(*args))
    except Exception as error:
        answer = False, f"{type(error).__name__}: {error}"
    pickle.dump(answer, out)
    out.flush()
"""


class Worker:
    """Another process, in a folder without the user's files."""

    def __init__(self, folder, path=""):
        environment = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, "-c", WORKER]
        self._pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, **self._pipes)

    def send(self, packed, *args):
        pickle.dump((packed, args), self._process.stdin)
        self._process.stdin.flush()
        is_good, answer = pickle.load(self._process.stdout)  # noqa: S301  # our own
        assert is_good, answer
        return answer

    def call(self, analysis, *args):
        """What the analysis returns there."""
        return loads(self.send(pack(analysis), *args))

    def close(self):
        self._process.communicate()


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    found = Worker(tmp_path_factory.mktemp("elsewhere"))
    yield found
    found.close()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes modules of the user, which can then be imported until the test ends."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)

    def write(name, text):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        importlib.invalidate_caches()
        return path

    yield write
    for name, module in list(sys.modules.items()):
        if name not in before and str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


def notebook(text, **names):
    """What `analysis` is in the main module after these lines, as in a notebook."""
    names = {"__name__": "__main__", **names}
    exec(compile(textwrap.dedent(text), "<cell>", "exec", dont_inherit=True), names)  # noqa: S102  # as a notebook does
    return names["analysis"]


# ------------------------------------------------------------------------------------------------------ what goes


def test_functions_of_a_notebook(worker):
    analysis = notebook("""
        import math
        CUT = 30

        def passes(pt):
            return pt > CUT

        def analysis(pts):
            return math.fsum(pt for pt in pts if passes(pt))
    """)
    assert worker.call(analysis, [10, 40, 50]) == 90.0


def test_lambdas_closures_and_partials(worker):
    def above(cut):
        return lambda pt: pt > cut

    assert worker.call(lambda x: x + 1, 1) == 2
    assert worker.call(above(30), 40) is True
    assert worker.call(functools.partial(lambda scale, x: scale * x, 3), 4) == 12


def test_tracebacks_name_the_files_of_the_user(worker):
    assert worker.call(lambda: sys._getframe().f_code.co_filename) == __file__


def test_what_functions_share_they_share_there(worker):
    def counting():
        count = 0

        def increase():
            nonlocal count
            count += 1

        def analysis():
            increase()
            increase()
            return count

        return analysis

    assert worker.call(counting()) == 2


def test_instances_that_are_called(worker):
    analysis = notebook("""
        class Base:
            scale = 2

            def process(self, x):
                return self.scale * x

        class Processor(Base):
            def __init__(self, offset):
                self.offset = offset

            def __call__(self, x):
                return super().process(x) + self.offset

        analysis = Processor(1)
    """)
    assert worker.call(analysis, 5) == 11
    assert worker.call(analysis.process, 5) == 10


def test_coffea_processors(worker):
    pytest.importorskip("coffea")
    analysis = notebook("""
        from coffea.processor import ProcessorABC

        class Mine(ProcessorABC):
            def process(self, events):
                return {"n": len(events)}

            def postprocess(self, accumulator):
                return accumulator

        analysis = Mine()
    """)
    assert worker.call(analysis.process, [1, 2]) == {"n": 2}


def test_all_kinds_of_classes(worker, write):
    write(
        "kinds.py",
        """
        import abc, enum
        from dataclasses import dataclass
        from typing import Generic, NamedTuple, TypeVar

        T = TypeVar("T")

        class Slots:
            __slots__ = ("a",)
            def __init__(self):
                self.a = 1

        class Abstract(abc.ABC):
            @abc.abstractmethod
            def f(self): ...

        class Concrete(Abstract):
            def f(self):
                return isinstance(self, Abstract)

        class Box(Generic[T]): ...

        class Pair(NamedTuple):
            x: int = 1

        class Flag(enum.Flag):
            A = enum.auto()
            B = enum.auto()

        @dataclass(frozen=True, slots=True)
        class Key:
            n: int

        class Meta(type):
            @property
            def tag(cls):
                return 4

        class Tagged(metaclass=Meta): ...

        class Default(dict):
            def __missing__(self, key):
                return key

        MAP = {Key(1): "one", Flag.A: "A"}

        def analysis():
            assert Slots().a == 1 and Concrete().f() and Pair().x == 1 and Tagged.tag == 4 and Default()["k"] == "k"
            assert MAP[Key(1)] == "one" and MAP[Flag.A] == "A" and not hasattr(Slots(), "__dict__")
            return [Slots(), Concrete(), Box[int](), Pair(), Flag.A | Flag.B, Key(2), Tagged(), Default(a=1)]
        """,
    )
    import kinds

    found = worker.call(kinds.analysis)
    assert [type(value) for value in found] == [type(value) for value in kinds.analysis()]
    assert found[0].a == 1
    assert found[3:6] == [kinds.Pair(1), kinds.Flag.A | kinds.Flag.B, kinds.Key(2)]
    assert found[7] == {"a": 1}


def test_what_runs_when_a_class_is_made_has_run(worker):
    """It is not run again: classes would be listed twice, and its arguments are not known."""
    analysis = notebook("""
        known = []

        class Selection:
            def __init_subclass__(cls, *, name, **others):
                super().__init_subclass__(**others)
                cls.name = name
                known.append(cls)

        class Electrons(Selection, name="e"):
            pass

        class Listed(type):
            def __new__(meta, name, bases, names, *, number):
                made = super().__new__(meta, name, bases, names)
                made.number = number
                return made

            def __init__(cls, name, bases, names, *, number):
                super().__init__(name, bases, names)
                known.append(cls)

        class Muons(metaclass=Listed, number=2):
            pass

        def analysis():
            before = [cls.__name__ for cls in known], known[0].name, known[1].number

            class Taus(Selection, name="tau"):
                pass

            return *before, known[2].name, Listed("Jets", (), {}, number=4).number
    """)
    assert worker.call(analysis) == (["Electrons", "Muons"], "e", 2, "tau", 4)


def test_what_is_registered_for_arrays(worker, write, monkeypatch):
    vector = pytest.importorskip("vector")
    write(
        "candidates.py",
        """
        import awkward as ak

        class Candidate(ak.Record):
            @property
            def double(self):
                return 2 * self.pt

        ak.behavior["Candidate"] = Candidate
        """,
    )
    monkeypatch.setattr(ak, "behavior", {})
    importlib.import_module("candidates")
    vector.register_awkward()
    ak.behavior["lock"] = threading.Lock()

    def analysis(**momentum):
        candidate = ak.Record({"pt": 3.0}, with_name="Candidate").double
        return candidate, ak.Record(momentum, with_name="Momentum2D").pt, "lock" in ak.behavior

    packed = pack(functools.partial(analysis, px=3.0, py=4.0))
    assert loads(worker.send(packed)) == (6.0, 5.0, False)


def test_what_is_registered_everywhere_is_not_sent(monkeypatch):
    monkeypatch.setattr(ak, "behavior", {})
    physlite.register_awkward()
    assert len(ak.behavior) > 100
    assert len(pack(lambda events: events.pt).code) < 5_000


def test_a_class_of_ones_own_by_a_name_of_ours(worker, write, monkeypatch):
    write(
        "own_electrons.py",
        """
        import awkward as ak
        import physlite

        class Electron(ak.behavior["Electron"]):
            @property
            def seven(self):
                return 7

        ak.behavior["Electron"] = Electron
        """,
    )
    monkeypatch.setattr(ak, "behavior", {})
    physlite.register_awkward()
    importlib.import_module("own_electrons")
    assert worker.call(lambda: ak.Record({"pt": 1.0}, with_name="Electron").seven) == 7


def test_types_by_another_name(worker, write):
    write("types_of_mine.py", "from typing import NewType\nMass = NewType('Mass', float)\n")
    from types_of_mine import Mass

    assert worker.call(lambda: (Mass(3.0), Mass.__name__, Mass.__module__)) == (3.0, "Mass", "types_of_mine")


def test_caches_and_dispatch(worker):
    analysis = notebook("""
        import functools

        @functools.cache
        def fibonacci(n):
            return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

        class Tool:
            @functools.cached_property
            def answer(self):
                return fibonacci(9)

        @functools.singledispatch
        def kind(value):
            return "other"

        @kind.register
        def _(value: int):
            return "int"

        def analysis():
            return Tool().answer, kind(1), kind("")
    """)
    assert worker.call(analysis) == (34, "int", "other")


def test_modules_of_the_user(worker, write):
    write("helpers.py", "CUT = 30\ndef select(pts):\n    return [pt for pt in pts if pt > CUT]\n")
    write("steps.py", "import helpers\ndef analysis(pts):\n    return sum(helpers.select(pts))\n")
    import steps

    assert worker.call(steps.analysis, [10, 40, 50]) == 90


def test_state_of_modules_is_one(worker, write):
    write("counters.py", "N = 0\ndef count():\n    global N\n    N += 1\n")
    import counters

    def analysis():
        counters.count()
        counters.count()
        return counters.N

    assert worker.call(analysis) == 2
    assert counters.N == 0


def test_packages_whose_modules_import_each_other(worker, write):
    write("pack_a/__init__.py", "from .one import f\n")
    write("pack_a/one.py", "import pack_a\nfrom . import two\ndef f(x):\n    return two.g(x) + pack_a.one.K\nK = 1\n")
    write("pack_a/two.py", "from pack_a import one\ndef g(x):\n    return x * (one.K + 1)\n")
    import pack_a

    assert worker.call(pack_a.f, 10) == 21


def test_imports_inside_functions(worker, write):
    write("inner.py", "def double(x):\n    return 2 * x\n")
    write("pack_b/__init__.py", "")
    write(
        "pack_b/sub.py",
        "import inner\ndef f(x):\n    from .deep import g\n    from . import deep\n    return g(x) + deep.K\n",
    )
    write("pack_b/deep.py", "K = 100\ndef g(x):\n    import inner as other\n    return other.double(x)\n")
    write("pack_b/flat.py", "def triple(x):\n    return 3 * x\n")

    def analysis(x):
        import json

        import pack_b.sub
        from pack_b.flat import triple

        return json.dumps([pack_b.sub.f(x), triple(x), [pack_b.sub.inner.double(n) for n in range(2)]])

    assert worker.call(analysis, 4) == "[108, 12, [0, 2]]"


def test_submodules_of_packages_that_are_installed(worker):
    analysis = notebook("""
        import concurrent.futures

        def analysis():
            return concurrent.futures.Future.__name__
    """)
    assert worker.call(analysis) == "Future"


def test_classes_that_are_defined_inside_functions_use_globals(worker, write):
    write(
        "local.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        CUT = 30

        def analysis():
            @dataclass
            class Cuts:
                low: float = CUT
            return Cuts().low
    """,
    )
    import local

    assert worker.call(local.analysis) == 30


def test_what_is_in_a_module_and_not_used_may_be_anything(worker, write):
    write(
        "lazy.py",
        """
        import threading
        lock = threading.Lock()
        def locked():
            with lock:
                return 1
        def f():
            return 2
    """,
    )
    import lazy

    def get(module, name):
        return getattr(module, name)

    assert worker.call(lambda: lazy.f() + 1) == 3
    with pytest.raises(AssertionError, match=r"CodeError: `lazy.lock` was not sent: a lock cannot be pickled"):
        worker.call(lambda: get(lazy, "lo" + "ck"))


@pytest.mark.parametrize(("outcome", "number"), [("return Data, ()", 2), ("raise TypeError", 1)])
def test_what_many_functions_share_is_tried_once(outcome, number, write):
    """And sent, if it can be."""
    functions = "".join(f"def f{n}():\n    return data, f{(n + 1) % 50}, f{(n * 7) % 50}\n" for n in range(50))
    write("many.py", f"class Data:\n    def __reduce__(self):\n        COUNT.append(1)\n        {outcome}\n{functions}")
    import many

    counted = []
    many.data = many.Data()
    many.COUNT = counted
    pack(lambda: many)
    assert len(counted) == number


def test_long_chains_of_functions(worker):
    lines = [f"def f{n}(): return f{n + 1}() + 1" for n in range(600)]
    analysis = notebook("\n".join([*lines, "def f600(): return 0", "analysis = f0"]))
    assert worker.call(lambda: analysis.__name__) == "f0"


def test_files_go_as_what_they_are_opened_from(worker):
    with physlite.open(physlite.sample()) as file:
        events = file.events()
        expected = len(events)
        assert worker.call(lambda: (file.num_entries, len(events))) == (expected, expected)


def test_extra_things_share_the_code():
    def make():
        return object()

    analysis, extra = unpack(pack(make, [make]))
    assert extra == [analysis]


# ------------------------------------------------------------------------------------------- whose module it is


def test_what_was_sent_wins_over_what_is_there_and_leaves_it_alone(tmp_path, write):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "helpers.py").write_text("WHO = 'theirs'\n")
    write("helpers.py", "WHO = 'mine'\ndef who():\n    import helpers\n    return helpers.WHO\n")
    import helpers

    def analysis():
        import importlib

        import helpers

        return helpers.who(), helpers.WHO, importlib.import_module("help" + "ers").WHO

    other = Worker(tmp_path, path=str(tmp_path / "there"))
    assert helpers.who() == "mine"
    assert other.call(analysis) == ("mine", "mine", "theirs")
    other.close()


def test_versions_of_a_module_do_not_meet(worker, write):
    text = "N = {}\nclass Count:\n    n = N\ndef count():\n    import helpers\n    return helpers.N, Count\n"
    write("helpers.py", text.format(1))
    import helpers

    def analysis():
        import helpers

        return helpers.count()[0], helpers.Count.n

    first = pack(analysis)
    path = write("helpers.py", text.format(22222))
    path.with_suffix(".pyc").unlink(missing_ok=True)
    importlib.reload(helpers)
    second = pack(analysis)
    for packed, expected in ((first, 1), (second, 22222), (first, 1)):
        assert loads(worker.send(packed)) == (expected, expected)


def test_a_method_that_was_changed_is_sent_as_it_is_now(worker, write):
    write("changing.py", "class Tool:\n    def f(self):\n        return 1\n")
    import changing

    def analysis():
        return changing.Tool().f()

    first = pack(analysis)
    changing.Tool.f = lambda self: 2
    second = pack(analysis)
    assert [loads(worker.send(packed)) for packed in (first, second, first)] == [1, 2, 1]


def test_what_the_user_registers_with_cloudpickle_stays_so(write):
    write("registered.py", "class A: ...\n")
    write("other.py", "class B: ...\n")
    import other
    import registered

    cloudpickle.register_pickle_by_value(registered)
    try:
        threads = [threading.Thread(target=pack, args=([registered.A, other.B],)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cloudpickle.list_registry_pickle_by_value() == {"registered"}
    finally:
        cloudpickle.unregister_pickle_by_value(registered)


def test_in_the_same_process_nothing_is_made_twice(write):
    text = """
        DATA = []
        class A:
            shared = []
            def f(self): ...
        def analysis():
            return A(), DATA
        def make():
            return lambda: DATA
    """
    write("same.py", text)
    import same

    before = {**vars(same), **vars(same.A)}
    assert unpack(pack(same.analysis)) is same.analysis
    assert unpack(pack(lambda: same))() is same
    passing = pack(same.make())  # the function itself is gone by now
    assert unpack(passing)() is same.DATA
    assert loads(dumps(same.A)) is same.A
    after = {**vars(same), **vars(same.A)}
    assert [name for name in before if after[name] is not before[name]] == []


# ------------------------------------------------------------------------------------------------------- results


def test_results_are_of_the_classes_here(worker, write):
    write(
        "results.py",
        """
        import enum
        from dataclasses import dataclass

        class Kind(enum.Enum):
            DATA = 1

        @dataclass
        class Result:
            n: int
            kind: Kind = Kind.DATA
            def __add__(self, other):
                assert isinstance(other, Result)
                return Result(self.n + other.n)
    """,
    )
    import results

    add = results.Result.__add__
    result = worker.call(results.Result, 2)
    assert isinstance(result, results.Result)
    assert result.kind is results.Kind.DATA
    assert result + results.Result(3) == results.Result(5)
    assert results.Result.__add__ is add


def test_results_go_from_worker_to_worker(worker, tmp_path):
    analysis = notebook("""
        from physlite.running.code import loads

        class Result:
            def __init__(self, n):
                self.n = n

        def analysis(one=None, other=None):
            return Result(1) if one is None else Result(loads(one).n + loads(other).n)
    """)
    packed = pack(analysis)
    second = Worker(tmp_path)
    parts = [worker.send(packed), second.send(packed)]
    result = loads(second.send(packed, *parts))
    assert type(result) is analysis.__globals__["Result"]
    assert result.n == 2
    second.close()


def test_results_with_classes_that_only_the_worker_has(worker):
    def analysis(n):
        class Inner:
            def __init__(self, n):
                self.n = n

            def double(self):
                return 2 * self.n

        return [Inner(n), Inner(n + 1)]

    one, other = worker.call(analysis, 3)
    assert (one.double(), other.double()) == (6, 8)
    assert type(one) is type(other)


def test_results_of_hist_and_numpy(worker):
    def analysis(values):
        return {"h": hist.Hist.new.Reg(4, 0, 4).Weight().fill(values), "n": np.asarray(values)}

    result = worker.call(analysis, [1, 2, 2])
    assert result["h"] == analysis([1, 2, 2])["h"]
    assert result["n"].tolist() == [1, 2, 2]


def test_a_result_that_is_kept_is_read_in_another_process_by_name(write, worker):
    path = write("kept.py", "class Result:\n    n = 1\n")
    import kept

    content = worker.send(pack(kept.Result))
    program = "import sys; from physlite.running.code import loads; print(loads(sys.stdin.buffer.read()).n)"
    command, options = [sys.executable, "-c", program], {"input": content, "capture_output": True}
    assert subprocess.run(command, cwd=path.parent, check=False, **options).stdout == b"1\n"
    failed = subprocess.run(command, cwd=path.parent.parent, check=False, **options)
    assert b"CodeError: a result has a `kept.Result`, which is not here" in failed.stderr


SCRIPT = """
import multiprocessing, sys
from dataclasses import dataclass
from pathlib import Path
import mine
from physlite.running.code import loads, pack

@dataclass
class Result:
    part: mine.Part

def analysis(n):
    return Result(mine.Part(n))

if __name__ == "__main__":
    packed = pack(analysis)
    folder = Path(__file__).parent
    del __file__  # lest the other process runs this script
    sys.path[:] = [str(folder.parent / "there"), *(path for path in sys.path if path != str(folder))]
    import task
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back = loads(pool.apply(task.work, (packed, 3)))
    print(isinstance(back, Result), isinstance(back.part, mine.Part), back.part.n)
"""
TASK = """
import importlib.util
from physlite.running.code import dumps, unpack

def work(packed, n):
    assert importlib.util.find_spec("mine") is None
    return dumps(unpack(packed)(n))
"""


def test_a_script_and_a_process_that_is_spawned(write):
    write("mine.py", "class Part:\n    def __init__(self, n):\n        self.n = n\n")
    write("../there/task.py", TASK)
    path = write("script.py", SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = {"cwd": path.parent, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, path], check=False, **options)
    assert (done.returncode, done.stdout) == (0, "True True 3\n"), done.stderr


def test_workers_of_dask(write, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        write("for_dask.py", "class Result:\n    def __init__(self, n):\n        self.n = n\n")
        import for_dask

        packed = pack(for_dask.Result)
        result = loads(client.submit(lambda packed: dumps(unpack(packed)(3)), packed).result())
    assert type(result) is for_dask.Result
    assert result.n == 3


# -------------------------------------------------------------------------------------------------------- errors


def message(call, *args):
    with pytest.raises(CodeError) as raised:
        call(*args)
    assert raised.value.__cause__ is None
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix("the analysis cannot be sent to workers: ")


MAKE = "cannot be pickled: make it inside the function"


def test_what_cannot_be_sent_is_named(write):
    write(
        "bad.py",
        """
        import threading
        lock = threading.Lock()

        def select():
            with lock:
                return 1

        class Config:
            def __init__(self):
                self.inner = {"password": [lock]}

        config = Config()

        class Tool:
            shared = lock

            def run(self):
                return config

        def analysis():
            return select()
    """,
    )
    import bad

    held = threading.Lock()
    lock = "(a _thread.lock)"
    assert message(pack, bad.analysis) == f"the global `lock` of `bad.select` {lock} {MAKE}"
    assert message(pack, lambda: bad.lock) == (
        f"`bad.lock`, used by `{__name__}.test_what_cannot_be_sent_is_named.<locals>.<lambda>`, {lock} {MAKE}"
    )
    assert message(pack, bad.Config()) == (f"an item of an item of the attribute `inner` of it {lock} {MAKE}")
    assert message(pack, bad.Tool) == f"the attribute `shared` of `bad.Tool` {lock} {MAKE}"
    local = f"`{__name__}.test_what_cannot_be_sent_is_named.<locals>.<lambda>`"
    assert message(pack, lambda: held) == f"the variable `held` around {local} {lock} {MAKE}"
    assert message(pack, lambda x=held: x) == f"a default of {local} {lock} {MAKE}"
    assert message(pack, functools.partial(print, held)) == f"argument 1 of it {lock} {MAKE}"
    assert message(pack, print, held) == f"it {lock} {MAKE}"
    assert message(dumps, (1, held)) == (
        f"the result cannot be sent back: an item of it {lock} cannot be pickled: "
        "return numbers, histograms or arrays of it"
    )


def test_libraries_that_are_loaded_here_are_not_sent():
    library = ctypes.CDLL(None)
    local = f"`{__name__}.test_libraries_that_are_loaded_here_are_not_sent.<locals>.<lambda>`"
    assert message(pack, lambda: library.abs(-1)) == f"the variable `library` around {local} (a ctypes.CDLL) {MAKE}"


def test_what_cannot_be_made_there_is_said_in_a_line(worker):
    analysis = notebook("""
        class Bad:
            def __setstate__(self, state):
                raise ZeroDivisionError("hunter2")

        bad = Bad()
        bad.n = 1

        def analysis():
            return bad
    """)
    with pytest.raises(AssertionError, match=r"CodeError: what was sent cannot be made on \S+: ZeroDiv"):
        worker.call(analysis)


def test_values_are_not_shown():
    class Secret:
        def __repr__(self):
            return "hunter2"

        def __reduce__(self):
            raise TypeError("hunter2")

    secret = Secret()
    name = f"{__name__}.test_values_are_not_shown.<locals>"
    assert message(pack, lambda: secret) == f"the variable `secret` around `{name}.<lambda>` (a {name}.Secret) {MAKE}"
    assert "hunter2" not in repr(pack(lambda: "hunter2"))


def test_compiled_modules_of_the_user_cannot_be_sent(write):
    import _multiprocessing  # any of Python's that is compiled into a file

    path = write("_multiprocessing" + _multiprocessing.__file__.partition("_multiprocessing")[2], "")
    path.write_bytes(Path(_multiprocessing.__file__).read_bytes())
    del sys.modules["_multiprocessing"]
    import _multiprocessing as mine

    try:
        expected = "the module `_multiprocessing` is compiled: install it on the workers, as a package"
        assert message(pack, lambda: mine) == expected
        assert message(pack, mine.SemLock) == expected
        assert message(pack, mine.sem_unlink) == expected
    finally:
        del sys.modules["_multiprocessing"]


def test_packages_that_a_worker_lacks_are_named_when_they_are_used(worker):
    missing = types.ModuleType("plots_of_mine")
    missing.__spec__ = importlib.machinery.ModuleSpec("plots_of_mine", None, origin="frozen")  # as if installed
    with_it = notebook(
        """
        def draw():
            return plots.figure()

        def analysis(is_drawn):
            return draw() if is_drawn else 1
    """,
        plots=missing,
    )
    assert worker.call(with_it, False) == 1
    with pytest.raises(AssertionError) as raised:
        worker.call(with_it, True)
    assert "CodeError: `plots_of_mine` cannot be imported on " in str(raised.value)
    assert ": install plots_of_mine there" in str(raised.value)


# ------------------------------------------------------------------------------------------------------ versions


def test_versions_are_told():
    found = dict(versions())
    assert found["python"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert found["physlite"] == physlite.__version__
    assert found["numpy"] == np.__version__
    assert {"awkward", "hist", "boost-histogram", "vector", "cloudpickle"} <= set(found)
    check_versions(versions(), "anywhere")


def test_other_versions_are_refused_before_code_is_loaded(monkeypatch):
    monkeypatch.setattr(codeversions.socket, "gethostname", lambda: "node17")
    theirs = {**dict(versions()), "python": "3.2.1"}
    packed = PackedCode(b"not read", tuple(theirs.items()), "token")
    with pytest.raises(CodeError) as raised:
        unpack(packed)
    mine = dict(versions())["python"]
    where = "the machine that has sent the analysis"
    assert str(raised.value) == f"python is {mine} on node17, but 3.2.1 on {where}: install the same version on both"


def test_versions_that_do_not_matter():
    theirs = dict(versions())
    check_versions({**theirs, "numpy": theirs["numpy"] + ".1", "dask": "1.2.3", "hist": theirs["hist"]}, "there")
    check_versions({name: version for name, version in theirs.items() if name != "hist"}, "there")
    with pytest.raises(CodeError, match=r"^numpy is .*, but 1\.26\.4 on there: "):
        check_versions({**theirs, "numpy": "1.26.4"}, "there")


def test_what_is_unpacked_is_kept_for_the_next_time(worker):
    analysis = notebook("""
        def analysis(seen=[]):
            seen.append(1)
            return len(seen)
    """)
    packed = pack(analysis)
    assert [loads(worker.send(packed)) for _ in range(3)] == [1, 2, 3]
    for n in range(8):
        worker.call(lambda n=n: n)
    assert loads(worker.send(packed)) == 1  # forgotten in the meantime
