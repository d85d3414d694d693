"""Links as the events follow them, beside links resolved one at a time in plain Python: `support.slow_links`."""

import functools
import pickle
import random

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from support import slow_links
from support.data import R21, R22, R24, SAMPLE, TIMES_50, TREE_ONLY, path_of
from support.examples import FEWER

# Links to one container and to several, of one class and of more, one for each object and many, null, to containers
# that are in the file and to others.
KINDS = [
    (TREE_ONLY, "AnalysisElectronsAuxDyn.trackParticleLinks"),
    (TREE_ONLY, "AnalysisMuonsAuxDyn.inDetTrackParticleLink"),
    (TREE_ONLY, "AnalysisElectronsAuxDyn.TruthLink"),
    (TREE_ONLY, "AnalysisTrigMatch_HLT_e17_lhmedium_nod0_ivarloose_tau25_medium1_tracktwoAuxDyn.TrigMatchedObjects"),
    (R21, "TruthElectronsAuxDyn.parentLinks"),
    (R22, "METAssoc_AnalysisMETAux.objectLinks"),
    (R22, "AnalysisLargeRJetsAuxDyn.constituentLinks"),
    (R24, "METAssoc_AnalysisMETAux.jetLink"),
    (R24, "TruthBosonAuxDyn.childLinks"),
    (SAMPLE, "AnalysisTauJetsAuxDyn.tauTrackLinks"),
]

CHAINS = [
    (TREE_ONLY, "AnalysisElectronsAuxDyn.trackParticleLinks", "originalTrackParticle", "truthParticleLink"),
    (TREE_ONLY, "AnalysisMuonsAuxDyn.inDetTrackParticleLink", "truthParticleLink"),
    (TREE_ONLY, "METAssoc_AnalysisMETAux.jetLink", "GhostTrack"),
    (R21, "TruthElectronsAuxDyn.parentLinks", "childLinks", "parentLinks", "childLinks"),
    (R21, "HardScatterVerticesAuxDyn.outgoingParticleLinks", "decayVtxLink", "incomingParticleLinks"),
    (R22, "TruthMuonsAuxDyn.parentLinks", "childLinks", "parentLinks"),
    (R22, "METAssoc_AnalysisMETAux.jetLink", "btaggingLink"),
    (R24, "EventInfoAuxDyn.hardScatterVertexLink", "trackParticleLinks"),
    (SAMPLE, "AnalysisTauJetsAuxDyn.tauTrackLinks", "trackLinks"),
]


@functools.cache
def opened(name):
    return physlite.open(path_of(name))


@functools.cache
def all_events(name):
    return opened(name).events()


def collection_of(column):
    return slow_links.container_of(column).removeprefix("Analysis")


def followed(events, column):
    return events[collection_of(column)].follow(slow_links.field_of(column))


# ----------------------------------------------------------------------------------------------------- what is right


def is_valid(target):
    return type(target) is tuple and target[0] not in ("absent", "unknown")


def mapped(function, nested):
    """A function of every target in nested lists that is in the file, None for all others."""
    if isinstance(nested, list):
        return [mapped(function, inner) for inner in nested]
    return function(nested) if is_valid(nested) else None


def mapped_by_event(function, resolved):
    return [mapped(functools.partial(function, event), targets) for event, targets in enumerate(resolved)]


@functools.cache
def key_of(name, container):
    return slow_links.storegate_key(container, slow_links.CLIDS[slow_links.containers(name)[container]])


def identities(name, nested):
    """The links that the targets have themselves."""
    return mapped(lambda target: (key_of(name, target[0]) << 32) + target[1], nested)


@functools.cache
def numbers(name, container):
    """The columns with one float for every object, as uproot knows them: branches by field."""
    found = {}
    for column, branch in slow_links.columns_of(name).items():
        match = slow_links.COLUMN.match(column)
        if match and match["container"] == container and branch.typename in ("vector<float>", "std::vector<float>"):
            found[match["field"]] = branch
    return {field: branch for field, branch in found.items() if is_for_all(branch, slow_links.sizes(name, container))}


def is_for_all(branch, sizes):
    """Some columns were not stored for all objects, as etcone20 of truth particles."""
    return ak.num(branch.array()).to_list() == sizes


def is_list(name, container):
    """Whether there are more objects than one in an event, and columns of them: then links can name them."""
    classes = slow_links.containers(name)
    columns = map(slow_links.COLUMN.match, slow_links.columns_of(name))
    stored = any(column and column["container"] == container for column in columns)
    return stored and classes[container].startswith(("DataVector<", "xAOD::MissingET"))


@functools.cache
def values(name, container, field):
    return numbers(name, container)[field].array().to_list()


def value(name, field, event, target):
    """A number of a target; None when its container does not have this column."""
    container, index = target
    return values(name, container, field)[event][index] if field in numbers(name, container) else None


