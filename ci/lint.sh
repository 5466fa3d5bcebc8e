#!/usr/bin/env bash
# Warnings are errors, in tests, benches and examples too.
set -euo pipefail
cd "$(dirname "$0")/.."
# As it is built by default, and with what is left out then; ci/tls.sh has the rest.
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo clippy --package harness --features brokers,storage-faults --all-targets --locked -- -D warnings
