"""Scale factors of objects against correctionlib object by object."""

import gzip
import math
import pickle
from itertools import pairwise

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import ScaleFactors, event_product, scalefactors
from physlite.exceptions import CorruptDataError, MetadataNotFoundError, ScaleFactorError
from physlite.units import GeV
from support import data
from support.recording import RecordingSource, baskets

correctionlib = pytest.importorskip("correctionlib")
v2 = pytest.importorskip("correctionlib.schemav2")

PT_EDGES, ETA_EDGES = [0.0, 20.0, 50.0, 1e9], [0.0, 1.37, 1.52, 2.47, 10.0]


def correction(name, inputs, content):
    return v2.Correction(
        name=name,
        version=1,
        inputs=[v2.Variable(name=each, type=kind, description=f"the {each}") for each, kind in inputs.items()],
        output=v2.Variable(name="factor", type="real"),
        data=content,
    )


def binned(shift):
    """By pT in GeV and |η|; flow is an error."""
    return v2.MultiBinning(
        nodetype="multibinning",
        inputs=["pt", "abs_eta"],
        edges=[PT_EDGES, ETA_EDGES],
        content=[0.875 + i / 64 + shift for i in range(12)],
        flow="error",
    )


def formula(expression, *variables):
    return v2.Formula(nodetype="formula", expression=expression, parser="TFormula", variables=list(variables))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    identification = v2.Category(
        nodetype="category",
        input="systematic",
        content=[{"key": key, "value": binned(shift)} for key, shift in (("nominal", 0), ("up", 0.5), ("down", -0.5))],
    )
    of_quality = v2.Category(
        nodetype="category", input="quality", content=[{"key": i, "value": 1.0 + 0.1 * i} for i in range(64)]
    )
    corrections = [
        correction("identification", {"pt": "real", "abs_eta": "real", "systematic": "string"}, identification),
        correction("only_positive", {"pt": "real"}, v2.Binning(
            nodetype="binning", input="pt", edges=[0.0, 100.0], content=[1.0], flow="error")),
        correction("trigger", {"pt": "real"}, formula("1 + x / 1000", "pt")),
        correction("quality", {"quality": "int"}, of_quality),
        correction("flat", {"working_point": "string"}, v2.Category(
            nodetype="category", input="working_point", content=[{"key": "tight", "value": 0.98}])),
    ]  # fmt: skip
    compound = v2.CompoundCorrection(
        name="all",
        inputs=corrections[0].inputs,
        output=corrections[0].output,
        inputs_update=[],
        input_op="*",
        output_op="*",
        stack=["identification", "trigger"],
    )
    folder = tmp_path_factory.mktemp("corrections")
    text = v2.CorrectionSet(
        schema_version=2, corrections=corrections, compound_corrections=[compound]
    ).model_dump_json(exclude_unset=True)  # fmt: skip
    (folder / "electron.json").write_text(text)
    with gzip.open(folder / "electron.json.gz", "wt") as file:
        file.write(text)
    return folder / "electron.json.gz"


@pytest.fixture(scope="module")
def factors(path):
    return ScaleFactors.open(path)


def in_gev(objects):
    return objects.pt / GeV


def absolute_eta(objects):
    return abs(objects.eta)


INPUTS = {"pt": in_gev, "abs_eta": absolute_eta}


def one_by_one(pts, etas, systematic="nominal"):
    """As lists of lists; None stays None."""
    shift = {"nominal": 0, "up": 0.5, "down": -0.5}[systematic]

    def factor(pt, eta):
        pt, eta = float(np.float32(pt) / np.float32(GeV)), abs(float(eta))
        i = next(i for i, (low, high) in enumerate(pairwise(PT_EDGES)) if low <= pt < high)
        j = next(i for i, (low, high) in enumerate(pairwise(ETA_EDGES)) if low <= eta < high)
        return 0.875 + (4 * i + j) / 64 + shift

    return [
        None if pt is None else one_by_one(pt, eta, systematic) if isinstance(pt, list) else factor(pt, eta)
        for pt, eta in zip(pts, etas, strict=True)
    ]


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_of_real_objects(name, factors):
    electrons = physlite.events(data.path_of(name)).Electrons
    for systematic in ("nominal", "up", "down"):
        found = factors.evaluate("identification", electrons, **INPUTS, systematic=systematic)
        assert found.to_list() == one_by_one(electrons.pt.to_list(), electrons.eta.to_list(), systematic)
    first = factors.evaluate("identification", ak.firsts(electrons), **INPUTS, systematic="up")
    assert first.to_list() == [each[0] if each else None for each in
                               one_by_one(electrons.pt.to_list(), electrons.eta.to_list(), "up")]  # fmt: skip
    chosen = electrons[electrons.pt > 20 * GeV]
    found = factors.evaluate("identification", chosen, **INPUTS, systematic="down")
    assert found.to_list() == one_by_one(chosen.pt.to_list(), chosen.eta.to_list(), "down")


