#!/usr/bin/env bash
# Compares two builds of the harness and its broker on a scenario: runs them in turn, so that whatever
# else the machine does slows both, and holds the second against the first (docs/thresholds.md). Ends as
# `harness compare --fail-on worse` does.
#   ci/compare.sh BEFORE AFTER SCENARIO [RUNS, default 20]
# Shows that the rule holds, and takes some twenty minutes: a link that is a fifth slower is worse, and two
# runs of the same are the same, each time.
#   ci/compare.sh --own [TIMES, default 20] [RUNS, default 20]
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# One run: the program, the scenario, and where its report goes. A run that fails is in it all the same.
run() {
  mkdir -p "$(dirname "$3")"
  local code=0
  "$1" run "$2" --golden "$work/golden" --out "$work/out" --report-json "$3" >"$work/words" 2>&1 || code=$?
  if [[ ! -s "$3" || "$code" == 2 || "$code" == 130 ]]; then
    cat "$work/words" >&2
    exit 2
  fi
}

if [[ "${1:-}" != --own ]]; then
  if (($# < 3)); then
    sed -n '2,8s/^# //p' "$0" >&2
    exit 2
  fi
  before="$1" after="$2" scenario="$3" runs="${4:-20}"
  for ((turn = 1; turn <= runs; turn++)); do
    run "$before" "$scenario" "$work/before/$turn.json"
    run "$after" "$scenario" "$work/after/$turn.json"
  done
  after="$(realpath "$(command -v "$after")")"
  cd "$work"
  "$after" compare before after --fail-on worse
  exit
fi

cd "$(dirname "$0")/.."
times="${2:-20}" runs="${3:-20}"
if [[ -z "${HARNESS:-}" ]]; then
  cargo build --release --locked --package harness --bin harness
  HARNESS=target/release/harness
fi
# Two states of one broker: each direction of a link to it takes 20 ms, or a fifth longer.
for state in plain slower; do
  latency=20ms
  [[ "$state" == slower ]] && latency=24ms
  mkdir -p "$work/$state"
  cat >"$work/$state/link.yaml" <<YAML
topics: { T1: P1..P4 -> C1 C2 }
producers: { all: { generate: { messages: 12 } } }
faults: [{ at: 0s, slow: all, latency: $latency }]
golden: none
YAML
done

# What a comparison came to; only its figures count, and not how it would end a call.
outcome() {
  "$HARNESS" compare "$1" "$2" --report-json "$work/compared.json" 2>"$work/words"
  sed -n 's/^ *"outcome": "\(.*\)",*$/\1/p' "$work/compared.json" | head -1
}

worse=0 same=0
for ((time = 1; time <= times; time++)); do
  for ((turn = 1; turn <= runs; turn++)); do
    for side in plain again slower; do
      state="${side/again/plain}"
      run "$HARNESS" "$work/$state/link.yaml" "$work/$time/$side/$turn.json"
    done
  done
  slower="$(outcome "$work/$time/plain" "$work/$time/slower")"
  if [[ "$slower" == worse ]]; then worse=$((worse + 1)); else cat "$work/words" >&2; fi
  again="$(outcome "$work/$time/plain" "$work/$time/again")"
  if [[ "$again" == same ]]; then same=$((same + 1)); else cat "$work/words" >&2; fi
  echo "$time of $times: a fifth slower: $slower; the same: $again" >&2
done
echo "a fifth slower was worse $worse of $times times, and the same was the same $same of $times times"
((worse == times && same == times))
