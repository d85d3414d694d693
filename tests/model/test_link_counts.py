"""The slow, independent resolving of links, held against what is known of the files and against counts written down."""

import pytest

from support import slow_links
from support.data import R21, R22, R24, SAMPLE, TREE_ONLY
from support.oracle import HARD_SCATTER, JET_LINK

JETS = 452794649
PRIMARY_VERTICES = 936461719


def _keys(name, column):
    return {link[0] for link in slow_links.flat(slow_links.links(name, column))}


def test_keys_of_containers():
    truth = slow_links.CLIDS["DataVector<xAOD::TruthParticle_v1>"]
    known = {
        "TruthPhotons": 13267281, "TruthMuons": 342174277, "TruthNeutrinos": 368360608, "TruthTaus": 375408000,
        "TruthElectrons": 394100163, "TruthBoson": 614719239, "TruthTop": 660928181, "TruthBottom": 779635413,
        "TruthCharm": 1072465378, "TruthHFWithDecayParticles": 503102949,
    }  # fmt: skip
    assert {name: slow_links.storegate_key(name, truth) for name in known} == known
    assert slow_links.storegate_key("PrimaryVertices", slow_links.CLIDS["DataVector<xAOD::Vertex_v1>"]) == 936461719
    assert slow_links.storegate_key("AnalysisJets", slow_links.CLIDS["DataVector<xAOD::Jet_v1>"]) == 452794649


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rows"), [(R21, 491), (R22, 234), (R24, 45)])
def test_keys_are_those_of_the_file_itself(name, rows):
    table = [row for row in slow_links.format_table(name) if row[1] in slow_links.CLIDS]
    assert len(table) == rows
    for container, class_name, key in table:
        assert slow_links.storegate_key(container, slow_links.CLIDS[class_name]) == key, container


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_links.FILES)
def test_no_two_containers_have_one_key(name):
    stored = slow_links.containers(name)
    names = set(stored) | {container for container, _ in slow_links.NOT_STORED}
    assert {container for container, _ in slow_links.key_table(name).values()} == names
    assert sum(is_stored for _, is_stored in slow_links.key_table(name).values()) == len(stored)


@pytest.mark.parametrize(
    ("name", "columns", "matches"),
    [(R21, 106, 26), (R22, 202, 121), (R24, 82, 0), (TREE_ONLY, 234, 155), (SAMPLE, 44, 5)],
)
def test_number_of_link_columns(name, columns, matches):
    found = slow_links.link_columns(name)
    assert len(found) == columns
    assert sum(column.endswith(".TrigMatchedObjects") for column in found) == matches
    assert found == list(slow_links.pinned()[name])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "column"), slow_links.parameters())
def test_counts_are_those_written_down(name, column):
    assert slow_links.nonzero_counts(name, column) == slow_links.pinned()[name][column]


@pytest.mark.parametrize("name", slow_links.FILES)
def test_every_link_leads_to_an_object_or_to_a_known_absent_container(name):
    for column, counts in slow_links.pinned()[name].items():
        assert counts.keys() <= {"null", "absent", "valid"}, column


@pytest.mark.parametrize("name", slow_links.FILES)
def test_interface_objects_tell_how_many_objects_there_are(name):
    checked = set()
    for branch in slow_links.tree_of(name).itervalues():
        match = slow_links.COLUMN.match(branch.name)
        if match is None or branch.typename.replace("std::", "") != "vector<float>":
            continue
        container = match["container"]
        if container not in checked and slow_links.containers(name).get(container, "").startswith("DataVector<"):
            lengths = [len(event) for event in branch.array().to_list()]
            assert slow_links.sizes(name, container) == lengths, branch.name
            checked.add(container)
    assert len(checked) > 20


@pytest.mark.parametrize("name", [R24, TREE_ONLY, SAMPLE])
def test_jets_of_the_association_map(name):
    """uproot5#951."""
    assert _keys(name, JET_LINK) == {0, JETS}
    for event in slow_links.links(name, JET_LINK):
        assert sum(key == 0 for key, _ in event) >= min(1, len(event))


@pytest.mark.parametrize("name", [R22, R24, TREE_ONLY, SAMPLE])
def test_vertex_of_the_hard_scatter(name):
    """uproot5#1177."""
    assert _keys(name, HARD_SCATTER) == {PRIMARY_VERTICES}
    assert all(vertex[0] == "PrimaryVertices" for vertex in slow_links.resolve(name, HARD_SCATTER))


def test_a_forward_muon_has_a_track_that_is_not_stored():
    """Where the key is not looked at, this is another track with a pt of 385 GeV."""
    column = "AnalysisMuonsAuxDyn.inDetTrackParticleLink"
    assert ("absent", "InDetForwardTrackParticles") in slow_links.resolve(TREE_ONLY, column)[67]
    (i,) = [
        i for i, event in enumerate(slow_links.resolve(TREE_ONLY, column)) if any(t and t[0] == "absent" for t in event)
    ]
    assert i == 67


def test_links_to_all_truth_particles_are_absent():
    counts = slow_links.pinned()[R24].values()
    assert sum(c.get("absent", {}).get("TruthParticles", 0) for c in counts) == 13793
    assert not any("TruthParticles" in c.get("valid", {}) for c in counts)


def test_one_container_name_with_two_classes():
    """UFOCSSK: other keys in release 21 than later."""
    column = "AntiKt10UFOCSSKJetsAux.constituentLinks"
    old, new = _keys(R21, column), _keys(TREE_ONLY, column)
    assert len(old - {0}) == len(new - {0}) == 1
    assert old != new
