"""Good-runs lists against sets of lumi blocks, and files that are none."""

import pickle
from itertools import pairwise

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import GoodRuns
from physlite.analysis.goodruns import ListInfo
from physlite.exceptions import ColumnNotFoundError, CorruptDataError
from support import data

# As atlas-dqm writes them; the numbers are made up.
PUBLISHED = """<?xml version="1.0"?>
<!DOCTYPE LumiRangeCollection SYSTEM "http://atlas-runquery.cern.ch/LumiRangeCollection.dtd">
<!-- Good-runs-list created by DQDefects -->
<LumiRangeCollection>
   <NamedLumiRange>
      <Name>PHYS_StandardGRL_All_Good_25ns</Name>
      <Version>2.1</Version>
      <Metadata Name="Query">find run 297730-311481 and ready 1</Metadata>
      <Metadata Name="RunList">297730,298595</Metadata>
      <LumiBlockCollection>
         <Run>297730</Run>
         <LBRange Start="126" End="164"/>
         <LBRange Start="166" End="340"/>
      </LumiBlockCollection>
      <LumiBlockCollection>
         <Run PrescaleRD0="8" PrescaleRD1="8">298595</Run>
         <LBRange Start="233" End="233"/>
      </LumiBlockCollection>
   </NamedLumiRange>
</LumiRangeCollection>
"""

# As DataQuality/GoodRunsLists/run/LumiRangeCollectionA.xml: blanks, two lists, ranges that overlap or do not end.
TWO_LISTS = """<?xml version="1.0"?>
<!DOCTYPE LumiRangeCollection SYSTEM "LumiRangeCollectionA.dtd">
<LumiRangeCollection>
<NamedLumiRange>
   <Name> "First" </Name>
   <Metadata Name="Stream"> EGamma </Metadata>
   <LumiBlockCollection>
      <Run> 102334</Run>
      <LBRange Start="1" End="22"/>
      <LBRange Start="23" End="26"/>
      <LBRange Start="26" End="36"/>
      <LBRange Start="9" End="8"/>
      <LBRange Start="58" />
   </LumiBlockCollection>
</NamedLumiRange>
<NamedLumiRange>
   <Name> "Second" </Name>
   <Version> 2.2 </Version>
   <LumiBlockCollection>
      <Run> 51515 </Run>
      <LBRange Start="11" End="59" />
   </LumiBlockCollection>
</NamedLumiRange>
</LumiRangeCollection>
"""

RUNS, BLOCKS = 4, 12
ranges = st.lists(
    st.tuples(st.integers(1, RUNS), st.integers(0, BLOCKS), st.integers(0, BLOCKS)).map(
        lambda r: (r[0], min(r[1:]), max(r[1:]))
    ),
    max_size=8,
)


def blocks_of(rows):
    return {(run, block) for run, first, last in rows for block in range(first, last + 1)}


def opened(tmp_path, text):
    path = tmp_path / "grl.xml"
    path.write_text(text)
    return GoodRuns.open(path)


def data_events(*rows):
    """Events of data by run and lumi block."""
    return ak.Array([{"EventInfo": {"runNumber": r, "lumiBlock": b, "eventTypeBitmask": 0}} for r, b in rows])


def test_a_list_without_a_name(tmp_path):
    nameless = PUBLISHED.replace("<Name>PHYS_StandardGRL_All_Good_25ns</Name>", "")
    assert repr(opened(tmp_path, nameless)) == "<GoodRuns: 2 runs, 297730 to 298595, 215 lumi blocks>"


