#!/usr/bin/env bash
# Every test: examples in the docs first, then units, contracts, servers, golden files, sabotage.
# Needs nothing but Rust; it starts its brokers itself, on free ports of 127.0.0.1.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --workspace --locked --doc
cargo test --workspace --locked --lib --bins --tests --examples --no-fail-fast
