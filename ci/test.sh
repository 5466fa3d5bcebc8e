#!/usr/bin/env bash
# Every test: examples in the docs first, then units, contracts, servers, golden files, sabotage.
# Needs Rust, for the tests on MySQL a server's programs, for those of a cluster Galera, and for the
# HTML report a browser; ci/mariadb.sh, ci/galera.sh and ci/browser.sh install them where they can.
# Brokers and database servers are started by the tests themselves, on free ports of 127.0.0.1, and
# end with them. HARNESS_MYSQL_URL=mysql://user:password@host:3306 has the tests use that server
# instead; HARNESS_TESTS_WITHOUT_MYSQL=1 leaves out what needs one.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/mariadb.sh
# Without it the tests of a cluster say that they are not run.
ci/galera.sh || true
found="$(ci/browser.sh --install)"
eval "$found"
cargo test --workspace --locked --doc
failed=0
# Always the whole workspace, so that no dependency is built twice, with the features of one package
# and of all. The units and what is short come first: the last summary is one of the harness's.
cargo test --workspace --locked --no-fail-fast --lib --test watched || failed=1
cargo test --workspace --exclude private-database --locked --no-fail-fast --test '*' || failed=1
if [[ "${HARNESS_TESTS_WITHOUT_MYSQL:-}" == 1 ]]; then
  echo "NOT RUN: the tests on MySQL, because of HARNESS_TESTS_WITHOUT_MYSQL=1"
fi
exit "$failed"
