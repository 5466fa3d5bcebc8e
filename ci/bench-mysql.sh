#!/usr/bin/env bash
# Measures the store in MySQL beside what the database does by itself, and prints the tables of
# docs/benchmarks.md. Uses the server of HARNESS_MYSQL_URL, or a private one.
#   ci/bench-mysql.sh [ROUNDS, default 5] [PART OF A ROW'S NAME]
# BENCH_BEFORE=/path/of/harness measures the harness of an older state in turn with this one. It should be
# built by the same profile, which PROFILE names (default dist).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-5}"
part="${2:-}"
profile="${PROFILE:-dist}"
target="${CARGO_TARGET_DIR:-target}"
cargo build --profile "$profile" --locked --quiet --package harness --bin harness
BENCH_HARNESS="$(realpath "$target/$profile/harness")"
[[ -n "${BENCH_BEFORE:-}" ]] && BENCH_BEFORE="$(realpath "$BENCH_BEFORE")"
export BENCH_HARNESS BENCH_BEFORE
echo "Load: $(cut -d ' ' -f 1-3 /proc/loadavg) before, $(nproc) processors, $rounds rounds." >&2
cargo bench --profile "$profile" --locked --quiet --package broker --bench mysql -- "$rounds" "$part"
echo "Load: $(cut -d ' ' -f 1-3 /proc/loadavg) after." >&2
