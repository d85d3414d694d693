"""Whether two files have the same events: all that can be asked of them."""

from __future__ import annotations

from dataclasses import fields

import awkward as ak
import pytest

from physlite.exceptions import MetadataNotFoundError, TriggerNotFoundError, UnreadableColumnError
from physlite.model.facts import Facts
from physlite.model.linksummary import summarize_links
from support.compare import assert_same

# Links of all kinds: single ones and lists of them, to one container and to several, null, and to what is not there.
_FOLLOWED = ("Electrons", "Muons", "Photons", "TauJets", "TruthElectrons", "METAssoc_AnalysisMET", "FourLeptonVertices")


# Links of all kinds: single ones and lists of them, to one container and to several, null, and to what is not there.
_FOLLOWED = ("Electrons", "Muons", "Photons", "TauJets", "TruthElectrons", "METAssoc_AnalysisMET", "FourLeptonVertices")


def _read(events, collection, field):
    """A field, or None where it cannot be read, since it was not stored for all objects."""
    try:
        return ak.materialize(events[collection][field])
    except UnreadableColumnError:
        return None


def assert_same_collections(file, other):
    assert list(other.collections) == list(file.collections)
    for name, ours in file.collections.items():
        theirs = other.collections[name]
        assert (theirs.container, theirs.class_name, theirs.is_list) == (ours.container, ours.class_name, ours.is_list)
        assert list(theirs.fields) == list(ours.fields), name


def assert_same_values(file, other):
    """Every field of every collection; returns how many."""
    ours, theirs = file.events(), other.events()
    compared = 0
    for name in ours.fields:
        for field in ours[name].fields:
            left, right = _read(ours, name, field), _read(theirs, name, field)
            assert (left is None) == (right is None), (name, field)
            if left is None:
                continue
            assert_same(right, left, f"{name}.{field}")
            compared += 1
    return compared


def assert_same_links(file, other, members=("pt", "z0", "calE", "x")):
    """What all links lead to; returns how many fields of links there are."""
    assert summarize_links(other) == summarize_links(file)
    ours, theirs = file.events(), other.events()
    for link in file.links:
        if link.collection not in _FOLLOWED:  # what the others lead to is counted in the summary
            continue
        left, right = (events[link.collection].follow(link.field) for events in (ours, theirs))
        assert str(left.type) == str(right.type), link.name
        member = next((member for member in members if member in ak.fields(left)), None)
        if member is not None:  # one tells which objects they are, since all values are compared elsewhere
            assert_same(right[member], left[member], f"{link.name}.{member}")
    return len(file.links)


def assert_same_metadata(file, other):
    ours, theirs = file.metadata, other.metadata
    for fact in fields(Facts):
        assert getattr(theirs, fact.name) == getattr(ours, fact.name), fact.name
    try:
        sums = ours.sums
    except MetadataNotFoundError:
        with pytest.raises(MetadataNotFoundError):
            _ = theirs.sums
        return
    assert theirs.sums == sums
    assert theirs.cut_bookkeepers == ours.cut_bookkeepers
    assert theirs.tag_info == ours.tag_info


def assert_same_trigger(file, other):
    ours, theirs = file.events().trigger, other.events().trigger
    try:
        names = ours.names()
    except TriggerNotFoundError:
        with pytest.raises(TriggerNotFoundError):
            theirs.names()
        return
    assert theirs.names() == names
    assert theirs.items() == ours.items()
    assert theirs.summary() == ours.summary()
    assert theirs.summary_l1() == ours.summary_l1()
