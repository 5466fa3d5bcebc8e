#!/usr/bin/env bash
# Installs packages of Debian or Ubuntu, as root or by a sudo that asks for nothing, and leaves no server
# of theirs running. Ends with 1 where that may not or cannot be; who calls it says what to do then.
#   ci/apt.sh PACKAGE...
set -euo pipefail
as_root=()
if ((EUID != 0)); then
  as_root=(sudo --non-interactive)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  exit 1
fi
echo "installing $*" >&2
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install --yes --quiet=2 --no-install-recommends "$@" >&2
}
# The list of packages may be missing or too old; fetching it takes a while, so it is the second try.
install "$@" || { "${as_root[@]}" apt-get update --quiet=2 >&2 && install "$@"; }
# Some start a server of the system where systemd runs.
if [[ -d /run/systemd/system ]]; then
  for package in "$@"; do
    "${as_root[@]}" systemctl disable --now --quiet "${package/mariadb-server/mariadb}.service" 2>/dev/null || true
  done
fi
