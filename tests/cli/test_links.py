"""`physlite links`: where the links of a file lead."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from physlite.cli import app
from physlite.cli.links import _rows
from physlite.model.linksummary import LinkSummary
from support import data
from support.terminal import in_terminal

COMMAND = [sys.executable, "-m", "physlite", "links"]


def call(*arguments):
    result = CliRunner().invoke(app, ["links", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_a_table_of_links():
    """In a pipe each line has all of it, for grep."""
    lines = call(data.path_of(data.TREE_ONLY), "--filter", "Muons.*TrackParticleLink").splitlines()
    assert lines[0].split() == ["link", "accessor", "leads", "to", "(not", "in", "the", "file)", "links"]
    assert [line.split() for line in lines[2:4]] == [
        ["Muons.inDetTrackParticleLink", "inDetTrackParticle", "InDetTrackParticles", "4"],
        ["Muons.inDetTrackParticleLink", "inDetTrackParticle", "(InDetForwardTrackParticles)", "1"],
    ]
    assert len({line.split()[0] for line in lines[2:]}) == 5


@pytest.mark.parametrize("name", [data.R21, data.R22, data.SAMPLE])
def test_all_links_are_in_the_table(name):
    links = json.loads(call(data.path_of(name), "--json"))["links"]
    counted = Counter()
    for line in call(data.path_of(name)).splitlines()[2:]:
        counted[line.split()[0]] += int(line.split()[-1].replace(",", ""))
    assert counted == {
        f"{link['collection']}.{link['field']}": sum(
            [*link["valid"].values(), *link["dangling"].values(), *link["unknown"].values()], link["out_of_range"]
        )
        + link["null"]
        for link in links
    }


def test_links_that_nobody_can_follow():
    link = LinkSummary("Muons", "link", "", 0, "Muon", {"A": 1}, {"B": 2000}, {7: 3}, out_of_range=4, null=5)
    assert list(_rows(link)) == [
        ("Muons.link", "", "A", "1"),
        ("Muons.link", "", "(B)", "2,000"),
        ("Muons.link", "", "unknown key 7", "3"),
        ("Muons.link", "", "index out of range", "4"),
        ("Muons.link", "", "null", "5"),
    ]
    assert list(_rows(replace(link, valid={}, dangling={}, unknown={}, out_of_range=0, null=0))) == [
        ("Muons.link", "", "no links to Muon", "0")
    ]


@pytest.mark.parametrize("width", [80, pytest.param(120, marks=pytest.mark.slow)])
def test_terminals_have_room_for_all_names_of_links(width):
    """Which are not cut, but go on in the next line."""
    path = str(data.path_of(data.R22))
    head, _, *lines = in_terminal(width, "links", path)
    assert max(map(len, lines)) <= width
    assert head.split() == ["link", "leads", "to", "(not", "in", "the", "file)", "links"]
    starts = head.index("leads")
    names = "".join(line[:starts].strip() + "\n" * (not line[starts:].strip()) for line in lines)
    found = json.loads(call(path, "--json"))["links"]
    for link in found:
        assert f"{link['collection']}.{link['field']}" in names.replace("\n", "")
    counts = [int(line[starts:].split()[-1].replace(",", "")) for line in lines if line[starts:].strip()]
    assert sum(counts) == sum(
        sum([*link["valid"].values(), *link["dangling"].values(), *link["unknown"].values()])
        + link["out_of_range"]
        + link["null"]
        for link in found
    )


def test_a_name_is_shown_once_and_the_accessor_where_there_is_room():
    lines = in_terminal(120, "links", str(data.path_of(data.R22)), "-f", "TauJets.truthParticleLink")
    assert [line.split() for line in lines[2:]] == [
        ["TauJets.truthParticleLink", "truthParticle", "TruthElectrons", "34"],
        ["TruthMuons", "27"],
        ["TruthTaus", "15"],
        ["null", "64"],
    ]
    narrow = in_terminal(50, "links", str(data.path_of(data.R22)), "-f", "TauJets.truthParticleLink")
    assert "accessor" not in narrow[0]
    assert max(map(len, narrow)) <= 50


def test_json():
    found = json.loads(call(data.path_of(data.R21), "-f", "Electrons.trackParticleLinks", "--json"))
    assert found["links"] == [
        {
            "collection": "Electrons",
            "field": "trackParticleLinks",
            "accessor": "trackParticles",
            "depth": 1,
            "target": "TrackParticle",
            "valid": {"GSFTrackParticles": 27},
            "dangling": {},
            "unknown": {},
            "out_of_range": 0,
            "null": 0,
        }
    ]


def test_a_name_that_is_not_there():
    path = str(data.path_of(data.R21))
    result = subprocess.run([*COMMAND, path, "-f", "Electrons.trackLinks"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "nearest: Electrons.trackParticleLinks" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_advice_is_a_command():
    result = CliRunner().invoke(app, ["links", str(data.path_of(data.R21)), "-f", "zzzzzzz"])
    assert result.exit_code == 1
    assert result.stderr.endswith(" links; `physlite links FILE` lists them)\n")
