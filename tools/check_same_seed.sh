#!/usr/bin/env bash
# One seed, one run: the event hashes of a few seeds are the same whatever compiled the program.
# usage: check_same_seed.sh [SEEDS]
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seeds=${1:-20}

if [ ! -e "$root/src/lab/main.c" ]; then
  echo "no vlot command yet"
  exit 77
fi

# A machine may have only one of the two, and CMake would not look for ninja by itself.
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # build COMPILER LEVEL DIRECTORY
  cmake -S "$root" -B "$3" -DCMAKE_C_COMPILER="$1" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$2" \
    -DVLOT_BUILD_SHARED=OFF -DVLOT_TESTS=OFF -DVLOT_BENCH=OFF -DVLOT_EXAMPLES=OFF || return
  cmake --build "$3" --target vlot --parallel "$(nproc)"
}

failed=0
reference=
for compiler in gcc clang; do
  for level in -O2 -O0; do
    name=$compiler$level
    build "$compiler" "$level" "$work/$name" >"$work/log" 2>&1 || {
      cat "$work/log"
      exit 1
    }
    "$work/$name/vlot" sim --seeds "$seeds" --hash >"$work/$name.txt" || {
      echo "$name: vlot sim --seeds $seeds --hash exits with $?"
      exit 1
    }
    [ -s "$work/$name.txt" ] || {
      echo "$name: no hashes printed"
      exit 1
    }
    if [ -z "$reference" ]; then
      reference=$name
    elif ! diff -u "$work/$reference.txt" "$work/$name.txt" >"$work/diff"; then
      failed=1
      echo "$reference and $name differ:"
      head -n 20 "$work/diff"
    fi
  done
done
[ "$failed" -eq 0 ] || exit 1
echo "$seeds seeds give the same hashes with gcc and clang at -O2 and -O0"
