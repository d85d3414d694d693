"""What an analysis runs on: the files that are asked for, each once, in the same order everywhere."""

import os
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import physlite
from physlite.exceptions import DatasetNotFoundError
from physlite.running.datasetfiles import DataFile
from physlite.running.datasets import Dataset
from physlite.storage.rucio import Rucio
from support import data
from support.servers.rucio import DISK, SCOPE

SIGNED = "https://bucket.example.org/a.root?version=3&X-Amz-Signature=5ec7e7&X-Amz-Expires=600"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with files of 1, 2, … bytes in the order of their names."""
    names = [
        "notes.md",
        "zee/.a.root",
        "zee/a.pool.root.1",
        "zee/a.pool.root.2",
        "zee/a.pool.root.2.part",
        "zee/b.root",
        "zee/more/c.root",
        "zmumu/d.root.1",
    ]
    for size, name in enumerate(names, 1):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_of(dataset, folder):
    """The files, from the folder on."""
    return [file.url.removeprefix(f"{folder}/") for file in dataset.files]


def message_of(error, dataset):
    """What is said when a dataset's files are asked for: in one line, that begins with the dataset."""
    with pytest.raises(error) as raised:
        len(dataset)
    text = str(raised.value)
    assert "\n" not in text
    start = f"dataset {dataset.name!r}"
    assert text.startswith(start)
    return text.removeprefix(start).removeprefix(": ")


# ----------------------------------------------------------------------------------------------- files of this machine


ZEE = ["zee/a.pool.root.1", "zee/a.pool.root.2", "zee/b.root", "zee/more/c.root"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("zee/b.root", ["zee/b.root"]),
        ("./zee/../zee/b.root", ["zee/b.root"]),
        (Path("zee/b.root"), ["zee/b.root"]),
        ("zee", ZEE),
        ("zee/", ZEE),
        (Path("zee"), ZEE),
        ("z*", [*ZEE, "zmumu/d.root.1"]),
        ("zee/*.root*", ["zee/a.pool.root.1", "zee/a.pool.root.2", "zee/a.pool.root.2.part", "zee/b.root"]),
        ("zee/?.pool.root.[12]", ["zee/a.pool.root.1", "zee/a.pool.root.2"]),
        ("**/*.root", ["zee/b.root", "zee/more/c.root"]),
        ("z*/**", ["zee/a.pool.root.1", "zee/a.pool.root.2", "zee/a.pool.root.2.part", *ZEE[2:], "zmumu/d.root.1"]),
        (["zmumu", "zee/more/c.root", Path("zee/b.root")], ["zmumu/d.root.1", "zee/more/c.root", "zee/b.root"]),
        ((name for name in ["zmumu", "zee/more"]), ["zmumu/d.root.1", "zee/more/c.root"]),
        ({Path("zmumu"), *ZEE}, [*ZEE, "zmumu/d.root.1"]),
        ({"zmumu": "CollectionTree"}, ["zmumu/d.root.1"]),
    ],
)
def test_files_of_this_machine(folder, files, found):
    dataset = Dataset("z", files)
    assert names_of(dataset, folder) == found
    assert len(dataset) == len(found)
    assert [file.bytes for file in dataset.files] == [Path(file.url).stat().st_size for file in dataset.files]
    assert dataset.total_bytes == sum(file.bytes for file in dataset.files)
    assert dataset.total_events is None