def test_what_is_read_is_what_is_asked(factors):
    source = RecordingSource(data.path_of(data.R24))
    file = physlite.open(source, cache_bytes=0)
    electrons = file.events().Electrons
    source.take()
    factors.evaluate("trigger", electrons)
    assert source.take() == baskets(file.manifest, "AnalysisElectronsAuxDyn.pt")


def test_of_masked_objects_and_of_none(factors):
    electrons = physlite.events(data.path_of(data.SAMPLE)).Electrons
    masked = electrons.mask[electrons.pt > 20 * GeV]
    found = factors.evaluate("identification", masked, **INPUTS, systematic="nominal")
    assert found.to_list() == one_by_one(masked.pt.to_list(), masked.eta.to_list())
    assert factors.evaluate("identification", electrons[:0], **INPUTS, systematic="up").to_list() == []
    assert factors.evaluate("trigger", electrons[electrons.pt < 0][:2], pt="pt").to_list() == [[], []]
    assert ak.count(factors.evaluate("flat", masked, working_point="tight")) == ak.count(masked.pt)


@given(st.lists(st.lists(st.tuples(st.floats(0, 1e7, width=32), st.floats(-9, 9)), max_size=3), max_size=6))
def test_of_made_objects(factors, rows):
    pts, etas = ([[each[i] for each in event] for event in rows] for i in (0, 1))
    counts = [len(event) for event in rows]
    flat = ak.zip({"pt": np.array(sum(pts, []), np.float32), "eta": np.array(sum(etas, []), float)})  # noqa: RUF017
    objects = ak.unflatten(flat, np.array(counts, int))
    found = factors.evaluate("identification", objects, **INPUTS, systematic="nominal")
    assert found.to_list() == one_by_one(pts, etas)
    products = [math.prod(event) for event in one_by_one(pts, etas)]
    assert event_product(found).tolist() == pytest.approx(products)
    assert event_product(found, 2 * ak.ones_like(found)).tolist() == pytest.approx(
        [product * 2**count for product, count in zip(products, counts, strict=True)]
    )


def test_inputs_by_name_number_array_and_function(factors):
    objects = ak.Array([[{"pt": 10.0, "quality": np.uint8(3)}, {"pt": 20.0, "quality": np.uint8(1)}], []])
    for given_pt, expected in (
        ({}, [[1.01, 1.02], []]),  # fields that are called as an input need not be named
        ({"pt": "pt"}, [[1.01, 1.02], []]),
        ({"pt": 5}, [[1.005, 1.005], []]),
        ({"pt": np.float32(5)}, [[1.005, 1.005], []]),
        ({"pt": ak.Array([[1.0, 2.0], []])}, [[1.001, 1.002], []]),
        ({"pt": lambda o: 2 * o.pt}, [[1.02, 1.04], []]),
        ({"pt": ak.Array([1.0, 2.0])}, [[1.001, 1.001], []]),  # of the event
        ({"pt": np.array([1.0, 2.0])}, [[1.001, 1.001], []]),
        ({"pt": ak.num}, [[1.002, 1.002], []]),
    ):
        assert factors.evaluate("trigger", objects, **given_pt).to_list() == expected
    assert factors.evaluate("quality", objects).to_list() == [[1.3, 1.1], []]
    assert factors.evaluate("flat", objects, working_point="tight").to_list() == [[0.98, 0.98], []]
    assert factors.evaluate("trigger", objects[:, 0:0], pt=5).to_list() == [[], []]


