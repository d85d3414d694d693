"""Datasets that are written down in YAML, JSON or a dictionary, and what `physlite.run` takes for datasets."""

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from physlite.exceptions import DatasetNotFoundError
from physlite.running.datasetlists import as_datasets, datasets_from
from physlite.running.datasets import Dataset
from physlite.storage.rucio import Rucio

SETS = """
defaults:
  campaign: mc20e
  weights: &weights {1: 0.5, 2: 2.0}

ttbar:
  files: ttbar/*.root
  cross_section: 8.3e2
  campaign: mc20a
410470: [ttbar/a.root, $PHYSLITE_TEST_FOLDER/zee]   # a name, although it looks like a number
zee:
  files:
    - zee.txt
    - ~/zee/more.root
  cross_section: 1e-5
  weights: *weights
  since: 2018-05-01
no: ${PHYSLITE_TEST_FOLDER}/zee
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files, from another one than the current."""
    for name in ("ttbar/a.root", "ttbar/b.root", "zee/c.root", "zee/more.root", "elsewhere/x"):
        path = tmp_path / "sets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    folder = tmp_path / "sets"
    (folder / "zee.txt").write_text("zee/c.root\n")
    monkeypatch.setenv("PHYSLITE_TEST_FOLDER", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder / "elsewhere")
    return folder


def names_of(dataset, folder):
    return [file.url.removeprefix(f"{folder}/") for file in dataset.files]


