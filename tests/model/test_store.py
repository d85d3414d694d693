"""The columns of a file: what is being read is told to whoever observes it, until it is read or given up."""

from contextlib import contextmanager

import pytest

import physlite
from support import data


class Notes:
    """Notes which columns are being read."""

    def __init__(self):
        self.now = []

    @contextmanager
    def reading(self, columns):
        self.now.append(len(columns))
        try:
            yield
        finally:
            self.now.pop()


@pytest.mark.parametrize("sample", [data.SAMPLE, data.SAMPLE_RNTUPLE])
def test_a_reading_that_is_given_up_is_over(sample):
    with physlite.open(data.path_of(sample)) as file:
        store = file._store
        notes = store.observer = Notes()
        columns = [i for i, c in enumerate(store.manifest.named) if c.encoding]
        arriving = store._each(columns, 0, file.num_entries)
        next(arriving)
        assert notes.now == [len(columns)]
        arriving.close()
        assert notes.now == []
        assert (store.clock > 0).all()  # what was done until then


@pytest.mark.parametrize("sample", [data.SAMPLE, data.SAMPLE_RNTUPLE])
def test_arrays_that_cannot_be_made_end_the_reading(sample, monkeypatch):
    """The error keeps the frames that it went through, but not what they were reading."""
    with physlite.open(data.path_of(sample)) as file:
        store = file._store
        notes = store.observer = Notes()
        column = next(i for i, c in enumerate(store.manifest.named) if c.encoding and not c.problem)
        monkeypatch.setattr(type(store.manifest.require_encoding(column).node), "layout", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as caught:
            store.layouts([column], 0, file.num_entries)
        assert caught.value.__traceback__ is not None
        assert notes.now == []
