"""What was noted of a file."""

from physlite.running.records import FileRecord, Stage

RECORD = FileRecord(
    dataset="ttbar",
    file="/data/one.root",
    events=1000,
    chunks=2,
    bytes=3_000_000,
    requests=10,
    retries=1,
    stages=(Stage(0.5, 0.25), Stage(1.5, 0.0), Stage(0.25, 0.5), Stage(0.25, 0.5), Stage(1.0, 1.0)),
    wall=4.0,
    worker="one:1",
    attempts=1,
    columns=("b", "c"),
    prefetched_bytes=1_000_000,
    bad_links=0,
)
