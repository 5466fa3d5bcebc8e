#!/usr/bin/env bash
# The HTML report in a real browser: the pages of real runs, and the rules for them, each proved by a
# page that breaks it. Installs Chromium and its chromedriver on Debian, as root or by a sudo that asks
# for nothing, and fetches axe-core by npm into target/browser and nowhere else. What cannot be had here
# is said and left out; HARNESS_REQUIRE_BROWSER=1 makes a browser that is missing an error.
#
#   ci/browser.sh            all
#   ci/browser.sh pages::    the tests whose names contain this
#   ci/browser.sh --install  only what they need; prints what has them find it
set -euo pipefail
cd "$(dirname "$0")/.."
axe="axe-core-4.14.1"
axe_sha512="1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5"
below="${CARGO_TARGET_DIR:-$PWD/target}/browser"

has() {
  local name
  for name in "$@"; do
    if command -v "$name" >/dev/null; then return; fi
  done
  return 1
}

browser() {
  if has chromium chromium-browser google-chrome && { has chromedriver || [[ -n "${CHROMEWEBDRIVER:-}" ]]; }; then
    return
  fi
  if ci/apt.sh chromium chromium-driver; then
    return
  fi
  echo "no browser for the HTML report: install Chromium with its chromedriver (Debian: apt-get install" \
    "--no-install-recommends chromium chromium-driver)" >&2
  [[ "${HARNESS_REQUIRE_BROWSER:-}" != 1 ]] || exit 2
}

# Many rules for accessibility that are not ours. A file of another content is not used.
axe() {
  local archive="$below/$axe.tgz"
  if ! [[ -f "$archive" ]]; then
    mkdir -p "$below"
    if ! command -v npm >/dev/null || ! npm pack "${axe/core-/core@}" --silent --pack-destination "$below" >/dev/null; then
      echo "no axe-core here (it needs npm): only our own rules are tried" >&2
      return
    fi
  fi
  if ! echo "$axe_sha512  $archive" | sha512sum --check --status; then
    rm -f "$archive"
    echo "$axe is not what it was: it is not used" >&2
    exit 2
  fi
  tar --extract --gzip --file "$archive" --directory "$below" package/axe.min.js
  export HARNESS_AXE="$below/package/axe.min.js"
}

browser
axe
if [[ "${1:-}" == --install ]]; then
  [[ -z "${HARNESS_AXE:-}" ]] || echo "export HARNESS_AXE=\"$HARNESS_AXE\""
  exit
fi
# As in ci/test.sh, so that nothing is built twice.
exec cargo test --workspace --exclude private-database --locked --test suite -- "browser::${1:-}"