def test_at_home_and_by_url(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    odd = folder / "zee" / "a b.root"
    odd.touch()
    assert names_of(Dataset("z", ["~/zmumu", odd.as_uri()]), folder) == ["zmumu/d.root.1", "zee/a b.root"]


def test_the_folder_above_is_that_of_the_folder_not_of_its_link(folder):
    (folder / "link").symlink_to("zee/more")
    assert names_of(Dataset("z", "link/../b.root"), folder) == ["zee/b.root"]
    assert names_of(Dataset("z", "link/.."), folder) == ZEE
    says = f"'{folder}/zmumu/../zmumu/d.root.1' is in it twice, also as '{folder}/zee/../zmumu/d.root.1'"
    assert message_of(ValueError, Dataset("z", "z*/../zmumu")).startswith(says)


def test_a_name_with_brackets_is_no_pattern_when_it_is_there(folder):
    (folder / "a[1].root").touch()
    assert names_of(Dataset("z", "a[1].root"), folder) == ["a[1].root"]


def test_folders_that_lead_in_circles(folder):
    (folder / "zee/more/up").symlink_to(folder / "zee")
    (folder / "zee/elsewhere").symlink_to(folder / "zmumu")
    assert names_of(Dataset("z", "zee"), folder) == [*ZEE[:3], "zee/elsewhere/d.root.1", "zee/more/c.root"]


def test_files_are_looked_up_once_when_they_are_asked_for(folder, monkeypatch):
    dataset = Dataset("z", "zmumu")
    (folder / "zmumu/e.root").touch()
    monkeypatch.chdir("/")
    with ThreadPoolExecutor(4) as pool:
        assert len({id(files) for files in pool.map(lambda _: dataset.files, range(8))}) == 1
    assert names_of(dataset, folder) == ["zmumu/d.root.1", "zmumu/e.root"]
    (folder / "zmumu/e.root").unlink()
    assert len(dataset) == 2


# ----------------------------------------------------------------------------------------------------- text lists


def test_a_list_of_files(folder):
    (folder / "zee/all.txt").write_bytes(
        b"\xef\xbb\xbf# files of Z decays\r\n"
        b"\r\n"
        b"b.root   # in this folder\r\n"
        b"  ../zmumu/\r\n"
        b"root://host.example.org//store/e.root#1\r\n"
        b"a.pool.root.?\r\n"
    )
    found = [file.url for file in Dataset("z", "zee/all.txt").files]
    assert found == [
        f"{folder}/zee/b.root",
        f"{folder}/zmumu/d.root.1",
        "root://host.example.org//store/e.root#1",
        f"{folder}/zee/a.pool.root.1",
        f"{folder}/zee/a.pool.root.2",
    ]


def test_lists_by_a_pattern(folder):
    (folder / "1.list").write_text("zmumu\n")
    (folder / "2.list").write_text("zee/more\n")
    assert names_of(Dataset("z", "*.list"), folder) == ["zmumu/d.root.1", "zee/more/c.root"]


def test_what_is_wrong_in_a_list(folder):
    (folder / "all.txt").write_text("zmumu\n\nzee/bb.root\n")
    says = f"{folder}/all.txt, line 3: no such file '{folder}/zee/bb.root' (similar: {folder}/zee/b.root)"
    assert message_of(DatasetNotFoundError, Dataset("z", "all.txt")) == says

    (folder / "more.txt").write_text("all.txt\n")
    says = f"{folder}/more.txt, line 1: '{folder}/all.txt' is a list within a list: name its files, or give both lists"
    assert message_of(ValueError, Dataset("z", "more.txt")) == says

    says = f"no such list '{folder}/al.txt' (similar: {folder}/all.txt)"
    assert message_of(DatasetNotFoundError, Dataset("z", "al.txt")) == says

    (folder / "zee/b.txt").write_bytes(b"root\xff\x00")
    says = f"'{folder}/zee/b.txt' is no text: a list has the name of a file in each line"
    assert message_of(ValueError, Dataset("z", "zee/b.txt")) == says


# ------------------------------------------------------------------------------------------------------ what is not


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ("zee/bb.root", "no such file '{0}/zee/bb.root' (similar: {0}/zee/b.root)"),
        ("zmumu/x", "no such file '{0}/zmumu/x' ({0}/zmumu has d.root.1)"),
        ("ze/b.root", "no such file '{0}/ze/b.root' (similar: {0}/zee)"),
        ("notes.md/b.root", "no such file '{0}/notes.md/b.root' (similar: {0}/notes.md)"),
        ("zmumu/*.dat", "no file matches '{0}/zmumu/*.dat' ({0}/zmumu has d.root.1)"),
        ("z/**/*.x", "no file matches '{0}/z/**/*.x' ({0} has away, empty, notes.md and 2 more)"),
        ("empty", "no file below '{0}/empty' ends in .root or .root.1 ({0}/empty is empty)"),
        ("a\nb", "no such file '{0}/a\\nb' ({0} has away, empty, notes.md and 2 more)"),
        (
            Path("https://host/b.root"),
            "no such file '{0}/https:/host/b.root' (a URL is a string, and has two slashes behind its colon)",
        ),
        (
            "zee/b.root:Tree",
            "no such file '{0}/zee/b.root:Tree' (the tree is found without its name: leave out ':Tree')",
        ),
        ("away", "no such file '{0}/away/gone.root' (a link to nowhere, which is not there)"),
        ("mc20:DAOD.1", "no such file '{0}/mc20:DAOD.1' (a name in Rucio is written rucio://mc20:DAOD.1)"),
    ],
)
def test_what_is_not_there(folder, files, says):
    (folder / "empty").mkdir()
    (folder / "away").mkdir()
    (folder / "away/gone.root").symlink_to("nowhere")
    assert message_of(DatasetNotFoundError, Dataset("z", files)) == says.format(folder)
    assert issubclass(DatasetNotFoundError, FileNotFoundError)


