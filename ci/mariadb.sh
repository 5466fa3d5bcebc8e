#!/usr/bin/env bash
# Sees to it that the tests on MySQL find a server: on Debian and Ubuntu it installs MariaDB, as root or
# by a sudo that asks for nothing; elsewhere it says what to do. No server is left running, for the
# tests start their own. Does nothing where a server is installed or named by HARNESS_MYSQL_URL, or
# where the tests on MySQL are left out by HARNESS_TESTS_WITHOUT_MYSQL=1.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -n "${HARNESS_MYSQL_URL:-}" || -n "${HARNESS_MYSQL_BIN:-}" || "${HARNESS_TESTS_WITHOUT_MYSQL:-}" == 1 ]]; then
  exit
fi
# Where servers are; a plain user's PATH often lacks these.
PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/mysql/bin:/opt/homebrew/bin"
if command -v mariadbd >/dev/null || command -v mysqld >/dev/null; then
  exit
fi

advice="install MariaDB or MySQL (Debian: apt-get install --no-install-recommends mariadb-server), name a \
server by HARNESS_MYSQL_URL, or leave these tests out by HARNESS_TESTS_WITHOUT_MYSQL=1"
ci/apt.sh mariadb-server || {
  echo "the tests on MySQL need a server: $advice" >&2
  exit 2
}