def message_of(error, function, *arguments):
    """What is said, in one line."""
    with pytest.raises(error) as raised:
        function(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_datasets_in_yaml(folder):
    path = folder / "sets.yaml"
    path.write_text(SETS)
    made = datasets_from(path)
    weights = {1: 0.5, 2: 2.0}
    assert [(d.name, names_of(d, folder), dict(d.metadata)) for d in made] == [
        (
            "ttbar",
            ["ttbar/a.root", "ttbar/b.root"],
            {"campaign": "mc20a", "weights": weights, "cross_section": 830.0},
        ),
        ("410470", ["ttbar/a.root", "zee/c.root", "zee/more.root"], {"campaign": "mc20e", "weights": weights}),
        (
            "zee",
            ["zee/c.root", "zee/more.root"],
            {"campaign": "mc20e", "weights": weights, "cross_section": 1e-5, "since": date(2018, 5, 1)},
        ),
        ("no", ["zee/c.root", "zee/more.root"], {"campaign": "mc20e", "weights": weights}),
    ]


@pytest.mark.parametrize(
    ("text", "number"), [("1e3", 1e3), ("-1E-3", -1e-3), ("1.e5", 1e5), (".5e+2", 50.0), ("1.5", 1.5), ("1e", "1e")]
)
def test_numbers_as_physicists_write_them(folder, text, number):
    """In YAML 1.1, which the library reads, many of them are text."""
    (folder / "sets.yaml").write_text(f"zee: {{files: x.root, number: {text}}}")
    (dataset,) = datasets_from(str(folder / "sets.yaml"))
    assert dataset.metadata["number"] == number


def test_merged_metadata(folder):
    (folder / "sets.yaml").write_text("zee: &zee {files: zee, a: 1, b: 2}\nagain: {<<: *zee, b: 3}\n")
    first, second = datasets_from(folder / "sets.yaml")
    assert [first.name, second.name] == ["zee", "again"]
    assert first.metadata == {"a": 1, "b": 2}
    assert second.metadata == {"a": 1, "b": 3}
    assert first.files == second.files
    (folder / "sets.yaml").write_text("<<: {zee: zee, ttbar: zee}\nttbar: ttbar\n")
    assert [(d.name, len(d)) for d in datasets_from(folder / "sets.yaml")] == [("zee", 2), ("ttbar", 2)]


def test_datasets_in_json(folder):
    sets = {"defaults": {"campaign": "mc20e"}, "zee": {"files": ["zee/c.root"], "cross_section": 1e-5}, "t": "ttbar"}
    (folder / "sets.json").write_text(json.dumps(sets, indent="\t"))
    zee, ttbar = datasets_from("../sets.json")
    assert (zee.name, names_of(zee, folder)) == ("zee", ["zee/c.root"])
    assert zee.metadata == {"campaign": "mc20e", "cross_section": 1e-5}
    assert (ttbar.name, len(ttbar)) == ("t", 2)


def test_datasets_in_a_dictionary(folder):
    for i in range(6):
        (folder / f"zee/{i}.root").touch()
    sets = {
        "defaults": {"campaign": "mc20e"},
        410470: [Path("../ttbar/a.root"), "~/ttbar/b.root"],
        "zee": {"files": {f"../zee/{i}.root" for i in range(6)}, "campaign": None},
        "both": Dataset("t", "../ttbar").files,
    }
    made = datasets_from(sets)
    assert [(d.name, names_of(d, folder), dict(d.metadata)) for d in made] == [
        ("410470", ["ttbar/a.root", "ttbar/b.root"], {"campaign": "mc20e"}),
        ("zee", [f"zee/{i}.root" for i in range(6)], {"campaign": None}),
        ("both", ["ttbar/a.root", "ttbar/b.root"], {"campaign": "mc20e"}),
    ]


def test_filesets_of_coffea(folder):
    """As they are given to coffea, and as its `preprocess` makes them."""
    given = {"zee": {"files": {f"{folder}/zee/c.root": "CollectionTree"}, "metadata": {"cross_section": 2.0}}}
    made = {
        "zee": {
            "files": {
                f"{folder}/zee/c.root": {"object_path": "CollectionTree", "steps": [[0, 10]], "num_entries": 10},
            },
            "form": None,
            "format": "root",
            "metadata": {"cross_section": 2.0},
        }
    }
    without = {"zee": {"files": {f"{folder}/zee/c.root": "CollectionTree"}, "metadata": None, "cross_section": 2.0}}
    for fileset in (given, made, without):
        (dataset,) = as_datasets(fileset)
        assert names_of(dataset, folder) == ["zee/c.root"]
        assert dataset.metadata == {"cross_section": 2.0}


@pytest.mark.parametrize(
    "known",
    [
        "CollectionTree",
        "EventData",
        "CollectionTree;1",
        None,
        {"object_path": "EventData", "steps": None},
        {"object_path": "CollectionTree", "steps": [[0, 4], [4, 10]], "num_entries": 10},
        {"steps": [], "num_entries": 0},
    ],
)
def test_filesets_of_whole_files(known):
    (dataset,) = as_datasets({"zee": {"files": {"https://host/c.root": known}, "treename": "CollectionTree"}})
    assert dataset.files[0].url == "https://host/c.root"
    assert dataset.metadata == {}


@pytest.mark.parametrize(
    ("steps", "entries"),
    [
        ([[0, 50]], {}),  # who knows whether these are all?
        ([[0, 50]], {"num_entries": 100}),
        ([[50, 100]], {"num_entries": 100}),
        ([[0, 40], [50, 100]], {"num_entries": 100}),
        ([[0, 60], [50, 100]], {"num_entries": 100}),
        ([], {}),
        ([5], {"num_entries": 5}),
    ],
)
def test_filesets_of_some_events(steps, entries):
    """Files are cut by `run`: others than all their events would be analysed without a word."""
    known = {"object_path": "CollectionTree", "steps": steps} | entries
    assert message_of(ValueError, as_datasets, {"zee": {"files": {"https://me:secret@host/c.root": known}}}) == (
        "dataset 'zee': https://host/c.root: its `steps` are not known to be all events, 0 to `num_entries` without "
        "gaps, and `run` cuts files itself: drop `steps`, and take fewer events in the analysis, as events[:50]"
    )


def test_filesets_of_other_trees():
    says = "the tree 'NopeTree' cannot be chosen: events are those of CollectionTree or EventData"
    for known in ("NopeTree", {"object_path": "NopeTree"}):
        told = message_of(ValueError, as_datasets, {"zee": {"files": {"c.root": known}}})
        assert told == f"dataset 'zee': c.root: {says}"
    told = message_of(ValueError, as_datasets, {"zee": {"treename": "NopeTree", "files": ["c.root"]}})
    assert told == f"dataset 'zee': {says}"


def test_filesets_without_the_level_of_files():
    says = f"dataset 'zee': {EXPECTED}, not c.root: put these one level lower, under `files`"
    for known in ("CollectionTree", {"object_path": "CollectionTree"}):
        assert message_of(ValueError, as_datasets, {"zee": {"c.root": known}}) == says


def test_another_server_of_rucio():
    rucio = Rucio("https://rucio.example.org", "me")
    (dataset,) = datasets_from({"ttbar": "rucio://mc20:a"}, rucio=rucio)
    assert repr(dataset) == "<Dataset 'ttbar': rucio://mc20:a, not looked up yet>"
    assert dataset.access.rucio is rucio


# ----------------------------------------------------------------------------------------------------- what is wrong


EXPECTED = "expected a path, a list of paths, or `files` with metadata beside it"
NAMES = "expected names of datasets, each with its files"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", f", line 1: {NAMES}, not nothing"),
        ("- zee\n", f", line 1: {NAMES}, not a sequence"),
        ("zee\n", f", line 1: {NAMES}, not a scalar"),
        ("? [a]\n: zee\n", f", line 1: {NAMES}, not a sequence"),
        ("zee: x\nzmumu: y\nzee: z\n", ", line 3: 'zee' is there twice, also in line 1: keep one"),
        ("zee:\n  files: x\n  a: 1\n  a: 2\n", ", line 4: 'a' is there twice, also in line 3: keep one"),
        ("defaults: {a: 1}\n", ": no datasets: expected names, each with its files"),
        (
            "defaults: [a]\nzee: x\n",
            ", line 1: `defaults`: expected metadata of all datasets, as `campaign: mc20e`, not a list",
        ),
        (
            "zee: x\ndefaults: {files: y}\n",
            ", line 2: `defaults`: metadata cannot be called 'files': call it something else",
        ),
        ("\nzee:\n", f", line 2: dataset 'zee': {EXPECTED}, not nothing"),
        ("zee: 5\n", f", line 1: dataset 'zee': {EXPECTED}, not 5"),
        ("zee: []\n", f", line 1: dataset 'zee': no files: {EXPECTED}"),
        ("zee: {file: x}\n", f", line 1: dataset 'zee': {EXPECTED}, not file"),
        ("zee: {files: [x, [y]]}\n", ", line 1: dataset 'zee': expected paths in the list of files, not a list"),
        ("default: {a: 1}\n", f", line 1: dataset 'default': {EXPECTED}, not a; nearest: defaults"),
        (
            "zee: {files: x, entry_stop: 5}\n",
            ", line 1: dataset 'zee': metadata cannot be called 'entry_stop': call it something else",
        ),
        ("'': x\n", ", line 1: dataset '': expected a name"),
        ("zee: ['']\n", ", line 1: dataset 'zee': expected a path, not an empty text"),
        (
            "zee: {files: x, on: 1}\n",
            ", line 1: dataset 'zee': expected text, in quotes, as the name of metadata, not True",
        ),
        (
            "zee: {files: x, rucio: y}\n",
            ", line 1: dataset 'zee': metadata cannot be called 'rucio': call it something else",
        ),
        (
            "zee: $PHYSLITE_TEST_FOLDER/${NO_SUCH}/x\n",
            ", line 1: dataset 'zee': $NO_SUCH is not in the environment: set it (a $ that is meant is %24 in a URL)",
        ),
        (
            "zee: x\nold: {files: y, since: 2018-13-01}\n",
            ", line 2: a value that cannot be read: month must be in 1..12",
        ),
    ],
)
def test_what_is_wrong_in_yaml(folder, text, says):
    path = folder / "sets.yaml"
    path.write_text(text)
    assert message_of(ValueError, datasets_from, path) == f"{path}{says}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("zee: [x\n", ", line 2"),
        ("zee: *x\n", ", line 1"),
        ("zee: x\nzmumu: {files: !!python/object/apply:os.getcwd []}\n", ", line 2"),
        ("zee: {files: x, <<: 5}\n", ", line 1"),
        ("zee: {files: x, [1]: 5}\n", ", line 1"),
        ("zee: x\n--- \nzmumu: y\n", ", line 2"),
        ("zee: \x01", ""),
    ],
)
def test_what_is_no_yaml_that_can_be_read(folder, text, place):
    """Why not is said in words of the library."""
    path = folder / "sets.yaml"
    path.write_text(text)
    assert message_of(ValueError, datasets_from, path).startswith(f"{path}{place}: not YAML that can be read: ")


