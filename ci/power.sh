#!/usr/bin/env bash
# Faults of the storage on the brokers that people run (docs/power.md).
#
#   ci/power.sh              a table: each fault on each broker that can be started here
#   ci/power.sh nats redis   only these brokers
#   ci/power.sh --own 50     our own promise: so many rounds of power cuts that forgot something, with two
#                            brokers on MariaDB, and two configurations of it that must be found out
#
# Each row is one run, by its JSON report. Needs jq, and FUSE: Linux, /dev/fuse, and root or fusermount3.
#   acked, unknown  messages that the broker acknowledged; of which nobody knows
#   lost            deliveries of acknowledged messages that never came
#   not kept        acknowledged messages that are not in the broker's log any more, whoever got them
#   forgotten       bytes that the power cuts forgot, without those of files that the server does not need
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v jq >/dev/null; then
  echo "ci/power.sh reads reports with jq, which is not installed" >&2
  exit 2
fi
if [[ -z "${HARNESS:-}" ]]; then
  cargo build --release --locked --package harness --features brokers,storage-faults
  HARNESS="${CARGO_TARGET_DIR:-target}/release/harness"
fi
eval "$(ci/brokers.sh --install)"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

row='
  def lost(field): [(.judgement.violations, .judgement.allowed)[]? | select(.kind == "lost") | field // 0] | add // 0;
  def others: [(.judgement.violations, .judgement.allowed)[]? | select(.kind != "lost") | "\(.count) \(.kind)"] | join(", ");
  .scenarios[0]
  | if .summary == null then [$fault, $on, .result] else
    [.summary.faults[].on_disk // {}] as $disk
    | [ $fault, $on, .judgement.verdict, (.summary.acked | tostring), (lost(.count) | tostring),
      (lost(.not_in_log) | tostring), (.summary.unknown | tostring), ([$disk[].forgotten.bytes // 0] | add // 0 | tostring),
      ([ others,
         (if any($disk[]; .does_not_start) then "does not start" else empty end),
         (if any($disk[]; (.restarted // []) | length > 0) then "was started again" else empty end)
       ] | map(select(. != "")) | join("; ")) ] end
  | @tsv'

one() { # fault, broker, scenario
  local code=0
  rm -f "$out/report.json"
  # A broker that is unusable after a fault keeps its producers waiting for each answer.
  timeout --signal=TERM 150 "$HARNESS" run "$3" --on "$2" --out "$out/logs" --report-json "$out/report.json" \
    2>"$out/words" || code=$?
  ((code != 124)) || code=3
  case "$code" in
    0 | 1 | 3) jq --raw-output --arg fault "$1" --arg on "$2" "$row" "$out/report.json" ;;
    2)
      # This broker cannot have this fault; anything else is a mistake.
      local why
      why="$(sed -nE 's/.*(cannot be carried out|does not hold here): ([^;]*).*/\2/p' "$out/words")"
      if [[ -z "$why" ]]; then
        cat "$out/words" >&2
        exit "$code"
      fi
      printf '%s\t%s\t-\t\t\t\t\t\t%s\n' "$1" "$2" "${why%%$'\n'*}"
      ;;
    *)
      cat "$out/words" >&2
      exit "$code"
      ;;
  esac
}

align() {
  awk -F '\t' '
    { rows[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > width[i]) width[i] = length($i) }
    END {
      for (r = 1; r <= NR; r++) {
        fields = split(rows[r], cell, FS)
        line = ""
        for (i = 1; i <= fields; i++) {
          right = i >= 4 && i <= 8
          line = line (i > 1 ? "  " : "") sprintf("%" (right ? "" : "-") width[i] "s", cell[i])
        }
        sub(/ +$/, "", line)
        print line
      }
    }'
}

table() {
  printf 'fault\ton\tverdict\tacked\tlost\tnot kept\tunknown\tforgotten\tbeside that\n'
  local on fault
  for on in "$@"; do
    for fault in power-cut power-cut-torn disk-full slow-disk fsync-fails bit-rot; do
      one "$fault" "$on" "scenarios/$fault.yaml"
    done
  done
}

# A copy of scenarios/faults/power-storage.yaml with another seed: another part of what was not synced survives.
seeded() {
  { echo "seed: $1" && cat scenarios/faults/power-storage.yaml; } >"$out/power.yaml"
}

# Rounds with other seeds until so many forgot something in each cut; none may break a promise.
own() {
  local wanted="$1" good=0 vacuous=0 seed code
  for ((seed = 1; good < wanted; seed++)); do
    seeded "$seed"
    code=0
    "$HARNESS" run "$out/power.yaml" --on mysql --out "$out/logs" >"$out/words" 2>&1 || code=$?
    case "$code" in
      0) good=$((good + 1)) ;;
      3) vacuous=$((vacuous + 1)) ;;
      *) break ;;
    esac
    if ((vacuous > wanted)); then
      break
    fi
  done
  echo "exactly once in $good of $((good + (code == 1))) rounds that forgot something; in $vacuous more a cut forgot nothing"
  if ((good < wanted)); then
    cat "$out/words"
    exit "$code"
  fi
}

# A configuration that breaks the promise has to be found out within so many rounds.
found() {
  local on="$1" rounds="$2" seed code
  for ((seed = 1; seed <= rounds; seed++)); do
    seeded "$seed"
    code=0
    "$HARNESS" run "$out/power.yaml" --on "$on" --brokers scenarios/faults/brokers.yaml --out "$out/logs" \
      >"$out/words" 2>&1 || code=$?
    case "$code" in
      0 | 3) ;;
      1)
        echo "$on: found in round $seed: $(grep --max-count 1 '^FAIL' "$out/words")"
        return
        ;;
      *)
        cat "$out/words"
        exit "$code"
        ;;
    esac
  done
  echo "$on: not found in $rounds rounds" >&2
  exit 1
}

if [[ "${1:-}" == --own ]]; then
  own "${2:-50}"
  found mysql-flushes-later 3
  found mysql-tears-pages 50
  exit
fi
if (($# == 0)); then
  mapfile -t words < <("$HARNESS" brokers --json | jq --raw-output '.[] | select(.here) | .word')
  set -- "${words[@]}"
fi
table "$@" >"$out/table"
align <"$out/table"
