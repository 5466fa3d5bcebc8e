#!/usr/bin/env bash
# Builds the broker's image, and pushes it where that is asked for; needs docker.
#   ci/image.sh NAME TAG [--push]
set -euo pipefail
cd "$(dirname "$0")/.."
if (($# < 2)); then
  echo "usage: ci/image.sh NAME TAG [--push]" >&2
  exit 2
fi
# The name of an image has no capitals, and that of a repository may.
image="${1,,}:${2#v}"
docker build --file broker/Dockerfile --tag "$image" .
docker run --rm "$image" --version
if [[ "${3:-}" == --push ]]; then
  docker push "$image"
fi
