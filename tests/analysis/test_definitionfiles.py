"""Definitions of objects in files."""

import awkward as ak
import pytest

from physlite import analysis
from physlite.exceptions import SelectionError
from support import data
from support.selections import events_of

TEXT = """\
# What the analysis calls an electron and a jet.
electrons:
  pt: [27000, null]
  abs_eta: 2.47
  identification: Tight
jets: {pt: 25e+3, jvt: FixedEffPt}
"""


def test_definitions_are_dictionaries(tmp_path):
    path = tmp_path / "objects.yaml"
    path.write_text(TEXT)
    found = analysis.definitions(path)
    assert found == {
        "electrons": {"pt": [27000, None], "abs_eta": 2.47, "identification": "Tight"},
        "jets": {"pt": 25000.0, "jvt": "FixedEffPt"},
    }
    assert analysis.definitions(str(path)) == found
    events = events_of(data.R24)
    jets = events.Jets
    assert ak.to_list(analysis.selected(jets, found["jets"])) == ak.to_list((jets.pt >= 25000) & (jets.NNJvtPass == 1))


@pytest.mark.parametrize("text", ["27e3", "2.7e4", "2.7E+4", "+27e3", "27000", "270000e-1"])
def test_numbers_with_exponents(tmp_path, text):
    """Of which YAML 1.1 takes some for texts."""
    path = tmp_path / "objects.yaml"
    path.write_text(f"jets: {{pt: {text}, n_tracks: [{text}, '{text}', b27e3, 27e, e3]}}")
    found = analysis.definitions(path)["jets"]
    assert found == {"pt": 27000, "n_tracks": [27000, text, "b27e3", "27e", "e3"]}


def test_numbers_in_quotes_are_texts(tmp_path):
    path = tmp_path / "objects.yaml"
    path.write_text(TEXT.replace("25e+3", "'25e3'"))
    jets = analysis.definitions(path)["jets"]
    with pytest.raises(
        SelectionError, match=r"'pt' of Jet: expected the lowest.*not '25e3'; write numbers without quotes$"
    ):
        analysis.selected(events_of(data.R24).Jets, jets)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected names, each with a definition"),
        ("[1, 2]", "expected names, each with a definition"),
        ("electrons: Tight", "expected names, each with a definition"),
        ("electrons: {pt: [27000, null}", "not YAML that can be read"),
        ("electrons: {pt: 1}\nelectrons: {pt: 2}", "'electrons' is there twice"),
        ("electrons: {pt: 1, pt: 2}", "'pt' is there twice: keep one.*line 1"),
        ("electrons: !!python/object/apply:os.getcwd []", "not YAML that can be read"),
        ("electrons: {pt: 2020-99-99}", "not YAML that can be read: month must be in 1..12"),
        ("electrons: " + "[" * 3000, "not YAML that can be read: maximum recursion depth exceeded"),
        ("electrons: {pt: \udcff}", "not YAML that can be read: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    path = tmp_path / "objects.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SelectionError, match=message) as error:
        analysis.definitions(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        analysis.definitions(tmp_path / "none.yaml")
