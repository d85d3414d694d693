"""Luminosities as iLumiCalc tells them."""

import pickle

import numpy as np
import pytest
import uproot

from physlite.analysis import GoodRuns, Luminosity
from physlite.analysis.luminosity import read_lumi_blocks
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.units import nb, pb
from support.pileup_files import assert_cut_is_told, write_lumicalc

# As LumiCalcHtml.py writes it; the numbers are made up.
FRACTIONS = "Live Fraction, LAr Fraction, Prescale Fraction"
HEAD = f"Run, Good, Bad, LDelivered, LRecorded, LAr Corrected, Prescale Corrected, {FRACTIONS}"
TABLE = f"""{HEAD}
297730, 214, 3, 10.500000, 10.000000, 9.900000, 9.900000, 95.24, 99.00, 100.00
298595, 1, 0, 100.250000, 98.000000, 97.250000, 97.250000, 97.76, 99.23, 100.00
Total, 215, 3, 110.750000, 108.000000, 107.150000, 107.150000, 97.52, 99.21, 100.00
"""
WITHOUT_LAR = """Run, Good, Bad, LDelivered, LRecorded, Prescale Corrected, Live Fraction, Prescale Fraction
297730, 214, 3, 10.5, 10.0, 5.0, 95.24, 50.00
Total, 214, 3, 10.5, 10.0, 5.0, 95.24, 50.00
"""
BLOCKS = [(297730, 126, 20.5, 3e6), (297730, 127, 20.0, 2e6), (298595, 233, 30.0, 4.5e6)]  # run, block, μ, 1/µb


def table(tmp_path, text=TABLE):
    path = tmp_path / "lumitable.csv"
    path.write_text(text)
    return path


def test_of_a_table(tmp_path):
    luminosity = Luminosity.open(table(tmp_path))
    assert luminosity.by_run == {297730: 9.9, 298595: 97.25}
    assert luminosity.total == pytest.approx(107.15 / pb)
    assert repr(luminosity) == "<Luminosity: 107.15 pb⁻¹ of 2 runs, 297730 to 298595>"
    assert luminosity.between(298000, 298595) == 97.25
    assert luminosity.between(298000, 298594) == 0
    assert Luminosity.open(table(tmp_path), table_unit=1 / nb).by_run == {297730: 0.0099, 298595: 0.09725}
    assert Luminosity.open(table(tmp_path, WITHOUT_LAR)).by_run == {297730: 5.0}, "after prescales"


def test_numbers_of_a_table_are_rounded(tmp_path):
    """To six digits, so that runs do not add up to the last one of the total."""
    text = TABLE.replace("107.150000, 97.52", "107.151, 97.52")
    assert Luminosity.open(table(tmp_path, text)).total == pytest.approx(107.15)


def test_of_a_root_file(tmp_path):
    path = write_lumicalc(tmp_path / "lumicalc.root", BLOCKS)
    luminosity = Luminosity.open(path)
    assert luminosity.by_run == {297730: 5.0, 298595: 4.5}
    blocks = read_lumi_blocks(path)
    assert [tuple(x.item() for x in row) for row in zip(*blocks, strict=True)] == [
        (run, block, mu, value / 1e6) for run, block, mu, value in BLOCKS
    ]


def test_years_add_up():
    one, other = Luminosity([1, 2, 1], [1.0, 2.0, 3.0]), Luminosity([3], [5.0])
    assert one.by_run == {1: 4.0, 2: 2.0}
    assert sum([one, other]).by_run == {1: 4.0, 2: 2.0, 3: 5.0}
    with pytest.raises(ValueError, match=r"^run 2 is in both luminosities, and would count twice"):
        one + Luminosity([2], [1.0])
    assert Luminosity([], []).total == 0
    assert repr(Luminosity([], [])) == "<Luminosity: 0 pb⁻¹ of 0 runs>"