def containers_of(resolved):
    return sorted({target[0] for target in slow_links.flat(resolved) if is_valid(target)})


def fields_to_check(name, containers):
    """Fields that all the containers have, and, when they are of one class, one that some of them have."""
    found = [set(numbers(name, container)) for container in containers]
    common = sorted(set.intersection(*found)) if found else []
    classes = {slow_links.containers(name)[container] for container in containers}
    partial = sorted(set.union(*found) - set(common)) if len(classes) == 1 else []
    return common[:2] + partial[:1]


def same(left, right):
    """Equality of nested lists in which NaN is itself."""
    return repr(ak.to_list(left)) == repr(right)


# ------------------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(("name", "column"), slow_links.parameters())
def test_targets_are_those_of_the_slow_resolving(name, column):
    resolved = slow_links.resolve(name, column)
    targets = followed(all_events(name), column)
    assert same(targets["_link"], identities(name, resolved))
    entries = mapped_by_event(lambda event, _: event, resolved)
    assert same(targets["_event"] & 0x3FFFFFF, entries)
    for field in fields_to_check(name, containers_of(resolved)):
        assert same(targets[field], mapped_by_event(functools.partial(value, name, field), resolved)), field


@pytest.mark.parametrize("name", slow_links.FILES)
def test_no_link_column_is_left_out(name):
    ours = {(link.collection, link.field) for link in opened(name).links}
    assert ours == {(collection_of(c), slow_links.field_of(c)) for c in slow_links.link_columns(name)}


@pytest.mark.parametrize("name", slow_links.FILES)
def test_objects_know_their_own_links(name):
    """What a link to them would be, and the entry that they are in."""
    events = opened(name).events()
    for container in slow_links.containers(name):
        collection = container.removeprefix("Analysis")
        if not is_list(name, container):
            continue
        sizes = slow_links.sizes(name, container)
        own = [[(key_of(name, container) << 32) + i for i in range(n)] for n in sizes]
        assert same(events[collection]["_link"], own), container
        assert same(events[collection]["_event"] & 0x3FFFFFF, [[e] * n for e, n in enumerate(sizes)]), container


@pytest.mark.parametrize("name", slow_links.FILES)
def test_a_key_leads_to_the_container_that_has_it(name):
    for key, (container, stored) in slow_links.key_table(name).items():
        target = opened(name).link_target(key)
        if stored and is_list(name, container):
            assert (target.container, target.collection) == (container, container.removeprefix("Analysis"))
        elif not stored:
            assert (target.container, target.collection) == (container, None)


@functools.cache
def slow_chain(name, column, *fields):
    """Links of the targets of links, and so on: what they resolve to."""
    resolved = slow_links.resolve(name, column)
    for field in fields:
        resolved = mapped_by_event(functools.partial(_link_of_target, name, field), resolved)
    return resolved


def _link_of_target(name, field, event, target):
    for store in ("Aux", "AuxDyn"):
        column = f"{target[0]}{store}.{field}"
        if column in slow_links.pinned()[name]:
            return slow_links.resolve(name, column)[event][target[1]]
    return None


@pytest.mark.parametrize("chain", CHAINS, ids=".".join)
def test_links_of_targets_of_links(chain):
    name, column, *fields = chain
    targets = followed(all_events(name), column)
    for field in fields:
        targets = targets.follow(field)
    resolved = slow_chain(*chain)
    assert same(targets["_link"], identities(name, resolved))
    for field in fields_to_check(name, containers_of(resolved)):
        assert same(targets[field], mapped_by_event(functools.partial(value, name, field), resolved)), field


def test_chains_lead_somewhere():
    """So that they are tested at all."""
    for chain in CHAINS:
        last = slow_chain(*chain)
        expected = 0 if chain[-1] == "truthParticleLink" else 1
        assert sum(map(is_valid, slow_links.flat(last))) >= expected, chain


# --------------------------------------------------------------------------------------------------- some of the events


@functools.cache
def expected_of(name, column):
    """The identities of the targets of all events; in the large file, those of the small one again and again."""
    if name == TIMES_50:
        return identities(TREE_ONLY, slow_links.resolve(TREE_ONLY, column)) * 50
    return identities(name, slow_links.resolve(name, column))


WHOLE_EVENTS = [*KINDS, (R24, "EventInfoAuxDyn.hardScatterVertexLink")]


@FEWER
@given(data=st.data())
def test_entry_ranges(data):
    """Those of the large file begin and end in any of many baskets."""
    name, column = data.draw(st.sampled_from([*WHOLE_EVENTS, *((TIMES_50, column) for _, column in KINDS[:4])]))
    expected = expected_of(name, column)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, min(len(expected), start + 250)))
    assert same(followed(opened(name).events(start, stop), column)["_link"], expected[start:stop])


