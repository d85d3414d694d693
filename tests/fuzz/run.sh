#!/bin/sh
# Builds the core with sanitizers and gives it damaged pieces of real files: tests/fuzz/run.sh [MUTATIONS] [SEED]
#
# Files: the sample that comes with the package, the trees and ntuples in tests/formats/data, and what is in $PHYSLITE_TEST_DATA or
# ../shared/data.
# Environment: PYTHON (with physlite, cramjam and xxhash), FUZZ_SECONDS (limit), FUZZ_SANITIZE (address,undefined or
# thread), FUZZ_OPTIONS (more of the fuzzer's).
set -eu
cd "$(dirname "$0")/../.."

mutations=${1:-100000}
seed=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
sanitize=${FUZZ_SANITIZE:-address,undefined}
if [ "$sanitize" = thread ]; then build=build/fuzz-thread; else build=build/fuzz; fi

if [ -z "${PYTHON:-}" ]; then
  if [ -x .venv/bin/python ]; then PYTHON=.venv/bin/python; else PYTHON=python3; fi
fi
data=${PHYSLITE_TEST_DATA:-../shared/data}
set --
# The file of 5000 repeated events has no bytes that the 100 do not have.
for file in src/physlite/data/*.root tests/formats/data/*.root tests/formats/data/ntuples/*.root "$data"/*.root; do
  case $file in *_x50_*) ;; *) [ ! -f "$file" ] || set -- "$@" "$file" ;; esac
done
[ $# -gt 0 ] || { echo "no ROOT files in src/physlite/data and $data" >&2; exit 2; }

mkdir -p build
cmake -S . -B "$build" -DPHYSLITE_FUZZ=ON -DPHYSLITE_FUZZ_SANITIZE="$sanitize" >"$build.log" 2>&1 &&
  cmake --build "$build" --parallel 2 >>"$build.log" 2>&1 || { cat "$build.log"; exit 2; }
"$PYTHON" tests/fuzz/make_corpus.py "$build/corpus.bin" "$@"

fuzz=$build/tests/fuzz/fuzz
"$fuzz" --replay tests/fuzz/regressions/*.bin
# shellcheck disable=SC2086  # options are words
"$fuzz" "$build/corpus.bin" --mutations "$mutations" --seed "$seed" --seconds "${FUZZ_SECONDS:-900}" --out "$build" \
  ${FUZZ_OPTIONS:-}
