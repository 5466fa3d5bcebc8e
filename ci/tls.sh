#!/usr/bin/env bash
# The tests of TLS, with certificates that they make themselves. Needs a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --locked --package broker --package broker-client --package harness \
  --features broker/tls-tests,harness/tls-tests --all-targets -- -D warnings
cargo test --locked --package broker --package broker-client --package harness \
  --features broker/tls-tests,harness/tls-tests --lib --test suite -- tls:: tokens:: guarded:: routes:: url::
