#!/usr/bin/env bash
# Prints a table: each fault by itself, in memory and on MySQL, for real and simulated; what came of
# it, from the JSON reports. Runs what is in scenarios/faults. Needs jq, and MariaDB or MySQL for the
# rows on MySQL. A scenario has rows for the stores that it holds for, where it can be had here.
#   unknown     messages that nobody knows the outcome of
#   retries     requests that producers made again
#   duplicates  deliveries that repeat a message, those after a consumer's crash left out
#   lost        deliveries of acknowledged messages that never came; an interval where outcomes are unknown
#   blame       where those got lost, by what is in the logs themselves
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v jq >/dev/null; then
  echo "ci/faults.sh reads reports with jq, which is not installed" >&2
  exit 2
fi
if [[ -z "${HARNESS:-}" ]]; then
  cargo build --release --locked --package harness --features storage-faults --bin harness
  HARNESS=target/release/harness
fi
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

# The anomalies of a kind: 3, or 3 to 5.
row='
  def found($kind): [(.judgement.violations, .judgement.allowed)[]? | select(.kind == $kind)]
    | map(if .possible > 0 then "\(.count) to \(.count + .possible)" else "\(.count)" end) | first // "0";
  def blame: [(.judgement.violations, .judgement.allowed)[]? | .blame // empty | to_entries[]
    | select(.value > 0) | "\(.value) \(.key | gsub("_"; " "))"] | join(", ");
  .scenarios[0]
  | if .summary == null then [$fault, $on, .result] else
    [ $fault, $on, .judgement.verdict,
      ([.summary.faults[].met] | add | tostring),
      (.summary.unknown | tostring), (.summary.retries | tostring), found("duplicate"), found("lost"),
      "\(.summary.delivered) of \(.summary.expected)", blame ] end
  | @tsv'

one() { # fault, where, arguments of harness
  local fault="$1" on="$2" code=0
  shift 2
  "$HARNESS" "$@" --out "$out/logs" --report-json "$out/report.json" 2>"$out/words" || code=$?
  case "$code" in
    0 | 1 | 3) jq --raw-output --arg fault "$fault" --arg on "$on" "$row" "$out/report.json" ;;
    2) grep --quiet "does not hold here\|cannot be carried out" "$out/words" || { cat "$out/words" >&2; exit 2; } ;;
    *)
      cat "$out/words" >&2
      exit "$code"
      ;;
  esac
}

table() {
  printf 'fault\ton\tverdict\tmet\tunknown\tretries\tduplicates\tlost\tdelivered\tblame\n'
  for file in scenarios/faults/*.yaml; do
    fault="$(basename "$file" .yaml)"
    # Configurations, and no scenario.
    if [[ "$fault" == brokers ]]; then
      continue
    fi
    for store in memory mysql; do
      one "$fault" "$store" run "$file" --on "$store"
      one "$fault" "$store, simulated" sim "$file" --on "$store"
    done
  done
}
table >"$out/table"
awk -F '\t' '
  { rows[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > width[i]) width[i] = length($i) }
  END {
    for (r = 1; r <= NR; r++) {
      fields = split(rows[r], cell, FS)
      line = ""
      for (i = 1; i <= fields; i++) {
        right = i >= 4 && i <= 9
        line = line (i > 1 ? "  " : "") sprintf("%" (right ? "" : "-") width[i] "s", cell[i])
      }
      sub(/ +$/, "", line)
      print line
    }
  }' "$out/table"
