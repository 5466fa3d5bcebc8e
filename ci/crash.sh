#!/usr/bin/env bash
# Kills brokers so many times (default 50) and the database server so many times (default 20), each
# without and with sequences, and two of three brokers so many times (default 50) under clients that know
# all three; starts eight brokers at once on an empty database (20 times), and has three brokers share
# one; prints a table of the rounds. A round of the first two counts only if it left a request with an
# unknown outcome. CRASH_SEED decides about the moments.
set -euo pipefail
cd "$(dirname "$0")/.."
brokers="${1:-50}"
databases="${2:-20}"
crash() {
  cargo test --locked --package broker --test suite -- --nocapture "${@/#/crash::}"
}
CRASH_ROUNDS="$brokers" crash a_killed_broker
CRASH_ROUNDS="$databases" crash a_killed_database
CRASH_ROUNDS="$brokers" cargo test --locked --package broker --test suite -- --nocapture failover::
CRASH_STARTS=20 crash eight_brokers three_brokers