def test_no_files_at_all():
    says = "has no files: give it paths, patterns, URLs, or names in Rucio as rucio://scope:name"
    assert message_of(DatasetNotFoundError, Dataset("z", [])).strip() == says


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["zee/b.root", "zee/b.root"], "'{0}/zee/b.root' is in it twice"),
        (["zee", "./zee/b.root"], "'{0}/zee/b.root' is in it twice"),
        (["zee/b.root", "zee/../zee/b.root"], "'{0}/zee/b.root' is in it twice"),
        (["zee/b.root", "latest.root"], "'{0}/latest.root' is in it twice, also as '{0}/zee/b.root'"),
        ([SIGNED, SIGNED], "'https://bucket.example.org/a.root?…' is in it twice"),
        ([SIGNED, SIGNED.replace("5ec7e7", "5ec7e8")], "'https://bucket.example.org/a.root?…' is in it twice"),
    ],
)
def test_a_file_twice(folder, files, says):
    (folder / "latest.root").symlink_to("zee/b.root")
    says = says.format(folder) + ": its events would count twice, so name it once"
    assert message_of(ValueError, Dataset("z", files)) == says


def test_a_copy_is_another_file(folder):
    """Neither are versions in a store the same, nor are files on other disks that have the same number."""
    os.link("zee/b.root", "zee/same_number.root")
    assert len(Dataset("z", [SIGNED, SIGNED.replace("version=3", "version=4"), "zee/b.root"])) == 3
    assert len(Dataset("z", ["zee/b.root", "zee/same_number.root"])) == 2
    twice = Dataset("z", ["zee/b.root", "zee/same_number.root", "./zee/same_number.root"])
    assert message_of(ValueError, twice).startswith(f"'{folder}/zee/same_number.root' is in it twice: ")


@pytest.mark.parametrize("name", ["dataset", "file", "entry_start", "entry_stop"])
def test_metadata_that_events_have_anyway(name):
    says = f"dataset 'z': metadata cannot be called '{name}', which events.metadata says itself: rename it"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        Dataset("z", "zee", **{name: 1})


def test_what_is_no_file(folder):
    with pytest.raises(TypeError, match=r"^dataset 'z': files are paths, patterns, URLs or names in Rucio, not int$"):
        Dataset("z", ["zee", 5])
    with pytest.raises(TypeError, match=r"not bytes$"):
        Dataset("z", b"zee")
    with pytest.raises(ValueError, match=r"^dataset 'z': an empty path: name a file or a folder$"):
        Dataset("z", [""])
    for name in ("", None):
        with pytest.raises(ValueError, match=rf"^the name of a dataset is text, not {name!r}$"):
            Dataset(name, "zee")
    (folder / "sets.yaml").touch()
    says = f"'{folder}/sets.yaml' is a list of datasets: datasets_from reads it"
    assert message_of(ValueError, Dataset("z", "sets.yaml")) == says
    says = (
        "'root://host.example.org//store/*.root': only paths can be patterns: name each file, or the dataset in Rucio"
    )
    assert message_of(ValueError, Dataset("z", "root://host.example.org//store/*.root")) == says


