#!/usr/bin/env bash
# Measures the store in MySQL beside what the database does by itself, and prints the table of
# docs/benchmarks.md. Uses the server of HARNESS_MYSQL_URL, or a private one.
#   ci/bench-mysql.sh [ROUNDS, default 5] [PART OF A ROW'S NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-5}"
part="${2:-}"
cargo build --profile dist --locked --quiet --bin harness
cargo build --locked --quiet --package private-database --example server
cargo bench --profile dist --locked --quiet --package broker --bench mysql -- "$rounds" "$part"
[[ -n "$part" ]] && exit 0

work="$(mktemp -d)"
# It ends when its standard input does.
coproc server { cargo run --quiet --locked --package private-database --example server; }
trap 'eval "exec ${server[1]}>&-"; wait; rm -rf "$work"' EXIT
if [[ -z "${HARNESS_MYSQL_URL:-}" ]]; then
  read -r HARNESS_MYSQL_URL <&"${server[0]}"
  export HARNESS_MYSQL_URL
fi
run_5p3c() {
  INSTA_UPDATE=always target/dist/harness run scenarios/5p3c.yaml --store mysql \
    --out "$work/out" --golden "$work/golden" 2>"$work/report" || { cat "$work/report" >&2; exit 1; }
}
run_5p3c
TIMEFORMAT="%R"
for ((round = 0; round < rounds * 2; round++)); do
  { time run_5p3c; } 2>>"$work/times"
done
median="$(sort -n "$work/times" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }')"
echo "5p3c, the whole command on a warm server: $median s (floor 2 s, aim 1 s)"
