#!/usr/bin/env bash
# Hours of fuzzing: random histories, judged by the checks and by a second, naive judge; small logs,
# judged by the search and by trying every interleaving. The tests do some seconds of it.
#   ci/fuzz.sh [CASES]       200,000 histories and as many logs by default; about 1 ms a history
#   HARNESS_FUZZ_SEED=N      begin at another seed (default: the time), which is printed
set -euo pipefail
cd "$(dirname "$0")/.."
export HARNESS_FUZZ_CASES="${1:-200000}" HARNESS_FUZZ_SEED="${HARNESS_FUZZ_SEED:-$(date +%s)}"
echo "cases $HARNESS_FUZZ_CASES, first seed $HARNESS_FUZZ_SEED"
cargo test --release -p harness --locked --lib --test suite fuzz -- --nocapture