def test_lumi_blocks_count_once(tmp_path):
    blocks = read_lumi_blocks(write_lumicalc(tmp_path / "a.root", BLOCKS))
    other = read_lumi_blocks(write_lumicalc(tmp_path / "b.root", [(297730, 128, 20.0, 1e6), (297731, 126, 20.0, 1e6)]))
    assert blocks.joined(other).luminosity.tolist() == [3, 2, 4.5, 1, 1]
    with pytest.raises(ValueError, match=r"^lumi block 126 of run 297730 is there 2 times, and would count so: take"):
        blocks.joined(blocks)


def test_it_has_to_be_of_the_good_runs():
    luminosity = Luminosity([1, 2, 3], [1.0, 1.0, 1.0])
    luminosity.check(GoodRuns([(run, 1, 5) for run in (1, 2, 3)]))
    with pytest.raises(ValueError, match=r"^runs 2, 3 of the luminosity are not in the good-runs list: have the lumi"):
        luminosity.check(GoodRuns([(1, 1, 5)]))
    with pytest.raises(
        ValueError, match=r"^runs 4, 5, 6 and 3 more of the good-runs list have no luminosity: have the"
    ):
        luminosity.check(GoodRuns([(run, 1, 5) for run in range(1, 10)]))


def test_it_has_to_be_of_the_lumi_blocks(tmp_path):
    """Of those themselves where they are known, else of their number in each run, with the bad ones."""
    of_table, of_blocks = (
        Luminosity.open(table(tmp_path)),
        Luminosity.open(write_lumicalc(tmp_path / "a.root", BLOCKS)),
    )
    same_number = GoodRuns([(297730, 124, 340), (298595, 233, 233)])
    same_blocks = GoodRuns([(297730, 126, 127), (298595, 233, 233)])
    for luminosity, good in ((of_table, same_number), (of_blocks, same_blocks)):
        luminosity.check(good)
        pickle.loads(pickle.dumps(luminosity)).check(good)  # noqa: S301  # it is sent to workers
        (luminosity + Luminosity([1], [1.0])).check(good | GoodRuns([(1, 1, 5)]))
    other = [(298595, 233, 233)]
    for ranges, said in (
        (
            [(297730, 126, 200), *other],
            "run 297730 has 75 lumi blocks in the good-runs list, and 217 in the luminosity: h",
        ),
        ([(297730, 124, 341), *other], "run 297730 has 218 lumi blocks in"),
        ([(297730, 124, 340), (298595, 240, 250)], "run 298595 has 11 lumi blocks in the good-runs list, and 1 in"),
        ([(297730, 1, 1), (298595, 1, 2)], r"run 297730 has 1 .* luminosity \(and others in run 298595\): have the"),
        ([(297730, 100, 400), (297730, 500, 2**31 - 1), *other], "run 297730 has 302 lumi blocks"),
    ):
        with pytest.raises(ValueError, match=f"^{said}"):
            of_table.check(GoodRuns(ranges))
    of_table.check(GoodRuns([(297730, 124, 2**31 - 1), (298595, 233, 233)]))


def test_it_has_to_be_of_the_same_lumi_blocks(tmp_path):
    luminosity = Luminosity.open(write_lumicalc(tmp_path / "a.root", BLOCKS))
    luminosity.check(GoodRuns([(297730, 126, 2**31 - 1), (298595, 233, 233)]))
    for ranges, said in (
        (
            [(297730, 127, 128)],
            "lumi blocks 128 to 128 of run 297730 of the good-runs list have no luminosity: have the",
        ),
        (
            [(297730, 127, 127)],
            "lumi blocks 126 to 126 of run 297730 of the luminosity are not in the good-runs list: ",
        ),
        (
            [(297730, 126, 140), (298595, 1, 9)],
            r"lumi blocks 128 to 140 of run 297730 and 9 more of the good-runs list",
        ),
        ([(297730, 130, 2**31 - 1)], "lumi blocks 126 to 127 of run 297730 of the luminosity are not in the good-runs"),
    ):
        with pytest.raises(ValueError, match=f"^{said}"):
            luminosity.check(GoodRuns([*ranges, (298595, 233, 233)]))
        with pytest.raises(ValueError, match=f"^{said}"):
            (luminosity + Luminosity([1], [1.0])).check(GoodRuns([*ranges, (298595, 233, 233), (1, 1, 1)]))