# ------------------------------------------------------------------------------------------------ what it is as a value


def test_metadata():
    dataset = Dataset("ttbar", "x.root", cross_section=0.83, campaign="mc20e")
    assert dict(dataset.metadata) == {"cross_section": 0.83, "campaign": "mc20e"}
    with pytest.raises(TypeError):
        dataset.metadata["cross_section"] = 1
    with pytest.raises(AttributeError):
        dataset.cross_section = 1
    with pytest.raises(AttributeError):
        dataset.name = "other"


@pytest.mark.parametrize("looked_up", [False, True], ids=["as asked for", "as found"])
def test_it_can_be_sent_away(folder, monkeypatch, looked_up):
    dataset = Dataset("z", "zmumu", rucio=Rucio("https://rucio.example.org", "me"), cross_section=0.83)
    if looked_up:
        assert len(dataset) == 1
    pickled = pickle.dumps(dataset)
    monkeypatch.chdir("/")
    (folder / "zmumu/e.root").touch()
    there = pickle.loads(pickled)  # noqa: S301  # our own
    assert (there.name, there.metadata) == ("z", {"cross_section": 0.83})
    assert names_of(there, folder) == (["zmumu/d.root.1"] if looked_up else ["zmumu/d.root.1", "zmumu/e.root"])
    source = there.openable(DataFile("rucio://mc20:a.root"))
    assert repr(source) == "RucioSource('mc20:a.root')"
    assert there.openable(there.files[0]) == f"{folder}/zmumu/d.root.1"


def test_how_it_is_shown(folder):
    metadata = {"service": "https://me:secret@example.org/?token=secret", "weights": np.eye(2)}
    dataset = Dataset("z<e", ["zee/b.root", SIGNED, "zmumu"], **metadata)
    metadata = "service='https://example.org/?…', weights=array([[1., 0.], [0., 1.]])"
    first = f"{folder}/zee/b.root, https://bucket.example.org/a.root?… and 1 more, not looked up yet"
    assert repr(dataset) == f"<Dataset 'z<e': {first}, {metadata}>"
    assert "<b>z&lt;e</b>: " + first in dataset._repr_html_()
    assert len(dataset) == 3
    assert repr(dataset) == f"<Dataset 'z<e': 3 files, {metadata}>"
    shown = dataset._repr_html_()
    assert re.findall(r"<td[^>]*>([^<]*)", shown)[2:] == [
        *(f"{folder}/zee/b.root", "6 B", ""),
        *("https://bucket.example.org/a.root?…", "", ""),
        *(f"{folder}/zmumu/d.root.1", "8 B", ""),
    ]
    assert "secret" not in shown
    assert repr(dataset.files[1]) == "DataFile('https://bucket.example.org/a.root?…')"
    assert repr(dataset.files[2]) == f"DataFile('{folder}/zmumu/d.root.1', bytes=8)"


def test_only_the_first_files_are_shown(folder):
    for i in range(25):
        (folder / f"{i:02}.root").touch()
    dataset = Dataset("z", "*.root")
    assert len(dataset) == 25
    assert "19.root" in dataset._repr_html_()
    assert "20.root" not in dataset._repr_html_()
    assert "… and 5 more" in dataset._repr_html_()
    assert repr(dataset) == "<Dataset 'z': 25 files, 0 B>"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("/data/a?b#c@d.root", "/data/a?b#c@d.root"),
        (SIGNED, "https://bucket.example.org/a.root?version=3"),
        ("root://me@host.example.org//a.root", "root://host.example.org//a.root"),
        ("rucio://mc20:a.root", "rucio://mc20:a.root"),
    ],
)
def test_the_key_of_a_file_stays_when_its_url_is_signed_anew(url, key):
    assert DataFile(url).key == key