def test_none_has_no_factor(factors):
    """Whatever the inputs are."""
    objects = ak.Array([[{"pt": 10.0}, {"pt": 20.0}], [], [{"pt": 30.0}]])
    for inputs in ({}, {"pt": 10}, {"pt": np.array([10.0, 10.0, 10.0])}):
        third = 1.01 if inputs else 1.03
        found = factors.evaluate("trigger", ak.firsts(objects), **inputs)
        assert found.to_list() == [1.01, None, third]
        found = factors.evaluate("trigger", ak.mask(objects, [True, True, False]), **inputs)
        assert found.to_list() == [[1.01, 1.01 if inputs else 1.02], [], None]
    hard = objects.mask[objects.pt > 15]
    assert factors.evaluate("trigger", hard, pt=10).to_list() == [[None, 1.01], [], [1.01]]
    assert factors.evaluate("flat", hard, working_point="tight").to_list() == [[None, 0.98], [], [0.98]]
    assert factors.evaluate("flat", ak.firsts(hard), working_point="tight").to_list() == [None, None, 0.98]


def test_compound_corrections(factors):
    objects = ak.Array([[{"pt": 10_000.0, "eta": -0.5}]])
    found = factors.evaluate("all", objects, **INPUTS, systematic="nominal")
    assert found.to_list() == [[pytest.approx(0.875 * 1.01)]]


def test_what_there_is(path, factors):
    assert factors.names == ["flat", "identification", "only_positive", "quality", "trigger", "all"]
    assert factors.inputs("identification") == {
        "pt": "the pt",
        "abs_eta": "the abs_eta",
        "systematic": "the systematic",
    }
    assert factors.choices("identification", "systematic") == ["nominal", "up", "down"]
    assert factors.choices("all", "systematic") == ["nominal", "up", "down"]
    assert factors.choices("quality", "quality") == list(range(64))
    assert ScaleFactors.open(path.with_suffix("")).names == factors.names
    copy = pickle.loads(pickle.dumps(factors))  # noqa: S301  # it is sent to workers
    assert copy.evaluate("trigger", ak.Array([[{"pt": 10.0}]])).to_list() == [[1.01]]


def test_what_has_no_choices(factors):
    for name, wanted, said in (
        ("identification", "pt", "identification has no choices of 'pt'; inputs with choices: systematic$"),
        ("all", "abs_eta", "all has no choices of 'abs_eta'; inputs with choices: systematic$"),
        (
            "identification",
            "systematics",
            "no input 'systematics'; nearest: systematic; inputs with choices: systematic$",
        ),
        ("identification", "zz", "identification has no input 'zz'; inputs with choices: systematic$"),
        ("trigger", "pt", "trigger has no choices of 'pt'; inputs with choices: none$"),
        ("triger", "pt", "no correction 'triger'; nearest: trigger$"),
    ):
        with pytest.raises(MetadataNotFoundError, match=rf"electron\.json\.gz: .*{said}"):
            factors.choices(name, wanted)


def test_it_shows_what_it_has(factors):
    shown = repr(factors)
    assert shown.startswith(f"<ScaleFactors of {factors.name}: flat(working_point), identification(pt, abs_eta, system")
    assert shown.endswith("trigger(pt), all(pt, abs_eta, systematic)>")
    many = [correction(f"correction_{i}", {"pt": "real"}, formula("x", "pt")) for i in range(99)]
    text = v2.CorrectionSet(schema_version=2, corrections=many).model_dump_json(exclude_unset=True)
    assert len(repr(ScaleFactors("x", text))) < 400


OBJECTS = ak.Array([[{"pt": 10.0}, {"pt": 20.0}], []])


