#!/usr/bin/env bash
# Makes the pictures of HTML reports in docs/images: of a run that passes and of one that loses messages.
# With a folder, it leaves there every page that ci/browser.sh looks at, at each width, light and dark.
#   ci/screenshots.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
export HARNESS_REQUIRE_BROWSER=1
if [[ -n "${1:-}" ]]; then
  mkdir -p "$1"
  HARNESS_SCREENSHOTS="$(cd "$1" && pwd)" exec ci/browser.sh pages::
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
HARNESS_SCREENSHOTS="$work" ci/browser.sh pages::a_run_that_passes
HARNESS_SCREENSHOTS="$work" ci/browser.sh pages::a_loss_under_faults
mkdir -p docs/images
cp "$work/pass.png" "$work/fail.png" docs/images/
ls -l docs/images
