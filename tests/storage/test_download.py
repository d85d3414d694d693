"""Remote files to local ones."""

import errno
import os

import pytest

from physlite.storage.download import download
from physlite.storage.memory import MemorySource


class Slow(MemorySource):
    """While it is read, something else happens."""

    def __init__(self, content, meanwhile):
        super().__init__(content)
        self._meanwhile = meanwhile

    def fetch(self, ranges):
        self._meanwhile()
        return super().fetch(ranges)


@pytest.fixture(params=["links", "no links"])
def filesystem(request, monkeypatch):
    """One that knows hard links, and one that does not."""

    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr("os.link", refuse)


@pytest.mark.usefixtures("filesystem")
def test_a_file_with_the_rights_of_a_new_one(tmp_path):
    before = os.umask(0o027)
    try:
        done = download(MemorySource(b"content"), tmp_path / "file")
    finally:
        os.umask(before)
    assert done.path.read_bytes() == b"content"
    assert done.path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [done.path]


@pytest.mark.usefixtures("filesystem")
def test_a_file_that_was_made_meanwhile_stays(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(FileExistsError, match="there is such a file already: remove it first") as caught:
        download(Slow(b"content", lambda: path.write_text("theirs")), path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_nothing_is_there_already(tmp_path):
    """It is known before anything is read."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExistsError, match="there is such a file already: remove it first") as caught:
        download(Slow(b"content", lambda: pytest.fail("it is read")), tmp_path / "link")
    assert caught.value.filename == str(tmp_path / "link")


@pytest.mark.usefixtures("filesystem")
def test_a_link_to_nothing_that_was_made_meanwhile_stays(tmp_path):
    path = tmp_path / "link"
    with pytest.raises(FileExistsError, match="there is such a file already"):
        download(Slow(b"content", lambda: path.symlink_to(tmp_path / "nothing")), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.is_symlink()


def test_nobody_sees_an_empty_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    seen = []
    for name in ("link", "replace", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, real=real: seen.append(path.exists()) or real(*args))
    download(MemorySource(b"content"), path)
    assert seen == [False]
