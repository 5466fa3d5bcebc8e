#!/usr/bin/env bash
# Warnings are errors, in tests, benches and examples too.
set -euo pipefail
cd "$(dirname "$0")/.."
# All as it is tested, and the harness as it is built by default; ci/tls.sh has the rest.
cargo clippy --workspace --features "harness/brokers harness/storage-faults" --all-targets --locked -- -D warnings
cargo clippy --package harness --all-targets --locked -- -D warnings