@pytest.mark.parametrize(
    ("given_pt", "said"),
    [
        (np.ones(3), r"pt has 3 values for 2 events: give one for each object, or for each event \(with pt=1 to 1\)$"),
        (ak.Array([[1.0], [2.0]]), "pt has not one value for each object: give one for each object, or for each event"),
        (ak.Array([[1.0, 2.0, 3.0], []]), "pt has not one value for each object"),
        (np.ones((2, 2)), "pt has not one value for each object"),
        (ak.Array([[[1.0], [2.0]], []]), "pt has several numbers for an object"),
        (None, "pt is NoneType, where a number is expected, or an array of numbers"),
        (lambda _: None, "pt is NoneType, where a number is expected, or an array of numbers"),
        (ak.Array([["a", "b"], []]), "pt is Array, where a number is expected, or an array of numbers"),
        ({"pt": 1.0}, "pt is dict, where a number is expected"),
        (OBJECTS, "pt is Array, where a number is expected"),
    ],
)
def test_inputs_that_do_not_fit(factors, given_pt, said):
    with pytest.raises(
        ScaleFactorError, match=rf"^\S*electron\.json\.gz: trigger cannot be evaluated: {said}"
    ) as raised:
        factors.evaluate("trigger", OBJECTS, pt=given_pt)
    assert "\n" not in str(raised.value)


def test_functions_of_inputs_that_fail(factors):
    with pytest.raises(AttributeError) as raised:
        factors.evaluate("trigger", OBJECTS, pt=lambda objects: objects.ptt)
    assert raised.value.__notes__ == ["in the input 'pt' of trigger"]


def test_objects_out_of_range(factors):
    objects = ak.Array([[{"pt": 30_000.0, "eta": 11.0}, {"pt": 10_000.0, "eta": 2.0}], []])
    with pytest.raises(ScaleFactorError) as raised:
        factors.evaluate("identification", objects, **INPUTS, systematic="up")
    assert str(raised.value).partition(".json.gz: ")[2] == (
        "identification cannot be evaluated: Index above bounds in MultiBinning for abs_eta value: 11.000000 "
        "(with pt=10 to 30, abs_eta=2 to 11, systematic='up')"
    )
    with pytest.raises(
        ScaleFactorError,
        match=r"val: sideways \(with pt=10 to 30.*'sideways'\); systematic is one of nominal, up, down$",
    ):
        factors.evaluate("identification", objects, **INPUTS, systematic="sideways")
    with pytest.raises(ScaleFactorError, match=r"\(with pt=-10 to 20\)$"):
        factors.evaluate("only_positive", objects[0], pt=np.array([20.0, -10.0]))
    with pytest.raises(ScaleFactorError, match=r"several numbers for an object \(with pt=10000 to 30000\)$"):
        factors.evaluate("trigger", ak.firsts(objects), pt=objects.pt)
    with pytest.raises(ScaleFactorError, match=r"cannot be evaluated: .*\(with pt=1 to 3\)$"):
        factors.evaluate("trigger", objects, pt=np.array([1.0, 2.0, 3.0]))
    with pytest.raises(ScaleFactorError, match=r"pt=nothing, abs_eta=1 to 1"):
        factors.evaluate(
            "identification", objects, pt=ak.Array([[], []]), abs_eta=ak.Array([[1.0], []]), systematic="up"
        )


