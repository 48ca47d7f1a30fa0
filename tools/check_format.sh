#!/usr/bin/env bash
# Every C file is as .clang-format says, and no line of one is wider than 100 columns (comments are
# not reflowed: their author lays them out). No .c file of src is longer than 500.
# usage: check_format.sh [fix]
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8
columns=100
lines=500
[ $# -eq 0 ] || [ "$*" = fix ] || { echo "usage: check_format.sh [fix]"; exit 64; }

# Versions differ in what they make of one style: 14 is Debian 12's.
find_formatter() {
  local name
  for name in clang-format-14 clang-format; do
    if command -v "$name" >/dev/null 2>&1 && "$name" --version | grep -q 'version 14\.'; then
      echo "$name"
      return
    fi
  done
}

formatter=$(find_formatter)
if [ -z "$formatter" ]; then
  echo "clang-format 14 is not here (Debian 12: apt-get install clang-format)"
  exit 77
fi
mapfile -t files < <(find src include tests bench examples fuzz tools -name '*.[ch]' -type f | sort)

if [ "${1:-}" = fix ]; then
  "$formatter" -i "${files[@]}"
fi
failed=0
if ! "$formatter" --dry-run -Werror --ferror-limit=1 "${files[@]}" >/dev/null 2>&1; then
  failed=1
  for file in "${files[@]}"; do
    "$formatter" --dry-run -Werror "$file" >/dev/null 2>&1 || echo "$file: not as .clang-format says; ./run fix mends it"
  done
fi
wide=$(grep -nE "^.{$((columns + 1)),}$" "${files[@]}" | cut -c1-160 || true)
if [ -n "$wide" ]; then
  failed=1
  echo "wider than $columns columns:"
  echo "$wide"
fi
long=$(find src -name '*.c' -type f -exec awk -v most="$lines" \
  'FNR == most + 1 { print FILENAME ": longer than " most " lines" }' {} +)
if [ -n "$long" ]; then
  failed=1
  echo "$long"
fi
[ "$failed" -eq 0 ] || exit 1
echo "${#files[@]} files are formatted, no line is wider than $columns columns, no .c of src is longer than $lines"
