#!/usr/bin/env bash
# Runs 5p3c and together so many times in a row (default 200); the first run that does not pass
# ends it and says how to see it again.
set -euo pipefail
cd "$(dirname "$0")/.."
times="${1:-200}"
cargo build --release --locked --bin harness
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
for scenario in 5p3c together; do
  for ((round = 1; round <= times; round++)); do
    if ! target/release/harness run "scenarios/$scenario.yaml" --out "$out" 2>"$out/report.txt"; then
      cat "$out/report.txt" >&2
      echo "$scenario: run $round of $times did not pass" >&2
      exit 1
    fi
  done
  echo "$scenario: $times of $times runs passed"
done