def test_inputs_that_are_missing(factors):
    objects = ak.Array([[{"pt": 30_000.0}]])
    for name, inputs, said in (
        (
            "identification",
            {"pt": 1.0, "systematic": "up"},
            "identification needs abs_eta=, a field or a function of the objects: ",
        ),
        ("identification", {"pt": 1.0, "abs_eta": 1.0}, "identification needs systematic=, a text"),
        (
            "identification",
            {"pt": 1.0, "abs_eta": 1.0, "systematic": 1},
            "identification needs systematic=, a text, not 1$",
        ),
        ("trigger", {"pt": "px"}, "trigger needs pt=, a field or a function of the objects: they have no 'px'"),
        ("trigger", {"phi": 1.0}, "trigger has no input 'phi': it takes pt"),
    ):
        with pytest.raises(TypeError, match=rf"electron\.json\.gz: {said}"):
            factors.evaluate(name, objects, **inputs)
    with pytest.raises(
        TypeError, match=r"json\.gz: trigger is for an array of objects, as events\.Electrons, not list$"
    ):
        factors.evaluate("trigger", [1.0])
    with pytest.raises(MetadataNotFoundError, match=r"no correction 'identifcation'; nearest: identification$"):
        factors.evaluate("identifcation", objects)
    with pytest.raises(
        MetadataNotFoundError, match="no correction 'x'; there are flat, identification, only_positive, quality, trig"
    ):
        factors.inputs("x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "Object missing required attribute 'schema_version'"),
        (b"no JSON", "JSON parse error"),
        (b"\xff\xfe", "'utf-8' codec can't decode"),
        (b"\x1f\x8b no gzip", "Unknown compression method"),
        (gzip.compress(b"{}")[:-9], "Compressed file ended before the end-of-stream marker"),
        (b"[" * 300_000, "it is 300,000 levels deep, 200 are read"),
        (b'{"' + b"[" * 300 + b'\\"[": ' + b"[{" * 110, "it is 221 levels deep, 200 are read"),
        (b'["' + b"[" * 300 + b'\\"["]', "Invalid type for root object|expected|object|JSON"),
        (b'{"' + b'\\"' * 100_000, "JSON parse error"),
    ],
    ids=["schema", "text", "bytes", "gzip", "cut", "deep", "deep behind a text", "brackets in a text", "open text"],
)
def test_files_that_are_none(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(CorruptDataError, match=rf"x\.json: no scale factors of .*, or damaged: {said}") as raised:
        ScaleFactors.open(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(" * 5000 + "x" + ")" * 5000, "a formula is 5,000 levels deep and has 10,000 signs, 200 and 5,000 are read"),
        ("(" * 201 + "x" + ")" * 201, "a formula is 201 levels deep and has 402 signs"),
        ("x+" * 40_000 + "x", "a formula is 0 levels deep and has 40,000 signs"),
    ],
    ids=["deep", "too deep", "long"],
)
def test_formulas_that_end_the_process(expression, said):
    with pytest.raises(CorruptDataError, match=said):
        ScaleFactors("x", of_formula(expression))


def test_formulas_in_messages_are_cut_short():
    with pytest.raises(CorruptDataError, match="Failed to parse Formula expression") as raised:
        ScaleFactors("x", of_formula("1" + "+wrong" * 2000))
    assert len(str(raised.value)) < 600


def test_deep_formulas():
    factors = ScaleFactors("x", of_formula("(" * 200 + "1" + "+x" * 2000 + ")" * 200))
    assert factors.evaluate("long", ak.Array([{"pt": 0.5}])).to_list() == [1001]


def of_formula(expression):
    long = correction("long", {"pt": "real"}, formula(expression, "pt"))
    return v2.CorrectionSet(schema_version=2, corrections=[long]).model_dump_json(exclude_unset=True)


def test_files_that_unpack_to_too_much(tmp_path, monkeypatch):
    """Set to less here: the limit is 512 MB."""
    monkeypatch.setattr(scalefactors, "_LARGEST", 2**20)
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b" " * (2**20 + 1)))
    with pytest.raises(CorruptDataError, match=r"x\.json\.gz: .*: it unpacks to more than 1 MB$"):
        ScaleFactors.open(path)
    path.write_bytes(gzip.compress(b" " * 2**20))
    with pytest.raises(CorruptDataError, match="JSON parse error"):
        ScaleFactors.open(path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        ScaleFactors.open(tmp_path / "none.json")


def test_products_of_none():
    assert event_product(ak.Array([[2.0, None], [], [None]])).tolist() == [2, 1, 1]
    assert event_product(ak.Array([[2.0, 3.0], None])).tolist() == [6, 1]
    assert event_product(ak.Array([])).tolist() == event_product(ak.Array([[1.0]])[:0]).tolist() == []
    for factors in (ak.Array([[1.0], [2.0]]), ak.Array([1.0, 2.0])):
        with pytest.raises(ValueError, match=r"^factors of 1 and 2 events: take all of the same events$"):
            event_product(ak.Array([[1.0]]), factors)
    with pytest.raises(ValueError, match=r"^factors in 2 levels of lists, where one list for each event is expected"):
        event_product(ak.Array([[[1.0]]]))


def test_products_of_one_factor_an_event(factors):
    assert event_product(ak.Array([1.5, 0.5, 2.0])).tolist() == [1.5, 0.5, 2.0]
    assert event_product(ak.Array([1.5, None]), ak.Array([[2.0, 3.0], [4.0]])).tolist() == [9, 4]
    leading = ak.firsts(ak.Array([[{"pt": 10.0}, {"pt": 20.0}], [], [{"pt": 30.0}]]))
    assert event_product(factors.evaluate("trigger", leading)).tolist() == [1.01, 1, 1.03]
