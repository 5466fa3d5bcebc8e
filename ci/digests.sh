#!/usr/bin/env bash
# Simulates `everything` with seeds 1 to so many (default 100) in two processes, on one thread and on
# two, and compares the digests of the histories: the same seed has to be the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds="${1:-100}"
cargo build --release --locked --bin harness
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
for jobs in 1 2; do
  target/release/harness sim scenarios/everything.yaml --seeds "1..$seeds" --collect --digest \
    --jobs "$jobs" --out "$out" | sort >"$out/$jobs.txt"
done
if [[ "$(wc -l <"$out/1.txt")" != "$seeds" ]]; then
  echo "expected a digest for each of $seeds seeds, found $(wc -l <"$out/1.txt")" >&2
  exit 1
fi
# Two digests that are equal by accident would be a wonder; all equal would be a digest of nothing.
different="$(awk '{ print $3 }' "$out/1.txt" | sort --unique | wc -l)"
if [[ "$different" != "$seeds" ]]; then
  echo "expected $seeds different digests, found $different" >&2
  exit 1
fi
diff "$out/1.txt" "$out/2.txt"
echo "everything: $seeds seeds have equal digests in two processes"
