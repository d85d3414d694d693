"""That the table of what releases store is what the real files store."""

import pytest

from physlite.analysis import btagging, electrons, muons, photons, releases, taus
from physlite.analysis.isolation import needs_of
from support import data
from support.selections import events_of

FILES = {"21.2": data.R21, "22.2": data.R22, "24.0": data.R24, "25.0": data.RNTUPLE}
COLLECTION = {
    "Electron": "Electrons",
    "Muon": "Muons",
    "Photon": "Photons",
    "TauJet": "TauJets",
    "TauTrack": "TauTracks",
    "Jet": "Jets",
    "EventInfo": "EventInfo",
    "PrimaryVertices": "PrimaryVertices",
}


def fields(events, kind):
    if kind == "BTagging":
        return events.Jets.btagging.fields
    if kind == "TrackParticle":
        return events.GSFTrackParticles.fields
    if kind == "Event":
        return events.fields
    return events[COLLECTION[kind]].fields if COLLECTION[kind] in events.fields else []


@pytest.mark.parametrize("kind", releases.STORED)
def test_the_table_is_what_the_files_store(kind):
    stored = {release: fields(events_of(name), kind) for release, name in FILES.items()}
    for column, said in releases.STORED[kind].items():
        assert said == tuple(release for release in FILES if column in stored[release]), column


def test_what_working_points_need_is_in_the_table():
    points = {
        "Electron": [*electrons.IDENTIFICATION.values(), *electrons.CHARGE_IDENTIFICATION.values()],
        "Photon": [*photons.IDENTIFICATION.values(), *photons.CLEANING.values()],
        "TauJet": [*taus.ELECTRON_VETO.values()],
        "BTagging": [f"{tagger}_pb" for tagger in btagging.TAGGERS],
    }
    for kind, columns in points.items():
        assert set(columns) <= set(releases.STORED[kind])
    for kind, module, tracks in (
        ("Electron", electrons, electrons._TRACKS),
        ("Muon", muons, muons._TRACKS),
        ("Photon", photons, photons._TRACKS),
    ):
        for needs in needs_of(module.ISOLATION, tracks).values():
            assert all(set(names) & set(releases.STORED[kind]) for names in needs)


def test_releases_in_words():
    assert releases.releases_with("Jet", ("NNJvtPass",)) == "files of release 22.2, 24.0, 25.0 have it"
    assert releases.releases_with("Jet", ("unheard",)) == "no release that was looked at has it"
    assert releases.releases_with("Track", ("unheard",)) == "no release that was looked at has it"