def test_files_of_a_dataset_make_another(folder):
    whole = Dataset("z", "zee")
    assert Dataset("part", whole.files[:2]).files == whole.files[:2]
    counted = DataFile("zee/b.root", events=7)
    assert Dataset("one", counted).files == (DataFile(f"{folder}/zee/b.root", 6, 7),)
    assert Dataset("one", [counted]).total_events == 7
    says = f"'{folder}/zee/b.root' is in it twice: its events would count twice, so name it once"
    assert message_of(ValueError, Dataset("both", [counted, "zee/b.root"])) == says


# ------------------------------------------------------------------------------------------------------------- Rucio


@pytest.fixture(scope="module")
def stored(rucio_sites):
    """Two files in a dataset in a container; the first is the sample."""
    content = data.path_of(data.SAMPLE).read_bytes()
    guid = "0123456789ABCDEF0123456789ABCDEF"
    files = [
        rucio_sites.add_file("DAOD_PHYSLITE.of_datasets._000001.pool.root.1", content, [DISK], guid=guid, events=2000),
        rucio_sites.add_file("DAOD_PHYSLITE.of_datasets._000002.pool.root.1", b"x" * 10, [DISK], events=5),
    ]
    dataset = rucio_sites.add_dataset("mc20_13TeV.of_datasets_tid1", *(file.did for file in files))
    rucio_sites.add_container("mc20_13TeV.of_datasets", dataset)
    rucio_sites.add_dataset("mc20_13TeV.of_datasets_empty")
    return files


def test_files_in_rucio(rucio_user, stored):
    dataset = Dataset("ttbar", "rucio://mc20_13TeV:mc20_13TeV.of_datasets", rucio=rucio_user)
    first, second = (f"rucio://{file.did}" for file in stored)
    size = len(stored[0].content)
    guid = "0123456789ABCDEF0123456789ABCDEF"
    assert dataset.files == (
        DataFile(first, size, 2000, stored[0].adler32, guid),
        DataFile(second, 10, 5, stored[1].adler32, None),
    )
    assert (dataset.total_bytes, dataset.total_events) == (size + 10, 2005)
    assert repr(dataset).endswith(" MB, 2,005 events>") or repr(dataset).endswith(" kB, 2,005 events>")
    with physlite.open(dataset.openable(dataset.files[0])) as f:
        assert f.num_entries == 2000

    backwards = Dataset("ttbar", [second, "rucio://mc20_13TeV:" + first.rpartition(":")[2]], rucio=rucio_user)
    assert backwards.files == dataset.files[::-1]
    chosen = [file for file in rucio_user.files("mc20_13TeV.of_datasets_tid1") if file.events > 1000]
    assert Dataset("large", chosen).files == dataset.files[:1]


def test_what_is_not_in_rucio(rucio_user, stored, tmp_path):
    twice = ["rucio://mc20_13TeV:mc20_13TeV.of_datasets_tid1", f"rucio://{stored[0].did}"]
    says = f"'rucio://{stored[0].did}' is in it twice: its events would count twice, so name it once"
    assert message_of(ValueError, Dataset("ttbar", twice, rucio=rucio_user)) == says

    (tmp_path / "all.txt").write_text(f"{twice[0]}\nrucio://mc20_13TeV:nothing\n")
    says = message_of(DatasetNotFoundError, Dataset("ttbar", tmp_path / "all.txt", rucio=rucio_user))
    assert says.startswith(f"{tmp_path}/all.txt, line 2: mc20_13TeV:nothing: not in the catalogue of http://127.0.0.1")

    says = f"{SCOPE}:mc20_13TeV.of_datasets_empty: a dataset without files: check its name, or wait until it is filled"
    empty = Dataset("ttbar", "rucio://mc20_13TeV.of_datasets_empty", rucio=rucio_user)
    assert message_of(DatasetNotFoundError, empty) == says
    assert message_of(ValueError, Dataset("ttbar", "rucio://a b", rucio=rucio_user)).startswith(
        "'rucio://a b' is no name in"
    )
