"""`physlite links`: where the links of a file lead."""

import json
import subprocess
import sys

from typer.testing import CliRunner

from physlite.cli import app
from support import data

COMMAND = [sys.executable, "-m", "physlite", "links"]


def call(*arguments):
    result = CliRunner().invoke(app, ["links", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_a_table_of_links():
    lines = call(data.path_of(data.TREE_ONLY), "--filter", "Muons.*TrackParticleLink").splitlines()
    assert lines[0].split() == [
        "link", "accessor", "depth", "targets", "valid", "not", "in", "file", "null", "wrong",
    ]  # fmt: skip
    assert "InDetTrackParticles 4, (InDetForwardTrackParticles 1)" in lines[2]
    assert lines[2].split()[:3] == ["Muons.inDetTrackParticleLink", "inDetTrackParticle", "0"]
    assert lines[2].split()[-4:] == ["4", "1", "0", "0"]
    assert len(lines) == 7


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