@pytest.mark.parametrize("files", ["*.root", "*all", "**/x.root"])
def test_patterns_without_quotes(folder, files):
    """YAML takes them for something else."""
    path = folder / "sets.yaml"
    path.write_text(f"zee: {files}\n")
    assert message_of(ValueError, datasets_from, path).endswith(" (what begins with * is written in quotes)")
    path.write_text(f"zee: '{files}'\n")
    assert len(datasets_from(path)) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"zee": "x",\n "zee": "y"}', ": 'zee' is there twice: keep one"),
        ('{"zee": "x",\n}', ", line 2: not JSON: Expecting property name enclosed in double quotes"),
        ("[]", f", line 1: {NAMES}, not a list"),
        ('{"zee": true}', f": dataset 'zee': {EXPECTED}, not True"),
    ],
)
def test_what_is_wrong_in_json(folder, text, says):
    path = folder / "sets.json"
    path.write_text(text)
    assert message_of(ValueError, datasets_from, path) == f"{path}{says}"


def test_what_is_wrong_in_a_dictionary(folder):
    assert message_of(ValueError, datasets_from, {}) == f"no datasets: {NAMES.replace(' of datasets', '')}"
    assert message_of(ValueError, datasets_from, {"zee": b"x"}) == f"dataset 'zee': {EXPECTED}, not a bytes"
    nested = {"zee": Dataset("zee", "x")}
    assert message_of(ValueError, datasets_from, nested) == f"dataset 'zee': {EXPECTED}, not a Dataset"
    twice = {"1": "x", 1: "y"}
    says = "two datasets are called '1': their results could not be told apart, so rename one"
    assert message_of(ValueError, datasets_from, twice) == says


