"""`physlite trigger`: what it prints, and how it fails."""

import json

import pytest
from typer.testing import CliRunner

import physlite
from physlite.cli import app
from support.data import R21, R24, SAMPLE, TREE_ONLY, path_of

MU26 = "HLT_mu26_ivarmedium"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def run(name, *arguments):
    return CliRunner().invoke(app, ["trigger", str(path_of(name)), *arguments])


def table(name, *arguments):
    """The rows that are printed."""
    result = run(name, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    head, _, *rows = result.stdout.splitlines()
    assert head.split() == (["L1", "item"] if "--l1" in arguments else ["chain"]) + ["prescale", "passed", "fraction"]
    return [row.split() for row in rows]


def test_one_chain():
    assert table(R21, MU26) == [[MU26, "1", "9", "22.5%"]]


def test_all_chains_the_most_passed_first():
    rows = table(R21)
    counts = [int(row[2]) for row in rows]
    assert len(rows) == 4241
    assert counts == sorted(counts, reverse=True)
    first = [row[0] for row in rows if row[2] == rows[0][2]]
    assert first == sorted(first)
    assert {row[1] for row in rows} == {"1", "off"}


def test_items():
    rows = table(R24, "/EM22/", "--l1")
    trigger = physlite.events(path_of(R24)).trigger
    assert {row[0]: int(row[2]) for row in rows} == {item.name: item.passed for item in trigger.summary_l1("/EM22/")}
    assert all(row[0].startswith("L1_") and "EM22" in row[0] for row in rows)


@pytest.mark.parametrize("l1", [False, True])
def test_json(l1):
    result = run(SAMPLE, "--json", *(["--l1"] if l1 else []))
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    trigger = physlite.events(path_of(SAMPLE)).trigger
    expected = trigger.summary_l1() if l1 else trigger.summary()
    assert content["file"] == str(path_of(SAMPLE))
    assert content["events"] == len(physlite.events(path_of(SAMPLE)))
    assert {c["name"]: (c["passed"], tuple(c["prescales"])) for c in content["items" if l1 else "chains"]} == {
        c.name: (c.passed, c.prescales) for c in expected
    }


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (R21, ["HLT_mu26_ivarmedum"], MU26),
        (R21, ["zzzzzzz"], " chains; `physlite trigger FILE` lists them)"),
        (
            R21,
            [MU26, "--l1"],
            " (495 L1 items; `physlite trigger FILE --l1` lists them); HLT chains are listed without --l1",
        ),
        (R21, ["HLT_*", "--l1"], "; HLT chains are listed without --l1"),
        (R21, ["L1_EM22VHI"], "no chain matches 'L1_EM22VHI'"),
        (R21, ["L1_EM22VHI"], "; L1 items are listed with --l1"),
        (R24, ["L1_*"], "; L1 items are listed with --l1"),
        (R24, ["/^L1_.*EM22/i"], "; L1 items are listed with --l1"),
        (R24, ["^L1_.*EM22"], "; L1 items are listed with --l1"),
        (TREE_ONLY, [], "no trigger menu"),
    ],
    ids=str,
)
def test_errors(name, arguments, said):
    result = run(name, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"physlite: {path_of(name)}: ")
    assert said in line


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(R21, ["HLT_mu26_ivarmedum"]), (R21, ["L1_XX", "--l1"]), (TREE_ONLY, ["L1_EM22VHI"])],
    ids=str,
)
def test_no_advice_that_does_not_help(name, arguments):
    assert "--l1" not in run(name, *arguments).stderr


def test_help_has_examples():
    result = CliRunner().invoke(app, ["trigger", "--help"])
    assert result.exit_code == 0
    assert "For example:\n\n      physlite trigger FILE\n" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