def test_lumi_blocks_of_a_file_count_once(tmp_path):
    path = write_lumicalc(tmp_path / "twice.root", [*BLOCKS, BLOCKS[0]])
    with pytest.raises(
        CorruptDataError, match=r"twice\.root: lumi block 126 of run 297730 is there 2 times, and would"
    ):
        Luminosity.open(path)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_luminosities_that_cannot_be(value):
    with pytest.raises(ValueError, match=r"^run 2: a luminosity of (-1|nan|inf), which cannot be"):
        Luminosity([1, 2], [3.0, value])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no table of iLumiCalc"),
        ("\x00\x01", "no table of iLumiCalc"),
        ("Run, Good\n1, 2\n", "no table of iLumiCalc, which begins with Run and has a column 'Prescale Corrected'"),
        (TABLE.rpartition("Total")[0], "the table has no row of the total: it is cut"),
        (TABLE.replace("298595, 1", "298595"), "a row that is none of a run: '298595,0,100.25"),
        (
            TABLE.replace("97.250000, 97.76", "96.250000, 97.76"),
            "the table has a total of 107.15, which its runs do not",
        ),
        (TABLE.replace("298595", "297730"), "297730 is in the table twice: take each table once"),
        (TABLE + "Total" + TABLE.rpartition("Total")[2], "Total is in the table twice: take each table once"),
        (TABLE.replace("214, 3", "214, many"), "a row that is none of a run: '297730,214,many"),
        (
            TABLE.replace("9.900000, 95", "-9.900000, 95").replace("107.15", "87.35"),
            "run 297730: a luminosity of -9.9, wh",
        ),
        (TABLE.replace("97.250000, 97.76", "nan, 97.76"), "the table has a total of 107.15, which its runs do not"),
        (TABLE.replace("298595", "period A"), "a row that is none of a run: 'period A,1,0,100.25"),
        (TABLE.replace("9.900000, 95.24", "x, 95.24"), "a row that is none of a run: '297730,214"),
        (TABLE.replace("297730, 214, 3, 10.500000", "297730"), "a row that is none|which its runs do not add up to"),
    ],
    ids=[
        "empty",
        "bytes",
        "columns",
        "cut",
        "shifted",
        "total",
        "twice",
        "totals",
        "count",
        "negative",
        "nan",
        "run",
        "number",
        "short",
    ],
)
def test_what_is_no_table(tmp_path, text, said):
    with pytest.raises(CorruptDataError, match=rf"lumitable\.csv: .*{said}") as raised:
        Luminosity.open(table(tmp_path, text))
    assert "\n" not in str(raised.value)


def test_files_of_lumicalc_that_are_cut(tmp_path):
    content = write_lumicalc(tmp_path / "x.root", BLOCKS).read_bytes()
    assert_cut_is_told(tmp_path / "cut.root", content, Luminosity.open)


def test_what_is_no_file_of_lumicalc(tmp_path):
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("nominal", {"x": "f4"})
    with pytest.raises(CorruptDataError, match=r"other\.root: no tree LumiMetaData in it"):
        Luminosity.open(tmp_path / "other.root")
    with uproot.recreate(tmp_path / "other.root") as file:
        file["LumiMetaData"] = (np.ones(2), np.arange(3.0))
    with pytest.raises(CorruptDataError, match=r"other\.root: no tree LumiMetaData in it"):
        Luminosity.open(tmp_path / "other.root")
    path = write_lumicalc(tmp_path / "old.root", BLOCKS, without=("LBStart",))
    with pytest.raises(UnsupportedFormatError, match=r"old\.root: no LBStart in its LumiMetaData"):
        Luminosity.open(path)
    (tmp_path / "text.root").write_text("no file of ROOT")
    with pytest.raises(CorruptDataError, match=r"text\.root: no ROOT file, where a file of iLumiCalc is expected"):
        read_lumi_blocks(tmp_path / "text.root")
