#!/usr/bin/env bash
# Formatting is rustfmt's.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
