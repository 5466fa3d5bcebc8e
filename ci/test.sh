#!/usr/bin/env bash
# Every test: examples in the docs first, then units, contracts, servers, other brokers, golden files,
# sabotage. Needs Rust, and for the clients of other brokers a C compiler and make; for the tests on
# MySQL a server's programs, for those of a cluster Galera, for the HTML report a browser, and the other
# brokers' servers: ci/mariadb.sh, ci/galera.sh, ci/browser.sh and ci/brokers.sh install them where they
# can. Brokers and database servers are started by the tests themselves, on free ports of 127.0.0.1, and
# end with them. HARNESS_MYSQL_URL=mysql://user:password@host:3306 has the tests use that server
# instead; HARNESS_TESTS_WITHOUT_MYSQL=1 leaves out what needs one, HARNESS_TESTS_WITHOUT_BROKERS=1 what
# needs other brokers' clients or a disk that forgets.
#
#   ci/test.sh            all
#   ci/test.sh --no-run   only builds them
set -euo pipefail
cd "$(dirname "$0")/.."
# Always the whole workspace with the same features, so that no dependency is built twice. No state of
# the compiler is kept for a next time, which takes longer than it saves here.
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
tests=(cargo test --workspace --locked --no-fail-fast)
if [[ "${HARNESS_TESTS_WITHOUT_BROKERS:-}" != 1 ]]; then
  if ! { command -v cc && command -v make; } >/dev/null && ! ci/apt.sh build-essential; then
    echo "the clients of other brokers need a C compiler and make: install them, or leave these tests out" \
      "by HARNESS_TESTS_WITHOUT_BROKERS=1" >&2
    exit 2
  fi
  tests+=(--features "harness/brokers harness/storage-faults")
fi
if [[ "${1:-}" == --no-run ]]; then
  exec "${tests[@]}" --no-run
fi
ci/mariadb.sh
# Without it the tests of a cluster say that they are not run.
ci/galera.sh || true
found="$(ci/browser.sh --install)"
eval "$found"
if [[ "${HARNESS_TESTS_WITHOUT_BROKERS:-}" != 1 ]]; then
  found="$(ci/brokers.sh --install)"
  eval "$found"
fi
failed=0
"${tests[@]}" --doc || failed=1
# The units and what is short come first: the last summary is one of the harness's.
"${tests[@]}" --lib --test watched || failed=1
"${tests[@]}" --exclude private-database --test '*' || failed=1
for left_out in MYSQL BROKERS; do
  name="HARNESS_TESTS_WITHOUT_$left_out"
  if [[ "${!name:-}" == 1 ]]; then
    echo "NOT RUN: tests, because of $name=1 (see the head of ci/test.sh)"
  fi
done
exit "$failed"
