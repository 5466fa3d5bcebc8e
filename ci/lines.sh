#!/usr/bin/env bash
# Prints the lines and files of the product's Rust sources by folder, so that two states can be
# compared. Tests do not count: no folders `tests`, `benches` and `examples`, no `#[cfg(test)] mod`,
# be it a block or a file. Comments and empty lines count.
#   ci/lines.sh [REVISION or FOLDER OF A CHECKOUT, default: the files as they are here]
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
of="${1:-$here}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [[ ! -d "$of" ]]; then
  git -C "$here" archive "$of" | tar --extract --directory "$work"
  of="$work"
fi
cd "$of"

# A file's own lines without blocks of tests; rustfmt closes a block in the first column. For each
# module of tests in a file of its own, a line `test NAME` on the side.
counted='
  /^ *#\[cfg\(test\)\]$/ { pending = 1; held = 1; next }
  pending && /^ *#\[/ { held++; next }
  pending && match($0, /^ *(pub(\([a-z]+\))? )?mod [a-z_0-9]+/) {
    pending = 0
    name = $0; sub(/[ ;{]*$/, "", name); sub(/.* /, "", name)
    if ($0 ~ /;$/) print "test " name
    else if ($0 ~ /\{$/) { inside = 1; match($0, /^ */); indent = RLENGTH }
    next
  }
  pending { lines += held; pending = 0 }
  inside { match($0, /^ */); if (RLENGTH == indent && $0 ~ /^ *\}$/) inside = 0; next }
  { lines++ }
  END { print "lines " lines + 0 }'

declare -A lines_of=() is_test=()
mapfile -t files < <(find . \( -path ./target -o -path ./examples \) -prune -o -path '*/src/*' -name '*.rs' -print |
  sed 's#^\./##' | sort)
for file in "${files[@]}"; do
  case "$file" in
    */mod.rs | */lib.rs | */main.rs) below="$(dirname "$file")" ;;
    *) below="${file%.rs}" ;;
  esac
  while read -r kind value; do
    if [[ "$kind" == lines ]]; then lines_of["$file"]="$value"; else is_test["$below/$value"]=1; fi
  done < <(awk "$counted" "$file")
done

for file in "${files[@]}"; do
  # A file of tests, or one in the folder of one.
  path="${file%.rs}"
  while [[ "$path" == */* ]]; do
    [[ -n "${is_test["$path"]:-}" ]] && continue 2
    path="${path%/*}"
  done
  # By the package's folder and the one below it; files that stand alone count with the package.
  package="${file%%/src/*}/src"
  rest="${file#"$package"/}"
  folder="$package"
  if [[ "$rest" == */* ]]; then
    folder="$package/${rest%%/*}"
  elif [[ -d "$package/${rest%.rs}" ]]; then
    folder="$package/${rest%.rs}"
  fi
  echo "$folder ${lines_of["$file"]}"
done | awk '
  { lines[$1] += $2; files[$1]++; package = $1; sub(/\/src.*/, "", package)
    all[package] += $2; count[package]++; total += $2; number++ }
  END {
    for (folder in lines) printf "%d %-34s %7d %6d\n", 0, folder, lines[folder], files[folder] | "sort --key=2"
    close("sort --key=2")
    for (package in all) printf "%d %-34s %7d %6d\n", 1, package " (all)", all[package], count[package] | "sort --key=2"
    close("sort --key=2")
    printf "%d %-34s %7d %6d\n", 2, "total", total, number
  }' | { printf '%-34s %7s %6s\n' folder lines files; cut -d ' ' -f 2-; }
