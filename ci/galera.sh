#!/usr/bin/env bash
# Sees to it that a cluster of databases can be had: on Debian and Ubuntu it installs MariaDB, Galera and
# rsync, as root or by a sudo that asks for nothing; elsewhere it says what to do. No server is left
# running. Does nothing where all is installed, or where the tests on MySQL are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/mariadb.sh
if [[ "${HARNESS_TESTS_WITHOUT_MYSQL:-}" == 1 ]]; then
  exit
fi

has_provider() {
  local file
  for file in /usr/lib{,64}/galera{,-4}/libgalera_smm.so; do
    if [[ -e "$file" ]]; then return; fi
  done
  [[ -n "${HARNESS_GALERA:-}" ]]
}
if has_provider && command -v rsync >/dev/null; then
  exit
fi
ci/apt.sh galera-4 rsync || {
  echo "a cluster of databases needs more: install Galera and rsync (Debian: apt-get install" \
    "--no-install-recommends galera-4 rsync)" >&2
  exit 2
}
