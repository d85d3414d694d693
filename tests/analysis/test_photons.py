"""Photons: each working point, against a loop over single photons."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import photons
from physlite.exceptions import ColumnNotFoundError, SelectionError
from physlite.model.varying import varied
from support import data
from support.selections import REAL_FILES, events_of, lists_of, loop, made, numbers, single

COLUMNS = {"pt": "f4", "topoetcone20": "f4", "topoetcone40": "f4", "ptcone20": "f4"}


@pytest.fixture(scope="module", params=REAL_FILES)
def events(request):
    return events_of(request.param)


def is_isolated(point, pt, calo20, calo40, track):
    return {
        "FixedCutLoose": calo20 <= single(0.065 * pt) and track <= single(0.05 * pt),
        "FixedCutTight": calo40 <= single(0.022 * pt + 2450) and track <= single(0.05 * pt),
        "TightCaloOnly": calo40 <= single(0.022 * pt + 2450),
    }[point]


def test_flags(events):
    objects = events.Photons
    points = photons.working_points(objects)
    assert {"Loose", "Tight"} <= set(points["identification"])
    for point in points["identification"]:
        expected = loop(lambda flag: flag == 1, objects[f"DFCommonPhotonsIsEM{point}"])
        assert ak.to_list(photons.identified(objects, point)) == expected
    assert points["cleaning"] == ["Cleaning", "CleaningNoTime"]
    for point in points["cleaning"]:
        expected = loop(lambda flag: flag == 1, objects[f"DFCommonPhotons{point}"])
        assert ak.to_list(photons.clean(objects, point)) == expected


def test_isolation(events):
    objects = events.Photons
    for point in ("FixedCutLoose", "FixedCutTight", "TightCaloOnly"):
        columns = [objects[name] for name in COLUMNS]
        expected = loop(lambda *values, point=point: is_isolated(point, *values), *columns)
        assert ak.to_list(photons.isolated(objects, point)) == expected


@given(
    lists_of(pt=numbers(50_000), **dict.fromkeys(list(COLUMNS)[1:], numbers(2500, 3250, 3550))),
    st.sampled_from(list(photons.ISOLATION)),
)
def test_isolation_of_any_photons(drawn, point):
    objects = made("Photon", COLUMNS, drawn)
    expected = loop(lambda *values: is_isolated(point, *values), *(objects[name] for name in COLUMNS))
    assert ak.to_list(photons.isolated(objects, point)) == expected


def test_object_quality(events):
    objects = events.Photons
    assert ak.to_list(photons.good_quality(objects)) == loop(lambda bits: bits & 0x85A6 == 0, objects.OQ)


def test_each_bit():
    objects = made("Photon", {"pt": "f4", "OQ": "u4"}, [[{"pt": 1.0, "OQ": 1 << bit} for bit in range(32)]])
    bad = [bit for bit, good in enumerate(photons.good_quality(objects)[0]) if not good]
    assert bad == [1, 2, 5, 7, 8, 10, 15]


@given(lists_of(OQ=st.integers(0, 2**32 - 1), pt=st.just(1.0)))
def test_object_quality_of_any_photons(drawn):
    objects = made("Photon", {"pt": "f4", "OQ": "u4"}, drawn)
    assert ak.to_list(photons.good_quality(objects)) == loop(lambda bits: bits & 0x85A6 == 0, objects.OQ)


def slow_conversions(events):
    """The type of each photon's conversion, by the raw links."""
    vertices = ak.to_list(events.Photons.vertexLinks)
    tracks = ak.to_list(events.GSFConversionVertices.trackParticleLinks)
    pixel, strips = (ak.to_list(events.GSFTrackParticles[f"numberOf{what}Hits"]) for what in ("Pixel", "SCT"))
    names = {"one": ("singleTRT", "singleSi"), "two": ("doubleTRT", "doubleSiTRT", "doubleSi")}
    found = []
    for i, event in enumerate(vertices):
        of_event = []
        for links in event:
            hits = []
            if links and links[0]["m_persKey"]:
                its = tracks[i][links[0]["m_persIndex"]]
                hits = [pixel[i][t["m_persIndex"]] + strips[i][t["m_persIndex"]] for t in its if t["m_persKey"]]
            silicon = sum(hit > 0 for hit in hits)
            kind = "unconverted" if not hits else names["one" if len(hits) == 1 else "two"][silicon]
            of_event.append(photons.CONVERSION_TYPES[kind])
        found.append(of_event)
    return found


