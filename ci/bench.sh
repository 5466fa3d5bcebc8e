#!/usr/bin/env bash
# Measures speed and memory, and prints the table of docs/benchmarks.md. What is compared with a
# counterpart is measured beside it, in turn, so that a slow or busy machine slows both; the median
# of the rounds counts. Takes some four minutes with the default of 5 rounds:
#   ci/bench.sh [ROUNDS] [SECONDS a round of wrk, default 3]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-5}"
seconds="${2:-3}"

for tool in wrk curl awk; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not installed; on Debian or Ubuntu: sudo apt-get install $tool" >&2
    exit 2
  fi
done

work="$(mktemp -d)"
declare -A started=() # by process id
cleanup() {
  for pid in "${!started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# The values on stdin, one a line -> their median.
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
number() { awk -v n="$1" 'BEGIN { printf "%.0f", n }' | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta'; }
say() { echo "$*" >&2; }

rows=()
# What was measured, its value as text, the value as a number, the floor, the aim, and `most` where
# less is better or `least` where more is.
row() {
  local verdict
  verdict="$(awk -v v="$3" -v floor="$4" -v aim="$5" -v how="$6" 'BEGIN {
    if (how == "most") { v = -v; floor = -floor; aim = -aim }
    print (v >= aim ? "aim" : v >= floor ? "floor" : "**no**")
  }')"
  rows+=("| $1 | $2 | $4 | $5 | $verdict |")
  say "  $2"
}

# Redis Streams are measured beside our broker where the server is.
brokers=(memory)
features=()
if command -v redis-server >/dev/null; then
  brokers+=(redis)
  features=(--features redis)
else
  say "redis-server is not installed, so its row is left out; on Debian or Ubuntu: sudo apt-get install redis-server"
fi

say "building"
cargo build --profile dist --locked --quiet --package harness "${features[@]}" --bin harness
cargo build --profile dist --locked --quiet --package broker --bin broker --example bare
bench() {
  local of=()
  [[ "$1" == harness ]] && of=("${features[@]}")
  cargo bench --profile dist --locked --quiet --package "$1" "${of[@]}" --bench "${@:2}"
}
for of in "harness checks" "harness delivery" "broker memory"; do
  read -r package name <<<"$of"
  bench "$package" "$name" --no-run
done

# Starts a program in the background; $pid is its process id.
start() {
  "$@" &
  pid=$!
  started[$pid]=1
}
stop() {
  kill "$1"
  wait "$1" 2>/dev/null || true
  # The system may give the number to another process now.
  unset "started[$1]"
}
await() {
  for ((try = 0; try < 500; try++)); do
    [[ -s "$1" ]] && return
    sleep 0.01
  done
  say "a server did not start"
  exit 1
}
# A new broker at $broker, with topic T1, producer 0 and consumer 0.
start_broker() {
  rm -f "$work/port"
  start target/dist/broker --listen 127.0.0.1:0 --port-file "$work/port" --log-level error --max-memory 16GiB
  await "$work/port"
  broker="http://127.0.0.1:$(<"$work/port")"
  local answer
  for who in producer consumer; do
    answer="$(curl --silent --fail --data '{"topic":"T1"}' "$broker/$who/register")"
    [[ "$answer" == *"\"${who}_id\":0"* ]] || { say "unexpected: $answer"; exit 1; }
  done
}
# wrk's requests a second; an answer other than 200 spoils the measurement.
wrk_rate() {
  local out
  out="$(wrk --threads 1 --connections 32 --duration "$1s" --script "$2" "${@:3}")"
  if grep -q -e 'Non-2xx' -e 'Socket errors' <<<"$out"; then
    say "$out"
    exit 1
  fi
  awk '/^Requests\/sec/ { print $2 }' <<<"$out"
}
# A row that compares the broker with the bare server, by a script; $2 are its arguments for bare.
beside_bare() {
  local script="broker/benches/$1.lua" of="$2"
  rm -f "$work"/{ours,theirs}
  for ((round = 1; round <= rounds; round++)); do
    start_broker
    [[ "$1" == consume ]] && wrk_rate 1 broker/benches/batch.lua "$broker" >/dev/null
    wrk_rate "$seconds" "$script" "$broker" >>"$work/ours"
    stop "$pid"
    # shellcheck disable=SC2086 # the arguments are words
    wrk_rate "$seconds" "$script" "$bare" $of >>"$work/theirs"
  done
  local ours theirs
  ours="$(median <"$work/ours")"
  theirs="$(median <"$work/theirs")"
  value="$(ratio "$ours" "$theirs")"
  text="$value ($(number "$ours") a second, bare $(number "$theirs"))"
}

start target/dist/examples/bare 127.0.0.1:0 >"$work/bare"
bare_pid="$pid"
await "$work/bare"
bare="http://$(<"$work/bare")"

say "one message per request"
beside_bare produce ""
row "produce, one message a request, beside a bare axum handler" "$text" "$value" 0.85 0.95 least
say "consume"
beside_bare consume ""
row "consume, one message a request, beside a bare handler with a fixed answer" "$text" "$value" 0.75 0.9 least
say "batches"
beside_bare batch "-- /producer/batch"
row "produce, 100 messages of 100 bytes a request, beside a handler that only parses" "$text" "$value" 0.6 0.8 least
stop "$bare_pid"

say "5p3c, the whole command"
run_5p3c() {
  INSTA_UPDATE=always target/dist/harness run scenarios/5p3c.yaml \
    --out "$work/out" --golden "$work/golden" 2>"$work/report" || { cat "$work/report" >&2; exit 1; }
}
run_5p3c # warms up, and writes the golden file that the others are compared with
# Bash's own clock of a command: the whole time, and the processors' time, which a busy machine
# stretches less.
TIMEFORMAT="%R %U %S"
for ((round = 0; round < rounds * 2; round++)); do
  { time run_5p3c; } 2>>"$work/times"
done
value="$(awk '{ print $1 }' "$work/times" | median)"
cpu="$(awk '{ printf "%.3f\n", $2 + $3 }' "$work/times" | median)"
row "5p3c, the whole command: broker, run, checks and golden file" "$value s ($cpu s of processor time)" "$value" 0.5 0.25 most

say "5 producers of 1,000 messages, 3 consumers"
said="$(bench harness delivery -- "$((rounds * 2))" harness/benches/5x1000.yaml "${brokers[@]}")"
sending() { grep " on $1:" <<<"$said" | grep -oE '[0-9.]+ s from' | awk '{ print $1 }'; }
ours="$(sending memory)"
row "5 producers x 1,000 messages, one request at a time, 3 consumers: first send to last delivery" "$ours s" "$ours" 0.3 0.2 most
if [[ " ${brokers[*]} " == *" redis "* ]]; then
  value="$(ratio "$ours" "$(sending redis)")"
  row "the same beside Redis Streams by their own client" "$value (Redis $(sending redis) s)" "$value" 1.5 1.2 most
fi

say "million"
line="$(bench harness delivery -- "$rounds" scenarios/million.yaml)"
value="$(awk '{ print $(NF - 1) }' <<<"$line")"
row "million: delivered a second over the whole run" "$(number "$value")" "$value" 1500000 3000000 least

say "checks of million"
said="$(bench harness checks)"
line="$(grep 'an event (' <<<"$said")"
nanos="$(grep -oE '[0-9.]+ ns' <<<"$line" | awk '{ print $1 }')"
bytes="$(grep -oE '[0-9.]+ bytes' <<<"$line" | awk '{ print $1 }')"
row "checks of million: time an event" "$nanos ns" "$nanos" 100 50 most
row "checks of million: memory an event" "$bytes bytes" "$bytes" 100 50 most
line="$(grep '^figures' <<<"$said")"
nanos="$(grep -oE '[0-9.]+ ns' <<<"$line" | awk '{ print $1 }')"
value="$(grep -oE '[0-9.]+ times' <<<"$line" | awk '{ print $1 }')"
row "figures of million (series, shares, latencies), beside its checks" "$value ($nanos ns an event)" "$value" 0.5 0.25 most

say "memory, 10 million messages"
line="$(bench broker memory -- 10000000)"
value="$(grep -oE '[0-9.]+ MiB ever' <<<"$line" | awk '{ print $1 }')"
row "broker memory while 10 million messages pass through and consumers keep up" "$value MiB at most (${line#*: })" "$value" 100 100 most

echo "| what | measured | floor | aim | reached |"
echo "|---|---|---|---|---|"
printf '%s\n' "${rows[@]}"
echo
echo "$(nproc) x $(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), load $(cut -d ' ' -f 1-3 /proc/loadavg) at the end, $rounds rounds."
