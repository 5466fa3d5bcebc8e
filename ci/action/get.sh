#!/usr/bin/env bash
# For action.yml: puts the harness on the PATH of the steps that follow. It downloads the release
# $VERSION from $RELEASES, or from the releases of $REPOSITORY; without $VERSION it builds the action's
# own sources, with $FEATURES.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
if [[ -n "$VERSION" ]]; then
  folder="$RUNNER_TEMP/harness-$VERSION"
  "$root/ci/get-release.sh" "${RELEASES:-$REPOSITORY/releases/download}" "$VERSION" "$folder"
else
  cd "$root"
  cargo build --release --locked --bin harness ${FEATURES:+--features "$FEATURES"}
  folder="${CARGO_TARGET_DIR:-$root/target}/release"
fi
"$folder/harness" --version
echo "$folder" >>"$GITHUB_PATH"
