#!/usr/bin/env bash
# Sees to it that a cluster of databases can be had: on Debian and Ubuntu it installs MariaDB, Galera and
# rsync, as root or by a sudo that asks for nothing; elsewhere it says what to do. No server is left
# running. Does nothing where all is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/mariadb.sh
shopt -s nullglob
providers=(/usr/lib/galera/libgalera_smm.so /usr/lib64/galera*/libgalera_smm.so /usr/lib/galera-4/libgalera_smm.so)
if [[ -n "${HARNESS_GALERA:-}" || ${#providers[@]} -gt 0 && -e "${providers[0]}" ]] && command -v rsync >/dev/null; then
  exit
fi
advice="install Galera and rsync (Debian: apt-get install --no-install-recommends galera-4 rsync)"
as_root=()
if ((EUID != 0)); then
  as_root=(sudo --non-interactive)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "a cluster of databases needs more: $advice" >&2
  exit 2
fi
echo "installing galera-4 and rsync, which a cluster of databases needs" >&2
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet=2 --no-install-recommends galera-4 rsync >&2
}
if ! install && ! { "${as_root[@]}" apt-get update --quiet=2 >&2 && install; }; then
  echo "galera-4 and rsync cannot be installed: $advice" >&2
  exit 2
fi
