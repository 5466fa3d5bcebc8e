#!/usr/bin/env bash
# Runs 5p3c and together so many times in a row (default 200); the first run that does not pass
# ends it, says how to see it again, and leaves its logs and its history in target/soak. HARNESS names
# a binary to use in place of one that is built here.
set -euo pipefail
# It is named from where the caller is.
HARNESS="${HARNESS:+$(realpath --canonicalize-existing "$HARNESS")}"
cd "$(dirname "$0")/.."
if [[ -z "$HARNESS" ]]; then
  cargo build --release --locked --package harness
  HARNESS="${CARGO_TARGET_DIR:-target}/release/harness"
fi
"$HARNESS" run scenarios/5p3c.yaml scenarios/together.yaml --repeat "${1:-200}" --until-fail --out target/soak
