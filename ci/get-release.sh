#!/usr/bin/env bash
# Downloads the archive of a release for this machine, checks it, and unpacks its programs.
#   ci/get-release.sh RELEASES VERSION FOLDER
# RELEASES is the address below which the tags are: https://github.com/OWNER/REPOSITORY/releases/download
set -euo pipefail
if (($# != 3)); then
  echo "usage: ci/get-release.sh RELEASES VERSION FOLDER" >&2
  exit 2
fi
releases="$1" version="${2#v}" folder="$3"
case "$(uname -s) $(uname -m)" in
  "Linux x86_64") target=x86_64-unknown-linux-gnu ;;
  "Linux aarch64") target=aarch64-unknown-linux-gnu ;;
  *)
    echo "there is no release for $(uname -s) on $(uname -m): build it with cargo install --path harness" >&2
    exit 2
    ;;
esac
name="harness-$version-$target"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
for file in "$name.tar.gz" "$name.tar.gz.sha256"; do
  if ! curl --fail --silent --show-error --location --retry 3 --output "$file" "$releases/v$version/$file"; then
    echo "cannot download $releases/v$version/$file: is there a release $version?" >&2
    exit 2
  fi
done
if ! sha256sum --check --status "$name.tar.gz.sha256"; then
  echo "$name.tar.gz is not what its checksum says: do not use it" >&2
  exit 2
fi
tar --extract --gzip --file "$name.tar.gz"
mkdir -p "$folder"
cp "$name/harness" "$name/broker" "$folder"
