"""Runs over files in Rucio: at a web server, at an XRootD server, and with replicas that turn out not to be there."""

import awkward as ak
import pytest

import physlite
from physlite.exceptions import BadFilesError
from support.many_files import many_files
from support.servers.rucio import LOST, WEB, XROOTD


def analysis(events):
    return {"events": len(events), "pt": float(ak.sum(events.Electrons.pt))}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return many_files(tmp_path_factory.mktemp("files"), 3)


@pytest.fixture(scope="module")
def expected(paths):
    return physlite.run(analysis, {"a": paths}, workers=0, progress=False).value


@pytest.fixture
def stored(rucio_sites, rucio_user, paths):
    def store(name, *sites):
        """A dataset with the files at sites, those of each file."""
        files = [
            rucio_sites.add_file(f"DAOD_PHYSLITE.{name}._{i:06}.pool.root.1", path.read_bytes(), of_file)
            for i, (path, of_file) in enumerate(zip(paths, sites, strict=True))
        ]
        did = rucio_sites.add_dataset(f"mc20_13TeV.{name}_tid1", *(file.did for file in files))
        return files, physlite.Dataset(name, f"rucio://{did}", rucio=rucio_user)

    return store


@pytest.mark.parametrize("workers", [0, 2])
def test_files_at_several_sites(stored, expected, workers):
    """The third is not where Rucio says first; the sums are those of the files on disk, bit for bit."""
    _, dataset = stored(f"run_{workers}", [WEB], [XROOTD], [LOST, WEB])
    result = physlite.run(analysis, dataset, workers=workers, progress=False)
    assert result.value == expected
    assert [file.events for file in result.report.files] == [2000] * 3
    assert sum(file.bytes for file in result.report.files) < dataset.total_bytes


def test_a_file_that_is_nowhere(stored, rucio_sites, expected):
    files, dataset = stored("run_nowhere", [WEB], [LOST], [WEB])
    with pytest.raises(BadFilesError, match="1 file could not be processed: ") as raised:
        physlite.run(analysis, dataset, workers=0, attempts=1, progress=False)
    (failure,) = raised.value.failures
    assert failure.file == f"rucio://{files[1].did}"
    assert LOST in failure.error
    result = physlite.run(analysis, dataset, workers=0, attempts=1, max_bad_files=1, progress=False)
    assert result.value["events"] == 2 * expected["events"] / 3