def test_a_list_as_it_is_published(tmp_path):
    good = opened(tmp_path, PUBLISHED)
    assert good.ranges == [(297730, 126, 164), (297730, 166, 340), (298595, 233, 233)]
    assert good.runs.tolist() == [297730, 298595]
    assert good.num_lumi_blocks == 39 + 175 + 1
    assert good.lists == (
        ListInfo(
            "PHYS_StandardGRL_All_Good_25ns",
            "2.1",
            {"Query": "find run 297730-311481 and ready 1", "RunList": "297730,298595"},
        ),
    )
    assert repr(good) == "<GoodRuns of PHYS_StandardGRL_All_Good_25ns: 2 runs, 297730 to 298595, 215 lumi blocks>"
    events = data_events((297730, 125), (297730, 126), (297730, 165), (297730, 340), (298595, 233), (298596, 233))
    assert good.passed(events).tolist() == [False, True, False, True, True, False]
    assert good.passed(events[1:3]).tolist() == [True, False]
    assert good.passed(events[:0]).tolist() == []


def test_lists_in_one_file_are_united(tmp_path):
    good = opened(tmp_path, TWO_LISTS)
    assert good.ranges == [(51515, 11, 59), (102334, 1, 36), (102334, 58, 2**31 - 1)]
    assert [info.name for info in good.lists] == ['"First"', '"Second"']
    assert good.contains([102334, 102334, 102335], [57, 4_000_000, 58]).tolist() == [False, True, False]
    assert good.num_lumi_blocks == 49 + 36 + 1


@given(ranges, ranges)
def test_against_sets_of_lumi_blocks(one, other):
    runs, blocks = (grid.ravel() for grid in np.mgrid[0 : RUNS + 2, 0 : BLOCKS + 2])
    everything = list(zip(runs.tolist(), blocks.tolist(), strict=True))
    a, b = GoodRuns(one), GoodRuns(other)
    for good, expected in (
        (a, blocks_of(one)),
        (a | b, blocks_of(one) | blocks_of(other)),
        (a & b, blocks_of(one) & blocks_of(other)),
        (a - b, blocks_of(one) - blocks_of(other)),
    ):
        assert good.contains(runs, blocks).tolist() == [each in expected for each in everything]
        assert good.num_lumi_blocks == len(expected)
        assert good.runs.tolist() == sorted({run for run, _ in expected})
        assert GoodRuns(good.ranges) == good
        joined = good.ranges
        assert all(x[0] != y[0] or x[2] + 1 < y[1] for x, y in pairwise(joined)), "joined"
    assert (a == b) == (blocks_of(one) == blocks_of(other))


@pytest.mark.parametrize("name", data.parameters(data.ALL_FILES))
def test_of_real_files(name):
    """Simulated events pass; as data they pass where their lumi block does."""
    events = physlite.events(data.path_of(name))
    info = events.EventInfo
    runs, blocks = info.runNumber.to_list(), info.lumiBlock.to_list()
    good = GoodRuns([(run, block, block) for run, block in sorted(set(zip(runs, blocks, strict=True)))[::2]])
    assert good.passed(events).all()
    expected = [(run, block, block) in set(good.ranges) or any(
        r == run and first <= block <= last for r, first, last in good.ranges
    ) for run, block in zip(runs, blocks, strict=True)]  # fmt: skip
    assert good.contains(runs, blocks).tolist() == expected
    assert good.passed(data_events(*zip(runs, blocks, strict=True))).tolist() == expected


def test_lists_of_both_are_told(tmp_path):
    one, other = opened(tmp_path, PUBLISHED), opened(tmp_path, TWO_LISTS)
    assert [info.name for info in (one | other).lists] == ["PHYS_StandardGRL_All_Good_25ns", '"First"', '"Second"']
    assert (one | one).lists == one.lists
    assert (one & other).ranges == []
    assert repr(one & other).endswith(": 0 runs, 0 lumi blocks>")
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  # it is sent to workers
    assert hash(one | one) == hash(one)