@pytest.mark.parametrize("name", [data.R22, data.R24, data.TREE_ONLY, data.RNTUPLE])
def test_conversions(name):
    events = events_of(name)
    expected = slow_conversions(events)
    assert ak.to_list(photons.conversion_type(events.Photons)) == expected
    assert ak.to_list(photons.converted(events.Photons)) == [[kind > 0 for kind in event] for event in expected]
    hard = events.Photons.pt > 15_000
    some = photons.conversion_type(events.Photons[hard])
    assert ak.to_list(some) == ak.to_list(ak.Array(expected)[hard])
    assert ak.to_list(photons.converted(events[:0].Photons)) == []
    leading = ak.firsts(events.Photons)
    assert ak.to_list(photons.conversion_type(leading)) == [event[0] if event else 0 for event in expected]
    masked = ak.mask(events, ak.num(events.Photons) > 1).Photons
    of_masked = [event if len(event) > 1 else None for event in expected]
    assert ak.to_list(photons.conversion_type(masked)) == of_masked
    assert ak.to_list(photons.converted(masked)) == [event and [kind > 0 for kind in event] for event in of_masked]
    hidden = ak.mask(events.Photons, hard)
    assert ak.to_list(photons.conversion_type(hidden)) == ak.to_list(ak.where(hard, ak.Array(expected), 0))


@pytest.mark.parametrize("seed", range(3))
def test_conversions_of_any_tracks(seed):
    """With hits or without, first or second."""
    events = events_of(data.RNTUPLE)
    random = np.random.default_rng(seed)
    number = ak.num(events.GSFTrackParticles.phi)
    hits = [ak.unflatten(random.integers(0, 2, ak.sum(number), dtype=np.uint8) * 3, number) for _ in range(2)]
    names = ("numberOfPixelHits", "numberOfSCTHits")
    changed = varied(events, {"GSFTrackParticles": dict(zip(names, hits, strict=True))})
    assert ak.to_list(photons.conversion_type(changed.Photons)) == slow_conversions(changed)


def test_the_order_of_tracks_with_and_without_hits():
    events = events_of(data.RNTUPLE)
    double = ak.num(events.Photons.vertex.trackParticles["phi"], axis=-1) == 2
    first, second = (events.Photons.vertex.trackParticles["_link"][double][..., i] for i in (0, 1))
    for with_hits in (first, second):
        pairs = zip(events.GSFTrackParticles["_link"].to_list(), with_hits.to_list(), strict=True)
        has = ak.Array([[link in wanted for link in links] for links, wanted in pairs])
        changed = varied(events, {"GSFTrackParticles": {"numberOfPixelHits": has * 3, "numberOfSCTHits": 0}})
        kinds = ak.flatten(photons.conversion_type(changed.Photons)[double], axis=None).to_list()
        assert kinds
        assert set(kinds) == {photons.CONVERSION_TYPES["doubleSiTRT"]}


@pytest.mark.parametrize("name", REAL_FILES)
def test_photons_with_a_vertex_are_converted(name):
    """Whatever tracks it has."""
    events = events_of(name)
    expected = [[len(links) > 0 for links in event] for event in ak.to_list(events.Photons.vertexLinks)]
    assert ak.to_list(photons.converted(events.Photons)) == expected
    assert any(map(any, expected))
    if "GSFConversionVertices" in events.fields:
        links = events.GSFConversionVertices.trackParticleLinks
        changed = varied(events, {"GSFConversionVertices": {"trackParticleLinks": links[:, :, :0]}})
        assert ak.to_list(photons.converted(changed.Photons)) == expected
        assert not ak.any(photons.conversion_type(changed.Photons))


def test_what_is_not_stored():
    objects = events_of(data.R21).Photons
    with pytest.raises(ColumnNotFoundError, match=r"no GSFConversionVertices of Event.*22.2, 24.0, 25.0"):
        photons.conversion_type(objects)
    with pytest.raises(ColumnNotFoundError, match=r"DFCommonPhotonsIsEMMedium of Photon.*25.0.*Loose, Tight"):
        photons.identified(objects, "Medium")
    for function in (photons.identified, photons.isolated, photons.clean):
        with pytest.raises(SelectionError, match=r"no .* 'Tigth' of Photon.*there are"):
            function(objects, "Tigth")
