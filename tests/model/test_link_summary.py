"""Counting links, against the counts that a slow implementation gave for each file."""

import json
from pathlib import Path

import pytest

import physlite
from physlite.exceptions import ColumnNotFoundError
from physlite.model.linksummary import summarize_links
from support import data
from support.patching import patched

COUNTS = json.loads((Path(__file__).parents[1] / "support" / "link_counts.json").read_text())


@pytest.mark.parametrize("name", COUNTS)
def test_all_links_of_a_file(name):
    with physlite.open(data.path_of(name)) as file:
        found = {}
        for link, summary in zip(file.links, summarize_links(file), strict=True):
            counts = {
                "null": summary.null,
                "valid": summary.valid,
                "absent": summary.dangling,
                "unknown": summary.unknown,
                "out_of_range": summary.out_of_range,
            }
            found[file.manifest.columns[link.column].name] = {k: v for k, v in counts.items() if v}
        assert found == COUNTS[name]


def test_depths_and_accessors():
    with physlite.open(data.path_of(data.R24)) as file:
        links = {f"{s.collection}.{s.field}": s for s in summarize_links(file)}
        for name, depth, accessor, target in (
            ("EventInfo.hardScatterVertexLink", 0, "hardScatterVertex", "Vertex"),
            ("Jets.btaggingLink", 0, "btagging", "BTagging"),
            ("Electrons.trackParticleLinks", 1, "trackParticles", "TrackParticle"),
            ("METAssoc_AnalysisMET.objectLinks", 1, "objects", "IParticle"),
            ("TruthElectrons.childLinks", 1, "children", "TruthParticle"),
        ):
            assert (links[name].depth, links[name].accessor, links[name].target) == (depth, accessor, target)


def test_some_links():
    with physlite.open(data.path_of(data.R21)) as file:
        assert [s.field for s in summarize_links(file, "TruthTaus.*Links")] == ["parentLinks", "childLinks"]
        with pytest.raises(ColumnNotFoundError, match=r"no link matches 'TruthTaus\.parentLink'; nearest"):
            summarize_links(file, "TruthTaus.parentLink")


def test_links_that_lead_nowhere():
    """Out of range, and of a key that nobody knows."""

    def change(values):
        full = [event for event in values if event]
        full[0][0] = 77
        full[1][0] = 77

    column = "AnalysisElectronsAuxDyn.truthParticleLink"
    with physlite.open(data.path_of(data.SAMPLE)) as plain:
        (before,) = summarize_links(plain, "Electrons.truthParticleLink")
    with patched(data.path_of(data.SAMPLE), f"{column}.m_persKey", change) as file:
        (summary,) = summarize_links(file, "Electrons.truthParticleLink")
        assert summary.unknown == {77: 2}
    with patched(data.path_of(data.SAMPLE), "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persIndex", change) as file:
        (summary,) = summarize_links(file, "Muons.inDetTrackParticleLink")
        assert summary.out_of_range == 2
        assert sum(summary.valid.values()) + sum(summary.dangling.values()) + summary.null + 2 == sum(
            len(e) for e in file.events().Muons.pt
        )
    assert before.out_of_range == 0
