"""Names of columns to collections, without a file."""

import pytest

from physlite.model.naming import ColumnNames, find_collections


def collections(*columns):
    """Of a tree with these columns: (name, encoding, C++ type)."""
    described = ((*column, "")[:3] for column in columns)
    return find_collections(
        [
            ColumnNames(name=name, type_name=type_name, encoding=encoding, members=())
            for name, encoding, type_name in described
        ]
    )


@pytest.mark.parametrize(
    ("name", "collection", "field"),
    [
        ("AnalysisElectronsAuxDyn.pt", "Electrons", "pt"),
        ("AnalysisElectronsAux.pt", "Electrons", "pt"),
        ("AnalysisElectronsAuxDyn:pt", "Electrons", "pt"),
        ("xTrigDecisionAux:.smk", "xTrigDecision", "smk"),
        ("METAssoc_AnalysisMETAux.jetLink", "METAssoc_AnalysisMET", "jetLink"),
        ("AnalysisTrigMatch_HLT_a_L1DR-EM15TAU12I-J25AuxDyn.x", "TrigMatch_HLT_a_L1DR-EM15TAU12I-J25", "x"),
        ("InDetTrackParticlesAuxDyn.TTVA_AMVFWeights", "InDetTrackParticles", "TTVA_AMVFWeights"),
        ("AnalysisAuxDyn.x", "Analysis", "x"),
        ("MyAuxiliaryThingsAuxDyn.x", "MyAuxiliaryThings", "x"),
    ],
)
def test_a_column_is_a_field_of_a_collection(name, collection, field):
    found = collections((name, "6|*f4"))
    assert list(found) == [collection]
    assert list(found[collection].fields) == [field]


@pytest.mark.parametrize(
    "name",
    ["AnalysisElectronsAux.", "XAux.xAOD::AuxContainerBase", "index_ref", "BunchConfKey", "EventNumber", "Aux.x"],
)
def test_other_columns_are_none(name):
    assert collections((name, "6|*f4")) == {}


def test_columns_that_nobody_decodes_are_left_out():
    assert list(collections(("XAuxDyn.a", ""), ("XAuxDyn.b", "6|*f4"))["X"].fields) == ["b"]


def test_two_stores_are_one_collection_and_the_first_wins():
    found = collections(("XAux.a", "6|*f4"), ("XAuxDyn.b", "6|*f4"), ("XAuxDyn.a", "6|*f8"))
    assert found["X"].fields == {"a": 0, "b": 1}


def test_names_stay_distinct():
    found = collections(("AnalysisJetsAuxDyn.pt", "6|*f4"), ("JetsAuxDyn.pt", "6|*f4"))
    assert list(found) == ["AnalysisJets", "Jets"]
    assert [c.container for c in found.values()] == ["AnalysisJets", "Jets"]


def test_the_interface_gives_class_and_size():
    found = collections(("AnalysisMuons", "n", "DataVector<xAOD::Muon_v1>"), ("AnalysisMuonsAuxDyn.pt", "6|*f4"))
    assert found["Muons"].record == "Muon"
    assert found["Muons"].size_column == 0


@pytest.mark.parametrize(
    ("fields", "record"),
    [(("pt", "eta", "phi"), "IParticle"), (("px", "py", "pz"), "IParticle"), (("pt", "eta"), "AuxElement")],
    ids=["polar", "cartesian", "incomplete"],
)
def test_without_an_interface_the_fields_decide(fields, record):
    assert collections(*((f"XAuxDyn.{f}", "6|*f4") for f in fields))["X"].record == record


@pytest.mark.parametrize("name", ["EventInfo", "xTrigDecision", "TrigConfKeys", "Kt4EMPFlowEventShape"])
def test_one_an_event(name):
    assert not collections((f"{name}AuxDyn.x", "6|*f4"))[name].is_list


def test_a_collection_with_a_plain_number_is_no_list():
    assert not collections(("XAuxDyn.a", "6|*f4"), ("XAuxDyn.b", "f4"))["X"].is_list
