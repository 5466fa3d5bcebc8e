#!/usr/bin/env bash
# Publishes the archives in target/archives as the release of a tag, with the changes as its text; needs
# GitHub's program gh, and its GH_TOKEN.
#   ci/publish.sh TAG
set -euo pipefail
cd "$(dirname "$0")/.."
tag="${1:?which tag? ci/publish.sh TAG}"
archives=(target/archives/harness-"${tag#v}"-*.tar.gz)
if [[ ! -e "${archives[0]}" ]]; then
  echo "there is no archive of $tag in target/archives: make them with ci/release.sh TARGET" >&2
  exit 2
fi
(cd target/archives && sha256sum --check ./*.sha256)
notes="$(mktemp)"
trap 'rm -f "$notes"' EXIT
ci/notes.sh "${tag#v}" >"$notes"
gh release create "$tag" --verify-tag --title "$tag" --notes-file "$notes" "${archives[@]}" target/archives/*.sha256
