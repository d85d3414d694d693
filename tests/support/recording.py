"""What is read from a file, and what should be."""

from __future__ import annotations

from physlite.storage import MemorySource, Range


class RecordingSource(MemorySource):
    """A file in memory that remembers every range it was asked for."""

    def __init__(self, path):
        super().__init__(path.read_bytes(), str(path))
        self.fetched = []

    def fetch(self, ranges):
        self.fetched += ranges
        return super().fetch(ranges)

    def take(self):
        """The ranges that were asked for since the last call."""
        out, self.fetched = self.fetched, []
        return sorted(out)


def baskets(manifest, *columns, start=0, stop=None):
    """The ranges of the baskets that hold entries `start` to `stop` of some columns."""
    stop = manifest.num_entries if stop is None else stop
    out = []
    for name in columns:
        for i in manifest.with_members(manifest.index[name]):
            pages = manifest.pages(i)
            first = pages.first_entry.tolist()
            spans = zip(first, first[1:], pages.offset.tolist(), pages.size.tolist(), strict=False)
            out += [
                Range(offset, size) for a, b, offset, size in spans if a < stop and b > start and offset >= 0 and size
            ]
    return sorted(out)


class CountingSource(RecordingSource):
    """Also notes how many ranges each request asked for."""

    def __init__(self, path):
        super().__init__(path)
        self.requests = []

    def fetch(self, ranges):
        self.requests.append(len(ranges))
        return super().fetch(ranges)
