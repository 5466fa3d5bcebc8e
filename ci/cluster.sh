#!/usr/bin/env bash
# Three brokers on a cluster of three databases, so many times each (default 1): workloads and what
# happens meanwhile. Prints a table with how many runs passed: nothing lost, doubled or reordered, and
# the tables of all nodes the same afterwards. Ends with 1 where a run did not pass.
#
#   ci/cluster.sh            once each
#   ci/cluster.sh 20         as often as that
#   ci/cluster.sh 20 crowd   only the rows that contain this
#
# HARNESS names a binary to use in place of one that is built here. What did not pass is kept, with its
# scenario, below target/cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-1}"
only="${2:-}"
ci/galera.sh
target="${CARGO_TARGET_DIR:-$PWD/target}"
if [[ -z "${HARNESS:-}" ]]; then
  cargo build --locked --release --package harness >&2
  HARNESS="$target/release/harness"
fi
work="$target/cluster"
mkdir -p "$work"
ln -sfn "$PWD/scenarios/5p3c" "$work/5p3c"

# A scenario on the cluster: its own text, but for the broker and the drain, and with one fault more.
write() {
  local name="$1" fault="$2" file="$3" own="scenarios/$1.yaml"
  {
    sed -E '/^(broker|drain|require|tags):/d; /^#/d; /^faults:/,$d' "$own"
    echo "broker: { on: mysql, count: 3, cluster: 3, spread: true }"
    echo "faults:"
    [[ -z "$fault" ]] || echo "  - { after: 100 acked, $fault }"
    # On a cluster all takes longer than on one database.
    sed -n '/^faults:/,/^[^ ]/p' "$own" | grep '^  - ' | sed -E 's/until: [0-9]+m?s/until: 6s/' || true
    echo "drain: { idle: 30s, deadline: 300s }"
    echo "golden: none"
  } >"$file"
  [[ -n "$fault" ]] || [[ "$name" == everything ]] || sed -i '/^faults:/d' "$file"
}

failed=0
printf '%-12s%-24s%8s%10s\n' workload meanwhile passed "seconds each"
while read -r name; do
  while IFS='|' read -r meanwhile fault; do
    row="$name $meanwhile"
    [[ "$row" == *"$only"* ]] || continue
    file="$work/$name-${meanwhile// /-}.yaml"
    write "$name" "$fault" "$file"
    passed=0
    began=$SECONDS
    for ((round = 1; round <= rounds; round++)); do
      out="${file%.yaml}-$round"
      if "$HARNESS" run "$file" --out "$out" >"$out.txt" 2>&1; then
        passed=$((passed + 1))
        rm -rf "$out" "$out.txt"
      fi
    done
    printf '%-12s%-24s%8s%10s\n' "$name" "$meanwhile" "$passed of $rounds" \
      "$(((SECONDS - began) / rounds))"
    ((passed == rounds)) || failed=1
  done <<'LIST'
nothing|
a node killed|kill: database 2, for: 1s
a broker killed|kill: broker 2, for: 500ms
a node cut off|isolate: database 3, for: 1s
all nodes killed|kill: database, for: 200ms
LIST
done <<'LIST'
5p3c
crowd
everything
LIST
exit "$failed"
