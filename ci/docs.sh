#!/usr/bin/env bash
# The API docs build without a warning, private items too, so no link in them is broken.
set -euo pipefail
cd "$(dirname "$0")/.."
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
