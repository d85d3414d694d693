"""The forms of a filter: name, glob, /regex/, regex, list, function."""

import re

import pytest

import physlite
from physlite.exceptions import ColumnNotFoundError
from physlite.formats.filters import nearest, select, select_aliases
from support import data

NAMES = ["ElectronsAuxDyn.pt", "ElectronsAuxDyn.eta", "MuonsAuxDyn.pt", "Jets[0].pt", "x", "xAux./xAux.pt"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (None, NAMES),
        ("x", ["x"]),
        ("Jets[0].pt", ["Jets[0].pt"]),
        ("Electrons*", ["ElectronsAuxDyn.pt", "ElectronsAuxDyn.eta"]),
        ("*.pt", ["ElectronsAuxDyn.pt", "MuonsAuxDyn.pt", "Jets[0].pt", "xAux./xAux.pt"]),
        ("?", ["x"]),
        ("/^mu/i", ["MuonsAuxDyn.pt"]),
        ("/Dyn/", ["ElectronsAuxDyn.pt", "ElectronsAuxDyn.eta", "MuonsAuxDyn.pt"]),
        ("/a.*b|eta$/", ["ElectronsAuxDyn.eta"]),
        ("Electrons.*(pt|eta)$", ["ElectronsAuxDyn.pt", "ElectronsAuxDyn.eta"]),
        (["MuonsAuxDyn.pt", "ElectronsAuxDyn.eta"], ["MuonsAuxDyn.pt", "ElectronsAuxDyn.eta"]),
        (("x", "*.eta", "Electrons*"), ["x", "ElectronsAuxDyn.eta", "ElectronsAuxDyn.pt"]),
        (iter(["x"]), ["x"]),
        (lambda name: name.startswith("M"), ["MuonsAuxDyn.pt"]),
        ([], []),
    ],
)
def test_a_pattern_chooses_in_the_order_of_the_file_a_list_in_its_own(wanted, chosen):
    assert select(NAMES, wanted) == chosen


@pytest.mark.parametrize(
    "wanted", ["y", "ElectronsAuxDyn", "/^nothing$/", "nothing*", "Dyn.ptt*", "Dyn.etaa?", "(", ["x", "y"], "/(/", ""]
)
def test_a_string_that_chooses_nothing_raises(wanted):
    with pytest.raises(ColumnNotFoundError, match="no column matches"):
        select(NAMES, wanted)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("E.pt", ["E:pt"]), ("E.*", ["E:pt", "E:eta"]), (r"/\.eta$/", ["E:eta"]), (["M:pt", "E.pt"], ["M:pt", "E:pt"])],
)
def test_other_names_are_tried_where_no_name_fits(wanted, chosen):
    names = ["E:pt", "E:eta", "M:pt"]
    found = select_aliases(names, wanted, {name.replace(":", "."): name for name in names})
    assert list(found.values()) == chosen
    with pytest.raises(ColumnNotFoundError):
        select(names, wanted)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("E.*", {"E.pt": "E:pt", "E.eta": "E:eta"}),
        (["M:*", "E.pt", "E:pt"], {"M:pt": "M:pt", "E.pt": "E:pt", "E:pt": "E:pt"}),
        (lambda name: name.endswith(".pt"), {"E.pt": "E:pt", "M.pt": "M:pt"}),
        (lambda name: name.startswith("E"), {"E:pt": "E:pt", "E:eta": "E:eta"}),
        (None, {"E:pt": "E:pt", "E:eta": "E:eta", "M:pt": "M:pt"}),
    ],
)
def test_things_are_called_as_they_were_asked_for(wanted, found):
    names = ["E:pt", "E:eta", "M:pt"]
    assert select_aliases(names, wanted, {name.replace(":", "."): name for name in names}) == found


def test_a_function_that_chooses_nothing_raises():
    with pytest.raises(ColumnNotFoundError, match="none of the 6 columns"):
        select(NAMES, lambda _: False)


@pytest.mark.parametrize("wanted", [1, [1], [b"x"]])
def test_other_types_are_refused(wanted):
    with pytest.raises(TypeError, match="name"):
        select(NAMES, wanted)


def test_the_nearest_names_do_not_mind_the_case():
    assert nearest(NAMES, "electronsauxdyn.PT").startswith("; nearest: ElectronsAuxDyn.pt")
    assert nearest(NAMES, "qqqqqq", "; sorry") == "; sorry"


@pytest.fixture(scope="module")
def file():
    return physlite.open(data.path_of(data.R24))


@pytest.mark.parametrize(
    "wanted",
    ["AnalysisElectronsAuxDyn.pt*", "/^analysiselectronsauxdyn.pt/i", r"^AnalysisElectronsAuxDyn\.pt",
     lambda name: name.startswith("AnalysisElectronsAuxDyn.pt")],
    ids=["glob", "slashes", "regex", "function"],
)  # fmt: skip
def test_arrays_take_all_forms(file, wanted):
    expected = [n for n in file.columns if n.startswith("AnalysisElectronsAuxDyn.pt")]
    assert len(expected) > 2
    assert file.arrays(wanted, 0, 2).fields == expected


def test_show_takes_all_forms(file, capsys):
    file.show(re.escape("AnalysisElectronsAuxDyn") + r"\.(pt|eta)$")
    head, rule, *rows = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "column"
    assert set(rule) == {"-", " "}
    assert [row.split()[0] for row in rows] == ["AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta"]
    assert all("vector<float>" in row and "var * float32" in row for row in rows)


def test_a_long_name_is_cut_in_the_middle(file, capsys):
    file.show("AnalysisElectronsAuxDyn.pt", name_width=12)
    name = capsys.readouterr().out.splitlines()[2].split()[0]
    assert len(name) == 12
    assert name.startswith("Analy")
    assert name.endswith("Dyn.pt")


def test_static_stores_answer_to_their_full_path_too(file):
    path = "xTrigDecisionAux./xTrigDecisionAux.smk"
    assert file.columns[path] == file.columns["xTrigDecisionAux.smk"]
    assert file.arrays([path]).fields == [path]
    assert file.arrays("xTrigDecisionAux.sm?").fields == ["xTrigDecisionAux.smk"]


def test_the_description_of_a_column(file):
    column = file.columns["AnalysisElectronsAuxDyn.trackParticleLinks"]
    assert column.type_name == "vector<vector<ElementLink<DataVector<xAOD::TrackParticle_v1> > > >"
    assert column.type == "var * var * {m_persKey: uint32, m_persIndex: uint32}"
    assert column.compression == "zstd-5"
    assert 0 < column.compressed_bytes < column.uncompressed_bytes
    assert column.num_entries == file.num_entries == 50
    assert column.problem == ""


def test_class_descriptions(file):
    base = file.streamers["ElementLinkBase"]
    assert [m.name for m in base.members] == ["m_persKey", "m_persIndex"]
    assert "m_persKey: unsigned int" in base.show()
