#!/usr/bin/env bash
# Makes the archive of a release: both programs, their completions and manual, the docs, and the scenarios
# with their golden files. It tries what it has packed, and leaves archive and checksum in target/archives.
#   ci/release.sh [TARGET, default: this machine's]
# Targets: x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu. For the one that is not this machine's it
# needs a cross compiler and qemu-user, and says how to get them. RELEASE_TAG=v0.1.0 has it refuse
# sources of another version.
set -euo pipefail
cd "$(dirname "$0")/.."
host="$(rustc --version --verbose | sed -n 's/^host: //p')"
target="${1:-$host}"
version="$(cargo pkgid --locked -p harness | sed 's/.*[#@]//')"
if [[ -n "${RELEASE_TAG:-}" && "$RELEASE_TAG" != "v$version" ]]; then
  echo "the tag is $RELEASE_TAG and the sources are of $version: set the version in Cargo.toml, or tag v$version" >&2
  exit 2
fi

run=()
case "$target" in
  "$host") ;;
  aarch64-unknown-linux-gnu)
    if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
      echo "$target needs: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2
      exit 2
    fi
    # The linker, and the compiler of what is in C (ring, which does the TLS).
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
    run=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
    ;;
  *)
    echo "$target cannot be made on $host; there are x86_64-unknown-linux-gnu and aarch64-unknown-linux-gnu" >&2
    exit 2
    ;;
esac
rustup target add "$target" >&2

# Every broker whose client is Rust: Kafka's is a library in C with a build of its own. With glibc, not
# musl, whose allocator would make a slow program of one that measures others.
cargo build --profile dist --locked --target "$target" -p harness -p broker --bins \
  --features harness/mqtt,harness/nats,harness/rabbitmq,harness/redis,harness/storage-faults,harness/tls
built="${CARGO_TARGET_DIR:-target}/$target/dist"

name="harness-$version-$target"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/$name"
mkdir -p "$root/completions" "$root/man/man1"
cp "$built/harness" "$built/broker" LICENSE README.md CHANGELOG.md broker/broker.service "$root"
cp -r docs scenarios golden "$root"
rm -f "$root"/golden/*.rs
harness=("${run[@]}" "$root/harness")
"${harness[@]}" completions bash >"$root/completions/harness.bash"
"${harness[@]}" completions zsh >"$root/completions/_harness"
"${harness[@]}" completions fish >"$root/completions/harness.fish"
"${harness[@]}" completions elvish >"$root/completions/harness.elv"
"${harness[@]}" completions powershell >"$root/completions/harness.ps1"
"${harness[@]}" man "$root/man/man1"

out="$PWD/target/archives"
mkdir -p "$out"
# The same bytes for the same commit.
tar --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner \
  --mtime="@$(git log -1 --format=%ct)" "$name" | gzip --no-name --best >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")

# What was packed is what is tried, elsewhere than it was made.
mkdir "$work/unpacked"
tar --extract --file "$out/$name.tar.gz" --directory "$work/unpacked"
cd "$work/unpacked/$name"
"${run[@]}" ./broker --version
"${run[@]}" ./harness --version
if [[ ${#run[@]} -eq 0 ]]; then
  CI=true ./harness run scenarios/5p3c.yaml
else
  # The harness starts its broker by itself, which an emulator that is named before it cannot follow.
  CI=true "${run[@]}" ./harness sim scenarios/5p3c.yaml
fi
glibc="$(grep --text --only-matching 'GLIBC_2\.[0-9]*' harness broker | sed 's/.*GLIBC_//' | sort --version-sort | tail -1)"
echo "$out/$name.tar.gz: $(du -h "$out/$name.tar.gz" | cut -f 1), runs with glibc $glibc and newer"
