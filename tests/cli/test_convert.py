"""`physlite convert`: events to a file of another format."""

import json
import textwrap

import awkward as ak
import pytest

import physlite
from support.commands import SAMPLE, call, fails, run
from support.compare import assert_same

FUNCTIONS = """
    import awkward as ak


    def two_electrons(events):
        return ak.num(events.Electrons) >= 2


    def hard(events):
        return events.Electrons.pt > 20_000


    def wrong(events):
        return events.Electrons.ptt
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "skim.py").write_text(textwrap.dedent(FUNCTIONS))
    return tmp_path


def test_all_of_a_file():
    output = call("convert", SAMPLE, "out.parquet")
    assert output.startswith("out.parquet: 2,000 events, 250 columns, ")
    assert_same(physlite.events("out.parquet").Jets.pt, physlite.events(SAMPLE).Jets.pt)
    assert "AnalysisElectronsAuxDyn.pt" in call("show", "out.parquet", "--filter", "*Electrons*.pt")


def test_what_is_wanted():
    wanted = ["-c", "Electrons", "--filter", "EventInfoAux*", "--select", "skim.py:two_electrons"]
    wanted += ["--thin", "Electrons=skim.py:hard", "--links", "resolved", "--compression", "lz4"]
    output = run("convert", SAMPLE, "out.parquet", *wanted, "--group-entries", "100", "--memory", "200MB", "--json")
    assert output.returncode == 0, output.stderr
    done = json.loads(output.stdout)
    electrons = physlite.events(SAMPLE).Electrons
    electrons = electrons[ak.num(electrons) >= 2]
    assert (done["path"], done["num_entries"], done["read_entries"]) == ("out.parquet", len(electrons), 2000)
    with physlite.open("out.parquet") as found:
        assert {"Electrons", "EventInfo"} == set(found.collections)
        assert found.compression == "lz4-1"
        assert_same(found.events().Electrons.pt, electrons[electrons.pt > 20_000].pt)


def test_several_files():
    for part, select in enumerate(("two_electrons", "two_electrons")):
        call("convert", SAMPLE, f"{part}.parquet", "-c", "Electrons", "--select", f"skim.py:{select}")
    output = run("convert", "0.parquet", "1.parquet", "out.parquet")
    assert "2,000 events" not in output.stdout
    assert "0.parquet and 1.parquet have events of one file" in output.stderr
    assert physlite.open("out.parquet").num_entries == 2 * physlite.open("0.parquet").num_entries


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.root", "out.parquet"], "nowhere.root"),
        ([SAMPLE, "out.csv"], "the suffix says which format"),
        ([SAMPLE, "out.parquet", "--links", "short"], "links='short': it is 'keys' or 'resolved'"),
        ([SAMPLE, "out.parquet", "--memory", "much"], "it is given as 500MB or 2GB"),
        ([SAMPLE, "out.parquet", "--select", "two_electrons"], "a selection is named as file.py:function"),
        ([SAMPLE, "out.parquet", "--thin", "skim.py:hard"], "objects are chosen as COLLECTION=file.py:function"),
        (
            [SAMPLE, "out.parquet", "--thin", "Electrons=skim.py:hard", "--thin", "Electrons=skim.py:wrong"],
            "Electrons is thinned already",
        ),
        ([SAMPLE, "s3://bucket/out.parquet"], "s3://bucket/out.parquet: outputs are local files"),
        (
            [SAMPLE, "out.parquet", "--select", "skim.py:wrong"],
            "select: a mask cannot be had: AttributeError: no field named 'ptt'",
        ),
        ([SAMPLE, "out.parquet", "-f", "nothing*"], "`physlite show FILE` lists them"),
    ],
)
def test_what_cannot_be_done(arguments, message, folder):
    before = set(folder.iterdir())
    assert message in fails("convert", *arguments)
    assert {path for path in folder.iterdir() if path.name != "__pycache__"} == before


def test_help_tells_the_compressions_of_each_format():
    text = " ".join(call("convert", "--help").replace("│", " ").split())
    assert "gzip-6 in Parquet only, zlib-1 and lzma-7 in ROOT files only" in text


def test_an_existing_file_stays(folder):
    (folder / "out.parquet").write_text("mine")
    assert "out.parquet: there is such a file already" in fails("convert", SAMPLE, "out.parquet")
    assert (folder / "out.parquet").read_text() == "mine"
