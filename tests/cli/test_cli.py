"""The command line as people use it: in a process of its own."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import physlite
from physlite.cli.info import _print_unreadable
from physlite.model.facts import Facts
from physlite.model.summary import summarize
from support import data
from support.commands import COMMAND, SAMPLE, call, fails, run
from support.terminal import in_terminal, output_in_terminal

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def clean_environment(monkeypatch):
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    # Commands run in other folders too, where a relative path to the package leads nowhere.
    if path := os.environ.get("PYTHONPATH"):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, path.split(os.pathsep))))


# ------------------------------------------------------------------------------------------------------------- usage


def test_version():
    assert run("--version").stdout == f"physlite {physlite.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["info", "--help"], ["demo", "--help"]])
def test_help_has_examples(arguments):
    result = run(*arguments)
    assert result.returncode == 0
    assert "For example:\n\n      physlite " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_help_imports_nothing_heavy():
    code = (
        "import sys, physlite.cli; heavy = {'awkward', 'numpy', 'uproot', 'vector', 'matplotlib', 'hist'};"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["shw", SAMPLE],
        ["show"],
        ["show", SAMPLE, "--sample", "tree"],
        ["links", "--sample", "parquet"],
        ["demo", "--file", SAMPLE, "--sample", "tree"],
        ["show", SAMPLE, "--colour"],
        ["info", SAMPLE, "--top", "-1"],
        ["info", SAMPLE, "--top", "many"],
    ],
    ids=str,
)
def test_wrong_usage(arguments):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Usage: physlite" in result.stderr


# ------------------------------------------------------------------------------------------------------------ errors


def test_missing_file(tmp_path):
    (tmp_path / "events.root").touch()
    assert fails("show", "event.root", cwd=tmp_path) == "event.root: no such file (similar: events.root)"


@pytest.mark.parametrize("command", ["show", "info"])
def test_not_a_root_file(tmp_path, command):
    page = tmp_path / "page.root"
    page.write_text("<!DOCTYPE html><html>Please log in</html>")
    assert fails(command, page).startswith(f"{page}: not a ROOT file but an HTML page: ")


def test_truncated_file(tmp_path):
    with open(SAMPLE, "rb") as sample:  # noqa: PTH123
        (tmp_path / "cut.root").write_bytes(sample.read(100_000))
    assert fails("demo", "--file", "cut.root", cwd=tmp_path).startswith("cut.root: truncated: 100000 bytes of ")
    assert not (tmp_path / "physlite-demo").exists()


def test_misspelt_column():
    message = fails("show", SAMPLE, "--filter", "AnalysisElectronsAuxDyn.ptt")
    assert "no column matches 'AnalysisElectronsAuxDyn.ptt'; nearest: AnalysisElectronsAuxDyn.pt" in message


def test_advice_is_a_command():
    message = fails("show", SAMPLE, "--filter", "zzzzzzz")
    assert re.search(r"no column matches 'zzzzzzz' \(\d+ columns; `physlite show FILE` lists them\)$", message)


def test_directory(tmp_path):
    assert fails("info", tmp_path).startswith(f"{tmp_path}: ")


def test_traceback_on_request():
    result = run("--debug", "show", "missing.root")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback ")
    assert result.stderr.splitlines()[-1].startswith("FileNotFoundError: ")


def test_unexpected_error_is_one_line_too(tmp_path):
    (tmp_path / "awkward.py").write_text("raise RuntimeError('first line\\nsecond line')")
    message = fails("show", SAMPLE, env=_path_with(tmp_path))
    assert message.startswith("unexpected RuntimeError: first line second line; ")
    assert "--debug" in message


@pytest.mark.parametrize("package", ["hist", "matplotlib", "mplhep"])
def test_missing_package(tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('no {package}', name='{package}')")
    result = run("demo", cwd=tmp_path, env=_path_with(tmp_path))
    assert result.returncode == 1
    assert result.stdout.startswith("Pairs of electrons and of muons\n")
    assert result.stderr == f"physlite: pictures need {package}: pip install 'physlite[plot]'\n"


def _path_with(folder):
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


# ------------------------------------------------------------------------------------------- pipes and interruptions


@pytest.mark.parametrize("arguments", [["show", SAMPLE], ["show", SAMPLE, "--json"], ["info", SAMPLE]], ids=str)
def test_reader_that_leaves(arguments):
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_full_disk():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        result = subprocess.run([*COMMAND, "show", SAMPLE], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "physlite: No space left on device\n")


def test_interruption(tmp_path):
    # The import of NumPy is where a command stays until the signal is there.
    (tmp_path / "numpy.py").write_text("import sys, time; print('here', file=sys.stderr, flush=True); time.sleep(60)")
    command = [*COMMAND, "show", SAMPLE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=_path_with(tmp_path), text=True) as process:
        assert process.stderr.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == 130


# -------------------------------------------------------------------------------------------------------------- show


def test_show_in_a_pipe_is_plain_and_complete():
    with physlite.open(SAMPLE) as file:
        names = list(file.columns)
    output = run("show", SAMPLE).stdout
    head, _, *lines = output.splitlines()
    assert head.startswith("column ")
    assert [line.split()[0] for line in lines] == names
    assert "…" not in output
    assert "\x1b" not in output


def test_show_filters():
    output = call("show", SAMPLE, "-f", "AnalysisElectronsAuxDyn.pt", "-f", "/muonsauxdyn[.](pt|eta)$/i")
    names = [line.split()[0] for line in output.splitlines()[2:]]
    assert names == ["AnalysisElectronsAuxDyn.pt", "AnalysisMuonsAuxDyn.pt", "AnalysisMuonsAuxDyn.eta"]


def test_show_json():
    output = json.loads(call("show", SAMPLE, "--json", "-f", "AnalysisElectronsAuxDyn.pt"))
    (column,) = output["columns"]
    assert output["file"] == SAMPLE
    assert column["name"] == "AnalysisElectronsAuxDyn.pt"
    assert column["type_name"] == "vector<float>"
    assert column["type"] == "var * float32"
    assert 0 < column["compressed_bytes"] < column["uncompressed_bytes"]
    assert column.keys() == {
        "name", "path", "title", "type_name", "type", "num_entries", "baskets", "compression", "compressed_bytes",
        "uncompressed_bytes", "problem",
    }  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_show_fits_the_terminal(columns):
    lines = in_terminal(columns, "show", SAMPLE)
    assert max(map(len, lines)) <= columns
    assert len(lines) == 2 + len(physlite.open(SAMPLE).columns)


@pytest.mark.slow
def test_colors_only_where_they_are_wanted():
    assert "\x1b[36m" in output_in_terminal("show", SAMPLE)
    assert "\x1b[36m" not in output_in_terminal("show", SAMPLE, environment={"NO_COLOR": "1"})
    assert "\x1b" not in output_in_terminal("show", SAMPLE, "--json")


# -------------------------------------------------------------------------------------------------------------- info


def test_info_json():
    output = json.loads(call("info", SAMPLE, "--json"))
    with physlite.open(SAMPLE) as file:
        assert output["events"] == file.num_entries
        assert output["columns"] == len(file.columns)
        assert output["uuid"] == str(file.uuid)
        assert output["file_bytes"] == file.source.size()
        assert {c["name"]: c["fields"] for c in output["collections"]} == {
            name: len(c.fields) for name, c in file.collections.items()
        }
        pt = file.array("AnalysisElectronsAuxDyn.pt")
    electrons = next(c for c in output["collections"] if c["name"] == "Electrons")
    assert electrons["class"] == "DataVector<xAOD::Electron_v1>"
    assert electrons["objects"] == sum(len(event) for event in pt)
    parts = [*output["collections"], output["outside_collections"]]
    for size in ("compressed_bytes", "uncompressed_bytes"):
        assert sum(part[size] for part in parts) == output[size]
    assert output["compressed_bytes"] < output["file_bytes"]


def test_info_table():
    output = call("info", SAMPLE)
    with physlite.open(SAMPLE) as file:
        assert f"events       {file.num_entries:,}\n" in output
        assert f"compression  {file.compression}\n" in output
    assert "\nCollections, largest first\n" in output
    assert "smaller collections" in output
    assert "\nColumns, largest first\n" in output


def test_info_has_metadata():
    output = call("info", SAMPLE)
    block = output.partition("\nMetadata\n")[2].partition("\n\n")[0]
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in block.splitlines())
    with physlite.open(SAMPLE) as file:
        metadata = file.metadata
    assert facts["channel"] == str(metadata.mc_channel_number)
    assert facts["release"] == metadata.release
    assert facts["sum of weights"] == "1230299 of 2,000 events"


def test_info_begins_with_the_sum_of_weights():
    lines = call("info", SAMPLE).splitlines()
    assert lines[lines.index("Metadata") + 1] == "sum of weights  1230299 of 2,000 events"


def test_info_json_has_metadata():
    metadata = json.loads(call("info", SAMPLE, "--json"))["metadata"]
    assert (metadata["mc_channel_number"], metadata["is_simulation"]) == (999999, True)
    assert (metadata["beam_energy"], metadata["run_numbers"]) == (6.5e6, [284500])
    assert metadata["mc_campaign"] is None
    with physlite.open(SAMPLE) as file:
        assert metadata["weight_names"] == list(file.metadata.weight_names)
        assert metadata["sums"] == {
            str(k): {"events": 2000, "weights": s.weights, "weights_squared": s.weights_squared}
            for k, s in file.metadata.sums.items()
        }
        assert metadata["tag_info"] == dict(file.metadata.tag_info)
        names = {field.name for field in dataclasses.fields(Facts)} - {"num_events"}
        assert metadata.keys() == names | {"sums", "tag_info"}


def test_info_json_has_the_tags():
    path = data.path_of(data.R21)
    tags = json.loads(call("info", path, "--json"))["metadata"]["tag_info"]
    assert tags["AtlasRelease"] == "AthDerivation-21.2.108.0"
    with physlite.open(path) as file:
        assert tags == dict(file.metadata.tag_info)


def test_info_without_metadata(data_dir):
    path = data_dir / "DAOD_PHYSLITE_collectiontree_only_mc.root"
    output = call("info", path)
    assert "\nchannel         700322\n" in output
    assert "\nsum of weights  unknown (it has no MetaData tree (or an empty one))\n" in output
    metadata = json.loads(call("info", path, "--json"))["metadata"]
    assert (metadata["mc_channel_number"], metadata["release"], metadata["sums"]) == (700322, None, None)
    assert metadata["tag_info"] is None


@pytest.mark.parametrize(("name", "number"), [(data.R21, 262), (data.R22, 238), (data.R24, 49)])
def test_columns_without_values_alarm_nobody(name, number):
    path = data.path_of(name)
    text, details = call("info", path, "--top", "0"), json.loads(call("info", path, "--json"))
    assert f"\nof these     {number} are C++ objects without values of their own: nothing is missing\n" in text
    assert "unreadable" not in text
    assert details["unreadable"] == []
    assert len(details["without_values"]) == number
    with physlite.open(path) as file:
        assert details["without_values"] == [name for name in file.columns if file.columns[name].problem]
    kinds = {line.split()[0]: line for line in call("show", path).splitlines()}
    assert "  no values  " in kinds["EventInfo"]
    if name == data.R22:
        assert "  in its members  " in kinds["AntiKt4TruthDressedWZJetsAux."]


def test_columns_that_nobody_can_read_are_told_with_the_reason(capsys):
    with physlite.open(SAMPLE) as file:
        manifest = file.manifest
    wrong = {"AnalysisElectronsAuxDyn.pt", "AnalysisMuonsAuxDyn.pt", "AnalysisMuonsAuxDyn.eta"}
    columns = [
        column._replace(
            problem=f"it has {column.name.count('Muons')} entries" if column.name in wrong else column.problem
        )
        for column in manifest.columns
    ]
    with physlite.open(SAMPLE, manifest=dataclasses.replace(manifest, columns=tuple(columns))) as file:
        summary = summarize(file)
        _print_unreadable(file, summary)
    assert set(summary.unreadable) == wrong
    assert not wrong & set(summary.without_values)
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "unreadable: 2 columns, as AnalysisMuonsAuxDyn.pt: it has 1 entries",
        "unreadable: AnalysisElectronsAuxDyn.pt: it has 0 entries",
    ]


def test_info_lists_everything_on_request():
    output = call("info", SAMPLE, "--top", "0")
    with physlite.open(SAMPLE) as file:
        for name in [*file.collections, *file.columns]:
            assert f"\n{name} " in output
    assert "smaller collections" not in output


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_info_plot(tmp_path, suffix, magic):
    pytest.importorskip("mplhep")
    picture = tmp_path / f"sizes.{suffix}"
    assert f"Picture: {picture}" in call("info", SAMPLE, "--plot", picture)
    assert picture.read_bytes().startswith(magic)


def test_info_plot_that_cannot_be_written(tmp_path):
    pytest.importorskip("mplhep")
    missing = tmp_path / "missing" / "sizes.png"
    assert fails("info", SAMPLE, "--plot", missing) == f"{missing}: No such file or directory"


@pytest.mark.parametrize("command", [["show"], ["info"], ["info", "--json"]], ids=str)
def test_real_files(data_dir, command):
    for path in sorted(data_dir.glob("*.root")):
        if "rntuple" not in path.name:
            assert call(*command, path)


# ------------------------------------------------------------------------------------------------------------ samples


def of_samples(*arguments):
    """What a command says of the sample in each of its formats, without what differs between files."""
    for sample in ("tree", "rntuple"):
        output = json.loads(call(*arguments, "--sample", sample, "--json"))
        assert output.pop("file", f"/{sample}").endswith((".root", f"/{sample}"))
        yield output


@pytest.mark.parametrize("arguments", [["links"], ["links", "--filter", "Jets.*"], ["trigger"], ["trigger", "--l1"]])
def test_samples_are_the_same_events(arguments):
    tree, ntuple = of_samples(*arguments)
    assert tree == ntuple
    assert len(str(tree)) > 100


def test_the_sample_stands_in_place_of_a_file():
    assert call("trigger", "HLT_mu26*", "--sample", "rntuple") == call(
        "trigger", physlite.sample("rntuple"), "HLT_mu26*"
    )


def test_info_of_the_samples():
    tree, ntuple = of_samples("info")
    assert (tree["format"], ntuple["format"], ntuple["tree"]) == ("TTree", "RNTuple", "EventData")
    assert (tree["metadata"], tree["events"]) == (ntuple["metadata"], ntuple["events"])
    assert tree["shared_bytes"] == 0
    assert ntuple["compressed_bytes"] - ntuple["shared_bytes"] < ntuple["file_bytes"] < ntuple["compressed_bytes"]
    assert re.search(r"^shared +\d.* kB of these, equal pages", call("info", "--sample", "rntuple"), re.MULTILINE)
    left, right = (
        {c["name"]: (c["class"], c["fields"], c["objects"]) for c in x["collections"]} for x in (tree, ntuple)
    )
    assert left == right


def test_show_of_the_samples():
    tree, ntuple = of_samples("show", "--filter", "/Electrons.*(pt|charge)$/")
    names = [sorted(c["name"].replace(":", ".") for c in output["columns"]) for output in (tree, ntuple)]
    assert names[0] == names[1] == ["AnalysisElectronsAuxDyn.charge", "AnalysisElectronsAuxDyn.pt"]


def test_demo_of_the_samples(tmp_path):
    tree, ntuple = of_samples("demo", "--out", tmp_path)
    assert tree["channels"] == ntuple["channels"]


# -------------------------------------------------------------------------------------------------------------- demo


def test_demo(tmp_path):
    pytest.importorskip("mplhep")
    result = run("demo", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    picture = tmp_path / "physlite-demo" / "dilepton_mass.png"
    assert 5_000 < picture.stat().st_size < 100_000
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "opposite charges" in result.stdout
    assert result.stdout.splitlines()[-2].endswith(" events/s")
    assert result.stdout.splitlines()[-1] == "Picture: physlite-demo/dilepton_mass.png"


def test_demo_json(tmp_path):
    pytest.importorskip("mplhep")
    output = json.loads(call("demo", "--json", "--out", tmp_path / "a" / "b"))
    assert output["events"] == physlite.open(SAMPLE).num_entries
    assert output["events_per_second"] == pytest.approx(output["events"] / output["seconds"])
    assert output["pictures"] == [str(tmp_path / "a" / "b" / "dilepton_mass.png")]
    for channel in output["channels"]:
        assert channel["cutflow"][0] == {"step": "all events", "events": output["events"]}


@pytest.mark.slow
def test_demo_with_another_file(tmp_path, data_dir):
    pytest.importorskip("mplhep")
    for path in sorted(data_dir.glob("*.root")):
        if "rntuple" not in path.name:
            output = json.loads(call("demo", "--json", "--file", path, "--out", tmp_path))
            assert output["events"] == physlite.open(path).num_entries