@FEWER
@given(data=st.data())
def test_slices_of_events(data):
    name, column = data.draw(st.sampled_from(WHOLE_EVENTS))
    expected = expected_of(name, column)
    chosen = data.draw(slices(len(expected)))
    assert same(followed(opened(name).events()[chosen], column)["_link"], expected[chosen])


@FEWER
@given(data=st.data())
def test_events_in_any_order(data):
    name, column = data.draw(st.sampled_from(WHOLE_EVENTS))
    expected = expected_of(name, column)
    chosen = data.draw(st.lists(st.integers(-len(expected), len(expected) - 1), max_size=30))
    events = opened(name).events()[np.asarray(chosen, dtype=np.int64)]
    assert same(followed(events, column)["_link"], [expected[i] for i in chosen])


@pytest.mark.parametrize(("name", "column"), WHOLE_EVENTS)
def test_a_mask_of_events(name, column):
    expected = expected_of(name, column)
    mask = np.arange(len(expected)) % 3 == 1
    events = opened(name).events()
    assert same(followed(events[mask], column)["_link"], expected[1::3])
    masked = [event if chosen else None for event, chosen in zip(expected, mask, strict=True)]
    assert same(followed(ak.mask(events, mask), column)["_link"], masked)


@pytest.mark.parametrize(("name", "column"), WHOLE_EVENTS)
def test_one_event(name, column):
    expected = expected_of(name, column)
    events = opened(name).events()
    for i in range(0, len(expected), len(expected) // 10):
        target = followed(events[i], column)
        assert same(target["_link"], expected[i])


@pytest.mark.parametrize(("name", "column"), KINDS)
def test_one_object(name, column):
    expected = expected_of(name, column)
    objects = opened(name).events()[collection_of(column)]
    checked = 0
    for i, event in enumerate(expected):
        for j, targets in enumerate(event):
            if checked == 40:
                break
            found = objects[i][j].follow(slow_links.field_of(column))
            assert same(found if found is None else found["_link"], targets)
            checked += 1
    assert checked > 4


def test_one_object_without_target():
    """None, as of every link that leads nowhere."""
    muons = opened(TREE_ONLY).events()[67].Muons
    assert muons[0].follow("inDetTrackParticleLink") is None
    assert muons[0].follow("truthParticleLink") is None


# -------------------------------------------------------------------------------------------------- some of the objects


@pytest.mark.parametrize("name", slow_links.FILES)
def test_electrons_that_are_hard_or_sorted(name):
    column = f"AnalysisElectronsAuxDyn{':' if slow_links.is_ntuple(name) else '.'}trackParticleLinks"
    expected, pt = expected_of(name, column), values(name, "AnalysisElectrons", "pt")
    electrons = opened(name).events().Electrons
    pairs = [list(zip(*event, strict=True)) for event in zip(pt, expected, strict=True)]
    hard = [[tracks for p, tracks in event if p > 10_000] for event in pairs]
    assert same(electrons[electrons.pt > 10_000].follow("trackParticleLinks")["_link"], hard)
    rising = [[tracks for _, tracks in sorted(event, key=lambda pair: pair[0])] for event in pairs]
    assert same(electrons[ak.argsort(electrons.pt, stable=True)].follow("trackParticleLinks")["_link"], rising)
    hardest = [max(event, key=lambda pair: pair[0])[1] if event else None for event in pairs]
    first = ak.firsts(electrons[ak.argmax(electrons.pt, axis=1, keepdims=True)])
    assert same(first.follow("trackParticleLinks")["_link"], hardest)


@pytest.mark.parametrize(("name", "column"), KINDS)
def test_pairs_of_objects(name, column):
    expected, field = expected_of(name, column)[:60], slow_links.field_of(column)
    objects = opened(name).events()[:60][collection_of(column)]
    left, right = ak.unzip(ak.combinations(objects, 2))
    pairs = [[(a, b) for i, a in enumerate(event) for b in event[i + 1 :]] for event in expected]
    assert same(left.follow(field)["_link"], [[a for a, _ in event] for event in pairs])
    assert same(right.follow(field)["_link"], [[b for _, b in event] for event in pairs])


@pytest.mark.parametrize(("name", "column"), KINDS)
def test_products_with_other_objects(name, column):
    expected, field = expected_of(name, column)[:60], slow_links.field_of(column)
    events = opened(name).events()[:60]
    objects = events[collection_of(column)]
    others = ak.num(events.InDetTrackParticles.pt).to_list()
    pairs = ak.cartesian({"a": objects, "b": events.InDetTrackParticles})
    repeated = [[t for t in event for _ in range(n)] for event, n in zip(expected, others, strict=True)]
    assert same(pairs.a.follow(field)["_link"], repeated)
    pairs = ak.cartesian([events.InDetTrackParticles, objects], nested=True)
    nested = [[event for _ in range(n)] for event, n in zip(expected, others, strict=True)]
    assert same(pairs["1"].follow(field)["_link"], nested)


class One:
    """An object in the lists of a `Mirror`: with what its links lead to, which may be a list too."""

    def __init__(self, targets):
        self.targets = targets


def targets_of(nested):
    if isinstance(nested, list):
        return [targets_of(inner) for inner in nested]
    return None if nested is None else nested.targets


def jagged(lists, kind):
    """Lists of plain values, of this type however many there are."""
    flat = np.asarray([x for event in lists for x in event], dtype=kind)
    return ak.unflatten(flat, np.asarray([len(event) for event in lists], dtype=np.int64))


def slices(length):
    """Slices; those that choose nothing as Awkward 2.14 takes them: `array[1:0:1]` is an error there for any array."""
    return st.slices(length).map(lambda s: s if range(length)[s] else slice(0, 0))


class Mirror:
    """Objects and, in plain lists, what their links lead to; whatever is done to the one is done to the other."""

    def __init__(self, objects, expected):
        self.objects = objects
        self.lists = [[One(targets) for targets in event] for event in expected]

    def slice_events(self, draw, _):
        chosen = draw(slices(len(self.lists)))
        self.objects, self.lists = self.objects[chosen], self.lists[chosen]

    def pick_events(self, _, number):
        chosen = [number.randrange(len(self.lists)) for _ in self.lists]
        self.objects = self.objects[np.asarray(chosen, dtype=np.int64)]
        self.lists = [self.lists[i] for i in chosen]

    def mask_events(self, _, number):
        chosen = [number.random() < 0.8 for _ in self.lists]
        self.objects = self.objects[np.asarray(chosen, dtype=bool)]
        self.lists = [event for event, keep in zip(self.lists, chosen, strict=True) if keep]

    def _flags(self, number):
        return [[number.random() < 0.7 for _ in event] for event in self.lists]

    def choose_objects(self, _, number):
        flags = self._flags(number)
        self.objects = self.objects[jagged(flags, bool)]
        self.lists = [
            [x for x, keep in zip(*pair, strict=True) if keep] for pair in zip(self.lists, flags, strict=True)
        ]

    def blank_objects(self, _, number):
        flags = self._flags(number)
        self.objects = ak.mask(self.objects, jagged(flags, bool))
        self.lists = [
            [x if keep else None for x, keep in zip(*pair, strict=True)] for pair in zip(self.lists, flags, strict=True)
        ]

    def shuffle_objects(self, _, number):
        order = [number.sample(range(len(event)), len(event)) for event in self.lists]
        self.objects = self.objects[jagged(order, np.int64)]
        self.lists = [[event[i] for i in chosen] for event, chosen in zip(self.lists, order, strict=True)]

    def reverse_objects(self, *_):
        self.objects, self.lists = self.objects[:, ::-1], [event[::-1] for event in self.lists]

    def first_objects(self, *_):
        self.objects, self.lists = self.objects[:, :2], [event[:2] for event in self.lists]

    def pad(self, *_):
        self.objects = ak.pad_none(self.objects, 3)
        self.lists = [event + [None] * (3 - len(event)) for event in self.lists]

    def drop(self, *_):
        self.objects = self.objects[~ak.is_none(self.objects["_link"], axis=1)]
        self.lists = [[x for x in event if x is not None] for event in self.lists]

    def repeat(self, *_):
        self.objects = ak.concatenate([self.objects, self.objects], axis=1)
        self.lists = [event + event for event in self.lists]

    def double(self, *_):
        self.objects = ak.concatenate([self.objects, self.objects])
        self.lists = self.lists + self.lists

    def copy(self, *_):
        self.objects = pickle.loads(pickle.dumps(self.objects))  # noqa: S301  # our own

    def pack(self, *_):
        self.objects = ak.to_packed(self.objects)


STEPS = [step for step in vars(Mirror) if not step.startswith("_")]


@FEWER
@given(data=st.data())
def test_whatever_is_chosen_before(data):
    name, column = data.draw(st.sampled_from(KINDS))
    start = 0 if name != SAMPLE else data.draw(st.integers(0, 1900))
    events = opened(name).events()[start : start + 100]
    mirror = Mirror(events[collection_of(column)], expected_of(name, column)[start : start + 100])
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=5)):
        number = random.Random(data.draw(st.integers(0, 9)))  # not a secret, and short to draw
        getattr(mirror, step)(data.draw, number)
    field = slow_links.field_of(column)
    assert same(mirror.objects.follow(field)["_link"], targets_of(mirror.lists))
    flat = [x for event in mirror.lists for x in event]
    assert same(ak.flatten(mirror.objects).follow(field)["_link"], targets_of(flat))
