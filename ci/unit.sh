#!/usr/bin/env bash
# The systemd unit is well-formed, and leaves the broker few ways to harm its machine. Needs
# systemd-analyze and no systemd that runs. Where it is missing, that is said to a person; in CI it is
# installed, as root or by a sudo that asks for nothing, and if that cannot be it is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
# By the rule of the harness (harness/src/golden/mode.rs).
is_ci() {
  if [[ -v CI ]]; then
    [[ "$CI" != "" && "$CI" != 0 && "$CI" != false ]]
  else
    [[ -v TF_BUILD ]]
  fi
}
if ! command -v systemd-analyze >/dev/null && ! { is_ci && ci/apt.sh systemd; }; then
  echo "the systemd unit was not checked: that needs systemd-analyze (Debian: apt-get install" \
    "--no-install-recommends systemd)" >&2
  if is_ci; then exit 2; else exit 0; fi
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# The program is not installed where the unit will find it, and only that may be amiss.
sed 's|^ExecStart=/usr/local/bin/broker$|ExecStart=/bin/true|' broker/broker.service >"$folder/broker.service"
said="$(systemd-analyze verify "$folder/broker.service" 2>&1)" || true
if grep --quiet "$folder" <<<"$said"; then
  echo "$said" >&2
  exit 1
fi
# In tenths: 14 is what it has with systemd 252, 83 what it had without any of these restrictions.
systemd-analyze security --offline=true --no-pager --threshold=20 "$folder/broker.service"
