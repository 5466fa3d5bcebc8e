#!/usr/bin/env bash
# How long a user waits: 5p3c, and five producers of 1,000 messages each, on every broker that can be had
# here, from the call to its end; medians of so many rounds (default 3), in turn over the brokers.
# Prints the table of docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-3}"
eval "$(ci/brokers.sh --install | tail -n 1)"
cargo build --release --locked --package harness --features brokers
harness="${CARGO_TARGET_DIR:-target}/release/harness"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cat >"$work/5x1000.yaml" <<'YAML'
topics:
  T1: P1..P5 -> C1 C2 C3
producers:
  all: { generate: { messages: 1000, size: 100 } }
expect: { order: per-producer }
golden: none
YAML
words="$("$harness" brokers --json | python3 -c '
import json, sys
print(*[one["word"] for one in json.load(sys.stdin) if one["here"]])')"
for ((round = 1; round <= rounds; round++)); do
  for word in $words; do
    for file in scenarios/5p3c.yaml "$work/5x1000.yaml"; do
      name="$(basename "$file" .yaml)"
      began="$(date +%s%N)"
      result=pass
      "$harness" run "$file" --on "$word" --out "$work/out" \
        2>"$work/said" || result="$(head -n 1 "$work/said" | cut -c 1-60)"
      ended="$(date +%s%N)"
      printf '%s\t%s\t%d\t%s\n' "$word" "$name" "$(((ended - began) / 1000000))" "$result"
    done
  done
done | tee "$work/times" >&2
python3 - "$work/times" <<'PY'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    word, name, ms, result = line.rstrip("\n").split("\t")
    rows.setdefault(word, {}).setdefault(name, []).append((int(ms), result))
print("| broker | 5p3c | 5 x 1,000 |")
print("|---|---|---|")
for word, names in rows.items():
    cells = []
    for name in ("5p3c", "5x1000"):
        runs = names[name]
        passed = sum(result == "pass" for _, result in runs)
        cell = f"{statistics.median(ms for ms, _ in runs) / 1000:.2f} s"
        cells.append(cell if passed == len(runs) else f"{cell} ({passed} of {len(runs)} passed)")
    print(f"| `{word}` | {cells[0]} | {cells[1]} |")
PY
