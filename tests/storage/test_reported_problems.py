"""What users of other readers reported in public of files that are elsewhere, each on a server that does so."""

import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

import physlite
from physlite.storage import HttpSettings, HttpSource, Range, SignedUrl, UprootSource, XrootdSource
from support import data
from support.compare import assert_same
from support.servers.faults import fault_server
from support.servers.nginx import nginx

COLUMN = "AnalysisElectronsAuxDyn.pt"


@pytest.fixture
def server():
    with fault_server(data.path_of(data.R21).read_bytes()) as found:
        yield found


def test_uproot5_1168_the_query_of_a_url_is_kept_to_the_letter(server):
    query = "?authz=Bearer%20a+b/c==&x=%2F%7e&x=;"
    physlite.open(server.url + query).array(COLUMN)
    assert {request.target for request in server.requests} == {"/file.root" + query}
    assert XrootdSource("root://host//file" + query)._url == "root://host//file" + query


def test_fsspec_717_no_head_on_a_signed_url(server):
    """Which would be answered with 403: the size is told by the answer to a GET of a range."""
    methods = []
    parse = server._parse

    def noting(head):
        methods.append(head.split(b" ")[0])
        return parse(head)

    server._parse = noting
    assert physlite.open(server.url + "?X-Amz-Signature=x").source.size() == len(server.content)
    assert set(methods) == {b"GET"}


@pytest.mark.parametrize("fault", ["one_part", "everything"])
def test_uproot5_3_several_ranges_that_are_answered_with_one_part_or_with_everything(server, fault):
    server.otherwise = lambda request: fault if "," in request.ranges else None
    settings = HttpSettings(connections=2, gap=0)
    for _ in range(2):
        source = HttpSource(server.url, settings=settings)
        ranges = [Range(20_000 * i, 50) for i in range(80)]
        assert [bytes(v) for v in source.fetch(ranges)] == [server.content[r.offset :][: r.size] for r in ranges]
    assert sum("," in request.ranges for request in server.requests) == 1  # remembered for the host


def test_uproot5_1274_a_second_read_after_a_pause(tmp_path):
    (tmp_path / "file.root").write_bytes(data.path_of(data.R21).read_bytes())
    with nginx(tmp_path, tmp_path / "nginx", keep_alive="1") as web, physlite.open(web.several + "file.root") as file:
        first = file.array(COLUMN)
        time.sleep(1.2)  # nginx closes the connection meanwhile
        assert_same(file.array(COLUMN.replace(".pt", ".eta")), physlite.open(data.path_of(data.R21)).array(
            COLUMN.replace(".pt", ".eta")))  # fmt: skip
        assert len(first) == 40


def test_uproot5_1157_requests_are_few_and_told(server):
    """Not one for each of a thousand baskets."""
    server.several = False
    with physlite.open(server.url) as file:
        opened = file.source.stats.requests
        file.arrays()
        assert sum(column.pages for column in file.manifest.columns) > 1000
        assert file.source.stats.requests - opened <= 32
        assert file.source.stats.requests == len(server.requests)


def test_retries_are_built_in_and_counted(server):
    """The scripts of the 200 Gbps exercise patch 30 of them into fsspec."""
    with physlite.open(server.url) as file:
        server.faults += ["503", "reset", "short"]
        assert len(file.arrays()) == 40
        assert file.source.stats.retries == 3


class Signer:
    """Its URLs are good for as long as the server takes their number."""

    def __init__(self, url):
        self._url = url

    def url(self, file):
        number = int(Path(file.removeprefix("file://")).read_text()) + 1
        Path(file.removeprefix("file://")).write_text(str(number))
        return SignedUrl(f"{self._url}?signature=secret-{number}", time.time() + 3600)


_WORKER = """
import pickle, sys
sys.path.insert(0, {folder!r})
file = pickle.loads(sys.stdin.buffer.read())
print(file.array({column!r}).to_list())
"""


def test_analysis_grand_challenge_94_signed_urls_that_end_before_the_worker_reads(server, tmp_path, monkeypatch):
    """They are signed there, and signed anew when they are refused."""
    good = {"1"}
    server.otherwise = lambda request: None if request.target.rpartition("-")[2] in good else "403"
    (tmp_path / "counter").write_text("0")
    (tmp_path / "signers.py").write_text(
        "import time\nfrom pathlib import Path\nfrom physlite.storage import SignedUrl\n\n\nclass Signer:\n"
        + Path(__file__).read_text().partition("class Signer:\n")[2].partition("\n\n\n")[0].partition('"""\n')[2]
    )
    monkeypatch.syspath_prepend(tmp_path)
    from signers import Signer as ItsSigner

    file = physlite.open(HttpSource(f"file://{tmp_path}/counter", signer=ItsSigner(server.url)))
    expected = file.array(COLUMN).to_list()
    content = pickle.dumps(file)
    assert b"secret-" not in content
    good.clear()
    good.add("3")  # the second one, which the worker gets first, is refused
    code = _WORKER.format(folder=str(tmp_path), column=COLUMN)
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, timeout=60, check=True)
    assert done.stdout.decode().strip() == str(expected)


def test_uproot_5_7_7_header_lines_that_servers_refuse(tmp_path):
    """Its source sends one Range header of over 8,190 bytes for 400 baskets; nginx answers 400."""
    import uproot

    (tmp_path / "file.root").write_bytes(data.path_of(data.TIMES_50).read_bytes())
    with nginx(tmp_path, tmp_path / "nginx") as web:
        tree = uproot.open({web.several + "file.root": "CollectionTree"}, handler=UprootSource)
        names = [name for name in tree.keys(recursive=False) if name.startswith("AnalysisJetsAuxDyn.")][:40]
        arrays = tree.arrays([name for name in names if tree[name].interpretation is not None][:10])
        assert len(arrays) == 5000
        lines = web.requests()
        assert max(len(line) for line in lines) < 4500
        assert {line.split()[0] for line in lines} == {"206"}
