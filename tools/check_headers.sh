#!/usr/bin/env bash
# Every public header compiles alone and twice, and all of them together, without a warning.
# usage: check_headers.sh c11|c++17 [COMPILER]
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
standard=$1
compiler=${2:-}

strict=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
case $standard in
c11)
  language=c
  strict+=(-Wstrict-prototypes -Wmissing-prototypes)
  candidates=(cc gcc clang)
  ;;
c++17)
  language=c++
  strict+=(-Wold-style-cast)
  candidates=(c++ g++ clang++)
  ;;
*)
  echo "unknown standard $standard" >&2
  exit 64
  ;;
esac
[ -n "$compiler" ] || compiler=$(command -v "${candidates[@]}" | head -n 1)
if [ -z "$compiler" ]; then
  echo "no compiler for $standard: tried ${candidates[*]}"
  exit 77
fi

for header in include/vlot/*.h; do
  name=vlot/${header##*/}
  printf '#include "%s"\n#include "%s"\nextern int alone;\n' "$name" "$name" |
    "$compiler" -x "$language" -std="$standard" "${strict[@]}" -Iinclude -fsyntax-only - || {
    echo "$header does not stand alone in $standard"
    exit 1
  }
  # A link error is how a missing extern "C" would show; here its absence is simply refused.
  if grep -q VLOT_API "$header" && ! grep -q 'extern "C"' "$header"; then
    echo "$header declares functions without extern \"C\""
    exit 1
  fi
  echo "$header"
done

{
  printf '#include "vlot/%s"\n' $(cd include/vlot && ls -- *.h)
  printf 'extern int together;\n'
} | "$compiler" -x "$language" -std="$standard" "${strict[@]}" -Iinclude -fsyntax-only - || {
  echo "the headers cannot be included together in $standard"
  exit 1
}
