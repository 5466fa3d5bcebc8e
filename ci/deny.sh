#!/usr/bin/env bash
# Licences, advisories and duplicate versions of what we depend on; needs cargo-deny and the network.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v cargo-deny >/dev/null; then
  echo "cargo-deny is not installed; install it with: cargo install --locked cargo-deny" >&2
  exit 2
fi
cargo deny --workspace check --config ci/deny.toml