def test_a_file_that_is_not_there(folder):
    says = f"no such file '{folder}/set.yaml' (similar: {folder}/sets.yaml)"
    (folder / "sets.yaml").write_bytes(b"\xff")
    assert message_of(DatasetNotFoundError, datasets_from, folder / "set.yaml") == says
    assert message_of(ValueError, datasets_from, folder / "sets.yaml") == f"{folder}/sets.yaml: not text in UTF-8"


def test_a_list_that_is_elsewhere():
    says = "https://host/sets.yaml?…: lists of datasets are read from this machine: download it, and give its path"
    assert message_of(ValueError, datasets_from, "https://me:secret@host/sets.yaml?token=secret") == says


def test_yaml_needs_a_package(folder, monkeypatch):
    (folder / "sets.yaml").write_text("zee: x\n")
    monkeypatch.setitem(sys.modules, "yaml", None)
    says = "YAML needs the package PyYAML: pip install 'physlite[dask]'; or write it in JSON"
    assert message_of(ImportError, datasets_from, folder / "sets.yaml") == f"{folder}/sets.yaml: {says}"


# -------------------------------------------------------------------------------------------- what an analysis is given


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("../zee/c.root", "c"),
        (Path("../zee/c.root"), "c"),
        ("/data/DAOD_PHYSLITE.1._000001.pool.root.1", "DAOD_PHYSLITE.1._000001"),
        ("../zee", "zee"),
        ("../zee/", "zee"),
        (".", "elsewhere"),
        ("../zee/*.root", "zee"),
        ("/data/mc20_*/x.root", "data"),
        ("*.root", "elsewhere"),
        ("/*.root", "files"),
        ("../zee.txt", "zee"),
        ("https://host.example.org/a/b.root?X-Amz-Signature=5ec7e7", "b"),
        ("rucio://mc20_13TeV:mc20_13TeV.410470.deriv_tid1", "mc20_13TeV.410470.deriv_tid1"),
        ("rucio://user.jdoe.sample_tree.root/", "user.jdoe.sample_tree.root"),
        (["../zee/c.root", Path("../ttbar")], "files"),
        (({"../zee/c.root"}), "files"),
    ],
)
def test_what_datasets_are_called(folder, what, name):
    assert [dataset.name for dataset in as_datasets(what)] == [name]


def test_files_that_are_known(folder):
    file = Dataset("zee", "../zee/c.root").files[0]
    for what in (file, [file]):
        (dataset,) = as_datasets(what)
        assert dataset.files == (file,)


def test_datasets_as_they_are(folder):
    zee, ttbar = Dataset("zee", "../zee"), Dataset("ttbar", "../ttbar")
    assert as_datasets(zee) == (zee,)
    assert as_datasets([zee, ttbar]) == (zee, ttbar)
    assert as_datasets(dataset for dataset in (ttbar, zee)) == (ttbar, zee)


def test_datasets_that_are_written_down(folder):
    (folder / "sets.yml").write_text("zee: zee\nttbar: ttbar\n")
    for what in (folder / "sets.yml", "../sets.yml", {"zee": "../zee", "ttbar": "../ttbar"}):
        assert [(d.name, len(d)) for d in as_datasets(what)] == [("zee", 2), ("ttbar", 2)]


def test_what_is_no_dataset(folder):
    zee = Dataset("zee", "../zee")
    says = "two datasets are called 'zee': their results could not be told apart, so rename one"
    assert message_of(ValueError, as_datasets, [zee, Dataset("zee", "../ttbar")]) == says
    assert message_of(ValueError, as_datasets, []) == "no datasets: give physlite.Dataset(name, files), or a path"
    says = "datasets and str in one list: put the files into a physlite.Dataset of their own"
    assert message_of(TypeError, as_datasets, [zee, "../ttbar"]) == says
    says = "datasets are of physlite.Dataset, paths, URLs or a dictionary of them, not {}"
    assert message_of(TypeError, as_datasets, 5) == says.format("int")
    assert message_of(TypeError, as_datasets, b"x.root") == says.format("bytes")


def test_sets_are_sorted():
    """Else the order, and the last bits of sums, would be another one in each process."""
    urls = [f"https://data.example.org/{i:02d}.root" for i in range(50)]
    (dataset,) = as_datasets(set(urls))
    assert [file.url for file in dataset.files] == urls
