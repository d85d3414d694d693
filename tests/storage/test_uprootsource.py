"""Our reading of bytes inside of uproot."""

import pickle
import time

import pytest
import uproot

from physlite.exceptions import CredentialError
from physlite.storage import HttpSettings, SignedUrl, UprootSource
from support import data
from support.compare import assert_same
from support.servers.faults import fault_server

COLUMNS = ["AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.trackParticleLinks", "AnalysisJetsAuxDyn.pt"]


@pytest.fixture
def server():
    with fault_server(data.path_of(data.R21).read_bytes()) as found:
        yield found


@pytest.fixture(scope="module")
def expected():
    with uproot.open(data.path_of(data.R21)) as file:
        return file["CollectionTree"].arrays(COLUMNS)


def test_a_url(server, expected):
    with uproot.open(server.url, handler=UprootSource) as file:
        assert len(server.requests) == 1  # both ends of the file at once
        assert_same(file["CollectionTree"].arrays(COLUMNS), expected)
        assert len(server.requests) == 2


def test_a_local_file(expected):
    with uproot.open({data.path_of(data.R21): "CollectionTree"}, handler=UprootSource) as tree:
        assert_same(tree.arrays(COLUMNS), expected)


def test_faults_are_outlived(server, expected):
    server.faults += ["503", None, "reset", "short"]
    tree = uproot.open({server.url: "CollectionTree"}, handler=UprootSource)
    assert_same(tree.arrays(COLUMNS), expected)


def test_trees_pickle(server, expected):
    tree = uproot.open({server.url: "CollectionTree"}, handler=UprootSource)
    again = pickle.loads(pickle.dumps(tree))  # noqa: S301  # from above
    assert_same(again.arrays(COLUMNS), expected)


class Signer:
    def __init__(self, url):
        self.url_to_sign = url

    def url(self, file):
        return SignedUrl(f"{self.url_to_sign}?signature=secret", time.time() + 3600)


def test_signed_urls(server, expected):
    tree = uproot.open(
        {"gs://bucket/file": "CollectionTree"}, handler=UprootSource, signer=Signer(server.url), settings=HttpSettings()
    )
    assert_same(tree.arrays(COLUMNS), expected)
    assert {request.target for request in server.requests} == {"/file.root?signature=secret"}
    assert "secret" not in repr(tree.file) + repr(tree.file.source) + tree.file.file_path


def test_errors_come_to_where_the_bytes_are_wanted(server):
    tree = uproot.open({server.url: "CollectionTree"}, handler=UprootSource)
    server.otherwise = lambda _: "403"
    with pytest.raises(CredentialError, match="no access"):
        tree["AnalysisJetsAuxDyn.pt"].array()
    tree.file.source.__exit__()
    assert tree.file.closed
