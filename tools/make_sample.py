"""Write a toy but structurally true DAOD_PHYSLITE file with ROOT.

The events are simulated here with NumPy: Z → ee, Z → μμ and tt̄ (about 40/40/20), a simple detector, a small menu.
Names, C++ types, link keys and bytes are those of real files; the physics is good enough for a Z peak, not for a paper.
The content depends on the seed and the options only.

It needs an environment with ROOT and a C++ compiler; make one with

    python -m venv X && X/bin/pip install root numpy

The copies inside the package and a file for benchmarks come from

    X/bin/python tools/make_sample.py src/physlite/data/sample.root
    X/bin/python tools/make_sample.py src/physlite/data/sample_rntuple.root --ntuple
    X/bin/python tools/make_sample.py big.root --rich --events 20000 --compression zlib-1 --entries-per-cluster 1000

and those of an analysis of tt̄, one for each process, as

    X/bin/python tools/make_sample.py wjets.root --process wjets --events 20000 --seed 3
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from sample import content, exercise, hashes, metadata, reconstruct, trigger
from sample.generate import PROCESSES, Truth, generate

SEED = 20240613
EMBEDDED_BASKET = 16000


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument(
        "--compression",
        default="zstd-9",
        choices=["zlib-1", "zlib-5", "zstd-5", "zstd-9", "lzma-1", "lz4-4", "none"],
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--process", choices=PROCESSES, help="events of this process alone instead of a mixture")
    parser.add_argument(
        "--entries-per-cluster", type=int, default=500, help="baskets are flushed after so many entries"
    )
    parser.add_argument(
        "--basket-size",
        type=int,
        help=f"bytes; default {EMBEDDED_BASKET}, which cuts clusters into several baskets; with --rich ROOT decides",
    )
    parser.add_argument(
        "--build-dir", type=Path, help="keep the compiled dictionaries here, to save time the next time"
    )
    parser.add_argument("--ntuple", action="store_true", help="events as an RNTuple, EventData, instead of a tree")
    parser.add_argument("--rich", action="store_true", help="soft tracks, pileup and float precision of real files")
    parser.add_argument("--describe", action="store_true", help="print what was generated as JSON")
    return parser.parse_args()


def describe(
    truth: Truth, reconstruction: reconstruct.Reconstruction, events: content.Content, fired: trigger.Trigger
) -> dict:
    """Truths the writer knows, to compare a reader with."""
    pairs = {}
    for name, container in (("ee", "AnalysisElectrons"), ("mumu", "AnalysisMuons")):
        table = reconstruction[container]
        first, second = reconstruct.cross(table, table)
        opposite = (first < second) & (table["charge"][first] != table["charge"][second])
        pairs[f"opposite_charge_{name}_pairs"] = int(opposite.sum())
    return {
        "events": truth.n_events,
        "processes": {name: int((truth.process == i).sum()) for i, name in enumerate(PROCESSES)},
        "objects": {name: int(offsets[-1]) for name, offsets in events.lengths.items()},
        **pairs,
        "sum_of_weights": [float(w) for w in events.weights.sum(axis=0, dtype=np.float64)],
        "passed": {name: int(decision.sum()) for name, decision in fired.passed.items()},
        "columns": len(events.columns),
    }


def main() -> None:
    """Generate, and write."""
    args = arguments()
    start = time.monotonic()
    hashes.check()
    rng = np.random.default_rng(args.seed)
    detector = reconstruct.RICH if args.rich else reconstruct.COMPACT
    truth = generate(rng, args.events, args.process)
    reconstruction = reconstruct.Reconstruction(rng, truth, detector)
    fired = trigger.simulate(rng, reconstruction)
    if args.rich:
        exercise.add(np.random.default_rng((args.seed, 1)), reconstruction)
    events = content.build(rng, truth, reconstruction, fired, args.rich)
    from sample import writer  # ROOT takes a second to load, and --help must not need it

    basket = args.basket_size or (None if args.rich else EMBEDDED_BASKET)
    options = writer.Options(args.compression, args.rich, args.entries_per_cluster, basket, args.ntuple, args.build_dir)
    writer.write(args.out, events, metadata.stores(events), options)
    if args.describe:
        print(json.dumps(describe(truth, reconstruction, events, fired), indent=1))
    size, elapsed = args.out.stat().st_size, time.monotonic() - start
    print(f"{args.out}: {args.events} events, {size / 1e6:.2f} MB, {elapsed:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