def test_events_without_lumi_blocks():
    with pytest.raises(ColumnNotFoundError, match=r"these events have no EventInfo.lumiBlock"):
        GoodRuns([(1, 1, 1)]).passed(ak.Array([{"EventInfo": {"runNumber": 1, "eventTypeBitmask": 0}}]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no XML, or damaged"),
        (PUBLISHED[:700], "no XML, or damaged"),
        ('<?xml version="1.0" encoding="nope"?><html/>', "no XML, or damaged .unknown encoding: nope"),
        (
            '<?xml version="1.0" encoding="utf-32"?><html/>',
            "no XML, or damaged .multi-byte encodings are not",
        ),
        ("<html></html>", "XML of <html>, not of <LumiRangeCollection>: it is no good-runs list"),
        ("<LumiRangeCollection/>", "a good-runs list without lumi blocks: no event would pass it"),
        (PUBLISHED.replace("126", "many"), "LBRange Start is 'many', where a number is expected"),
        (PUBLISHED.replace('Start="126" ', ""), "LBRange Start is missing, where a number is expected"),
        (PUBLISHED.replace("<Run>297730</Run>", "<Run/>"), "Run is '', where a number is expected"),
        (PUBLISHED.replace("340", "99999999999"), "LBRange End is '99999999999', where a number is expected"),
    ],
    ids=[
        "empty",
        "cut",
        "encoding",
        "wide encoding",
        "another",
        "no-blocks",
        "text",
        "no-start",
        "no-run",
        "too-large",
    ],
)
def test_what_is_no_list(tmp_path, text, said):
    with pytest.raises(CorruptDataError, match=rf"grl\.xml: {said}") as raised:
        opened(tmp_path, text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("ranges", "kind", "said"),
    [
        (
            [(297730, 200, 100)],
            ValueError,
            "run 297730, lumi blocks 200 to 100: the first has to be before the last",
        ),
        ([(297730, -1, 100)], ValueError, "run 297730, lumi blocks -1 to 100: the first has to be before the last"),
        ([(-5, 1, 2)], ValueError, "run -5, lumi blocks 1 to 2: the first has to be before the last"),
        ([(1, 1, 2**31)], ValueError, "run 1, lumi blocks 1 to 2147483648: the first has to be"),
        (
            [(297730, 1.5, 100)],
            TypeError,
            r"a range of good runs is .*, whole numbers, not \(297730, 1\.5, 100\)$",
        ),
        ([(1, 1, 1), (297730, 200)], TypeError, r"a range of good runs .*, not \(297730, 200\)$"),
        ([297730], TypeError, r"a range of good runs is .*, not 297730$"),
        ((297730, 1, 100), TypeError, r"a range of good runs is .*, not 297730$"),
        (["297"], TypeError, r"a range of good runs is .*, not '297'$"),
    ],
)
def test_ranges_that_are_none(ranges, kind, said):
    with pytest.raises(kind, match=f"^{said}"):
        GoodRuns(ranges)


def test_ranges_of_numpy():
    rows = np.array([[297730, 126, 164], [297730, 166, 340]], np.uint32)
    assert GoodRuns(rows).ranges == [tuple(row) for row in rows.tolist()]
    assert GoodRuns(tuple(row) for row in rows) == GoodRuns(rows)


def test_lumi_blocks_are_whole_numbers():
    good = GoodRuns([(1, 1, 2)])
    assert good.contains([], []).tolist() == []
    for runs, blocks, said in (([1], [1.5], "lumi blocks"), ([1.0], [1], "runs")):
        with pytest.raises(TypeError, match=f"^{said} are whole numbers, not of float64$"):
            good.contains(runs, blocks)


def test_hostile_lists_are_refused(tmp_path):
    """Entities that are made of each other a billion times, or of the files of this machine."""
    for entity in (
        '<!ENTITY a "x"><!ENTITY b "&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
        '<!ENTITY % b "">',
    ):
        text = f"<!DOCTYPE x [{entity}]><LumiRangeCollection>&b;</LumiRangeCollection>"
        with pytest.raises(
            CorruptDataError, match=r"it declares the entity '[ab]', which good-runs lists have no use for"
        ):
            opened(tmp_path, text)
    with pytest.raises(FileNotFoundError):
        GoodRuns.open(tmp_path / "none.xml")
