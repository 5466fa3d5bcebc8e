#!/usr/bin/env bash
# Warnings are errors, in tests, benches and examples too.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --workspace --all-targets --locked -- -D warnings
