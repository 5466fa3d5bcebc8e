#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version; of one that it does not name, what is not released yet.
#   ci/notes.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
section() {
  awk -v heading="## [$1]" 'index($0, heading) == 1 { inside = 1; next } /^## \[/ { inside = 0 } inside' CHANGELOG.md
}
notes="$(section "${1:?which version? ci/notes.sh VERSION}")"
printf '%s\n' "${notes:-$(section Unreleased)}"
